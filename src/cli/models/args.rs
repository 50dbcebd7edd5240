//! The command line of `llmdeck models`.

use clap::{Args, Subcommand};

/// Models: bring them here.
#[derive(Args, Clone, Debug)]
pub struct ModelsArgs {
    #[command(subcommand)]
    pub command: ModelsCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub enum ModelsCommand {
    /// Download a model from the Hub, or a GGUF file from an https address
    Pull(PullArgs),
    /// Search the Hub for GGUF models; without words, a list of good first ones
    Search(SearchArgs),
    /// List the models of a repository with size and whether they fit here
    Files(FilesArgs),
}

/// Goes on where it was cut off, checks the SHA-256, and stores the model in the Hub's cache, where
/// other tools find it too. Split models and the projector for images come along.
#[derive(Args, Clone, Debug)]
pub struct PullArgs {
    /// org/repo, org/repo:Q5_K_M, org/repo/file.gguf, or an https address of a .gguf file
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Print one JSON object a model when it is here
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct SearchArgs {
    /// What to look for
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct FilesArgs {
    /// The repository: org/repo
    #[arg(value_name = "REPO")]
    pub repo: String,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}
