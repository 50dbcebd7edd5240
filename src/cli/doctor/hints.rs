//! What to do about what the doctor found missing.

use super::report::Report;
use super::terminal::{Colour, Terminal};

/// The smallest screen the deck is made for, in cells: width, height.
const SMALLEST: (u16, u16) = (60, 20);

/// One line for each thing that can be done, the most important first.
pub(super) fn hints(report: &Report) -> Vec<String> {
    let mut hints: Vec<String> = Vec::new();
    let broken = report
        .files
        .iter()
        .filter_map(|file| Some((file, file.error.as_ref()?)));
    hints.extend(broken.map(|(file, error)| format!("mend {}: {error}", file.path.display())));
    if let Some(error) = &report.model.error {
        hints.push(format!(
            "the {} model cannot be used: {error}",
            report.model.origin
        ));
    }
    let closed = report.folders.iter().filter(|folder| !folder.writable);
    hints.extend(closed.map(|folder| {
        let flag = match folder.name {
            "config" => "--config FILE",
            _ => "--data-dir DIR",
        };
        format!(
            "{} is not writable: change its permissions, or name another with {flag}",
            folder.path.display()
        )
    }));
    hints.extend(gpu(report));
    hints.extend(terminal(&report.terminal));
    hints
}

fn gpu(report: &Report) -> Option<String> {
    if report.devices.iter().any(|device| device.is_gpu) {
        return None;
    }
    let seen = |maker: &str| {
        let values = report
            .sensors
            .iter()
            .filter(|sensor| sensor.name.starts_with("GPU "));
        let mut values = values.filter_map(|sensor| sensor.value.as_deref());
        values.any(|value| value.starts_with(maker))
    };
    let makers = [
        ("NVIDIA", "an NVIDIA", "cuda"),
        ("AMD", "an AMD", "rocm, or vulkan"),
        ("Intel", "an Intel", "vulkan"),
        ("Apple", "an Apple", "metal"),
    ];
    let maker = makers.into_iter().find(|(maker, _, _)| seen(maker));
    Some(match (report.gpu_backends.as_slice(), maker) {
        ([], Some((_, maker, feature))) => {
            format!("{maker} GPU is there, but this binary computes on the CPU: build it with --features {feature}")
        }
        ([], None) => {
            "this binary computes on the CPU; for a GPU build it with --features cuda, vulkan, rocm or metal".to_owned()
        }
        (built, _) => format!("built for {}, but no GPU was found: check the driver", built.join(", ")),
    })
}

fn terminal(terminal: &Terminal) -> Vec<String> {
    let mut hints = Vec::new();
    match (terminal.colour, terminal.term.as_deref()) {
        (Colour::NoneAtAll, None) => {
            hints.push("TERM is not set: the deck needs a terminal; run works without")
        }
        (Colour::NoneAtAll, Some(_)) => {
            hints.push("this terminal cannot place text: the deck needs another; run works")
        }
        (Colour::TwoHundredFiftySix, _) => {
            hints.push("if this terminal knows 24-bit colour, COLORTERM=truecolor makes themes look as meant");
        }
        _ => {}
    }
    if terminal.utf8 == Some(false) || (terminal.utf8.is_none() && terminal.is_terminal) {
        hints.push("the locale is not UTF-8, so frames may look broken: export LANG=C.UTF-8");
    }
    if terminal.ssh && terminal.multiplexer.is_none() {
        hints.push("over SSH a lost connection ends the deck: start it inside tmux");
    }
    if terminal
        .size
        .is_some_and(|(width, height)| width < SMALLEST.0 || height < SMALLEST.1)
    {
        hints.push("the terminal is small: the deck is made for 60 by 20 cells and more");
    }
    hints.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::doctor::report::{DeviceReport, File, Folder, ModelReport};
    use crate::cli::doctor::sensors::Sensor;

    /// A machine on which nothing is missing.
    pub fn healthy() -> Report {
        let device = DeviceReport {
            name: "CUDA0".to_owned(),
            description: "NVIDIA H200".to_owned(),
            backend: "CUDA".to_owned(),
            is_gpu: true,
            memory_total: Some(140 << 30),
            memory_free: Some(139 << 30),
        };
        let model = ModelReport {
            origin: "built-in",
            path: Some("/data/guide.gguf".into()),
            size: Some(3 << 20),
            error: None,
        };
        let terminal = Terminal {
            is_terminal: true,
            term: Some("xterm-256color".to_owned()),
            colour: Colour::TwentyFourBit,
            size: Some((120, 40)),
            utf8: Some(true),
            ssh: false,
            multiplexer: None,
        };
        Report {
            version: "0.1.0",
            llama_cpp: "b9000".to_owned(),
            gpu_backends: vec!["CUDA"],
            cpu_features: vec!["AVX2".to_owned(), "FMA".to_owned()],
            devices: vec![device],
            folders: vec![Folder {
                name: "data",
                path: "/data".into(),
                exists: true,
                writable: true,
            }],
            files: vec![File {
                name: "config".to_owned(),
                path: "/config.toml".into(),
                exists: false,
                error: None,
            }],
            model,
            terminal,
            sensors: vec![
                Sensor {
                    name: "GPU 0".to_owned(),
                    value: Some("NVIDIA H200".to_owned()),
                    missing: None,
                },
                Sensor {
                    name: "swap".to_owned(),
                    value: None,
                    missing: Some("none configured".to_owned()),
                },
            ],
            hints: Vec::new(),
        }
    }

    #[test]
    fn a_healthy_machine_needs_no_hint() {
        assert_eq!(hints(&healthy()), Vec::<String>::new());
    }

    #[test]
    fn every_trouble_has_its_hint() {
        let mut report = healthy();
        report.devices.clear();
        report.gpu_backends.clear();
        report.files[0].error = Some("line 3: unknown key 'thme'".to_owned());
        report.folders[0].writable = false;
        report.model.error = Some("the disk is full".to_owned());
        report.terminal = Terminal {
            ssh: true,
            utf8: Some(false),
            size: Some((40, 10)),
            ..Terminal::default()
        };
        report.terminal.colour = Colour::NoneAtAll;
        insta::assert_snapshot!(hints(&report).join("\n"), @"
        mend /config.toml: line 3: unknown key 'thme'
        the built-in model cannot be used: the disk is full
        /data is not writable: change its permissions, or name another with --data-dir DIR
        an NVIDIA GPU is there, but this binary computes on the CPU: build it with --features cuda
        TERM is not set: the deck needs a terminal; run works without
        the locale is not UTF-8, so frames may look broken: export LANG=C.UTF-8
        over SSH a lost connection ends the deck: start it inside tmux
        the terminal is small: the deck is made for 60 by 20 cells and more
        ");
    }

    #[test]
    fn another_config_folder_is_named_by_its_file() {
        let mut report = healthy();
        report.folders[0].name = "config";
        report.folders[0].writable = false;
        assert!(hints(&report)[0].ends_with("name another with --config FILE"));
    }

    #[test]
    fn a_backend_without_its_device_points_at_the_driver() {
        let report = Report {
            devices: Vec::new(),
            ..healthy()
        };
        assert_eq!(
            hints(&report),
            ["built for CUDA, but no GPU was found: check the driver"]
        );
    }
}
