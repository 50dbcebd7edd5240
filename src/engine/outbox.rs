//! Events on their way to a receiver that may be slow.

use std::collections::VecDeque;

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::{EngineEvent, RequestId};

/// Never waits and never loses anything: what the channel does not take yet stays here, and
/// steps of the same reply or load are merged meanwhile, so that it stays small.
#[derive(Debug)]
pub(crate) struct Outbox {
    channel: Sender<EngineEvent>,
    waiting: VecDeque<EngineEvent>,
}

impl Outbox {
    pub(crate) fn new(channel: Sender<EngineEvent>) -> Self {
        Self {
            channel,
            waiting: VecDeque::new(),
        }
    }

    /// Sends an event as soon as there is room.
    pub(crate) fn push(&mut self, event: EngineEvent) {
        self.flush();
        if let Some(event) = merge(&mut self.waiting, event) {
            self.waiting.push_back(event);
        }
        self.flush();
    }

    /// Sends what the channel takes.
    pub(crate) fn flush(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.channel.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    return;
                }
                // Nobody listens any more.
                Err(TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Merges an event into a waiting one that it continues, or gives it back.
///
/// Only the order of the events of one reply matters, so the latest of the same reply is looked at.
fn merge(waiting: &mut VecDeque<EngineEvent>, event: EngineEvent) -> Option<EngineEvent> {
    let earlier = match request_of(&event) {
        // What tokens say and how they came about take turns, and may each run ahead.
        Some(request) => waiting
            .iter_mut()
            .rev()
            .find(|earlier| request_of(earlier) == Some(request) && !take_turns(earlier, &event)),
        None => waiting.back_mut(),
    };
    let Some(earlier) = earlier else {
        return Some(event);
    };
    match (earlier, event) {
        (
            EngineEvent::Tokens {
                text,
                ids,
                context_used,
                timings,
                ..
            },
            EngineEvent::Tokens {
                text: more,
                ids: drawn,
                context_used: used,
                timings: latest,
                ..
            },
        ) => {
            text.push_str(&more);
            ids.extend(drawn);
            *context_used = used;
            *timings = latest;
            None
        }
        (EngineEvent::Traced { trace, .. }, EngineEvent::Traced { trace: next, .. }) => {
            trace.append(next);
            None
        }
        (earlier @ EngineEvent::Prefill { .. }, event @ EngineEvent::Prefill { .. }) => {
            *earlier = event;
            None
        }
        (
            EngineEvent::Loading { id, progress },
            EngineEvent::Loading {
                id: same,
                progress: latest,
            },
        ) if *id == same => {
            *progress = latest;
            None
        }
        (_, event) => Some(event),
    }
}

fn take_turns(earlier: &EngineEvent, event: &EngineEvent) -> bool {
    matches!(
        (earlier, event),
        (EngineEvent::Tokens { .. }, EngineEvent::Traced { .. })
            | (EngineEvent::Traced { .. }, EngineEvent::Tokens { .. })
    )
}

fn request_of(event: &EngineEvent) -> Option<RequestId> {
    match event {
        EngineEvent::Queued { request, .. }
        | EngineEvent::Missed { request, .. }
        | EngineEvent::Prefill { request, .. }
        | EngineEvent::Tokens { request, .. }
        | EngineEvent::Traced { request, .. }
        | EngineEvent::Making { request, .. }
        | EngineEvent::Made { request, .. }
        | EngineEvent::Finished { request, .. }
        | EngineEvent::Failed { request, .. } => Some(*request),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::{StopReason, Timings};

    fn tokens(request: u64, text: &str) -> EngineEvent {
        EngineEvent::Tokens {
            request: RequestId(request),
            text: text.to_owned(),
            ids: vec![1],
            context_used: 0,
            timings: Timings::default(),
        }
    }

    fn finished(request: u64) -> EngineEvent {
        EngineEvent::Finished {
            request: RequestId(request),
            reason: StopReason::EndOfTurn,
            context_used: 0,
            timings: Timings::default(),
        }
    }

    #[test]
    fn steps_merge_while_the_receiver_is_slow() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
        for piece in ["a", "b", "c"] {
            outbox.push(tokens(1, piece));
            outbox.push(tokens(2, piece));
        }
        outbox.push(finished(1));
        assert_eq!(
            outbox.waiting.len(),
            3,
            "one step of each reply and the end of the first"
        );
        let mut seen = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            outbox.flush();
            seen.push(match event {
                EngineEvent::Tokens {
                    request, text, ids, ..
                } => format!("{} {text} {}", request.0, ids.len()),
                EngineEvent::Finished { request, .. } => format!("{} end", request.0),
                other => format!("{other:?}"),
            });
        }
        assert_eq!(seen, ["1 a 1", "2 abc 3", "1 bc 2", "1 end"]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn tokens_and_their_traces_merge_while_they_take_turns() {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
        for token in 1..=4 {
            outbox.push(tokens(1, "a"));
            outbox.push(EngineEvent::Traced {
                request: RequestId(1),
                trace: crate::engine::trace::Trace {
                    tokens: vec![crate::engine::trace::TokenTrace {
                        token,
                        ..Default::default()
                    }],
                    ..Default::default()
                },
            });
        }
        assert_eq!(outbox.waiting.len(), 2);
        let mut seen = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            outbox.flush();
            if let EngineEvent::Traced { trace, .. } = event {
                seen.extend(trace.tokens.into_iter().map(|token| token.token));
            }
        }
        assert_eq!(seen, [1, 2, 3, 4]);
    }

    #[test]
    fn a_closed_channel_keeps_nothing() {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        drop(receiver);
        let mut outbox = Outbox::new(sender);
        outbox.push(EngineEvent::Unloaded);
        assert!(outbox.is_empty());
    }

    proptest! {
        #[test]
        fn no_token_is_lost_and_each_reply_stays_in_order(steps in prop::collection::vec((0_u64..3, "[a-z]", any::<bool>()), 0..60)) {
            let (sender, mut receiver) = tokio::sync::mpsc::channel(2);
            let mut outbox = Outbox::new(sender);
            let mut expected = [const { String::new() }; 3];
            let mut seen = [const { String::new() }; 3];
            let mut count = 0;
            let mut take = |event: EngineEvent| {
                if let EngineEvent::Tokens { request, text, ids, .. } = event {
                    seen[usize::try_from(request.0).unwrap()].push_str(&text);
                    count += ids.len();
                }
            };
            let total = steps.len();
            for (request, text, receive) in steps {
                expected[usize::try_from(request).unwrap()].push_str(&text);
                outbox.push(tokens(request, &text));
                if receive && let Ok(event) = receiver.try_recv() { take(event); }
            }
            loop {
                outbox.flush();
                let Ok(event) = receiver.try_recv() else { break };
                take(event);
            }
            prop_assert_eq!(count, total);
            prop_assert_eq!(seen, expected);
        }
    }
}
