//! The command line of `llmdeck compare`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Answers each prompt with several presets at once, from one prefill and in one batch.
///
/// A column is a preset, or a preset with changes after colons: creative:temp=1.4:seed=7. The same
/// one may come twice, and 'current' is what is in force without a preset. A value with a comma stands
/// in quotes: --presets 'creative:system="Be brief, and kind",greedy'. What is given beside --presets,
/// as --seed and -n, counts for all columns.
#[derive(Args, Clone, Debug, Default)]
pub struct CompareArgs {
    #[command(subcommand)]
    pub action: Option<CompareAction>,
    /// The columns, 2 to 8, divided by commas
    #[arg(long, value_name = "LIST")]
    pub presets: Option<String>,
    /// The prompt
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// A file of prompts, one a line; as JSON where it ends in .jsonl: {"prompt": "…"} or "…"; - is
    /// standard input, JSON where it begins with { or "
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    pub prompts: Option<PathBuf>,
    /// Print one JSON object for each prompt, on a line of its own
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub enum CompareAction {
    /// Print what the votes of blind comparisons show
    Standings(StandingsArgs),
    /// Vote on the answers of a comparison that was made before, without their names
    Vote(VoteArgs),
}

#[derive(Args, Clone, Debug, Default)]
pub struct VoteArgs {
    /// What compare --json wrote, or the deck as .json
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Args, Clone, Debug, Default)]
pub struct StandingsArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
