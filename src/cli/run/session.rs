//! One load and one reply: commands to the engine, its events to a result.

use std::io;
use std::path::PathBuf;

use tokio::sync::mpsc::Receiver;

use crate::chat::reasoning::{Parts, Splitter};
use crate::chat::{Message, Role};
use crate::cli::engine::engine_ended;
use crate::cli::{Failure, print_result};
use crate::engine::{
    self, Command, ContextInfo, ConversationId, EngineEvent, EngineStopped, GenerateRequest,
    LoadId, LoadRequest, ModelInfo, RequestId, StopReason, Timings,
};
use crate::params::{Params, Source};

const LOAD: LoadId = LoadId(1);
const REQUEST: RequestId = RequestId(1);

/// A finished reply.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    /// What the model thought before it answered.
    pub thought: String,
    /// The answer.
    pub text: String,
    pub stop: StopReason,
    pub timings: Timings,
    /// The seed in use.
    pub seed: u32,
    /// Tokens in the context at the end.
    pub context_used: u32,
    pub model: ModelInfo,
    pub context: ContextInfo,
    pub reader: Reader,
}

impl Reply {
    /// Keeps new text and shows it.
    fn take(
        &mut self,
        parts: &Parts,
        sink: &mut dyn FnMut(&Parts) -> io::Result<()>,
    ) -> io::Result<()> {
        self.thought.push_str(&parts.thought);
        self.text.push_str(&parts.answer);
        if parts == &Parts::default() {
            return Ok(());
        }
        sink(parts)
    }
}

/// Whether whoever reads the text stayed to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Listening,
    /// The pipe was closed, and the reply was ended for that.
    Gone,
}

/// Where the reply comes from and goes to.
pub(super) struct Session<'a> {
    /// Sends a command to the engine.
    pub send: &'a dyn Fn(Command) -> Result<(), EngineStopped>,
    pub events: &'a mut Receiver<EngineEvent>,
    /// A message for each wish to stop.
    pub interrupts: &'a mut Receiver<()>,
    /// Takes what is worth knowing beside the reply.
    pub note: &'a mut dyn FnMut(&str),
    /// Takes text as it comes; `BrokenPipe` ends the reply without a failure.
    pub sink: &'a mut dyn FnMut(&Parts) -> io::Result<()>,
}

