//! The whole state of the program; each area is a type of its own.

use std::sync::Arc;

use super::{
    AttachState, BenchState, ChatState, CompareState, Completion, Composer, ContextState,
    DownloadsState, GaugesState, LibraryState, LogState, MetricsState, ModelState, Notice, Overlay,
    ParamsState, Preview, PromptState, SessionsState, SpeedState, Summarising, TokensState, View,
    WhyState,
};
use crate::config::{Persona, Preset};
use crate::engine::{ConversationId, LoadId, RequestId};
use crate::keymap::Keymap;

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pane {
    Composer,
    Chat,
    Parameters,
    Speed,
    Gauges,
    Log,
}

/// What the screen shows and what the next event finds.
#[derive(Debug)]
pub struct State {
    /// The terminal's size in cells: width, height.
    pub size: (u16, u16),
    pub view: View,
    /// The pane that takes keys while the view is the deck.
    pub focus: Pane,
    /// The pane shown in place of the chat where there is no room for all: one of Parameters,
    /// Speed, Gauges, Log; `None` = chat.
    pub side: Option<Pane>,
    pub overlay: Option<Overlay>,
    /// A short message in the status line.
    pub notice: Option<Notice>,
    /// The first Ctrl-C came; a second one quits. The number is that of its timer.
    pub quit_armed: Option<u64>,
    pub chat: ChatState,
    pub composer: Composer,
    /// What completes the command in the composer.
    pub completion: Completion,
    pub model: ModelState,
    pub params: ParamsState,
    pub speed: SpeedState,
    pub gauges: GaugesState,
    pub log: LogState,
    pub metrics: MetricsState,
    pub sessions: SessionsState,
    pub downloads: DownloadsState,
    pub attach: AttachState,
    pub prompt: PromptState,
    pub context: ContextState,
    /// The summary that is being written.
    pub summarising: Option<Summarising>,
    pub bench: BenchState,
    pub tokens: TokensState,
    pub preview: Preview,
    pub why: WhyState,
    pub compare: CompareState,
    pub library: LibraryState,
    pub presets: Arc<Vec<Preset>>,
    pub personas: Arc<Vec<Persona>>,
    pub themes: Arc<Vec<String>>,
    pub theme: String,
    pub keymap: Arc<Keymap>,
    /// The last number given to anything; ids are never reused.
    last_id: u64,
}

impl State {
    /// A fresh state for a terminal of that size: an empty chat, no model, no presets or themes yet.
    pub fn new(size: (u16, u16)) -> Self {
        Self {
            size,
            view: View::default(),
            focus: Pane::Composer,
            side: None,
            overlay: None,
            notice: None,
            quit_armed: None,
            chat: ChatState::new(ConversationId(0)),
            composer: Composer::new(),
            completion: Completion::default(),
            model: ModelState::default(),
            params: ParamsState::default(),
            speed: SpeedState::default(),
            gauges: GaugesState::default(),
            log: LogState::default(),
            metrics: MetricsState::default(),
            sessions: SessionsState::default(),
            downloads: DownloadsState::default(),
            attach: AttachState::default(),
            prompt: PromptState::default(),
            context: ContextState::default(),
            summarising: None,
            bench: BenchState::default(),
            tokens: TokensState::default(),
            preview: Preview::default(),
            why: WhyState::default(),
            compare: CompareState::default(),
            library: LibraryState::default(),
            presets: Arc::default(),
            personas: Arc::default(),
            themes: Arc::default(),
            theme: String::new(),
            keymap: Arc::default(),
            last_id: 0,
        }
    }

    pub(super) fn next_load(&mut self) -> LoadId {
        LoadId(self.next_id())
    }

    pub(super) fn next_request(&mut self) -> RequestId {
        RequestId(self.next_id())
    }

    pub(super) fn next_conversation(&mut self) -> ConversationId {
        ConversationId(self.next_id())
    }

    /// The first of so many numbers that are given to nothing else.
    pub(super) fn reserve_ids(&mut self, count: u64) -> u64 {
        let first = self.last_id + 1;
        self.last_id += count;
        first
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
