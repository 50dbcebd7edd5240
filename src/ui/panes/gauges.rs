//! What the machine is doing.
//!
//! ```text
//! ╭ Machine ─────────────────────────────╮
//! │ CPU       ━━━━━━━━━━────  71 %       │
//! │ CPU heat  62 °C · 3,400 MHz · 48 W   │
//! │ RAM       ━━━━───────── 3.1 / 15.6 GiB
//! │ swap      — none configured          │
//! │ llmdeck   1.2 GiB                    │
//! │ held      Qwen3 0.6B  612.0 MiB      │
//! │ GPU 0     NVIDIA L4                  │
//! │   load    ━━━━━━━─────  63 %         │
//! │   memory  ━━━━━━━━━━── 18.1 / 22.5 GiB
//! │   heat    58 °C · 61 of 72 W · 2,040 MHz · power limit
//! ╰──────────────────────────────────────╯
//! ```
//! A reading that is not there shows why; it is never shown as zero. What few machines have is
//! shown only where it is there.

use ratatui::layout::Rect;

use crate::app::{Held, Pane, State};
use crate::telemetry::{GpuMemory, GpuSample, Reading, Sample};
use crate::theme::Role;
use crate::ui::painter::{Focused, Frame, Painter, Part, part};
use crate::ui::text::units;
use crate::ui::widgets::gauge::{fill_role, gauge};

/// Columns of the labels.
const LABEL: u16 = 10;

/// Rows that all readings take.
pub fn rows_needed(state: &State) -> u16 {
    let gpus = match state.gauges.latest.as_ref().map(|sample| &sample.gpus) {
        Some(Ok(gpus)) if !gpus.is_empty() => gpus.len() * 4,
        _ => 1,
    };
    let held = usize::from(state.model.held.is_some());
    u16::try_from(5 + held + gpus).unwrap_or(u16::MAX)
}

pub fn draw(painter: &mut Painter<'_>, area: Rect, frame: Frame, state: &State) {
    let focused = if state.focus == Pane::Gauges && state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let inner = painter.pane(area, &[part("Machine", Role::Accent)], frame, focused);
    let Some(sample) = &state.gauges.latest else {
        painter.text(
            inner.x,
            inner.y,
            inner.right(),
            "no readings yet",
            Role::Muted,
        );
        return;
    };
    let held = state.model.held.as_ref();
    let (missing, degree) = (painter.glyphs.missing, painter.glyphs.degree);
    for (row, y) in rows(sample, held, missing, degree)
        .iter()
        .zip(inner.y..inner.bottom())
    {
        draw_row(
            painter,
            Rect {
                y,
                height: 1,
                ..inner
            },
            row,
        );
    }
}

/// A label, perhaps a bar, and a value.
struct Row<'a> {
    label: String,
    bar: Option<(f64, Role)>,
    value: Vec<Part<'a>>,
}

fn draw_row(painter: &mut Painter<'_>, area: Rect, row: &Row<'_>) {
    painter.text(area.x, area.y, area.x + LABEL, &row.label, Role::Muted);
    let mut x = area.x + LABEL;
    if let Some((share, role)) = row.bar {
        let width = (area.width.saturating_sub(LABEL) / 2).min(30);
        gauge(painter, x, area.y, width, share, role);
        x += width + 1;
    }
    painter.parts(x, area.y, area.right(), &row.value);
}

