//! The JSON object of `run --json`.

use std::path::PathBuf;

use serde::Serialize;

use super::session::Reply;
use crate::cli::lossy;
use crate::engine::{StopReason, Timings};

/// One reply, complete.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub text: String,
    /// What the model thought before it answered.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// `end_of_turn`, `stop_string`, `max_tokens`, `context_full` or `cancelled`.
    pub stop_reason: &'static str,
    /// The stop string that was met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_string: Option<String>,
    /// The model's name.
    pub model: String,
    #[serde(serialize_with = "lossy::path")]
    pub model_path: PathBuf,
    /// The seed in use: the same seed, prompt and parameters give the same text on the same machine.
    pub seed: u32,
    /// Size of the context, and how much of it is in use, in tokens.
    pub n_ctx: u32,
    pub context_used: u32,
    pub timings: Timings,
}

impl From<Reply> for Report {
    fn from(reply: Reply) -> Self {
        let (stop_reason, stop_string) = stop(reply.stop);
        Self {
            text: reply.text,
            reasoning: reply.thought.trim_end().to_owned(),
            stop_reason,
            stop_string,
            model: reply.model.name,
            model_path: reply.model.path,
            seed: reply.seed,
            n_ctx: reply.context.n_ctx,
            context_used: reply.context_used,
            timings: reply.timings,
        }
    }
}

fn stop(reason: StopReason) -> (&'static str, Option<String>) {
    match reason {
        StopReason::EndOfTurn => ("end_of_turn", None),
        StopReason::StopString(text) => ("stop_string", Some(text)),
        StopReason::MaxTokens(_) => ("max_tokens", None),
        StopReason::ContextFull { .. } => ("context_full", None),
        StopReason::Cancelled => ("cancelled", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::run::session::Reader;
    use crate::engine::{ContextInfo, ModelInfo};

    fn reply() -> Reply {
        Reply {
            thought: String::new(),
            text: "Hi".to_owned(),
            stop: StopReason::StopString("END".to_owned()),
            timings: Timings {
                ttft_ms: 12.5,
                prompt_n: 3,
                ..Timings::default()
            },
            seed: 7,
            context_used: 9,
            model: ModelInfo {
                name: "guide".to_owned(),
                path: "/m/guide.gguf".into(),
                ..ModelInfo::default()
            },
            context: ContextInfo {
                n_ctx: 512,
                ..ContextInfo::default()
            },
            reader: Reader::Listening,
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_not_text_does_not_lose_the_reply() {
        use std::os::unix::ffi::OsStrExt;
        let mut reply = reply();
        reply.model.path = std::ffi::OsStr::from_bytes(b"/m/\xff.gguf").into();
        let json = serde_json::to_value(Report::from(reply)).unwrap();
        assert_eq!(
            (&json["text"], &json["model_path"]),
            (&"Hi".into(), &"/m/\u{fffd}.gguf".into())
        );
    }

    #[test]
    fn the_object_has_these_names() {
        let text = serde_json::to_string_pretty(&Report::from(reply())).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
          "text": "Hi",
          "stop_reason": "stop_string",
          "stop_string": "END",
          "model": "guide",
          "model_path": "/m/guide.gguf",
          "seed": 7,
          "n_ctx": 512,
          "context_used": 9,
          "timings": {
            "queue_ms": 0.0,
            "ttft_ms": 12.5,
            "cache_n": 0,
            "prompt_n": 3,
            "prompt_ms": 0.0,
            "prompt_per_second": 0.0,
            "predicted_n": 0,
            "predicted_ms": 0.0,
            "predicted_per_second": 0.0,
            "recent_per_second": 0.0
          }
        }
        "#);
    }
}
