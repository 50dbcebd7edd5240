//! Replies, word by word.

use tokio::time::Instant;

use super::{FINGERPRINT, Fake, Loaded, error, milliseconds, rate_time};
use crate::engine::trace::Ids;
use crate::engine::{
    Command, EngineEvent, ErrorKind, GenerateRequest, Origin, RequestId, StopReason, Timings,
};

impl Fake {
    pub(super) async fn generate(&mut self, request: GenerateRequest) {
        let id = request.id;
        let Some(Loaded { n_ctx, .. }) = self.model.clone() else {
            let error = error(ErrorKind::NoModel, "answering".into(), "no model is loaded");
            self.tell(EngineEvent::Failed { request: id, error }).await;
            return;
        };
        let seed = request.sampling.seed.unwrap_or(1);
        self.tell(EngineEvent::Queued { request: id, seed }).await;
        let began = Instant::now();
        let prompt = self.prompt(&request);
        self.ids = Ids {
            prompt: prompt.iter().map(|word| self.token(word)).collect(),
            chosen: Vec::new(),
        };
        if let Some(exact) = &request.exact {
            self.ids.prompt.clone_from(&exact.prompt);
            self.ids.chosen.clone_from(&exact.reply);
        }
        let total = prompt.len() as u32;
        if total >= n_ctx {
            let kind = ErrorKind::PromptTooLong {
                n_prompt: total,
                n_ctx,
            };
            let error = error(
                kind,
                format!("a prompt of {total} tokens"),
                &format!("the context holds {n_ctx}"),
            );
            self.tell(EngineEvent::Failed { request: id, error }).await;
            return;
        }
        let cache = self.caches.entry(request.conversation).or_default();
        // The last prompt token is decoded anew, as its logits are needed.
        let common = cache
            .iter()
            .zip(&prompt)
            .take_while(|(a, b)| a == b)
            .count();
        let reused = common.min(prompt.len().saturating_sub(1)) as u32;
        let mut timings = Timings {
            cache_n: reused,
            prompt_n: total - reused,
            ..Timings::default()
        };
        self.tell(EngineEvent::Prefill {
            request: id,
            done: reused,
            total,
            reused,
            timings,
        })
        .await;
        if !self
            .wait(
                rate_time(total - reused, self.script.prefill_rate),
                |command| stops(command, id),
            )
            .await
        {
            self.finish(id, StopReason::Cancelled, reused, timings)
                .await;
            return;
        }
        timings.prompt_ms = milliseconds(began.elapsed());
        timings.ttft_ms = timings.prompt_ms;
        timings.prompt_per_second = f64::from(timings.prompt_n) * 1e3 / timings.prompt_ms;
        self.tell(EngineEvent::Prefill {
            request: id,
            done: total,
            total,
            reused,
            timings,
        })
        .await;
        self.caches.insert(request.conversation, prompt);
        self.stream(&request, n_ctx, timings).await;
    }

    pub(super) async fn stream(
        &mut self,
        request: &GenerateRequest,
        mut n_ctx: u32,
        mut timings: Timings,
    ) {
        let id = request.id;
        let first = Instant::now();
        let answer = self.script.answer.clone();
        let mut said = request.reply_so_far.split_inclusive(' ').count();
        if let Some(exact) = &request.exact {
            said = exact.reply.len();
            let text = exact.reply.iter().map(|token| self.word(*token)).collect();
            self.tell(EngineEvent::Tokens {
                request: id,
                text,
                ids: Vec::new(),
                context_used: timings.cache_n + timings.prompt_n,
                timings,
            })
            .await;
        }
        let forced: Vec<String> = match &request.exact {
            Some(exact) => exact.forced.iter().map(|token| self.word(*token)).collect(),
            None => Vec::new(),
        };
        let drawn = answer.split_inclusive(' ').skip(said + forced.len());
        for word in forced.iter().map(String::as_str).chain(drawn) {
            let used = self.caches.get(&request.conversation).map_or(0, Vec::len) as u32;
            if let Some(model) = &self.model {
                n_ctx = model.n_ctx;
            }
            if used >= n_ctx {
                return self
                    .finish(id, StopReason::ContextFull { n_ctx }, used, timings)
                    .await;
            }
            if let Some(max) = request
                .reply
                .max_tokens
                .filter(|max| timings.predicted_n >= *max)
            {
                return self
                    .finish(id, StopReason::MaxTokens(max), used, timings)
                    .await;
            }
            if timings.predicted_n > 0
                && !self
                    .wait(rate_time(1, self.script.decode_rate), |c| stops(c, id))
                    .await
            {
                return self.finish(id, StopReason::Cancelled, used, timings).await;
            }
            // A change of parameters takes effect between two tokens, and the reply goes on.
            while let Some(at) = self
                .waiting
                .iter()
                .position(|command| matches!(command, Command::Retune { .. }))
            {
                if let Some(Command::Retune { id, params }) = self.waiting.remove(at) {
                    self.retune(id, *params).await;
                }
            }
            timings.predicted_n += 1;
            timings.predicted_ms = milliseconds(first.elapsed());
            if timings.predicted_n > 1 {
                timings.predicted_per_second =
                    f64::from(timings.predicted_n - 1) * 1e3 / timings.predicted_ms;
                timings.recent_per_second = timings.predicted_per_second;
            }
            if let Some(cache) = self.caches.get_mut(&request.conversation) {
                cache.push(word.trim().to_owned());
            }
            let text = word.to_owned();
            let token = self.token(word);
            if timings.predicted_n == 1 {
                self.tell(EngineEvent::Making {
                    request: id,
                    origin: origin(),
                    ids: self.ids.clone(),
                })
                .await;
            }
            self.ids.chosen.push(token);
            self.tell(EngineEvent::Tokens {
                request: id,
                text,
                ids: vec![token],
                context_used: used + 1,
                timings,
            })
            .await;
            if request.sampling.n_probs > 0 {
                let mut trace = self.trace(token);
                trace.tokens[0].at = self.ids.chosen.len() as u32 - 1;
                self.tell(EngineEvent::Traced { request: id, trace }).await;
            }
        }
        let used = self.caches.get(&request.conversation).map_or(0, Vec::len) as u32;
        self.finish(id, StopReason::EndOfTurn, used, timings).await;
    }

    pub(super) async fn finish(
        &self,
        request: RequestId,
        reason: StopReason,
        context_used: u32,
        timings: Timings,
    ) {
        self.tell(EngineEvent::Made {
            request,
            origin: origin(),
            ids: self.ids.clone(),
        })
        .await;
        self.tell(EngineEvent::Finished {
            request,
            reason,
            context_used,
            timings,
        })
        .await;
    }
}

fn origin() -> Box<Origin> {
    Box::new(Origin {
        fingerprint: FINGERPRINT.into(),
        program: "fake".into(),
        ..Origin::default()
    })
}

fn stops(command: &Command, id: RequestId) -> bool {
    matches!(command, Command::Cancel(other) if *other == id)
}