fn rows<'a>(
    sample: &'a Sample,
    held: Option<&'a Held>,
    missing: &'a str,
    degree: &'a str,
) -> Vec<Row<'a>> {
    let cpu = &sample.cpu;
    let mut first = load("CPU", &cpu.load, missing);
    if let Ok(quota) = cpu.quota {
        first
            .value
            .push(part(format!(" of {quota:.1} cores"), Role::Muted));
    }
    if let Ok(steal) = cpu.steal
        && steal >= 1.0
    {
        first
            .value
            .push(part(format!("  {steal:.0} % stolen"), Role::Warning));
    }
    let heat = vec![
        temperature(&cpu.temperature, missing, degree),
        clock(&cpu.clock),
        watts(&cpu.power, &Err("no limit")),
    ];
    let mut rows = vec![first, facts("CPU heat", heat)];
    rows.extend(memory(sample, missing));
    rows.extend(held.map(|held| {
        let name = vec![part(held.model.model.name.as_str(), Role::Text)];
        let bytes = vec![part(units::bytes(held.model.bytes()), Role::Muted)];
        facts("held", vec![name, bytes])
    }));
    match &sample.gpus {
        Ok(gpus) if !gpus.is_empty() => {
            rows.extend(gpus.iter().flat_map(|one| gpu(one, missing, degree)))
        }
        Ok(_) => rows.push(facts("GPU", vec![absent("none found", missing)])),
        Err(reason) => rows.push(facts("GPU", vec![absent(reason, missing)])),
    }
    rows
}

fn memory<'a>(sample: &'a Sample, missing: &'a str) -> [Row<'a>; 3] {
    let memory = &sample.memory;
    let process = match memory.process {
        Ok(bytes) => vec![part(units::bytes(bytes), Role::Text)],
        Err(reason) => absent(reason, missing),
    };
    let own = vec![
        process,
        flow("disk", &sample.process.disk_read, Role::Text),
        faults(&sample.process.major_faults),
    ];
    let mut swap = filled("swap", &memory.swap_used, &memory.swap_total, missing);
    for (what, rate) in [("in", &memory.swap_in), ("out", &memory.swap_out)] {
        let traffic = flow(what, rate, Role::Warning);
        if !traffic.is_empty() {
            swap.value.push(part("  ", Role::Muted));
            swap.value.extend(traffic);
        }
    }
    // One pool where the GPU works in it.
    let ram = match memory.pool {
        Ok(pool) => filled("RAM + GPU", &Ok(pool.used), &Ok(pool.total), missing),
        Err(_) => filled("RAM", &memory.used, &memory.total, missing),
    };
    [ram, swap, facts("llmdeck", own)]
}

fn gpu<'a>(gpu: &'a GpuSample, missing: &'a str, degree: &'a str) -> [Row<'a>; 4] {
    let mut busy = load("  load", &gpu.load, missing);
    let moved = match (gpu.pcie_sent, gpu.pcie_received) {
        (Ok(sent), Ok(received)) => flow("PCIe", &Ok(sent + received), Role::Text),
        _ => vec![],
    };
    if !moved.is_empty() {
        busy.value.push(part("  ", Role::Muted));
        busy.value.extend(moved);
    }
    let mut memory = filled("  memory", &gpu.memory_used, &gpu.memory_total, missing);
    if gpu.memory == GpuMemory::Shared {
        memory.value.push(part(" of the pool", Role::Muted));
    }
    if let Ok(own) = gpu.memory_process {
        memory
            .value
            .push(part(format!("  {} ours", units::bytes(own)), Role::Muted));
    }
    let power = match &gpu.power {
        Ok(_) => watts(&gpu.power, &gpu.power_limit),
        Err(reason) => absent(reason, missing),
    };
    let throttled = gpu.throttle.iter().flatten();
    let throttled: Vec<&str> = throttled.map(|reason| reason.what()).collect();
    let mut heat = vec![
        temperature(&gpu.temperature, missing, degree),
        power,
        clock(&gpu.clock),
    ];
    if !throttled.is_empty() {
        heat.insert(2, vec![part(throttled.join(", "), Role::Warning)]);
    }
    if let Ok(fan) = gpu.fan {
        heat.push(vec![part(format!("fan {fan:.0} %"), Role::Text)]);
    }
    [
        facts(
            format!("GPU {}", gpu.index),
            vec![vec![part(gpu.name.as_str(), Role::Accent)]],
        ),
        busy,
        memory,
        facts("  heat", heat),
    ]
}

