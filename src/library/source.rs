//! Which tool a model came from.

use serde::{Deserialize, Serialize};

/// A tool that keeps models, or a folder of the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    #[serde(rename = "built-in")]
    BuiltIn,
    #[serde(rename = "huggingface")]
    HuggingFace,
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    #[serde(rename = "ollama")]
    Ollama,
    #[serde(rename = "lmstudio")]
    LmStudio,
    #[serde(rename = "jan")]
    Jan,
    #[serde(rename = "gpt4all")]
    Gpt4All,
    #[serde(rename = "textgen")]
    TextGen,
    #[serde(rename = "folder")]
    Folder,
}

impl Source {
    /// The word for it in lists and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::HuggingFace => "huggingface",
            Self::LlamaCpp => "llama.cpp",
            Self::Ollama => "ollama",
            Self::LmStudio => "lmstudio",
            Self::Jan => "jan",
            Self::Gpt4All => "gpt4all",
            Self::TextGen => "textgen",
            Self::Folder => "folder",
        }
    }
}
