//! Measuring the running model as llama-bench does: random tokens, nothing sampled.

use std::time::{Duration, Instant};

use super::mail::Mail;
use super::{Running, Worker, sequence};
use crate::engine::contention::{self, CpuTime};
use crate::engine::llama::{self, Batch, Context, Decode, Interrupt, Output};
use crate::engine::{
    BenchRequest, BenchSample, BenchTest, EngineError, EngineEvent, ErrorKind, LetGo,
};

/// The sequence that is measured; all are empty meanwhile.
const SEQUENCE: i32 = 0;
/// The system counts what processes take in hundredths of a second: over less time than this the
/// error is a tenth of a core and more.
const LONG_ENOUGH: Duration = Duration::from_millis(200);

impl Worker {
    /// Answers [`crate::engine::Command::Bench`].
    pub(super) fn bench(&mut self, request: BenchRequest) {
        let id = request.id;
        let event = match self.try_bench(request) {
            Ok(cores_taken) => EngineEvent::BenchDone { id, cores_taken },
            Err(error) => EngineEvent::BenchFailed { id, error },
        };
        self.mail.outbox.push(event);
    }

    /// Measures; the cores that other processes took meanwhile.
    fn try_bench(&mut self, request: BenchRequest) -> Result<Option<f64>, EngineError> {
        let Some(running) = &self.running else {
            return Err(failure(
                ErrorKind::NoModel,
                request.test,
                "no model is loaded",
                "load one first",
            ));
        };
        check(request.test, running.context_info.n_ctx)?;
        self.free_for_caches();
        let saved = self.set_aside();
        let outcome = match &mut self.running {
            Some(running) => Measurement::new(
                running,
                self.slots.len(),
                &mut self.batch,
                &mut self.mail,
                &self.interrupt,
                request,
            )
            .run(),
            None => Ok(None),
        };
        self.put_back(&saved);
        outcome
    }

    /// Lets the held model go where system memory would not hold both what is in the caches and
    /// what the measurement fills them with.
    fn free_for_caches(&mut self) {
        let (Some(running), Some(held)) = (&self.running, &self.held) else {
            return;
        };
        let devices = running.context_info.devices.iter();
        let cache: u64 = devices.map(|device| device.kv).sum();
        if !llama::host_has(cache.saturating_mul(2), &running.asked, held.context()) {
            self.let_go(LetGo::Memory);
        }
    }

    /// Saves what is in the cache of every slot.
    fn set_aside(&mut self) -> Vec<Option<Vec<u8>>> {
        let Some(running) = &mut self.running else {
            return Vec::new();
        };
        let slots = self.slots.iter().enumerate();
        slots
            .map(|(index, slot)| {
                (slot.n_cached > 0)
                    .then(|| running.context.save(sequence(index)))
                    .flatten()
            })
            .collect()
    }

    /// Puts the caches of the slots back; one that cannot be is prefilled again when it is needed.
    fn put_back(&mut self, saved: &[Option<Vec<u8>>]) {
        let Some(running) = &mut self.running else {
            return;
        };
        for index in 0..self.slots.len() {
            running.context.clear(sequence(index));
        }
        for (index, (slot, state)) in self.slots.iter_mut().zip(saved).enumerate() {
            // What was shared is a copy now.
            slot.shares = false;
            let sequence = sequence(index);
            let restored = state
                .as_ref()
                .is_some_and(|state| running.context.restore(sequence, state));
            if slot.n_cached > 0 && !restored {
                running.context.clear(sequence);
                slot.forget_cache();
            }
        }
    }
}

/// Why a repetition has no sample.
enum Halt {
    /// Another command interrupted it; it is measured again.
    Again,
    Failed(EngineError),
}

/// A measurement in progress.
struct Measurement<'a> {
    context: &'a mut Context,
    batch: &'a mut Batch,
    mail: &'a mut Mail,
    interrupt: &'a Interrupt,
    request: BenchRequest,
    n_sequences: usize,
    n_batch: u32,
    n_vocab: u64,
    /// The token that prompts of this model begin with.
    bos: Option<i32>,
    /// The state of a generator of tokens.
    random: u64,
    /// The cache at the test's depth, so that it is filled once.
    depth: Option<Vec<u8>>,
}

impl<'a> Measurement<'a> {
    fn new(
        running: &'a mut Running,
        n_sequences: usize,
        batch: &'a mut Batch,
        mail: &'a mut Mail,
        interrupt: &'a Interrupt,
        request: BenchRequest,
    ) -> Self {
        let vocab = running.open.model.vocab();
        Self {
            n_vocab: u64::try_from(vocab.len()).unwrap_or(1).max(1),
            bos: (vocab.adds_bos() && vocab.bos() >= 0).then(|| vocab.bos()),
            n_batch: running.context_info.n_batch.max(1),
            context: &mut running.context,
            batch,
            mail,
            interrupt,
            request,
            n_sequences,
            random: 1,
            depth: None,
        }
    }

    fn run(mut self) -> Result<Option<f64>, EngineError> {
        let test = self.request.test;
        if self.request.warmup {
            // As llama-bench: the whole prompt, but only one token.
            self.repeat(BenchTest {
                n_gen: test.n_gen.min(1),
                n_depth: 0,
                ..test
            })?;
        }
        let before = contention::read();
        for _ in 0..self.request.repetitions {
            let sample = self.repeat(test)?;
            let id = self.request.id;
            self.mail
                .outbox
                .push(EngineEvent::BenchSample { id, sample });
        }
        Ok(before.and_then(cores_taken_since))
    }

