//! The parameters as flags: made from the table, under llama.cpp's names.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, value_parser};

use super::args::Cli;
use super::{ExitCode, Failure, exit};
use crate::params::{Group, Kind, Overrides, Param, Spec, Support, TABLE, Value, spec};

const EXAMPLES: &str = "Examples:
  llmdeck -m model.gguf -ngl 20 -c 8192
  llmdeck run -p 'Why is the sky blue?' --temp 0.2 --seed 7
  git diff | llmdeck run -p 'Write a commit message for this change.'
  llmdeck fit model.gguf --hardware rtx-4090
  llmdeck bench -p 512 -n 128 -t 1,2,4
  llmdeck doctor";
const MORE: &str = "Every parameter is a flag, under llama.cpp's name: see --help.";

/// Parameters whose value can come from a file: flag, llama.cpp's short spelling, parameter.
const FROM_FILES: &[(&str, Option<&str>, Param)] = &[
    ("system-prompt-file", Some("sysf"), Param::System),
    ("grammar-file", None, Param::Grammar),
    ("json-schema-file", Some("jf"), Param::JsonSchema),
];

/// Parameters that are lists: given twice, both count, as in llama.cpp.
const LISTS: &[Param] = &[
    Param::Stop,
    Param::LogitBias,
    Param::OverrideTensor,
    Param::DrySequenceBreaker,
    // Hypothetical ones of `llmdeck fit` come one by one.
    Param::Device,
];

/// Commands for which no parameter means anything.
const WITHOUT_A_MODEL: &[&[&str]] = &[
    &["sessions"],
    &["costs"],
    &["metrics"],
    &["completion"],
    &["models", "rm"],
    &["models", "path"],
    &["models", "pull"],
    &["models", "search"],
    &["compare", "vote"],
    &["compare", "standings"],
];

/// The command line but for `bench`, whose flags [`super::bench::command`] has: the same names take
/// lists there.
pub(super) fn command() -> Command {
    let command = program()
        .mut_subcommand("bench", |bench| {
            let about = bench.get_about().cloned();
            Command::new("bench")
                .about(about.unwrap_or_default())
                .display_order(2)
        })
        .args(TABLE.iter().map(flag));
    let denials = TABLE
        .iter()
        .filter(|spec| spec.kind == Kind::Bool)
        .map(denial);
    let command = command.args(denials).args(from_files());
    WITHOUT_A_MODEL
        .iter()
        .fold(command, |command, path| without_parameters(command, path))
}

/// The command with the parameters left out of the help of one below it. They are taken as before: a
/// line with parameters in it works with any command.
fn without_parameters(command: Command, path: &[&str]) -> Command {
    let hidden = || {
        TABLE
            .iter()
            .map(flag)
            .chain(from_files())
            .map(|arg| arg.hide(true))
    };
    match path {
        [] => command.args(hidden()),
        [name, below @ ..] => command.mut_subcommand(name, |sub| without_parameters(sub, below)),
    }
}

fn from_files() -> impl Iterator<Item = Arg> {
    let all = FROM_FILES.iter();
    all.map(|(long, short, param)| from_file(long, *short, *param))
}

/// Everything but the parameters.
pub(super) fn program() -> Command {
    Cli::command()
        .styles(
            Styles::styled()
                .header(AnsiColor::Green.on_default())
                .literal(AnsiColor::Cyan.on_default()),
        )
        .after_help(format!("{EXAMPLES}\n\n{MORE}"))
        .after_long_help(format!("{EXAMPLES}\n\n{}", exit::help()))
        .mut_subcommand("run", |run| run.after_long_help(exit::help()))
        .mut_subcommand("fit", |fit| fit.after_long_help(exit::help()))
}

/// The parameter values given as flags.
///
/// # Errors
/// When a file that should hold a value cannot be read, or its text is refused.
pub(super) fn overrides(matches: &ArgMatches) -> Result<Overrides, Failure> {
    let mut values = Overrides::new();
    for spec in TABLE {
        let given: Vec<&Value> = matches
            .get_many::<Value>(&id(spec))
            .into_iter()
            .flatten()
            .collect();
        let value = match given.as_slice() {
            [] => continue,
            [one] => (*one).clone(),
            several => join(spec, several)?,
        };
        values.insert(spec.param, value);
    }
    let denied = TABLE
        .iter()
        .filter(|spec| spec.kind == Kind::Bool && matches.get_flag(&denial_id(spec)));
    values.extend(denied.map(|spec| (spec.param, Value::Bool(false))));
    for (long, _, param) in FROM_FILES {
        let Some(path) = matches.get_one::<PathBuf>(long) else {
            continue;
        };
        let what = format!("reading --{long} {}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(ExitCode::NoInput, &what, error).hint("check the path")
        })?;
        let value = spec(*param)
            .parse(text.trim_end())
            .map_err(|error| Failure::new(ExitCode::Data, &what, error))?;
        values.insert(*param, value);
    }
    Ok(values)
}

