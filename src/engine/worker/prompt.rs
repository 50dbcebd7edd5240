//! Looking at texts and prompts: nothing of this touches the context.

use super::Worker;
use crate::chat::Segment;
use crate::engine::llama::{Special, Vocab};
use crate::engine::reply::count_of;
use crate::engine::{
    CountId, EngineError, EngineEvent, GenerateRequest, Prompt, PromptOf, RequestId, TextSize,
    prompt,
};

/// The prompt that the newest reply was made from.
#[derive(Debug)]
pub(super) struct LastPrompt {
    pub request: RequestId,
    pub segments: Vec<Segment>,
    pub tokens: Vec<i32>,
}

impl Worker {
    /// Answers [`crate::engine::Command::Count`].
    pub(super) fn count(&mut self, id: CountId, texts: &[String], room: u32) {
        let sizes = match &self.running {
            Some(running) => {
                let vocab = running.open.model.vocab();
                texts.iter().map(|text| size(text, room, vocab)).collect()
            }
            None => vec![TextSize::default(); texts.len()],
        };
        self.mail.outbox.push(EngineEvent::Counted { id, sizes });
    }

    /// Answers [`crate::engine::Command::ShowPrompt`].
    pub(super) fn show_prompt(&mut self, request: &GenerateRequest) {
        let shown = self.prompt_of(request);
        let (of, prompt) = match shown {
            Ok((of, prompt)) => (of, Ok(Box::new(prompt))),
            Err(error) => (PromptOf::Now, Err(error)),
        };
        self.mail.outbox.push(EngineEvent::PromptShown {
            request: request.id,
            of,
            prompt,
        });
    }

    fn prompt_of(&mut self, request: &GenerateRequest) -> Result<(PromptOf, Prompt), EngineError> {
        let running = self.running.as_mut().ok_or_else(super::retune::no_model)?;
        let vocab = running.open.model.vocab();
        let last = self.last_prompt.as_ref();
        if let Some(last) = last.filter(|last| last.request == request.id) {
            let prompt = Prompt::new(last.segments.clone(), &last.tokens, vocab);
            return Ok((PromptOf::Reply, prompt));
        }
        let made = prompt::of(request, &mut running.open.templates, vocab)?;
        Ok((
            PromptOf::Now,
            Prompt::new(made.segments, &made.tokens, vocab),
        ))
    }
}

fn size(text: &str, room: u32, vocab: Vocab<'_>) -> TextSize {
    let mut tokens = Vec::new();
    vocab.tokenize(text, Special::AsText, &mut tokens);
    let first = tokens.iter().take(room as usize);
    let bytes: usize = first.map(|token| vocab.bytes(*token).len()).sum();
    // Some tokenizers put a space in front, which is not in the text.
    let fitting = text.floor_char_boundary(bytes.min(text.len()));
    TextSize {
        tokens: count_of(tokens.len()),
        fitting,
    }
}