    /// One repetition, from the start again where it was interrupted.
    fn repeat(&mut self, test: BenchTest) -> Result<BenchSample, EngineError> {
        loop {
            match self.once(test) {
                Ok(sample) => return Ok(sample),
                Err(Halt::Again) => self.interrupt.arm(),
                Err(Halt::Failed(error)) => return Err(error),
            }
        }
    }

    fn once(&mut self, test: BenchTest) -> Result<BenchSample, Halt> {
        self.fill(test.n_depth)?;
        let started = Instant::now();
        let mut position = test.n_depth;
        let mut first_token = Duration::ZERO;
        if test.n_prompt > 0 {
            self.prefill(position, test.n_prompt)?;
            first_token = started.elapsed();
            position += test.n_prompt;
        }
        for step in 0..test.n_gen {
            self.prefill(position + step, 1)?;
            if test.n_prompt == 0 && step == 0 {
                first_token = started.elapsed();
            }
        }
        Ok(BenchSample {
            took: started.elapsed(),
            first_token,
        })
    }

    /// Empties the cache and fills it to a depth.
    fn fill(&mut self, n_depth: u32) -> Result<(), Halt> {
        for index in 0..self.n_sequences {
            self.context.clear(sequence(index));
        }
        if n_depth == 0 {
            return Ok(());
        }
        if let Some(state) = &self.depth
            && self.context.restore(SEQUENCE, state)
        {
            return Ok(());
        }
        self.context.clear(SEQUENCE);
        self.prefill(0, n_depth)?;
        self.depth = self.context.save(SEQUENCE);
        Ok(())
    }

    /// Decodes random tokens from a position on, in batches, and waits for the last logits.
    fn prefill(&mut self, from: u32, count: u32) -> Result<(), Halt> {
        let (mut at, end) = (from, from + count);
        while at < end {
            if self.mail.ends_bench(self.request.id) {
                return Err(Halt::Failed(stopped(self.request.test)));
            }
            let until = end.min(at.saturating_add(self.n_batch));
            self.batch.clear();
            let mut last = 0;
            for position in at..until {
                let token = match self.bos {
                    Some(bos) if position == 0 => bos,
                    _ => self.token(),
                };
                // Logits after the last token of a batch, as `llama_batch_get_one` asks for.
                let output = if position + 1 == until {
                    Output::Logits
                } else {
                    Output::None
                };
                let position = i32::try_from(position).unwrap_or(i32::MAX);
                last = self.batch.add(token, position, SEQUENCE, output);
            }
            self.decode()?;
            if until == end && self.context.logits(last).is_none() {
                return Err(self.failed("llama.cpp gave no logits"));
            }
            at = until;
        }
        Ok(())
    }

    fn decode(&mut self) -> Result<(), Halt> {
        match self.context.decode(self.batch) {
            Decode::Done => Ok(()),
            Decode::Aborted => Err(Halt::Again),
            Decode::NoSpace => Err(self.failed("the KV cache has no room")),
            Decode::Failed(code) => {
                let why = llama::failure_reason()
                    .unwrap_or_else(|| format!("llama_decode returned {code}"));
                Err(self.failed(&why))
            }
        }
    }

    /// Any token: the time a step takes does not depend on which (an expert's choice may, which
    /// many tokens even out). Knuth's linear congruential generator (MMIX), its high bits.
    fn token(&mut self) -> i32 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i32::try_from((self.random >> 33) % self.n_vocab).unwrap_or(0)
    }

    fn failed(&self, why: &str) -> Halt {
        Halt::Failed(failure(
            ErrorKind::Internal,
            self.request.test,
            why,
            "the log has more; loading the model again may help",
        ))
    }
}

/// Cores that other processes took since a reading, where that is long enough ago to tell.
fn cores_taken_since(earlier: CpuTime) -> Option<f64> {
    let now = contention::read()?;
    (now.clock - earlier.clock >= LONG_ENOUGH.as_secs_f64())
        .then(|| now.others_since(earlier))
        .flatten()
}

fn check(test: BenchTest, n_ctx: u32) -> Result<(), EngineError> {
    let (why, hint) = if test.n_prompt == 0 && test.n_gen == 0 {
        (
            "there is nothing to measure".to_owned(),
            "give a prompt or tokens to generate",
        )
    } else if test.n_ctx() > n_ctx {
        (
            format!(
                "it takes {} tokens and the context holds {n_ctx}",
                test.n_ctx()
            ),
            "raise ctx-size or measure less",
        )
    } else {
        return Ok(());
    };
    Err(failure(ErrorKind::BadParameter, test, &why, hint))
}

fn stopped(test: BenchTest) -> EngineError {
    failure(ErrorKind::Cancelled, test, "it was stopped", "")
}

fn failure(kind: ErrorKind, test: BenchTest, why: &str, hint: &str) -> EngineError {
    let BenchTest {
        n_prompt,
        n_gen,
        n_depth,
    } = test;
    EngineError {
        kind,
        what: format!(
            "measuring a prompt of {n_prompt} tokens and {n_gen} generated, {n_depth} deep"
        ),
        why: why.into(),
        hint: hint.into(),
    }
}
