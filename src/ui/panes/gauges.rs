//! What the machine is doing.
//!
//! ```text
//! ╭ Machine ─────────────────────────────╮
//! │ CPU       ━━━━━━━━━━────  71 %       │
//! │ CPU temp  62 °C                      │
//! │ RAM       ━━━━───────── 3.1 / 15.6 GiB
//! │ swap      — none configured          │
//! │ llmdeck   1.2 GiB                    │
//! │ GPU 0     NVIDIA L4                  │
//! │ load      ━━━━━━━─────  63 %         │
//! │ memory    ━━━━━━━━━━── 18.1 / 22.5 GiB
//! │ temp      58 °C · 61 W of 72 W       │
//! ╰──────────────────────────────────────╯
//! ```
//! A reading that is not there shows why; it is never shown as zero.

use ratatui::layout::Rect;

use crate::app::{GaugesState, Pane, State};
use crate::telemetry::{GpuSample, MemorySample, Reading, Sample};
use crate::theme::Role;
use crate::ui::painter::{Focused, Frame, Painter, Part, part};
use crate::ui::text::units;
use crate::ui::widgets::gauge::{fill_role, gauge};

/// Columns of the labels.
const LABEL: u16 = 10;

/// Rows that all readings take.
pub fn rows_needed(state: &GaugesState) -> u16 {
    let gpus = match state.latest.as_ref().map(|sample| &sample.gpus) {
        Some(Ok(gpus)) if !gpus.is_empty() => gpus.len() * 4,
        _ => 1,
    };
    u16::try_from(5 + gpus).unwrap_or(u16::MAX)
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
    for (row, y) in rows(sample, painter.glyphs.missing, painter.glyphs.degree)
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

fn rows<'a>(sample: &'a Sample, missing: &'a str, degree: &'a str) -> Vec<Row<'a>> {
    let mut rows = vec![load("CPU", &sample.cpu.load, missing)];
    rows.push(Row {
        label: "CPU temp".into(),
        bar: None,
        value: temperature(&sample.cpu.temperature, missing, degree),
    });
    rows.extend(memory(&sample.memory, missing));
    match &sample.gpus {
        Ok(gpus) if !gpus.is_empty() => {
            rows.extend(gpus.iter().flat_map(|one| gpu(one, missing, degree)))
        }
        Ok(_) => rows.push(Row {
            label: "GPU".into(),
            bar: None,
            value: absent("none found", missing),
        }),
        Err(reason) => rows.push(Row {
            label: "GPU".into(),
            bar: None,
            value: absent(reason, missing),
        }),
    }
    rows
}

fn memory<'a>(memory: &'a MemorySample, missing: &'a str) -> [Row<'a>; 3] {
    let process = match memory.process {
        Ok(bytes) => vec![part(units::bytes(bytes), Role::Text)],
        Err(reason) => absent(reason, missing),
    };
    [
        filled("RAM", &memory.used, &memory.total, missing),
        filled("swap", &memory.swap_used, &memory.swap_total, missing),
        Row {
            label: "llmdeck".into(),
            bar: None,
            value: process,
        },
    ]
}

fn gpu<'a>(gpu: &'a GpuSample, missing: &'a str, degree: &'a str) -> [Row<'a>; 4] {
    let mut last = temperature(&gpu.temperature, missing, degree);
    last.push(part("  ", Role::Muted));
    last.extend(power(gpu, missing));
    [
        Row {
            label: format!("GPU {}", gpu.index),
            bar: None,
            value: vec![part(gpu.name.as_str(), Role::Accent)],
        },
        load("  load", &gpu.load, missing),
        filled("  memory", &gpu.memory_used, &gpu.memory_total, missing),
        Row {
            label: "  heat".into(),
            bar: None,
            value: last,
        },
    ]
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

fn power<'a>(gpu: &GpuSample, missing: &'a str) -> Vec<Part<'a>> {
    match (&gpu.power, &gpu.power_limit) {
        (Ok(watts), Ok(limit)) => vec![part(format!("{watts:.0} of {limit:.0} W"), Role::Text)],
        (Ok(watts), Err(_)) => vec![part(format!("{watts:.0} W"), Role::Text)],
        (Err(reason), _) => absent(reason, missing),
    }
}

fn absent<'a>(reason: &'a str, missing: &'a str) -> Vec<Part<'a>> {
    vec![
        part(missing, Role::Muted),
        part(" ", Role::Muted),
        part(reason, Role::Muted),
    ]
}
