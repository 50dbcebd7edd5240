//! `llmdeck doctor`, `--print-paths`, `--version`, `--help`.

use crate::{Done, GUIDE, Home, text};

#[test]
fn the_doctor_tells_what_was_found() {
    let report = Home::new().run(&["doctor"]).good();
    for title in ["llmdeck", "Devices", "Files", "Terminal", "Sensors"] {
        assert!(
            report.lines().any(|line| line == title),
            "{title} in\n{report}"
        );
    }
    assert!(
        report.contains("xterm-256color") && report.contains("built-in model"),
        "{report}"
    );
}

#[test]
fn the_doctors_report_is_an_object_too() {
    let home = Home::new();
    let report = home.run(&["doctor", "--json"]).json();
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        report["devices"]
            .as_array()
            .unwrap()
            .iter()
            .any(|device| device["backend"] == "CPU")
    );
    assert!(!report["cpu_features"].as_array().unwrap().is_empty());
    assert_eq!(report["model"]["error"], serde_json::Value::Null);
    let memory = report["sensors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sensor| sensor["name"] == "memory")
        .unwrap();
    assert!(memory["value"].as_str().unwrap().contains("GiB"));
    for sensor in report["sensors"].as_array().unwrap() {
        assert_ne!(
            sensor["value"].is_string(),
            sensor["missing"].is_string(),
            "{sensor}"
        );
    }
}

#[test]
fn the_doctor_looks_at_broken_files_and_goes_on() {
    let home = Home::new();
    home.file("config.toml", "thme = 'dark'\n");
    home.file("presets/mine.toml", "= nonsense");
    let done = home.run(&["doctor", "-m", "/no/such.gguf"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(66), ""));
    let report = done.stdout;
    assert!(report.contains("did you mean 'theme'"), "{report}");
    assert!(report.contains("mine.toml"), "{report}");
    assert!(
        report.contains("the given model cannot be used"),
        "{report}"
    );
}

#[test]
fn a_damaged_model_is_seen_by_its_header() {
    let home = Home::new();
    let cut = home.file("cut.gguf", &std::fs::read(GUIDE).unwrap()[..1000]);
    for args in [
        &["doctor", "-m", text(&cut)][..],
        &["models", "info", text(&cut)],
    ] {
        let done = home.run(args);
        assert_eq!((done.code, done.stderr.as_str()), (Some(65), ""));
        let said = "the file ends at byte 1000, inside its header";
        assert!(done.stdout.contains(said), "{}", done.stdout);
    }
}

#[test]
fn paths_are_printed_as_they_are_used() {
    let home = Home::new();
    let paths = home
        .run(&["--print-paths", "--data-dir", text(&home.path("elsewhere"))])
        .good();
    let line = |name: &str| {
        paths
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap()
            .to_owned()
    };
    assert!(line("config").ends_with("config.toml"));
    assert!(line("data").ends_with("/elsewhere"));
    assert!(!home.path("elsewhere").exists(), "printing makes nothing");
}

#[test]
fn a_configuration_named_without_its_folder_lies_where_we_are() {
    let home = Home::new();
    home.file("mine.toml", "");
    let mut command = home.command(&["doctor", "--json", "--config", "mine.toml"]);
    let report = Done::from(command.current_dir(home.path("")).output().unwrap()).json();
    let config = &report["folders"][0];
    assert_eq!(
        (&config["name"], &config["exists"]),
        (&"config".into(), &true.into())
    );
    let path = std::path::Path::new(report["files"][0]["path"].as_str().unwrap());
    assert!(
        path.is_absolute() && path.ends_with("mine.toml"),
        "{path:?}"
    );
}

#[test]
fn the_log_lies_where_the_paths_say() {
    let home = Home::new();
    home.run(&[
        "run",
        "-m",
        GUIDE,
        "-p",
        "Hello",
        "-n",
        "2",
        "--log-level",
        "debug",
    ])
    .good();
    let paths = home.run(&["--print-paths"]).good();
    let log = paths
        .lines()
        .find_map(|line| line.strip_prefix("log"))
        .unwrap()
        .trim();
    assert!(std::fs::read_to_string(log).unwrap().contains("llama.cpp"));
}

#[test]
fn the_version_names_llama_cpp() {
    let version = Home::new().run(&["--version"]).good();
    assert!(
        version.starts_with(concat!(
            "llmdeck ",
            env!("CARGO_PKG_VERSION"),
            " (llama.cpp "
        )),
        "{version}"
    );
}

#[test]
fn help_lists_parameters_and_exit_codes() {
    let home = Home::new();
    let help = home.run(&["--help"]).good();
    for text in [
        "--n-gpu-layers",
        "[-ngl]",
        "Sampling parameters",
        "Exit codes:",
        "130  stopped by Ctrl-C",
    ] {
        assert!(help.contains(text), "{text} in\n{help}");
    }
    let short = home.run(&["-h"]).good();
    assert!(
        !short.contains("--n-gpu-layers") && short.contains("--model"),
        "{short}"
    );
    let run = home.run(&["run", "--help"]).good();
    assert!(
        run.contains("--prompt") && run.contains("Exit codes:"),
        "{run}"
    );
}

#[test]
fn a_commands_own_options_come_first_and_parameters_only_where_they_count() {
    let home = Home::new();
    for args in [
        &["sessions", "pin", "--help"][..],
        &["models", "rm", "--help"],
        &["costs", "--help"],
        &["completion", "--help"],
    ] {
        let help = home.run(args).good();
        let own = help.split("Options of every command:").next().unwrap();
        assert!(!own.contains("--model"), "{own}");
        assert!(
            !help.contains("Sampling parameters") && !help.contains("--temp"),
            "{help}"
        );
        assert!(help.lines().count() < 70, "{help}");
    }
    let pin = home.run(&["sessions", "pin", "--help"]).good();
    assert!(pin.find("--off") < pin.find("--model"), "{pin}");
    let run = home.run(&["run", "--help"]).good();
    assert!(run.contains("--temp") && run.contains("[-hf]"), "{run}");
    // Left out of the help is not refused.
    home.run(&["sessions", "list", "--temp", "1", "-sysf", "/x"])
        .failed(66);
    home.run(&["sessions", "list", "--temp", "1"]).good();
}

#[test]
fn the_doctor_measures_and_says_what_holds_the_model_back() {
    let home = Home::new();
    let report = home.run(&["doctor", "--measure", "--json"]).json();
    let measured = &report["measured"];
    assert!(measured["decode"].as_f64().unwrap() > 0.0, "{measured}");
    assert!(measured["prefill"].as_f64().unwrap() > 0.0, "{measured}");
    let processor = &measured["peaks"][0];
    assert_eq!(processor["device"], "CPU", "{measured}");
    for figure in [
        "bytes_per_second",
        "operations_per_second",
        "bytes_per_token",
    ] {
        assert!(processor[figure].as_f64().unwrap() > 0.0, "{measured}");
    }
    assert!(measured["findings"].is_array(), "{measured}");
    let text = home.run(&["doctor", "--measure"]).good();
    assert!(text.lines().any(|line| line == "Measured"), "{text}");
    assert!(text.contains("tok/s"), "{text}");
}
