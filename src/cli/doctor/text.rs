//! The doctor's report for a person.

use super::measure::DevicePeak;
use super::report::{DeviceReport, File, Folder, Report};
use super::sensors::size;
use super::terminal::Terminal;
use crate::cli::sanitise;

/// The whole report, line by line, ready for a terminal.
pub(super) fn render(report: &Report) -> String {
    let program = vec![
        ("version".to_owned(), report.version.to_owned()),
        ("llama.cpp".to_owned(), report.llama_cpp.clone()),
        (
            "GPU backends".to_owned(),
            listed(report.gpu_backends.join(", ")),
        ),
        (
            "CPU features".to_owned(),
            listed(report.cpu_features.join(" ")),
        ),
    ];
    let files = report
        .folders
        .iter()
        .map(folder)
        .chain(report.files.iter().map(file))
        .chain([model(report)]);
    let sensors = report.sensors.iter().map(|sensor| {
        let missing = sensor
            .missing
            .as_ref()
            .map(|reason| format!("missing: {reason}"));
        (
            sensor.name.clone(),
            sensor.value.clone().or(missing).unwrap_or_default(),
        )
    });
    let hints = report
        .hints
        .iter()
        .map(|hint| ("-".to_owned(), hint.clone()));
    let sections = [
        ("llmdeck", program),
        ("Devices", report.devices.iter().map(device).collect()),
        ("Files", files.collect()),
        ("Terminal", terminal(&report.terminal)),
        ("Sensors", sensors.collect()),
        ("Measured", measured(report)),
        ("Hints", hints.collect::<Vec<_>>()),
    ];
    let sections = sections.into_iter().filter(|(_, rows)| !rows.is_empty());
    sections
        .map(|(title, rows)| section(title, &rows))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What a device reaches, and what a token asks of it.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn peak_words(peak: &DevicePeak) -> String {
    let reads = format!(
        "reads {:.1} GB/s, {} for a token",
        peak.bytes_per_second as f64 / 1e9,
        size(peak.bytes_per_token)
    );
    match peak.operations_per_second {
        Some(rate) => format!(
            "{reads}; {:.0} billion operations a second; measured",
            rate / 1e9
        ),
        None => format!("{reads}; measured"),
    }
}

fn measured(report: &Report) -> Vec<(String, String)> {
    let Some(measured) = &report.measured else {
        return Vec::new();
    };
    let mut rows = vec![
        ("decode".to_owned(), format!("{:.1} tok/s", measured.decode)),
        (
            "prompt".to_owned(),
            format!("{:.1} tok/s", measured.prefill),
        ),
    ];
    for peak in &measured.peaks {
        rows.push((format!("{} at most", peak.device), peak_words(peak)));
    }
    if let (Some(ceiling), Some(share)) = (measured.ceiling, measured.share()) {
        rows.push((
            "at most".to_owned(),
            format!(
                "about {ceiling:.1} tok/s (GB/s / bytes a token reads); {:.0} % of it reached",
                share * 100.0
            ),
        ));
    }
    if let Some(most) = measured.prefill_ceiling {
        rows.push((
            "prompt at most".to_owned(),
            format!("about {most:.1} tok/s (operations a second / 2 × parameters)"),
        ));
    }
    if measured.findings.is_empty() {
        rows.push((
            "held back".to_owned(),
            "by nothing that can be proven".to_owned(),
        ));
    }
    for finding in &measured.findings {
        rows.push((
            "held back".to_owned(),
            format!("{}: {}", finding.what, finding.evidence),
        ));
        let gain = finding
            .gain
            .as_ref()
            .map(|gain| format!("; {gain}"))
            .unwrap_or_default();
        rows.push((String::new(), format!("{}{gain}", finding.fix)));
    }
    rows
}

fn section(title: &str, rows: &[(String, String)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let rows = rows
        .iter()
        .map(|(name, value)| format!("  {name:width$}  {}\n", sanitise::line(value)));
    format!("{title}\n{}", rows.collect::<String>())
}

fn device(device: &DeviceReport) -> (String, String) {
    let memory = match (device.memory_total, device.memory_free) {
        // What is free of the machine's own memory, its sensor tells.
        (Some(total), _) if !device.is_gpu => format!(", {} of system memory", size(total)),
        (Some(total), Some(free)) => format!(", {}, {} free", size(total), size(free)),
        _ => String::new(),
    };
    (
        device.name.clone(),
        format!("{} ({}){memory}", device.description, device.backend),
    )
}

fn folder(folder: &Folder) -> (String, String) {
    let state = match (folder.exists, folder.writable) {
        (true, true) => "writable",
        (true, false) => "not writable",
        (false, true) => "not there yet",
        (false, false) => "not there, and it cannot be made",
    };
    (
        format!("{} folder", folder.name),
        format!("{} ({state})", folder.path.display()),
    )
}

fn file(file: &File) -> (String, String) {
    let state = match (&file.error, file.exists) {
        (Some(error), _) => error.as_str(),
        (None, true) => "good",
        (None, false) => "not there, which is fine",
    };
    (
        file.name.clone(),
        format!("{} ({state})", file.path.display()),
    )
}

fn model(report: &Report) -> (String, String) {
    let model = &report.model;
    let path = model.path.as_ref().map(|path| path.display().to_string());
    let state = match (&model.error, model.size) {
        (Some(error), _) => error.clone(),
        (None, Some(bytes)) => size(bytes),
        (None, None) => "size unknown".to_owned(),
    };
    (
        format!("{} model", model.origin),
        format!("{} ({state})", path.unwrap_or_else(|| "none".to_owned())),
    )
}

fn terminal(terminal: &Terminal) -> Vec<(String, String)> {
    let row = |name: &str, value: String| (name.to_owned(), value);
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let size = terminal
        .size
        .map(|(width, height)| format!("{width} by {height} cells"));
    vec![
        row("on a terminal", yes_no(terminal.is_terminal)),
        row(
            "TERM",
            terminal
                .term
                .clone()
                .unwrap_or_else(|| "not set".to_owned()),
        ),
        row("colour", terminal.colour.describe().to_owned()),
        row("size", size.unwrap_or_else(|| "unknown".to_owned())),
        row(
            "UTF-8",
            terminal
                .utf8
                .map_or_else(|| "no locale set".to_owned(), yes_no),
        ),
        row("SSH", yes_no(terminal.ssh)),
        row(
            "inside",
            terminal
                .multiplexer
                .unwrap_or("no tmux, zellij or screen")
                .to_owned(),
        ),
    ]
}

fn listed(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::hints::tests::healthy;

    #[test]
    fn a_report_reads_like_this() {
        let report = Report {
            hints: vec!["start it inside tmux".to_owned()],
            ..healthy()
        };
        insta::assert_snapshot!(render(&report), @"
        llmdeck
          version       0.1.0
          llama.cpp     b9000
          GPU backends  CUDA
          CPU features  AVX2 FMA

        Devices
          CUDA0  NVIDIA H200 (CUDA), 140.0 GiB, 139.0 GiB free

        Files
          data folder     /data (writable)
          config          /config.toml (not there, which is fine)
          built-in model  /data/guide.gguf (3.0 MiB)

        Terminal
          on a terminal  yes
          TERM           xterm-256color
          colour         24-bit colour
          size           120 by 40 cells
          UTF-8          yes
          SSH            no
          inside         no tmux, zellij or screen

        Sensors
          GPU 0  NVIDIA H200
          swap   missing: none configured

        Hints
          -  start it inside tmux
        ");
    }
}
