//! Words as tokens, and what is told of them: prompts, sizes, traces.

use super::{Fake, error};
use crate::chat::{Segment, SegmentKind};
use crate::engine::trace::{CandidateTrace, Stage, StageTrace, TokenTrace, Trace};
use crate::engine::{
    EngineEvent, ErrorKind, GenerateRequest, PreviewRequest, Prompt, PromptOf, PromptToken,
    TextSize,
};

impl Fake {
    pub(super) async fn show_prompt(&mut self, request: &GenerateRequest) {
        let mut seen = Prompt::default();
        for word in prompt(request) {
            seen.tokens.push(PromptToken {
                id: i32::try_from(word.len()).unwrap_or(0),
                piece: word.clone().into_bytes(),
                is_special: false,
            });
            let text = word;
            let kind = SegmentKind::Content;
            seen.segments.push(Segment { kind, text });
        }
        self.tell(EngineEvent::PromptShown {
            request: request.id,
            of: PromptOf::Reply,
            prompt: Ok(Box::new(seen)),
        })
        .await;
    }

    pub(super) async fn preview(&mut self, request: PreviewRequest) {
        let conversation = request.conversation;
        let outcome = match self.caches.get(&conversation) {
            Some(words) if !words.is_empty() => {
                let token = self.token("next ");
                Ok(Box::new(self.trace(token)))
            }
            _ => Err(error(
                ErrorKind::Internal,
                "looking at the next token".into(),
                "nothing of this chat is in the KV cache",
            )),
        };
        self.tell(EngineEvent::Previewed {
            conversation,
            outcome,
        })
        .await;
    }

    pub(super) fn prompt(&self, request: &GenerateRequest) -> Vec<String> {
        let Some(exact) = &request.exact else {
            return prompt(request);
        };
        let tokens = exact.prompt.iter().chain(&exact.reply);
        tokens
            .map(|token| self.word(*token).trim().to_owned())
            .collect()
    }

    /// The token of a word, a new one where it has none.
    pub(super) fn token(&mut self, word: &str) -> i32 {
        if self.vocabulary.is_empty() {
            self.vocabulary = vec!["perhaps ".into(), "never ".into()];
        }
        let found = self.vocabulary.iter().position(|known| known == word);
        let at = found.unwrap_or_else(|| {
            self.vocabulary.push(word.to_owned());
            self.vocabulary.len() - 1
        });
        at as i32
    }

    pub(super) fn word(&self, token: i32) -> String {
        let at = usize::try_from(token).unwrap_or(usize::MAX);
        self.vocabulary.get(at).cloned().unwrap_or_default()
    }

    pub(super) fn trace(&self, token: i32) -> Trace {
        let piece = |token| (token, self.word(token).into_bytes().into());
        Trace {
            tokens: vec![fake_trace(token)],
            pieces: [token, OTHER, NEVER].into_iter().map(piece).collect(),
        }
    }
}

/// A token is a word here, too.
pub(super) fn size(text: &str, room: u32) -> TextSize {
    let words = || text.split_inclusive(char::is_whitespace);
    TextSize {
        tokens: words().count() as u32,
        fitting: words().take(room as usize).map(str::len).sum(),
    }
}

/// One token of a chain with one stage: the word with four fifths, another with the rest.
fn fake_trace(token: i32) -> TokenTrace {
    let candidate = |token, p, after: &[f32]| CandidateTrace {
        token,
        p,
        after: after.to_vec(),
    };
    TokenTrace {
        at: 0,
        token,
        rank: 0,
        entropy: 0.92,
        stages: vec![StageTrace {
            stage: Stage::MinP,
            kept: 2,
            mass: 1.0,
        }],
        candidates: vec![
            candidate(token, 0.75, &[0.8]),
            candidate(OTHER, 0.2, &[0.2]),
            candidate(NEVER, 0.05, &[]),
        ],
    }
}

/// Tokens that every fake distribution has.
const OTHER: i32 = 0;

const NEVER: i32 = 1;

fn prompt(request: &GenerateRequest) -> Vec<String> {
    let mut words: Vec<String> = request
        .reply
        .system
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    for message in &request.messages {
        words.extend(message.content.split_whitespace().map(str::to_owned));
    }
    words.extend(request.reply_so_far.split_whitespace().map(str::to_owned));
    words
}