/// Groups of parts with two spaces between them; empty ones are left out.
fn facts<'a>(label: impl Into<String>, facts: Vec<Vec<Part<'a>>>) -> Row<'a> {
    let mut value: Vec<Part<'a>> = Vec::new();
    for fact in facts.into_iter().filter(|fact| !fact.is_empty()) {
        if !value.is_empty() {
            value.push(part("  ", Role::Muted));
        }
        value.extend(fact);
    }
    Row {
        label: label.into(),
        bar: None,
        value,
    }
}

fn clock<'a>(reading: &Reading<f32>) -> Vec<Part<'a>> {
    let mhz = reading.ok().map(|mhz| format!("{mhz:.0} MHz"));
    mhz.map(|text| part(text, Role::Text)).into_iter().collect()
}

fn watts<'a>(power: &Reading<f32>, limit: &Reading<f32>) -> Vec<Part<'a>> {
    match (power, limit) {
        (Ok(watts), Ok(limit)) => vec![part(format!("{watts:.0} of {limit:.0} W"), Role::Text)],
        (Ok(watts), Err(_)) => vec![part(format!("{watts:.0} W"), Role::Text)],
        (Err(_), _) => vec![],
    }
}

/// Bytes per second, when there are any to speak of.
fn flow<'a>(what: &'a str, rate: &Reading<f64>, role: Role) -> Vec<Part<'a>> {
    match rate {
        Ok(rate) if *rate >= 1e5 => vec![
            part(what, Role::Muted),
            part(format!(" {:.1} MB/s", rate / 1e6), role),
        ],
        _ => vec![],
    }
}

/// Page faults that waited for a disk, when there are any.
fn faults<'a>(rate: &Reading<f64>) -> Vec<Part<'a>> {
    match rate {
        Ok(rate) if *rate >= 1.0 => vec![part(format!("{rate:.0} page faults/s"), Role::Warning)],
        _ => vec![],
    }
}

fn load<'a>(label: &str, reading: &Reading<f32>, missing: &'a str) -> Row<'a> {
    match reading {
        Ok(percent) => Row {
            label: label.into(),
            bar: Some((f64::from(*percent) / 100.0, Role::Gauge)),
            value: vec![part(format!("{percent:>3.0} %"), Role::Text)],
        },
        Err(reason) => Row {
            label: label.into(),
            bar: None,
            value: absent(reason, missing),
        },
    }
}

fn filled<'a>(label: &str, used: &Reading<u64>, total: &Reading<u64>, missing: &'a str) -> Row<'a> {
    match (used, total) {
        (Ok(used), Ok(total)) if *total > 0 => {
            let share = *used as f64 / *total as f64;
            let value = vec![part(units::bytes_of(*used, *total), Role::Text)];
            Row {
                label: label.into(),
                bar: Some((share, fill_role(share))),
                value,
            }
        }
        (Ok(used), Err(_)) => Row {
            label: label.into(),
            bar: None,
            value: vec![part(units::bytes(*used), Role::Text)],
        },
        (Err(reason), _) => Row {
            label: label.into(),
            bar: None,
            value: absent(reason, missing),
        },
        (Ok(_), Ok(_)) => Row {
            label: label.into(),
            bar: None,
            value: absent("size not reported", missing),
        },
    }
}

fn temperature<'a>(reading: &Reading<f32>, missing: &'a str, degree: &'a str) -> Vec<Part<'a>> {
    match reading {
        Ok(celsius) => {
            let role = if *celsius >= 90.0 {
                Role::Warning
            } else {
                Role::Text
            };
            vec![part(format!("{celsius:.0} {degree}"), role)]
        }
        Err(reason) => absent(reason, missing),
    }
}

fn absent<'a>(reason: &'a str, missing: &'a str) -> Vec<Part<'a>> {
    vec![
        part(missing, Role::Muted),
        part(" ", Role::Muted),
        part(reason, Role::Muted),
    ]
}
