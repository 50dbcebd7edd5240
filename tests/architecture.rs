//! Reads the source and holds it to what docs/ARCHITECTURE.md says: dependencies go downwards only,
//! and each outside world is named in one place.

use std::fs;
use std::path::{Path, PathBuf};

/// What each module may name, beside itself. `config` and `keymap` are data that `app` shows.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("gguf", &[]),
    ("params", &[]),
    ("hardware", &[]),
    ("host", &[]),
    ("hub", &["gguf", "params"]),
    ("chat", &[]),
    ("markdown", &[]),
    ("attach", &[]),
    ("plan", &["gguf", "params"]),
    ("engine", &["chat", "params", "gguf", "host", "plan"]),
    ("units", &[]),
    ("library", &["gguf", "hub", "params", "plan", "units"]),
    ("bench", &["engine", "params"]),
    ("tune", &["bench", "engine", "params"]),
    ("compare", &["engine", "params"]),
    ("diagnose", &["params"]),
    ("store", &["chat", "compare", "engine"]),
    ("telemetry", &["host"]),
    ("theme", &[]),
    ("keymap", &["app"]),
    ("costs", &[]),
    ("config", &["costs", "params"]),
    (
        "app",
        &[
            "attach",
            "bench",
            "chat",
            "compare",
            "config",
            "diagnose",
            "engine",
            "hub",
            "keymap",
            "library",
            "markdown",
            "params",
            "plan",
            "store",
            "telemetry",
            "tune",
            "units",
        ],
    ),
    ("terminal", &["app", "keymap", "theme"]),
    (
        "ui",
        &[
            "app",
            "attach",
            "bench",
            "compare",
            "engine",
            "hub",
            "keymap",
            "library",
            "markdown",
            "params",
            "plan",
            "store",
            "telemetry",
            "theme",
            "tune",
            "units",
        ],
    ),
    (
        "runtime",
        &[
            "app",
            "attach",
            "bench",
            "gguf",
            "tune",
            "config",
            "diagnose",
            "engine",
            "gguf",
            "hub",
            "keymap",
            "library",
            "params",
            "plan",
            "store",
            "telemetry",
            "terminal",
            "theme",
            "ui",
            "units",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "attach",
            "bench",
            "chat",
            "compare",
            "config",
            "costs",
            "diagnose",
            "engine",
            "gguf",
            "hardware",
            "host",
            "hub",
            "keymap",
            "library",
            "params",
            "plan",
            "runtime",
            "store",
            "telemetry",
            "terminal",
            "theme",
            "tune",
            "ui",
        ],
    ),
];

/// A word, and the only places that may use it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("llama_cpp_2", &["src/engine/llama/"]),
    ("llama_cpp_sys_2", &["src/engine/llama/"]),
    ("unsafe ", &["src/engine/llama/"]),
    ("ratatui::style::Color", &["src/theme/"]),
    ("std::io::stdin", &["src/terminal/", "src/cli/"]),
    ("crossterm::", &["src/terminal/"]),
    ("nvml_wrapper", &["src/telemetry/"]),
    ("rusqlite", &["src/store/"]),
    (
        "pulldown_cmark",
        &["src/markdown/", "src/ui/text/markdown/"],
    ),
    ("syntect", &["src/ui/text/markdown/"]),
    ("ureq", &["src/hub/"]),
];

#[test]
fn dependencies_go_downwards_only() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        let Some(module) = module_of(&path) else {
            continue;
        };
        let (_, allowed) = MAY_NAME
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{module} is not on the map"));
        for (number, line) in code.lines().enumerate() {
            for named in line.split("crate::").skip(1) {
                let named: String = named
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                let known = MAY_NAME.iter().any(|(name, _)| *name == named);
                if known
                    && named != module
                    && !allowed.contains(&named.as_str())
                    && !line.trim_start().starts_with("//")
                {
                    wrong.push(format!(
                        "{}:{}: {module} names {named}",
                        path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_outside_world_is_named_in_one_place() {
    let mut wrong = Vec::new();
    for (path, code) in sources() {
        for (word, places) in ONLY_IN {
            let shown = path.display().to_string();
            if places.iter().any(|place| shown.starts_with(place)) {
                continue;
            }
            for (number, line) in code.lines().enumerate() {
                let line = line.split("//").next().unwrap_or_default();
                if line.contains(word) {
                    wrong.push(format!("{shown}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every source file with its code, unit tests left out.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(Path::new("src"), &mut found);
    assert!(found.len() > 50, "the tests run in the repository's root");
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = text
                .split("\n#[cfg(test)]\nmod tests")
                .next()
                .unwrap_or_default()
                .to_owned();
            found.push((path, code));
        }
    }
}

/// The module a file belongs to; `None` for lib.rs and main.rs.
fn module_of(path: &Path) -> Option<String> {
    let mut parts = path.iter().skip(1);
    let first = parts.next()?.to_str()?;
    parts.next()?;
    Some(first.to_owned())
}
