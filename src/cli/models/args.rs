//! The command line of `llmdeck models`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Without a command it lists them. A model may be named as Ollama does (llama3.2:3b), as the Hub
/// does (org/repo:Q4_K_M), by its file's name or by a path.
#[derive(Args, Clone, Debug, Default)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub command: Option<ModelsCommand>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the models on this machine, whichever tool brought them
    List(ListArgs),
    /// Say all that is known of a model without loading it
    Info(InfoArgs),
    /// Print where a model's file lies
    Path(NameArgs),
    /// Remove a model that llmdeck downloaded
    Rm(RemoveArgs),
}

#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// Only models that begin with this or have its letters in this order
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
    /// Only those that fit this machine now
    #[arg(long)]
    pub fits: bool,
    /// Print the names alone, one a line
    #[arg(long, conflicts_with = "json")]
    pub names: bool,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct InfoArgs {
    /// The model's name or path
    #[arg(value_name = "NAME")]
    pub name: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct NameArgs {
    /// The model's name or path
    #[arg(value_name = "NAME")]
    pub name: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub struct RemoveArgs {
    /// The model's name or path
    #[arg(value_name = "NAME")]
    pub name: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
