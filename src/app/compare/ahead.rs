//! How many of the chosen columns will go on at once, asked of the engine before they are sent.
//!
//! ```text
//! chosen ─┬► Foresee with a sequence for each ─► fits? no ─► one fewer, until what runs already has them
//!         └► ShowPrompt of the first column ─► its tokens         ─► both known: the room
//! ```

use super::{Message, message, parse, run};
use crate::app::{Effect, State, attach};
use crate::chat;
use crate::compare::{self, Column, Room};
use crate::engine::{
    Command, ContextInfo, ConversationId, EngineError, Forecast, GenerateRequest, LoadId, Prompt,
    RequestId,
};

/// What is known of the room for the columns that are chosen.
#[derive(Debug, Default)]
pub struct Ahead {
    /// `None` while fewer than two are chosen, and until the engine has answered.
    pub room: Option<Room>,
    columns: Vec<Column>,
    /// The sequences that were asked about last.
    asked: Option<(LoadId, usize)>,
    /// The context they would go on in, and why it has not more sequences.
    context: Option<(ContextInfo, Option<String>)>,
    /// The prompt that is counted, then its tokens.
    counting: Option<RequestId>,
    n_prompt: Option<u32>,
}

impl Ahead {
    /// The sequences to ask for where so many columns begin: fewer, where memory has no more.
    pub(super) fn sequences(&self, columns: usize) -> usize {
        match &self.context {
            Some((context, Some(_))) if self.columns.len() == columns => context.n_seq_max as usize,
            _ => columns,
        }
    }

    fn settle(&mut self) {
        let Some((context, why)) = &self.context else {
            return;
        };
        let columns = self.columns.len();
        let n_reply = compare::longest_reply(&self.columns);
        if n_reply.is_some() && self.n_prompt.is_none() {
            return;
        }
        let n_prompt = self.n_prompt.unwrap_or(0);
        let systems = self
            .columns
            .iter()
            .map(|column| column.params.reply().system);
        let is_shared = context.sharing.why_not().is_none() && all_equal(systems);
        let n_shared = if is_shared { n_prompt } else { 0 };
        let room = compare::at_once(context, columns, n_shared, n_prompt, n_reply);
        self.room = Some(match why {
            Some(why) if room.at_once >= context.n_seq_max as usize => {
                Room::by_memory(columns, room.at_once, why)
            }
            _ => room,
        });
    }
}

/// Asks about what is chosen now.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    state.compare.ahead = Ahead::default();
    let chosen = &state.compare.chosen;
    let columns: Result<Vec<Column>, String> =
        chosen.iter().map(|text| parse(state, text)).collect();
    let (Ok(columns), Some((_, context))) = (columns, &state.model.running) else {
        return vec![];
    };
    if columns.len() < 2 {
        return vec![];
    }
    let count = columns.len();
    if context.n_seq_max as usize >= count {
        state.compare.ahead.context = Some(((**context).clone(), None));
    }
    state.compare.ahead.columns = columns;
    let mut effects = count_prompt(state);
    if state.compare.ahead.context.is_none() {
        effects.push(ask_memory(state, count));
    }
    state.compare.ahead.settle();
    effects
}

/// Takes the word about memory in; `None` when it was not asked for here.
pub(super) fn on_foreseen(
    state: &mut State,
    id: LoadId,
    outcome: &Result<Box<Forecast>, EngineError>,
) -> Option<Vec<Effect>> {
    let ahead = &mut state.compare.ahead;
    let (_, tried) = ahead.asked.take_if(|(asked, _)| *asked == id)?;
    let Some((_, running)) = &state.model.running else {
        return Some(vec![]);
    };
    let mut context = (**running).clone();
    let why = match outcome {
        Ok(forecast) if forecast.fits => {
            context.n_seq_max = u32::try_from(tried).unwrap_or(u32::MAX);
            context.n_ctx = forecast.n_ctx;
            context.params.context.kv_unified = true;
            // Of one sequence more it was said why not.
            let why = ahead.context.take().and_then(|(_, why)| why);
            ahead.context = Some((context, why));
            ahead.settle();
            return Some(vec![]);
        }
        Ok(_) => "less would stay free than fit-target asks for".to_owned(),
        Err(error) => error.why.clone(),
    };
    let is_last = tried <= context.n_seq_max as usize + 1;
    ahead.context = Some((context, Some(why)));
    if is_last {
        ahead.settle();
        return Some(vec![]);
    }
    Some(vec![ask_memory(state, tried - 1)])
}

/// Takes the prompt in; false when it was not asked for here.
pub(super) fn on_prompt(
    state: &mut State,
    request: RequestId,
    prompt: &Result<Box<Prompt>, EngineError>,
) -> bool {
    let ahead = &mut state.compare.ahead;
    if ahead.counting.take_if(|asked| *asked == request).is_none() {
        return false;
    }
    if let Ok(prompt) = prompt {
        ahead.n_prompt = Some(u32::try_from(prompt.tokens.len()).unwrap_or(u32::MAX));
        // While fewer sequences are being tried there is nothing to tell yet.
        if ahead.asked.is_none() {
            ahead.settle();
        }
    }
    true
}

fn ask_memory(state: &mut State, sequences: usize) -> Effect {
    let id = state.next_load();
    state.compare.ahead.asked = Some((id, sequences));
    let params = &state.params.values;
    let params = params.with(&compare::sequences_for(sequences));
    Effect::Engine(Command::Foresee {
        id,
        params: Box::new(params.load()),
    })
}

/// Has the prompt of the first column counted, where the room depends on it.
fn count_prompt(state: &mut State) -> Vec<Effect> {
    let Some(messages) = messages(state) else {
        return vec![];
    };
    let id = state.next_request();
    let ahead = &mut state.compare.ahead;
    let Some(column) = ahead.columns.first() else {
        return vec![];
    };
    if compare::longest_reply(&ahead.columns).is_none() {
        return vec![];
    }
    ahead.counting = Some(id);
    let request = GenerateRequest {
        id,
        conversation: ConversationId(id.0),
        messages,
        reply_so_far: String::new(),
        exact: None,
        sampling: column.params.sampling(),
        reply: column.params.reply(),
    };
    vec![Effect::Engine(Command::ShowPrompt(Box::new(request)))]
}

/// What the columns would see.
fn messages(state: &State) -> Option<Vec<chat::Message>> {
    match message(state)? {
        Message::Entry(at) => Some(run::messages(state, at)),
        Message::Written => {
            let mut messages = state.chat.messages_until(state.chat.entries.len());
            messages.push(chat::Message::new(
                chat::Role::User,
                attach::as_sent(state, &state.composer.text()),
            ));
            Some(messages)
        }
    }
}

fn all_equal<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
    let first = values.next();
    values.all(|value| Some(value) == first)
}
