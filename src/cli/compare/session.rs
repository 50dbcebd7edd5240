//! One load, then for each prompt all columns at once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tokio::sync::mpsc::Receiver;

use crate::chat::{Message, Role};
use crate::cli::Failure;
use crate::cli::engine::engine_ended;
use crate::compare::{self, Column, ColumnReport, Report, Room, stop_name};
use crate::engine::{
    Command, ContextInfo, ConversationId, EngineEvent, EngineStopped, ErrorKind, GenerateRequest,
    LoadId, LoadRequest, ModelInfo, RequestId, StopReason,
};
use crate::params::{Param, Params, Source};

const DOING: &str = "comparing presets";

/// The engine, the model it runs and the columns.
pub(super) struct Session<'a> {
    /// Sends a command to the engine.
    pub send: &'a dyn Fn(Command) -> Result<(), EngineStopped>,
    pub events: &'a mut Receiver<EngineEvent>,
    /// A message for each wish to stop.
    pub interrupts: &'a mut Receiver<()>,
    pub columns: Vec<Column>,
    /// The last number given to a request or a conversation.
    pub last_id: u64,
}

/// A model that runs, and what has to be told of it.
pub(super) struct Loaded {
    pub model: ModelInfo,
    pub context: ContextInfo,
    notes: Vec<String>,
}

/// What came of one prompt.
pub(super) struct Answered {
    pub report: Report,
    pub is_stopped: bool,
}

impl Session<'_> {
    /// Loads the model with a sequence for each column; where memory has no room for so many, with
    /// fewer, and says so.
    ///
    /// # Errors
    /// What the engine reports.
    pub(super) async fn load(&mut self, path: PathBuf, params: &Params) -> Result<Loaded, Failure> {
        let asked = self.columns.len();
        let is_given = params.source(Param::Parallel) != Source::Default;
        let (mut wanted, mut notes) = (asked, Vec::new());
        loop {
            let mut params = params.clone();
            if !is_given {
                params = params.with(&compare::sequences_for(wanted));
            }
            match self.try_load(path.clone(), &params).await? {
                Ok((model, context)) => {
                    // What a model recommends lies under every preset.
                    for column in &mut self.columns {
                        column
                            .params
                            .replace(Source::Model, model.recommended.clone());
                    }
                    notes.extend(
                        context.sharing.why_not().map(|why| {
                            format!("every column prefills the prompt by itself: {why}")
                        }),
                    );
                    return Ok(Loaded {
                        model,
                        context,
                        notes,
                    });
                }
                Err(error) if error.kind == ErrorKind::NoMemory && wanted > 1 && !is_given => {
                    wanted /= 2;
                    notes = vec![Room::by_memory(asked, wanted, error.why).to_string()];
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn try_load(
        &mut self,
        path: PathBuf,
        params: &Params,
    ) -> Result<Result<(ModelInfo, ContextInfo), crate::engine::EngineError>, Failure> {
        self.last_id += 1;
        let id = LoadId(self.last_id);
        let params = params.load();
        self.send(Command::Load(Box::new(LoadRequest { id, path, params })))?;
        loop {
            tokio::select! {
                event = self.events.recv() => match event.ok_or_else(|| engine_ended(DOING))? {
                    EngineEvent::Loaded { model, context, .. } => return Ok(Ok((*model, *context))),
                    EngineEvent::LoadFailed { error, .. } => return Ok(Err(error)),
                    _ => {}
                },
                Some(()) = self.interrupts.recv() => self.send(Command::CancelLoad(id))?,
            }
        }
    }

    /// Answers one prompt in every column. A column that fails says so in its report.
    ///
    /// # Errors
    /// When the engine is gone.
    pub(super) async fn answer(
        &mut self,
        prompt: &str,
        loaded: &Loaded,
    ) -> Result<Answered, Failure> {
        let first = self.last_id + 1;
        let messages = vec![Message::new(Role::User, prompt)];
        let mut reports: Vec<ColumnReport> = self.columns.iter().map(ColumnReport::new).collect();
        for column in &self.columns {
            self.last_id += 1;
            let request = GenerateRequest {
                id: RequestId(self.last_id),
                conversation: ConversationId(self.last_id),
                messages: messages.clone(),
                reply_so_far: String::new(),
                exact: None,
                sampling: column.params.sampling(),
                reply: column.params.reply(),
            };
            self.send(Command::Generate(Box::new(request)))?;
        }
        let mut running: BTreeSet<u64> = (first..=self.last_id).collect();
        let (mut is_stopped, mut totals) = (false, vec![(0, 0); reports.len()]);
        while !running.is_empty() {
            let event = tokio::select! {
                event = self.events.recv() => event.ok_or_else(|| engine_ended(DOING))?,
                Some(()) = self.interrupts.recv() => {
                    is_stopped = true;
                    for id in &running {
                        self.send(Command::Cancel(RequestId(*id)))?;
                    }
                    continue;
                }
            };
            let at = |request: RequestId| {
                let at = request.0.checked_sub(first)?;
                usize::try_from(at)
                    .ok()
                    .filter(|at| *at < self.columns.len())
            };
            match event {
                EngineEvent::Queued { request, seed } => {
                    if let Some(at) = at(request) {
                        reports[at].seed = Some(seed);
                    }
                }
                EngineEvent::Prefill {
                    request,
                    total,
                    reused,
                    ..
                } => {
                    if let Some(at) = at(request) {
                        totals[at] = (total, reused);
                    }
                }
                EngineEvent::Tokens {
                    request,
                    text,
                    timings,
                    ..
                } => {
                    if let Some(at) = at(request) {
                        reports[at].text.push_str(&text);
                        reports[at].timings = Some(timings);
                    }
                }
                EngineEvent::Finished {
                    request,
                    reason,
                    timings,
                    ..
                } => {
                    if let Some(at) = at(request) {
                        reports[at].stop_reason = Some(stop_name(&reason));
                        reports[at].timings = Some(timings);
                        is_stopped |= reason == StopReason::Cancelled;
                    }
                    running.remove(&request.0);
                }
                EngineEvent::Failed { request, error } => {
                    if let Some(at) = at(request) {
                        reports[at].stop_reason = Some("failed");
                        reports[at].error = Some(error.to_string());
                    }
                    running.remove(&request.0);
                }
                _ => {}
            }
        }
        let mut notes = loaded.notes.clone();
        notes.extend(self.room(&loaded.context, &totals));
        let model = (loaded.model.name.clone(), loaded.model.fingerprint.clone());
        let report = Report::new(prompt.to_owned(), model, reports, notes);
        Ok(Answered { report, is_stopped })
    }

    /// Says how many columns went on at once, where it was not all of them.
    fn room(&self, context: &ContextInfo, totals: &[(u32, u32)]) -> Option<String> {
        let n_prompt = totals.iter().map(|(total, _)| *total).max().unwrap_or(0);
        // The first column shares with nobody.
        let shared = totals.iter().skip(1).map(|(_, reused)| *reused).min();
        let room = compare::at_once(
            context,
            self.columns.len(),
            shared.unwrap_or(0),
            n_prompt,
            compare::longest_reply(&self.columns),
        );
        (!room.is_enough()).then(|| room.to_string())
    }

    fn send(&self, command: Command) -> Result<(), Failure> {
        (self.send)(command).map_err(|_| engine_ended(DOING))
    }
}
