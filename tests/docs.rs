//! The pages of docs/ say what the program's tables say, name what there is, and lead somewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llmdeck::app::slash_commands;
use llmdeck::config::Config;
use llmdeck::keymap::Keymap;

const EXAMPLE: &str = include_str!("../src/config/default.toml");
const AGAIN: &str = "is out of date: run `cargo run -p xtask --release -- docs`";
/// Made from tables whose sentences stand on one line.
const GENERATED: [&str; 2] = ["docs/parameters.md", "docs/keymap.md"];
/// Characters of a line of prose.
const WIDEST: usize = 130;

#[test]
fn parameters_page_is_up_to_date() {
    let page = include_str!("../docs/parameters.md");
    assert!(
        page == llmdeck::params::markdown(),
        "docs/parameters.md {AGAIN}"
    );
}

#[test]
fn keymap_page_is_up_to_date() {
    let page = include_str!("../docs/keymap.md");
    assert!(
        page == Keymap::default().markdown(slash_commands()),
        "docs/keymap.md {AGAIN}"
    );
}

#[test]
fn configuration_page_names_every_key() {
    let page = include_str!("../docs/configuration.md");
    let keys = keys_of_the_example();
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        assert!(page.contains(&format!("`{key}`")), "{key} is not named");
    }
}

#[test]
fn the_configuration_shown_is_one() {
    let page = include_str!("../docs/configuration.md");
    let (_, block) = page.split_once("```toml\n").expect("an example");
    let (example, _) = block.split_once("```").expect("the end of the example");
    let config = Config::parse(Path::new("config.toml"), example).expect("valid");
    assert!(config.theme.is_some() && config.ui.fps.is_some());
}

#[test]
fn prose_is_wrapped() {
    for (name, page) in pages() {
        if GENERATED.contains(&name.as_str()) {
            continue;
        }
        for (number, line) in prose(&page) {
            let width = line.chars().count();
            assert!(
                line.starts_with('|') || width <= WIDEST,
                "{name}:{number} has {width} characters"
            );
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let mut checked = 0;
    for (name, page) in &pages() {
        let folder = root().join(name).with_file_name("");
        for (number, line) in prose(page) {
            for target in line.split("](").skip(1) {
                let target = target.split(')').next().unwrap_or_default();
                if target.contains("://") {
                    continue;
                }
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let path = match file {
                    "" => root().join(name),
                    file => folder.join(file),
                };
                assert!(path.exists(), "{name}:{number}: {target}");
                if !anchor.is_empty() {
                    let page = std::fs::read_to_string(path).expect("a page");
                    let found = prose(&page).any(|(_, line)| heading(line) == Some(anchor.into()));
                    assert!(found, "{name}:{number}: {target} names no heading");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 50, "{checked}");
}

/// `theme`, `ui.fps`, `[params]`: what stands commented out in the example.
fn keys_of_the_example() -> Vec<String> {
    let mut table = String::new();
    let mut keys = Vec::new();
    for line in EXAMPLE.lines() {
        let name = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = name {
            table = name.to_owned();
        }
        // Prose begins with "# ", settings with "#".
        let setting = line.strip_prefix('#').filter(|rest| !rest.starts_with(' '));
        let key = setting.and_then(|rest| Some(rest.split_once(" = ")?.0));
        match (table.as_str(), key) {
            // Any parameter stands there; docs/parameters.md has them.
            ("params", _) => keys.push("[params]".to_owned()),
            ("", Some(key)) => keys.push(key.to_owned()),
            (table, Some(key)) => keys.push(format!("{table}.{key}")),
            (_, None) => {}
        }
    }
    keys
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page a reader is led to, by its path from the root.
fn pages() -> BTreeMap<String, String> {
    let files = |folder: &str| -> Vec<PathBuf> {
        let entries = root().join(folder).read_dir().expect(folder);
        entries.map(|entry| entry.expect(folder).path()).collect()
    };
    [files(""), files("docs")]
        .concat()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| {
            let name = path.strip_prefix(root()).expect("a path below the root");
            let text = std::fs::read_to_string(&path).expect("a page");
            (name.display().to_string(), text)
        })
        .collect()
}

/// The lines outside of code blocks, numbered from 1.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(page.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The anchor that a heading gets.
fn heading(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    Some(
        title
            .to_lowercase()
            .chars()
            .filter(kept)
            .map(|c| if c == ' ' { '-' } else { c })
            .collect(),
    )
}
