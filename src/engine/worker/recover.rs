//! Going on after a panic: whoever waits for an answer gets one.

use super::{Worker, sequence};
use crate::engine::{
    BenchId, ConversationId, CountId, EngineError, EngineEvent, ErrorKind, LoadId, PromptOf,
    RequestId, TextSize,
};

/// What is being answered, so that a panic can still be answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answering {
    Load(LoadId),
    Retune(LoadId),
    Foresee(LoadId),
    Generate(RequestId),
    Preview(ConversationId),
    Bench(BenchId),
    /// How many texts, too.
    Count(CountId, usize),
    ShowPrompt(RequestId),
}

impl Answering {
    /// The answer that an error leaves; `running` tells whether a model still runs.
    fn fail(self, error: EngineError, running: bool) -> EngineEvent {
        match self {
            Self::Load(id) => EngineEvent::LoadFailed { id, error, running },
            Self::Retune(id) => EngineEvent::RetuneFailed { id, error, running },
            Self::Foresee(id) => EngineEvent::Foreseen {
                id,
                outcome: Err(error),
            },
            Self::Generate(request) => EngineEvent::Failed { request, error },
            Self::Preview(conversation) => EngineEvent::Previewed {
                conversation,
                outcome: Err(error),
            },
            Self::Bench(id) => EngineEvent::BenchFailed { id, error },
            // As without a model: nothing is known to fit.
            Self::Count(id, texts) => EngineEvent::Counted {
                id,
                sizes: vec![TextSize::default(); texts],
            },
            Self::ShowPrompt(request) => EngineEvent::PromptShown {
                request,
                of: PromptOf::Now,
                prompt: Err(error),
            },
        }
    }
}

impl Worker {
    /// Answers what a panic left unanswered and starts with an empty cache.
    pub(super) fn recover(&mut self, panic: &(dyn std::any::Any + Send)) {
        let why = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()))
            .unwrap_or_else(|| "an unknown panic".into());
        tracing::error!(why, "the engine thread panicked and goes on");
        let error = EngineError {
            kind: ErrorKind::Internal,
            what: "running the engine".into(),
            why,
            hint: "this is a mistake in the program; please report it with the log".into(),
        };
        if let Some(answering) = self.answering.take() {
            let running = self.running.is_some();
            let answer = answering.fail(error.clone(), running);
            self.mail.outbox.push(answer);
        }
        for index in 0..self.slots.len() {
            self.fail(index, error.clone());
            if let Some(running) = &mut self.running {
                running.context.clear(sequence(index));
            }
            self.slots[index].forget_cache();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_an_answer_gets_one() {
        let error = EngineError {
            kind: ErrorKind::Internal,
            what: "running the engine".into(),
            why: "a mistake".into(),
            hint: String::new(),
        };
        let fail = |answering: Answering| answering.fail(error.clone(), true);
        let (load, request) = (LoadId(3), RequestId(4));
        assert!(matches!(
            fail(Answering::Load(load)),
            EngineEvent::LoadFailed { id, running: true, .. } if id == load
        ));
        assert!(matches!(
            fail(Answering::Retune(load)),
            EngineEvent::RetuneFailed { id, running: true, .. } if id == load
        ));
        assert!(matches!(
            fail(Answering::Foresee(load)),
            EngineEvent::Foreseen { id, outcome: Err(_) } if id == load
        ));
        assert!(matches!(
            fail(Answering::Generate(request)),
            EngineEvent::Failed { request: id, .. } if id == request
        ));
        assert!(matches!(
            fail(Answering::Preview(ConversationId(5))),
            EngineEvent::Previewed {
                conversation: ConversationId(5),
                outcome: Err(_)
            }
        ));
        assert!(matches!(
            fail(Answering::Bench(BenchId(6))),
            EngineEvent::BenchFailed { id: BenchId(6), .. }
        ));
        assert!(matches!(
            fail(Answering::Count(CountId(7), 2)),
            EngineEvent::Counted { id: CountId(7), sizes } if sizes.len() == 2
        ));
        assert!(matches!(
            fail(Answering::ShowPrompt(request)),
            EngineEvent::PromptShown { request: id, prompt: Err(_), .. } if id == request
        ));
    }
}
