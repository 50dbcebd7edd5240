//! The load parameters as flags that take lists, made from the parameter table.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::args::Values;
use crate::bench;
use crate::cli::exit;
use crate::cli::flags::{aliases, denial_id, heading, help, id, only_character, program};
use crate::params::{Param, Spec, TABLE, Value, spec};

const EXAMPLES: &str = "Examples:
  llmdeck bench -m model.gguf -p 512 -n 128 -ngl 0,12,24
  llmdeck bench -p 0 -n 64 -t 1-8*2 -o json
  llmdeck bench history

Every load parameter is a flag that takes a list; see --help.";

/// The switch that llama-bench knows by its denial: `-nkvo 0,1`.
const DENIED: Param = Param::KvOffload;

/// The command line of `llmdeck bench`: load parameters take lists of values.
pub(in crate::cli) fn command() -> Command {
    program().mut_subcommand("bench", |bench| {
        bench
            .args(swept().map(list))
            .arg(denied_list(spec(DENIED)))
            .after_help(EXAMPLES)
            .after_long_help(format!("{EXAMPLES}\n\n{}", exit::help()))
    })
}

/// The lists given to `bench`.
pub(in crate::cli) fn lists(matches: &ArgMatches) -> Vec<(Param, Vec<Value>)> {
    let Some(matches) = matches.subcommand_matches("bench") else {
        return Vec::new();
    };
    let given = |id: &str| -> Vec<Value> {
        let lists = matches.get_many::<Values>(id).into_iter().flatten();
        lists.flat_map(|list| list.0.clone()).collect()
    };
    let mut all: Vec<(Param, Vec<Value>)> =
        swept().map(|spec| (spec.param, given(&id(spec)))).collect();
    let denied = given(&denial_id(spec(DENIED)));
    if let Some((_, values)) = all.iter_mut().find(|(param, _)| *param == DENIED) {
        values.extend(denied.into_iter().map(|value| match value {
            Value::Bool(on) => Value::Bool(!on),
            other => other,
        }));
    }
    all.retain(|(_, values)| !values.is_empty());
    all
}

fn swept() -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().filter(|spec| bench::is_load_param(spec.param))
}

fn list(spec: &'static Spec) -> Arg {
    let arg = Arg::new(id(spec))
        .long(spec.name)
        .aliases(aliases(spec))
        .help(help(spec))
        .help_heading(heading(spec.group))
        .hide_short_help(true)
        .value_name("LIST")
        .action(ArgAction::Append)
        .allow_hyphen_values(true)
        .value_parser(move |text: &str| bench::values(spec, text).map(Values));
    match spec.short.iter().find_map(|short| only_character(short)) {
        Some(short) => arg.short(short),
        None => arg,
    }
}

fn denied_list(spec: &'static Spec) -> Arg {
    Arg::new(denial_id(spec))
        .long(format!("no-{}", spec.name))
        .help(format!(
            "The same as --{} with the opposite values",
            spec.name
        ))
        .help_heading(heading(spec.group))
        .hide_short_help(true)
        .value_name("LIST")
        .action(ArgAction::Append)
        .value_parser(move |text: &str| bench::values(spec, text).map(Values))
}