impl Session<'_> {
    /// Loads the model and makes one reply to `prompt`.
    ///
    /// # Errors
    /// What the engine reports, or a sink that cannot be written.
    pub(super) async fn reply(
        &mut self,
        path: PathBuf,
        mut params: Params,
        prompt: String,
    ) -> Result<Reply, Failure> {
        let (model, context) = self.load(path, &params).await?;
        for text in engine::unmet(&params.load(), &model, &context) {
            (self.note)(&text);
        }
        params.replace(Source::Model, model.recommended.clone());
        self.send(Command::Generate(Box::new(GenerateRequest {
            id: REQUEST,
            conversation: ConversationId(1),
            messages: vec![Message::new(Role::User, prompt)],
            reply_so_far: String::new(),
            exact: None,
            sampling: params.sampling(),
            reply: params.reply(),
        })))?;
        let mut reply = Reply {
            thought: String::new(),
            text: String::new(),
            stop: StopReason::Cancelled,
            timings: Timings::default(),
            seed: 0,
            context_used: 0,
            model,
            context,
            reader: Reader::Listening,
        };
        self.stream(&mut reply).await?;
        Ok(reply)
    }

    async fn load(
        &mut self,
        path: PathBuf,
        params: &Params,
    ) -> Result<(ModelInfo, ContextInfo), Failure> {
        let request = LoadRequest {
            id: LOAD,
            path,
            params: params.load(),
        };
        self.send(Command::Load(Box::new(request)))?;
        loop {
            match self.next(Command::CancelLoad(LOAD)).await? {
                EngineEvent::Loaded { model, context, .. } => return Ok((*model, *context)),
                EngineEvent::LoadFailed { error, .. } => return Err(error.into()),
                _ => {}
            }
        }
    }

    async fn stream(&mut self, reply: &mut Reply) -> Result<(), Failure> {
        let mut broken = None;
        let mut splitter = Splitter::default();
        loop {
            match self.next(Command::Cancel(REQUEST)).await? {
                EngineEvent::Queued { seed, .. } => reply.seed = seed,
                EngineEvent::Thinking { tags, .. } => splitter = Splitter::inside(tags),
                EngineEvent::Tokens {
                    text, context_used, ..
                } => {
                    reply.context_used = context_used;
                    let parts = splitter.push(&text);
                    let shown = match broken {
                        None => reply.take(&parts, self.sink),
                        Some(_) => reply.take(&parts, &mut |_| Ok(())),
                    };
                    if let Err(error) = shown {
                        broken = Some(error);
                        self.send(Command::Cancel(REQUEST))?;
                    }
                }
                EngineEvent::Finished {
                    reason,
                    context_used,
                    timings,
                    ..
                } => {
                    let rest = splitter.finish();
                    let shown = match broken {
                        None => reply.take(&rest, self.sink),
                        Some(_) => reply.take(&rest, &mut |_| Ok(())),
                    };
                    broken = broken.or(shown.err());
                    reply.stop = reason;
                    reply.context_used = context_used;
                    reply.timings = timings;
                    break;
                }
                EngineEvent::Failed { error, .. } => return Err(error.into()),
                _ => {}
            }
        }
        if broken.is_some() {
            reply.reader = Reader::Gone;
        }
        print_result(broken.map_or(Ok(()), Err))
    }

    /// The next event; a wish to stop sends `cancel` and the event that answers it is waited for.
    async fn next(&mut self, cancel: Command) -> Result<EngineEvent, Failure> {
        loop {
            tokio::select! {
                event = self.events.recv() => return event.ok_or_else(|| engine_ended("making a reply")),
                Some(()) = self.interrupts.recv() => self.send(cancel.clone())?,
            }
        }
    }

    fn send(&self, command: Command) -> Result<(), Failure> {
        (self.send)(command).map_err(|_| engine_ended("making a reply"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ExitCode;
    use std::cell::RefCell;
    use std::time::Duration;

    use crate::engine::{CameFrom, EngineError, ErrorKind};
    use tokio::sync::mpsc;

    /// Runs a session against prepared events; returns the result, the commands sent and the text written.
    async fn session(
        script: Vec<EngineEvent>,
        interrupts: usize,
        mut sink: impl FnMut(&str) -> io::Result<()>,
    ) -> (Result<Reply, Failure>, Vec<&'static str>) {
        let (sender, mut events) = mpsc::channel(32);
        let (interrupt, mut wishes) = mpsc::channel(4);
        for _ in 0..interrupts {
            interrupt.send(()).await.unwrap();
        }
        let commands = RefCell::new(Vec::new());
        let script = RefCell::new(Some((sender, script)));
        let send = |command: Command| {
            commands.borrow_mut().push(match command {
                Command::Load(_) => "load",
                Command::Generate(_) => "generate",
                Command::Cancel(_) => "cancel",
                Command::CancelLoad(_) => "cancel load",
                _ => "other",
            });
            // The events arrive once every wish to stop has been taken up.
            if commands.borrow().len() > interrupts
                && let Some((sender, script)) = script.borrow_mut().take()
            {
                script
                    .into_iter()
                    .for_each(|event| sender.try_send(event).unwrap());
            }
            Ok(())
        };
        let mut session = Session {
            send: &send,
            events: &mut events,
            interrupts: &mut wishes,
            note: &mut |_| {},
            sink: &mut |parts| sink(&parts.answer),
        };
        let result = session
            .reply("a.gguf".into(), Params::default(), "hello".to_owned())
            .await;
        (result, commands.into_inner())
    }

    fn loaded() -> EngineEvent {
        EngineEvent::Loaded {
            id: LOAD,
            model: Box::default(),
            context: Box::default(),
            came_from: CameFrom::File,
            took: Duration::ZERO,
        }
    }

    fn tokens(text: &str) -> EngineEvent {
        let timings = Timings::default();
        EngineEvent::Tokens {
            request: REQUEST,
            text: text.to_owned(),
            ids: vec![1],
            context_used: 9,
            timings,
        }
    }

    fn finished(reason: StopReason) -> EngineEvent {
        EngineEvent::Finished {
            request: REQUEST,
            reason,
            context_used: 10,
            timings: Timings::default(),
        }
    }

    fn failed() -> EngineError {
        let text = |text: &str| text.to_owned();
        EngineError {
            kind: ErrorKind::BadData,
            what: text("loading a.gguf"),
            why: text("no GGUF"),
            hint: text(""),
        }
    }

    #[tokio::test]
    async fn text_is_streamed_and_collected() {
        let script = vec![
            loaded(),
            EngineEvent::Queued {
                request: REQUEST,
                seed: 7,
            },
            tokens("Hel"),
            tokens("lo"),
            finished(StopReason::EndOfTurn),
        ];
        let mut pieces = Vec::new();
        let (reply, commands) = session(script, 0, |text| {
            pieces.push(text.to_owned());
            Ok(())
        })
        .await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.text.as_str(), reply.seed, reply.context_used),
            ("Hello", 7, 10)
        );
        assert_eq!(pieces, ["Hel", "lo"]);
        assert_eq!(commands, ["load", "generate"]);
    }

    #[tokio::test]
    async fn thoughts_are_not_part_of_the_text() {
        let script = vec![
            loaded(),
            EngineEvent::Thinking {
                request: REQUEST,
                tags: crate::chat::reasoning::STYLES[0],
            },
            tokens("hm</thi"),
            tokens("nk>\n\nYes <"),
            finished(StopReason::EndOfTurn),
        ];
        let (reply, _) = session(script, 0, |_| Ok(())).await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.thought.as_str(), reply.text.as_str()),
            ("hm", "Yes <")
        );
    }

    #[tokio::test]
    async fn a_failed_load_keeps_its_kind() {
        let script = vec![EngineEvent::LoadFailed {
            id: LOAD,
            error: failed(),
            running: false,
        }];
        let (reply, commands) = session(script, 0, |_| Ok(())).await;
        assert_eq!(reply.unwrap_err().code, ExitCode::Data);
        assert_eq!(commands, ["load"]);
    }

    #[tokio::test]
    async fn a_wish_to_stop_cancels_and_keeps_what_there_is() {
        let script = vec![loaded(), tokens("Hel"), finished(StopReason::Cancelled)];
        let (reply, commands) = session(script, 1, |_| Ok(())).await;
        let reply = reply.unwrap();
        assert_eq!(
            (reply.text.as_str(), reply.stop),
            ("Hel", StopReason::Cancelled)
        );
        assert_eq!(commands[..2], ["load", "cancel load"]);
    }

    #[tokio::test]
    async fn a_reader_that_went_away_ends_the_reply_quietly() {
        let script = vec![
            loaded(),
            tokens("a"),
            tokens("b"),
            finished(StopReason::Cancelled),
        ];
        let mut writes = 0;
        let (reply, commands) = session(script, 0, |_| {
            writes += 1;
            Err(io::ErrorKind::BrokenPipe.into())
        })
        .await;
        let reply = reply.unwrap();
        assert_eq!((reply.text.as_str(), reply.reader), ("ab", Reader::Gone));
        assert_eq!(writes, 1);
        assert_eq!(commands, ["load", "generate", "cancel"]);
    }

    #[tokio::test]
    async fn a_full_disk_is_a_failure() {
        let script = vec![loaded(), tokens("a"), finished(StopReason::Cancelled)];
        let (reply, _) = session(script, 0, |_| Err(io::ErrorKind::StorageFull.into())).await;
        assert_eq!(reply.unwrap_err().code, ExitCode::Io);
    }

    #[tokio::test]
    async fn an_engine_that_vanishes_is_a_fault() {
        let (reply, _) = session(vec![loaded(), tokens("a")], 0, |_| Ok(())).await;
        assert_eq!(reply.unwrap_err().code, ExitCode::Software);
    }
}
