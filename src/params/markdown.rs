//! `docs/parameters.md`, made from the table.

use std::fmt::Write;

use super::{Cost, Group, Kind, Source, Spec, Support, TABLE};

const HEAD: &str = "\
# Parameters

Made from the table in `src/params/table/` by `cargo run -p xtask --release -- docs`; do not edit it here.

Every name works on the command line (`--top-k 20`), in the chat (`/set top-k 20`), in the parameter
pane, in presets and under `[params]` in `config.toml`. Case, `-` and `_` do not matter. Names and
defaults are llama.cpp's; names of Ollama, LM Studio, text-generation-webui and KoboldCpp are accepted
as well. Switches take `on` and `off`, and `no-` before their name turns them off. Whole numbers may
be written in units of 1024: `32k`.

## Where values come from

Each value in force comes from the last of these that gives one; the parameter pane names which.

| source | what it is |
| --- | --- |
";

/// Every source in the order in which they lie over each other.
const SOURCES: [(Source, &str); 8] = [
    (Source::Default, "llmdeck's defaults, below"),
    (
        Source::Model,
        "the sampling that the model file recommends under `general.sampling.*`",
    ),
    (
        Source::Ollama,
        "what Ollama keeps beside the model: [library.md](library.md#what-ollama-keeps-beside-a-model)",
    ),
    (
        Source::Tuned,
        "what `llmdeck tune` found for this model on this machine: [bench.md](bench.md#the-profile)",
    ),
    (
        Source::Config,
        "`[params]` in `config.toml`: [configuration.md](configuration.md)",
    ),
    (
        Source::ModelsPreset,
        "what a models preset of llama-server gives the model loaded by its name: [library.md](library.md#a-models-preset-of-llama-server)",
    ),
    (
        Source::Preset,
        "the preset chosen: [presets.md](presets.md)",
    ),
    (
        Source::Session,
        "given on the command line, by `/set`, in the parameter pane, by a persona, or saved with the chat",
    ),
];

const FOREIGN: &str = "
## Switches of other tools

| written | means |
| --- | --- |
| `mmap`, `use_mmap`, `tryMmap` | `load-mode mmap`, or `none` when off |
| `no-mmap` | `load-mode none` |
| `mlock`, `use_mlock`, `keepModelInMemory` | `load-mode mmap+mlock` |
| `cache_type T` | `cache-type-k T` and `cache-type-v T` |
| `quantkv 0`, `1`, `2` | both cache types `f16`, `q8_0`, `q4_0` |
";

/// The reference of all parameters as Markdown.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for (source, what) in SOURCES {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| {} | {what} |", source.name());
    }
    for group in [
        Group::Model,
        Group::Context,
        Group::Threads,
        Group::Reply,
        Group::Sampling,
    ] {
        let rows = || TABLE.iter().filter(|row| row.group == group);
        page.push_str(heading(group));
        for row in rows().filter(|row| row.support == Support::Yes) {
            entry(&mut page, row);
        }
        for row in rows().filter(|row| row.support != Support::Yes) {
            entry(&mut page, row);
        }
    }
    page.push_str(FOREIGN);
    page
}

fn heading(group: Group) -> &'static str {
    match group {
        Group::Model => "\n## Model\n",
        Group::Context => "\n## Context\n",
        Group::Threads => "\n## Threads\n",
        Group::Reply => "\n## Reply\n",
        Group::Sampling => "\n## Sampling\n",
    }
}

fn entry(page: &mut String, row: &Spec) {
    let mut names = format!("`{}`", row.name);
    for short in row.short {
        // Writing to a String cannot fail.
        let _ = write!(names, " `-{short}`");
    }
    let _ = write!(page, "\n### {names}\n\n{}\n\n", row.help);
    if let Support::Missing(reason) = row.support {
        let _ = writeln!(page, "- **Cannot be set yet:** {reason}");
    }
    let _ = writeln!(page, "- Takes {}", allowed(row));
    let default = row.format(&row.default_value());
    let default = if default.is_empty() {
        "empty".to_owned()
    } else {
        code(&default)
    };
    let _ = writeln!(page, "- Default: {default}");
    let _ = writeln!(page, "- A change: {}", cost(row.cost));
    if !row.aliases.is_empty() {
        let aliases: Vec<_> = row
            .aliases
            .iter()
            .map(|alias| format!("`{alias}`"))
            .collect();
        let _ = writeln!(page, "- Also: {}", aliases.join(", "));
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn allowed(row: &Spec) -> String {
    match row.kind {
        Kind::Int {
            min, max, words, ..
        } => {
            format!(
                "a whole number from {min} to {max}{}",
                named(words.iter().map(|w| (w.0, w.1.to_string())))
            )
        }
        Kind::Float {
            min, max, words, ..
        } => {
            format!(
                "a number from {min:?} to {max:?}{}",
                named(words.iter().map(|w| (w.0, format!("{:?}", w.1))))
            )
        }
        Kind::Bool => "`on` or `off`".to_owned(),
        Kind::Choice(choices) => choices
            .iter()
            .map(|choice| code(choice))
            .collect::<Vec<_>>()
            .join(", "),
        Kind::Text { hint } => format!("text: {hint}"),
    }
}

fn named(words: impl Iterator<Item = (&'static str, String)>) -> String {
    words
        .map(|(word, number)| format!(", `{word}` ({number})"))
        .collect()
}

fn cost(cost: Cost) -> &'static str {
    match cost {
        Cost::Free => "takes effect with the next token",
        Cost::NextReply => "takes effect with the next reply",
        Cost::NewContext => {
            "makes a new context, the conversation's KV cache is carried over where llama.cpp allows it"
        }
        Cost::Prefill => "makes a new context and prefills the conversation again",
        Cost::Reload => "loads the model again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_stand_in_the_order_in_which_they_win() {
        let ranks: Vec<_> = SOURCES.iter().map(|(source, _)| *source as usize).collect();
        let all: Vec<_> = (0..=Source::Session as usize).collect();
        assert_eq!(ranks, all);
    }

    #[test]
    fn every_parameter_has_an_entry() {
        let page = markdown();
        for row in TABLE {
            assert_eq!(
                page.matches(&format!("\n### `{}`", row.name)).count(),
                1,
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn an_entry_says_what_a_change_costs() {
        let page = markdown();
        assert!(page.contains("### `n-gpu-layers` `-ngl`\n"));
        assert!(page.contains("- Takes a whole number from 0 to 9999, `auto` (-1), `all` (-2)\n- Default: `auto`\n- A change: loads the model again\n- Also: `gpu-layers`, `num_gpu`\n"));
    }
}
