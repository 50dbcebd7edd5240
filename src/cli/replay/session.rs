//! One load and one reply from tokens.

use std::path::PathBuf;

use crate::cli::Failure;
use crate::cli::engine::{Engine, engine_ended};
use crate::engine::{
    Command, ConversationId, EngineEvent, Exact, GenerateRequest, LoadId, LoadRequest, RequestId,
};
use crate::params::{LoadParams, ReplyParams, SamplingParams};
use crate::store::Kept;

const LOAD: LoadId = LoadId(1);
const REQUEST: RequestId = RequestId(1);
const DOING: &str = "making the reply again";

pub(super) struct Session<'a> {
    engine: Engine<'a>,
}

impl<'a> Session<'a> {
    pub(super) fn new(engine: Engine<'a>) -> Self {
        Self { engine }
    }

    /// Loads the model and makes the reply.
    ///
    /// # Errors
    /// What the engine reports.
    pub(super) async fn make(
        mut self,
        path: PathBuf,
        load: LoadParams,
        exact: Exact,
        sampling: SamplingParams,
        reply: ReplyParams,
    ) -> Result<Kept, Failure> {
        self.send(Command::Load(Box::new(LoadRequest {
            id: LOAD,
            path,
            params: load,
        })))?;
        loop {
            match self.next(Command::CancelLoad(LOAD)).await? {
                EngineEvent::Loaded { .. } => break,
                EngineEvent::LoadFailed { error, .. } => return Err(error.into()),
                _ => {}
            }
        }
        self.send(Command::Generate(Box::new(GenerateRequest {
            id: REQUEST,
            conversation: ConversationId(1),
            messages: Vec::new(),
            reply_so_far: String::new(),
            exact: Some(exact),
            sampling,
            reply,
        })))?;
        let mut kept = Kept::default();
        loop {
            match self.next(Command::Cancel(REQUEST)).await? {
                EngineEvent::Traced { trace, .. } => kept.trace.append(trace),
                EngineEvent::Made { origin, ids, .. } => {
                    kept.origin = *origin;
                    kept.ids = ids;
                }
                EngineEvent::Finished { .. } => return Ok(kept),
                EngineEvent::Failed { error, .. } => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// The next event; a wish to stop sends `cancel`.
    async fn next(&mut self, cancel: Command) -> Result<EngineEvent, Failure> {
        loop {
            tokio::select! {
                event = self.engine.events.recv() => return event.ok_or_else(|| engine_ended(DOING)),
                Some(()) = self.engine.interrupts.recv() => self.send(cancel.clone())?,
            }
        }
    }

    fn send(&self, command: Command) -> Result<(), Failure> {
        let sent = self.engine.handle.send(command);
        sent.map_err(|_| engine_ended(DOING))
    }
}
