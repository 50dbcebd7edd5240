//! The command line of `llmdeck sessions`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::store::exchange;

/// Without a command it lists them.
#[derive(Args, Clone, Debug, Default)]
pub struct SessionsArgs {
    #[command(subcommand)]
    pub command: Option<SessionsCommand>,
}

#[derive(Clone, Debug, Subcommand)]
pub enum SessionsCommand {
    /// List the chats, pinned ones first, then the last one changed
    List(ListArgs),
    /// Print a chat
    Show(ShowArgs),
    /// Find where something was said; "a phrase" as a whole, begin* by its beginning
    Search(SearchArgs),
    /// Write chats as Markdown, JSON or JSONL
    Export(ExportArgs),
    /// Read chats: what export writes, OpenAI messages, exports of llama.cpp's web UI and Open WebUI
    Import(ImportArgs),
    /// Give a chat a title, or none
    Rename(RenameArgs),
    /// Put a chat above the others
    Pin(PinArgs),
    /// Give a chat these tags and no others
    Tag(TagArgs),
    /// Delete chats; restore brings them back
    Rm(RemoveArgs),
    /// Bring deleted chats back
    Restore(RestoreArgs),
}

#[derive(Args, Clone, Debug, Default)]
pub struct ListArgs {
    /// Only those with this tag
    #[arg(long, value_name = "NAME")]
    pub tag: Option<String>,
    /// Those that were deleted and can be restored
    #[arg(long, conflicts_with = "tag")]
    pub deleted: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The chat's number, or 'last'
    pub chat: ChatName,
    /// Print one JSON object, as export does
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct SearchArgs {
    /// What to look for; every word must be there
    #[arg(required = true, value_name = "WORD")]
    pub words: Vec<String>,
    /// At most so many places
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print one JSON array
    #[arg(long)]
    pub json: bool,
}

#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Numbers of chats, or 'last'; all without any
    #[arg(value_name = "CHAT")]
    pub chats: Vec<ChatName>,
    /// The form; without it the one of the file's name, else Markdown
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// The file to write; standard output without it
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// Files to read; '-' is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub struct RenameArgs {
    /// The chat's number, or 'last'
    pub chat: ChatName,
    /// The title; an empty one makes the first line the title again
    pub title: String,
}

#[derive(Args, Clone, Debug)]
pub struct PinArgs {
    /// The chat's number, or 'last'
    pub chat: ChatName,
    /// Take it down again
    #[arg(long)]
    pub off: bool,
}

#[derive(Args, Clone, Debug)]
pub struct TagArgs {
    /// The chat's number, or 'last'
    pub chat: ChatName,
    /// The tags; none takes all away
    #[arg(value_name = "TAG")]
    pub tags: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub struct RemoveArgs {
    /// Numbers of chats, or 'last'
    #[arg(required = true, value_name = "CHAT")]
    pub chats: Vec<ChatName>,
    /// Remove them for good, with their text zeroed in the file
    #[arg(long)]
    pub purge: bool,
}

#[derive(Args, Clone, Debug)]
pub struct RestoreArgs {
    /// Numbers of chats
    #[arg(required = true, value_name = "CHAT")]
    pub chats: Vec<ChatName>,
}

/// How a chat is named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatName {
    Number(i64),
    /// The one changed last.
    Last,
}

impl std::str::FromStr for ChatName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "last" {
            return Ok(Self::Last);
        }
        text.trim_start_matches('#')
            .parse()
            .map(Self::Number)
            .map_err(|_| "a number as `llmdeck sessions list` shows it, or 'last'".to_owned())
    }
}

/// What chats are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// To read: the chosen path of each chat
    #[value(alias = "markdown")]
    Md,
    /// OpenAI messages, with the whole tree beside them
    Json,
    /// One such object a line
    Jsonl,
}

impl From<Format> for exchange::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Md => Self::Markdown,
            Format::Json => Self::Json,
            Format::Jsonl => Self::Jsonl,
        }
    }
}
