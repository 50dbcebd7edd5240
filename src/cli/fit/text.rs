//! The answer for a person.

use super::report::{Device, Report};
use crate::cli::sanitise;
use crate::hardware::{Hardware, Kind};
use crate::plan::size;

/// The whole answer, line by line, ready for a terminal.
pub(super) fn answer(report: &Report) -> String {
    let model = &report.model;
    let mut out = format!("{}\n", if report.fits { "fits" } else { "does not fit" });
    let name = if model.name.is_empty() {
        &model.arch
    } else {
        &model.name
    };
    let mut row = |name: &str, value: String| {
        out.push_str(&format!("  {name:<12} {}\n", sanitise::line(&value)));
    };
    row(
        "model",
        format!(
            "{name}: {}, {} parameters, {}, {}, {} layers",
            model.arch,
            count(model.n_params),
            model.quant,
            size(model.size_bytes),
            model.n_layer
        ),
    );
    row("ctx-size", limit(report.n_ctx, report.max_ctx_size));
    row(
        "n-gpu-layers",
        match report.has_gpu {
            true => limit(report.n_gpu_layers, report.max_n_gpu_layers),
            false => "0: there is no GPU".to_owned(),
        },
    );
    row(
        "memory",
        format!(
            "weights {}, cache {}, compute {}; {} to stay free on each device",
            size(report.weights_bytes),
            size(report.kv_bytes),
            size(report.compute_bytes),
            size(report.margin_bytes)
        ),
    );
    for device in &report.devices {
        row(if device.fits { "+" } else { "-" }, line(device));
    }
    row(
        "decode",
        match report.tokens_per_second_ceiling {
            Some(speed) => format!(
                "at most {} tokens per second, {} tokens deep (bandwidth / bytes read)",
                rate(speed),
                report.depth
            ),
            None => "no ceiling: the bandwidth of a device is not known".into(),
        },
    );
    let why = if report.fits { "note" } else { "because" };
    for reason in &report.reasons {
        row(why, reason.clone());
    }
    out
}

fn limit(value: u32, most: Option<u32>) -> String {
    match most {
        Some(most) => format!("{value}, at most {most} fit"),
        None => format!("{value}, none fits"),
    }
}

/// Two digits at least: `0.042`, `8.1`, `112.9`.
fn rate(per_second: f64) -> String {
    let digits = match per_second {
        slow if slow < 0.01 => 4,
        slow if slow < 0.1 => 3,
        slow if slow < 1.0 => 2,
        _ => 1,
    };
    format!("{per_second:.digits$}")
}

fn line(device: &Device) -> String {
    let has = match (device.free, device.total) {
        (Some(free), Some(total)) => format!("{} of {} free", size(free), size(total)),
        _ => "memory not known, nothing asked of it".into(),
    };
    format!(
        "{}: weights {}, cache {}, compute {}; {has}",
        device.name,
        size(device.weights),
        size(device.kv),
        size(device.compute)
    )
}

/// `70553706496` → `70.6B`
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn count(n: u64) -> String {
    match n as f64 {
        n if n >= 1e9 => format!("{:.1}B", n / 1e9),
        n => format!("{:.1}M", n / 1e6),
    }
}

/// The catalogue as a table.
pub(super) fn catalogue(all: &[Hardware]) -> String {
    let width = all.iter().map(|one| one.id.len()).max().unwrap_or(0);
    let line = |one: &Hardware| {
        let kind = match one.kind {
            Kind::Gpu => "card",
            Kind::Unified => "one memory for all",
            Kind::Ram => "no GPU",
        };
        let rate = one.bandwidth.map_or(String::new(), |rate| {
            format!(", {} GB/s", rate / 1_000_000_000)
        });
        let text = format!(
            "{}: {}{rate}, {kind}; {}",
            one.name,
            size(one.memory),
            one.source
        );
        format!(
            "{:<width$}  {}\n",
            sanitise::line(&one.id),
            sanitise::line(&text)
        )
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_is_not_zero() {
        for (per_second, text) in [
            (112.94, "112.9"),
            (8.06, "8.1"),
            (0.31, "0.31"),
            (0.0421, "0.042"),
            (0.0034, "0.0034"),
        ] {
            assert_eq!(rate(per_second), text);
        }
    }
}
