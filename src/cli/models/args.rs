//! The command line of `llmdeck models`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Without a command it lists those on this machine. A model may be named as Ollama does
/// (llama3.2:3b), as the Hub does (org/repo:Q4_K_M), by its file's name or by a path.
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
    Path(PathArgs),
    /// Remove a model that llmdeck downloaded
    Rm(RemoveArgs),
    /// Download a model from the Hub, or a GGUF file from an https address
    Pull(PullArgs),
    /// Search the Hub for GGUF models; without words, a list of good first ones
    Search(SearchArgs),
    /// List the models of a repository with size and whether they fit here
    Files(FilesArgs),
}

impl ModelsCommand {
    /// The model on this machine that it is about.
    pub(super) fn name(&self) -> Option<&PathBuf> {
        match self {
            Self::Info(args) => Some(&args.name),
            Self::Path(args) => Some(&args.name),
            Self::Rm(args) => Some(&args.name),
            Self::List(_) | Self::Pull(_) | Self::Search(_) | Self::Files(_) => None,
        }
    }
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

#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// Only models that begin with this or have its letters in this order
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,
    /// Only those that fit this machine now
    #[arg(long)]
    pub fits: bool,
    /// Print the names alone, all that each model has, one a line
    #[arg(long, conflicts_with = "json")]
    pub names: bool,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct InfoArgs {
    /// The model's name or path
    #[arg(value_name = "MODEL")]
    pub name: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct PathArgs {
    /// The model's name or path
    #[arg(value_name = "MODEL")]
    pub name: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct RemoveArgs {
    /// The model's name or path
    #[arg(value_name = "MODEL")]
    pub name: PathBuf,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
