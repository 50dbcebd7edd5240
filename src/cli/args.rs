//! The command line as types; the flags of the parameters come from their table, see `flags`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::bench::BenchArgs;
use super::compare::CompareArgs;
use super::completion::{CompleteWordsArgs, CompletionArgs};
use super::costs::CostsArgs;
use super::extract::ExtractArgs;
use super::metrics::MetricsArgs;
use super::models::ModelsArgs;
use super::prompt::PromptArgs;
use super::replay::ReplayArgs;
use super::sessions::SessionsArgs;
use super::tune::TuneArgs;

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
    /// The model: a GGUF file, or a name such as llama3.2:3b, org/repo:Q4_K_M or a file's; without it
    /// the configured model, or the small built-in guide
    #[arg(short, long, global = true, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// A model of the Hub that is here already: org/repo or org/repo:Q5_K_M
    #[arg(long, global = true, value_name = "NAME", visible_aliases = ["hf", "hfr"], conflicts_with = "model")]
    pub hf_repo: Option<String>,
    /// The file in that repository
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        visible_alias = "hff",
        requires = "hf_repo"
    )]
    pub hf_file: Option<String>,
    /// Models by name with their parameters: an INI file of llama-server
    #[arg(long, global = true, value_name = "FILE")]
    pub models_preset: Option<PathBuf>,
    /// Never use the network
    #[arg(long, global = true)]
    pub offline: bool,
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
    #[command(flatten)]
    InFolders(InFolders),
    #[command(flatten)]
    Bare(Bare),
}

/// What reads or writes the user's files, and may say which those are.
#[derive(Clone, Debug, Subcommand)]
pub enum InFolders {
    /// Answer one prompt on standard output
    #[command(display_order = 1)]
    Run(RunArgs),
    /// Measure how fast a model runs, as llama-bench does
    #[command(display_order = 2)]
    Bench(BenchArgs),
    /// Find the load parameters with which a model runs fastest here
    #[command(display_order = 3)]
    Tune(TuneArgs),
    /// Answer prompts with several presets at once, side by side
    #[command(display_order = 4)]
    Compare(CompareArgs),
    /// Say what was found on this machine and what is missing
    #[command(display_order = 4)]
    Doctor(DoctorArgs),
    /// List, read, search, export, import and delete saved chats
    #[command(display_order = 5)]
    Sessions(SessionsArgs),
    /// Show the prompt that a model would see for a conversation, and its tokens
    #[command(display_order = 7)]
    Prompt(PromptArgs),
    /// Find the models on this machine, download others from the Hub, remove those
    #[command(display_order = 6)]
    Models(ModelsArgs),
    /// Print what the sensors of this machine tell, a row a second
    Metrics(MetricsArgs),
    /// Reckon what a million tokens cost here and at an API, and when the hardware has paid off
    Costs(CostsArgs),
    /// Make a stored reply again and say whether it comes out the same
    #[command(display_order = 7)]
    Replay(ReplayArgs),
    /// Say whether a model fits, how much of it and how fast at most, without loading it
    Fit(FitArgs),
}

/// What needs none of them.
#[derive(Clone, Debug, Subcommand)]
pub enum Bare {
    /// The text of a PDF or a web page, for the deck
    #[command(hide = true)]
    ExtractText(ExtractArgs),
    /// Print a script with which bash, zsh or fish complete commands, flags and names of models
    Completion(CompletionArgs),
    /// What completes the last of these words, for those scripts
    #[command(hide = true)]
    CompleteWords(CompleteWordsArgs),
}

/// Memory by llama.cpp's own rules, from the header alone: exit code 0 when it fits, 1 when not.
/// Every parameter of the model and context counts: --ctx-size, -ngl, -ctk, -ctv, --cpu-moe …
#[derive(Args, Clone, Debug, Default)]
pub struct FitArgs {
    /// The GGUF model file; the same as --model
    #[arg(value_name = "MODEL")]
    pub file: Option<PathBuf>,
    /// A model that is not here, by its size: 70B, 500M
    #[arg(long, value_name = "SIZE", conflicts_with = "file")]
    pub params: Option<String>,
    /// Its quantisation: Q4_K_M, FP16 …
    #[arg(long, value_name = "TYPE", requires = "params")]
    pub quant: Option<String>,
    /// Parameters that one token uses, of a mixture of experts: 3B
    #[arg(long, value_name = "SIZE", requires = "params")]
    pub active_params: Option<String>,
    /// Hardware of the catalogue instead of this machine; several: a machine with all of them
    #[arg(long, value_name = "ID")]
    pub hardware: Vec<String>,
    /// Tokens in the cache for which the ceiling on speed is told
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    pub depth: u32,
    /// List the catalogue, and end
    #[arg(long)]
    pub list_hardware: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
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
    /// Run the model for some seconds, and say how fast it is and what holds it back
    #[arg(long)]
    pub measure: bool,
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
    /// The same with the model that a command was given by itself.
    pub(super) fn of(&self, file: Option<&PathBuf>) -> Self {
        Self {
            model: file.or(self.model.as_ref()).cloned(),
            ..self.clone()
        }
    }

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
