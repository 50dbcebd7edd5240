//! Reads the source and holds it to what docs/ARCHITECTURE.md says: dependencies go downwards only,
//! and each outside world is named in one place.

use std::fs;
use std::path::{Path, PathBuf};

/// What each module may name, beside itself: only what stands above it here.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("hex", &[]),
    ("gguf", &["hex"]),
    ("params", &[]),
    ("hardware", &[]),
    ("hub", &["gguf", "hex", "params"]),
    ("chat", &[]),
    ("markdown", &[]),
    ("attach", &[]),
    ("plan", &["gguf", "params"]),
    ("engine", &["chat", "gguf", "hex", "params", "plan"]),
    ("units", &[]),
    (
        "library",
        &["chat", "gguf", "hex", "hub", "params", "plan", "units"],
    ),
    ("bench", &["engine", "params"]),
    ("tune", &["bench", "engine", "params"]),
    ("compare", &["engine", "hex", "params"]),
    ("diagnose", &["params"]),
    ("store", &["chat", "compare", "engine", "hex"]),
    ("telemetry", &[]),
    ("theme", &[]),
    ("keymap", &[]),
    ("costs", &[]),
    ("config", &["costs", "hex", "params"]),
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

/// The screen, wherever a module must not know that there is one.
const SCREEN: [&str; 2] = ["ratatui", "crossterm"];

/// What a module must not name of the world outside, as the map has it.
const NEVER: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "tokio",
            "ratatui::",
            "crossterm",
            "llama::",
            "std::fs",
            "std::io",
            "std::env",
            "std::thread",
            "Instant",
            "SystemTime",
        ],
    ),
    ("ui", &["tokio", "llama::"]),
    ("markdown", &["tokio", "std::fs", SCREEN[0], SCREEN[1]]),
    ("library", &SCREEN),
    ("bench", &["llama::", SCREEN[0], SCREEN[1]]),
    ("compare", &["std::fs", SCREEN[0], SCREEN[1]]),
    (
        "diagnose",
        &["llama::", "Instant", "SystemTime", SCREEN[0], SCREEN[1]],
    ),
    ("tune", &["llama::", "std::fs", SCREEN[0], SCREEN[1]]),
    ("store", &["tokio", SCREEN[0], SCREEN[1]]),
];

/// A word, and the only places that may use it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("llama_cpp_2", &["src/engine/llama/"]),
    ("llama_cpp_sys_2", &["src/engine/llama/"]),
    ("unsafe ", &["src/engine/llama/"]),
    ("libc::", &["src/engine/llama/"]),
    ("ratatui::style::Color", &["src/theme/"]),
    ("ratatui_textarea", &["src/app/composer.rs", "src/ui/"]),
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
        for (line, named) in named(&code) {
            let known = MAY_NAME.iter().any(|(name, _)| *name == named);
            if known && named != module && !allowed.contains(&named) {
                wrong.push(format!("{}:{line}: {module} names {named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_two_modules_are_allowed_to_name_each_other() {
    for (at, (module, allowed)) in MAY_NAME.iter().enumerate() {
        for named in *allowed {
            let above = MAY_NAME[..at].iter().any(|(name, _)| name == named);
            assert!(above, "{named}, which {module} may name, stands below it");
        }
    }
}

#[test]
fn names_in_braces_are_seen() {
    let code =
        "use crate::{\n    app::{State, ui},\n    theme, // runtime\n};\ncrate::plan::fit();";
    let code = without_comments(code);
    assert_eq!(named(&code), [(1, "app"), (1, "theme"), (5, "plan")]);
}

#[test]
fn no_module_names_what_the_map_keeps_from_it() {
    for (module, words) in NEVER {
        let is_of = |path: &Path| module_of(path).is_some_and(|name| name == *module);
        for word in *words {
            let places = places(word, is_of);
            assert!(places.is_empty(), "{word}:\n{}", places.join("\n"));
        }
    }
}

#[test]
fn each_outside_world_is_named_in_one_place() {
    for (word, allowed) in ONLY_IN {
        let is_elsewhere = |path: &Path| {
            let path = path.display().to_string();
            !allowed.iter().any(|place| path.starts_with(place))
        };
        let places = places(word, is_elsewhere);
        assert!(places.is_empty(), "{word}:\n{}", places.join("\n"));
    }
}

/// The lines with a word in the files of that kind.
fn places(word: &str, wanted: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, code) in sources().into_iter().filter(|(path, _)| wanted(path)) {
        for (number, line) in code.lines().enumerate() {
            if line.contains(word) {
                found.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    found
}

/// The modules that code names, each with its line: `crate::app::State`, `use crate::{app, ui::text}`.
fn named(code: &str) -> Vec<(usize, &str)> {
    const CRATE: &str = "crate::";
    let mut found = Vec::new();
    for (at, _) in code.match_indices(CRATE) {
        let line = code[..at].matches('\n').count() + 1;
        let path = &code[at + CRATE.len()..];
        match path.strip_prefix('{') {
            Some(group) => found.extend(first_words(group).into_iter().map(|name| (line, name))),
            None => found.push((line, word(path))),
        }
    }
    found
}

/// With what each path of a group in braces begins; the text goes on behind the group.
fn first_words(group: &str) -> Vec<&str> {
    let (mut words, mut depth, mut begins) = (Vec::new(), 0, true);
    for (at, character) in group.char_indices() {
        match character {
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            '{' => depth += 1,
            ',' if depth == 0 => begins = true,
            _ if begins && !character.is_whitespace() => {
                words.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    words
}

/// The identifier at the beginning of a text.
fn word(text: &str) -> &str {
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    let end = text.find(|c| !is_of_a_word(c)).unwrap_or(text.len());
    &text[..end]
}

fn without_comments(code: &str) -> String {
    let lines = code.lines().map(|line| line.split("//").next());
    lines
        .map(Option::unwrap_or_default)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every source file with its code, unit tests and comments left out.
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
                .unwrap_or_default();
            found.push((path, without_comments(code)));
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