/// One list of several; the parts were accepted one by one.
fn join(spec: &Spec, parts: &[&Value]) -> Result<Value, Failure> {
    let texts: Vec<String> = parts.iter().map(|part| spec.format(part)).collect();
    let what = format!("reading the values of --{}", spec.name);
    spec.parse(&texts.join(","))
        .map_err(|error| Failure::new(ExitCode::Usage, what, error))
}

fn flag(spec: &'static Spec) -> Arg {
    let arg = Arg::new(id(spec))
        .long(spec.name)
        .global(true)
        .aliases(aliases(spec))
        .help(help(spec))
        .help_heading(heading(spec.group))
        .hide_short_help(true)
        .hide(matches!(spec.support, Support::Missing(_)))
        .value_parser(move |text: &str| spec.parse(text));
    let arg = match spec.short.iter().find_map(|short| only_character(short)) {
        Some(short) => arg.short(short),
        None => arg,
    };
    let arg = if LISTS.contains(&spec.param) {
        arg.action(ArgAction::Append)
    } else {
        arg.overrides_with(id(spec))
    };
    match spec.kind {
        Kind::Bool => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("on")
            .value_name("on|off")
            .overrides_with(denial_id(spec)),
        Kind::Int { .. } | Kind::Float { .. } => arg.value_name("N").allow_negative_numbers(true),
        Kind::Choice(choices) => arg.value_name(choices.join("|")),
        Kind::Text { .. } => arg.value_name("TEXT").allow_hyphen_values(true),
    }
}

/// `--no-…`, which llama.cpp has for what is on by default.
fn denial(spec: &'static Spec) -> Arg {
    Arg::new(denial_id(spec))
        .long(format!("no-{}", spec.name))
        .global(true)
        .action(ArgAction::SetTrue)
        .overrides_with(id(spec))
        .hide(true)
        .help(format!("The same as --{}=off", spec.name))
}

fn from_file(long: &'static str, short: Option<&'static str>, param: Param) -> Arg {
    let spec = spec(param);
    let shown = short.map(|short| format!(" [-{short}]"));
    Arg::new(long)
        .long(long)
        .aliases(short)
        .global(true)
        .conflicts_with(id(spec))
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!(
            "A file that holds the value of --{}{}",
            spec.name,
            shown.unwrap_or_default()
        ))
        .help_heading(heading(spec.group))
        .hide_short_help(true)
}

/// Other spellings stay hidden, but a mistyped one finds its way through them.
pub(super) fn aliases(spec: &'static Spec) -> Vec<String> {
    let several_letters = spec
        .short
        .iter()
        .filter(|short| only_character(short).is_none());
    let mut names: Vec<String> = spec
        .aliases
        .iter()
        .chain(several_letters)
        .map(|name| name.replace('_', "-"))
        .collect();
    names.sort();
    names.dedup();
    names.retain(|name| name != spec.name && TABLE.iter().all(|other| other.name != name.as_str()));
    names
}

pub(super) fn help(spec: &Spec) -> String {
    let shorts: String = spec
        .short
        .iter()
        .filter(|short| only_character(short).is_none())
        .map(|short| format!(" [-{short}]"))
        .collect();
    let form = match spec.kind {
        Kind::Text { hint } => format!(" [form: {hint}]"),
        _ => String::new(),
    };
    match spec.format(&spec.default_value()) {
        default if default.is_empty() => format!("{}{shorts}{form}", spec.help),
        default => format!("{}{shorts}{form} [default: {default}]", spec.help),
    }
}

pub(super) fn heading(group: Group) -> &'static str {
    match group {
        Group::Model => "Model parameters",
        Group::Context => "Context parameters",
        Group::Threads => "Thread parameters",
        Group::Reply => "Reply parameters",
        Group::Sampling => "Sampling parameters",
    }
}

pub(super) fn id(spec: &Spec) -> String {
    format!("param {}", spec.name)
}

pub(super) fn denial_id(spec: &Spec) -> String {
    format!("param no {}", spec.name)
}

