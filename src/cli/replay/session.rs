//! One load, and replies from tokens.

use std::path::PathBuf;

use crate::cli::Failure;
use crate::cli::engine::{Engine, engine_ended};
use crate::engine::{
    Command, ConversationId, EngineEvent, Exact, GenerateRequest, LoadId, LoadRequest, RequestId,
};
use crate::params::{LoadParams, ReplyParams, SamplingParams};
use crate::store::Kept;

const LOAD: LoadId = LoadId(1);
const DOING: &str = "making the reply again";

pub(super) struct Session<'a> {
    engine: Engine<'a>,
    /// Replies so far.
    made: u64,
}

impl<'a> Session<'a> {
    /// Loads the model.
    ///
    /// # Errors
    /// What the engine reports.
    pub(super) async fn load(
        engine: Engine<'a>,
        path: PathBuf,
        params: LoadParams,
    ) -> Result<Self, Failure> {
        let mut session = Self { engine, made: 0 };
        session.send(Command::Load(Box::new(LoadRequest {
            id: LOAD,
            path,
            params,
        })))?;
        loop {
            match session.next(Command::CancelLoad(LOAD)).await? {
                EngineEvent::Loaded { .. } => return Ok(session),
                EngineEvent::LoadFailed { error, .. } => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// Makes a reply, each in a conversation of its own, so that none begins with another's cache.
    ///
    /// # Errors
    /// What the engine reports.
    pub(super) async fn make(
        &mut self,
        exact: Exact,
        sampling: SamplingParams,
        reply: ReplyParams,
    ) -> Result<Kept, Failure> {
        self.made += 1;
        let request = RequestId(self.made);
        self.send(Command::Generate(Box::new(GenerateRequest {
            id: request,
            conversation: ConversationId(self.made),
            messages: Vec::new(),
            reply_so_far: String::new(),
            exact: Some(exact),
            sampling,
            reply,
        })))?;
        let mut kept = Kept::default();
        loop {
            match self.next(Command::Cancel(request)).await? {
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
