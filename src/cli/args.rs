//! The command line as types; the flags of the parameters come from their table, see `flags`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::sessions::SessionsArgs;

/// A terminal workbench for large language models on your own hardware.
///
/// Without a command it opens the deck: chat with a GGUF model that runs inside this process, with
/// its speed, the machine's gauges and every parameter on the same screen.
#[derive(Debug, Parser)]
#[command(name = "llmdeck", max_term_width = 100, arg_required_else_help = false)]
pub struct Cli {
    #[command(flatten)]
    pub general: General,
    /// Write nothing of this chat to disk
    #[arg(long)]
    pub incognito: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct General {
    /// The GGUF model file; without it the configured model, or the small built-in guide
    #[arg(short, long, global = true, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// A named set of parameter values, from the presets
    #[arg(long, global = true, value_name = "NAME")]
    pub preset: Option<String>,
    /// The theme of the deck
    #[arg(long, global = true, value_name = "NAME")]
    pub theme: Option<String>,
    /// Another configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Another folder for what the program keeps: built-in model, chats, logs
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print which files and folders are used, and end
    #[arg(long, global = true)]
    pub print_paths: bool,
    /// How much goes to the log file; LLMDECK_LOG does the same, by module too
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Answer one prompt on standard output
    Run(RunArgs),
    /// Say what was found on this machine and what is missing
    Doctor(DoctorArgs),
    /// List, read, search, export, import and delete saved chats
    Sessions(SessionsArgs),
}

/// Streams one reply. Text piped in follows the prompt after a blank line.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// The prompt
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// A file that holds the prompt, or its continuation after --prompt
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Print one JSON object when the reply is complete, instead of streaming text
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Print the report as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl General {
    /// What goes to the log: the level given, else the variable's, else `info`.
    pub fn log_filter(&self) -> String {
        let level = self
            .log_level
            .and_then(|level| Some(level.to_possible_value()?.get_name().to_owned()));
        let variable = || {
            std::env::var(super::logging::VARIABLE)
                .ok()
                .filter(|filter| !filter.is_empty())
        };
        level.or_else(variable).unwrap_or_else(|| "info".to_owned())
    }
}