pub(super) fn only_character(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn parse(line: &str) -> Result<Overrides, clap::Error> {
        let matches = command().try_get_matches_from(format!("llmdeck {line}").split(' '))?;
        Ok(overrides(&matches).unwrap())
    }

    fn message(line: &str) -> String {
        parse(line).unwrap_err().render().to_string()
    }

    #[test]
    fn every_spelling_belongs_to_one_flag() {
        let command = command();
        let mut owners: HashMap<String, String> = HashMap::new();
        for subcommand in std::iter::once(&command).chain(command.get_subcommands()) {
            for arg in subcommand.get_arguments() {
                let longs = arg
                    .get_long()
                    .into_iter()
                    .chain(arg.get_all_aliases().unwrap_or_default());
                let shorts = arg.get_short().map(|short| format!("-{short}"));
                for spelling in longs.map(|long| format!("--{long}")).chain(shorts) {
                    let owner = owners
                        .entry(spelling.clone())
                        .or_insert_with(|| arg.get_id().to_string());
                    assert!(
                        owner == arg.get_id().as_str() || arg.get_id() == "json",
                        "{spelling}: {owner}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_supported_default_is_accepted_as_a_flag() {
        for spec in TABLE.iter().filter(|spec| spec.support == Support::Yes) {
            let default = spec.format(&spec.default_value());
            let Ok(expected) = spec.parse(&default) else {
                panic!("{}: {default}", spec.name)
            };
            let matches = command()
                .try_get_matches_from(["llmdeck".to_owned(), format!("--{}={default}", spec.name)]);
            let values = overrides(&matches.unwrap_or_else(|error| panic!("{error}"))).unwrap();
            assert_eq!(values.get(&spec.param), Some(&expected), "{}", spec.name);
        }
    }

    #[test]
    fn values_are_the_tables() {
        let values =
            parse("--seed -1 -c 4096 --temp 0.5 --context-shift run -p x --top-k 3").unwrap();
        assert_eq!(values.get(&Param::CtxSize), Some(&Value::Int(4096)));
        assert_eq!(values.get(&Param::TopK), Some(&Value::Int(3)));
        assert_eq!(values.get(&Param::Temp), Some(&Value::Float(0.5)));
        assert_eq!(values.get(&Param::ContextShift), Some(&Value::Bool(true)));
        assert_eq!(values.get(&Param::Seed), Some(&Value::Int(-1)));
        assert_eq!(values.len(), 5);
    }

    #[test]
    fn the_last_of_two_wins() {
        assert_eq!(
            parse("--temp 1 --temp 0").unwrap().get(&Param::Temp),
            Some(&Value::Float(0.0))
        );
        let shift = |line| parse(line).unwrap().get(&Param::ContextShift).cloned();
        assert_eq!(
            shift("--no-context-shift --context-shift"),
            Some(Value::Bool(true))
        );
        assert_eq!(
            shift("--context-shift --no-context-shift"),
            Some(Value::Bool(false))
        );
        assert_eq!(shift("--context-shift=off"), Some(Value::Bool(false)));
    }

    #[test]
    fn lists_given_twice_are_one_list() {
        let values = parse("--stop A run --logit-bias 5+1 --logit-bias 7-inf").unwrap();
        assert_eq!(
            values.get(&Param::LogitBias),
            Some(&Value::Text("5+1,7-inf".to_owned()))
        );
        assert_eq!(values.get(&Param::Stop), Some(&Value::Text("A".to_owned())));
    }

    #[test]
    fn mistakes_name_the_flag_the_value_and_what_is_near() {
        let text = message("--top-p 3");
        assert!(
            text.contains("--top-p") && text.contains("'3'") && text.contains("outside"),
            "{text}"
        );
        let text = message("--top-b 1");
        assert!(
            text.contains("'--top-b'") && text.contains("'--top-"),
            "{text}"
        );
        let text = message("--nql 1");
        assert!(text.contains("'--ngl'"), "{text}");
        let text = message("--temp");
        assert!(text.contains("a value is required for '--temp"), "{text}");
    }

    #[test]
    fn a_file_can_hold_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.txt");
        std::fs::write(&path, "Be brief.\n").unwrap();
        let values = parse(&format!("--sysf {}", path.display())).unwrap();
        assert_eq!(
            values.get(&Param::System),
            Some(&Value::Text("Be brief.".to_owned()))
        );
        let matches = command()
            .try_get_matches_from(["llmdeck", "--grammar-file", "/no/such/file"])
            .unwrap();
        assert_eq!(overrides(&matches).unwrap_err().code, ExitCode::NoInput);
    }
}
