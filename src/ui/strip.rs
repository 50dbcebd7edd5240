//! One line of live figures where there is no room for the panes.
//!
//! ```text
//! 24.9 tok/s · first 312 ms · context 1,234 / 4,096 · CPU 92 % · RAM 3.1 / 15.6 GiB
//! ```

use ratatui::layout::Rect;

use super::painter::{Painter, Part, part};
use super::text::units;
use super::widgets::gauge::fill_role;
use crate::app::State;
use crate::telemetry::{GpuSample, Reading};
use crate::theme::Role;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    painter.facts(
        area.x,
        area.y,
        area.right(),
        &facts(state, painter.glyphs.missing),
    );
}

fn facts<'a>(state: &'a State, missing: &'a str) -> Vec<Vec<Part<'a>>> {
    let timings = &state.speed.timings;
    let rate = if timings.recent_per_second > 0.0 {
        timings.recent_per_second
    } else {
        timings.predicted_per_second
    };
    let mut facts = Vec::new();
    facts.push(match state.speed.prefill {
        Some((done, total)) => {
            let text = format!(
                "{} / {}",
                units::count(u64::from(done)),
                units::count(u64::from(total))
            );
            vec![part("prompt ", Role::Muted), part(text, Role::Accent)]
        }
        None if rate > 0.0 => vec![part(units::rate(rate), Role::Accent)],
        None => vec![part(format!("{missing} tok/s"), Role::Muted)],
    });
    if timings.ttft_ms > 0.0 {
        facts.push(vec![
            part("first ", Role::Muted),
            part(units::duration(timings.ttft_ms), Role::Text),
        ]);
    }
    if let Some((_, context)) = &state.model.running {
        let (used, size) = (state.context_used(), context.n_ctx);
        let share = used.map_or(0.0, |used| f64::from(used) / f64::from(size.max(1)));
        let role = match fill_role(share) {
            Role::Gauge => Role::Text,
            worrying => worrying,
        };
        let used = used.map_or(missing.to_owned(), |used| units::count(u64::from(used)));
        let text = format!("{used} / {}", units::count(u64::from(size)));
        facts.push(vec![part("context ", Role::Muted), part(text, role)]);
    }
    if let Some(sample) = &state.gauges.latest {
        if let Ok(load) = sample.cpu.load {
            facts.push(percent("CPU", load));
        }
        for gpu in sample.gpus.iter().flatten() {
            facts.extend(gpu_facts(gpu));
        }
        if let Some(memory) = pair(&sample.memory.used, &sample.memory.total) {
            facts.push(vec![part("RAM ", Role::Muted), part(memory, Role::Text)]);
        }
    }
    facts
}

fn gpu_facts(gpu: &GpuSample) -> Vec<Vec<Part<'static>>> {
    let load = gpu.load.map(|load| percent("GPU", load));
    let memory = pair(&gpu.memory_used, &gpu.memory_total);
    let memory = memory.map(|memory| vec![part("VRAM ", Role::Muted), part(memory, Role::Text)]);
    load.ok().into_iter().chain(memory).collect()
}

fn percent(label: &'static str, load: f32) -> Vec<Part<'static>> {
    vec![
        part(label, Role::Muted),
        part(format!(" {load:.0} %"), Role::Text),
    ]
}

fn pair(used: &Reading<u64>, total: &Reading<u64>) -> Option<String> {
    Some(units::bytes_of(used.ok()?, total.ok()?))
}
