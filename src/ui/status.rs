//! The last line: a notice, or the keys that matter where the focus is.
//!
//! ```text
//! Enter send · Ctrl+J break the line · Esc stop · Tab next pane · F1 help
//! ```

use ratatui::layout::Rect;

use super::painter::{Painter, part};
use crate::app::{self, Action, Names, Stage, State, View};
use crate::keymap::Context;
use crate::theme::Role;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    if let Some(notice) = &state.notice {
        let (glyph, role) = if notice.is_error {
            (painter.glyphs.failure, Role::Error)
        } else {
            (painter.glyphs.note, Role::Accent)
        };
        let x = painter.text(area.x, area.y, area.right(), glyph, role) + 1;
        painter.text(
            x,
            area.y,
            area.right(),
            &notice.text,
            if notice.is_error {
                Role::Error
            } else {
                Role::Text
            },
        );
        return;
    }
    let hints = hints(state);
    let facts: Vec<_> = hints
        .iter()
        .map(|(key, what)| {
            vec![
                part(key.as_str(), Role::Key),
                part(format!(" {what}"), Role::Muted),
            ]
        })
        .collect();
    painter.facts(area.x, area.y, area.right(), &facts);
}

/// The keys that matter now, the most useful first: key, what it does in a word or two.
fn hints(state: &State) -> Vec<(String, &'static str)> {
    let context = app::context(state);
    let own: &[(Action, &str)] = match context {
        Context::Composer if state.chat.running().is_some() => &[(Action::Cancel, "stop")],
        Context::Composer => &[(Action::Send, "send"), (Action::NewLine, "new line")],
        Context::Command => &[
            (Action::Complete, "take"),
            (Action::Down, "next"),
            (Action::Send, "run"),
            (Action::Cancel, "close the list"),
        ],
        Context::Editing => &[
            (Action::Send, "send as a new version"),
            (Action::KeepEdit, "keep without an answer"),
            (Action::Cancel, "leave it"),
        ],
        Context::Chat if state.chat.selected.is_some() => &[
            (Action::EditMessage, "edit"),
            (Action::Regenerate, "again"),
            (Action::Continue, "go on"),
            (Action::NextVersion, "version"),
            (Action::DeleteMessage, "delete"),
            (Action::Fork, "fork"),
        ],
        Context::Lines => &[
            (Action::Up, "mark up"),
            (Action::Down, "mark down"),
            (Action::MarkLines, "begin here"),
            (Action::CopyReply, "copy"),
            (Action::Cancel, "let go"),
        ],
        Context::Chat => &[
            (Action::Up, "scroll"),
            (Action::PreviousMessage, "select"),
            (Action::Bottom, "end"),
            (Action::CopyReply, "copy"),
            (Action::Regenerate, "again"),
            (Action::Cancel, "write"),
        ],
        Context::Figures => &[(Action::Up, "scroll"), (Action::Cancel, "write")],
        Context::Parameters if !state.params.pending.is_empty() => &[
            (Action::Apply, "apply"),
            (Action::Discard, "discard"),
            (Action::StepUp, "change"),
        ],
        Context::Parameters => &[
            (Action::StepUp, "change"),
            (Action::EditValue, "type a value"),
            (Action::Filter, "filter"),
            (Action::ResetOne, "reset"),
            (Action::Cancel, "write"),
        ],
        Context::Log => &[
            (Action::Up, "scroll"),
            (Action::Bottom, "follow"),
            (Action::Cancel, "write"),
        ],
        Context::Downloads => &[
            (Action::PauseDownload, "pause, go on"),
            (Action::CancelDownload, "throw away"),
            (Action::Accept, "load what is here"),
            (Action::Cancel, "back"),
        ],
        Context::Prompt if state.view == View::Downloads && state.overlay.is_none() => &[
            (Action::Accept, "search, open, download"),
            (Action::Complete, "downloads"),
            (Action::Cancel, "back"),
        ],
        Context::Page => match state.view {
            View::Prompt => &[
                (Action::Down, "scroll"),
                (Action::Toggle, "text or tokens"),
                (Action::Cancel, "back"),
            ],
            _ => &[
                (Action::DropOldest, "drop oldest"),
                (Action::Summarise, "summarise"),
                (Action::RaiseContext, "raise ctx-size"),
                (Action::Cancel, "back"),
            ],
        },
        Context::Tokens => token_hints(state),
        Context::Metrics => &[
            (Action::Earlier, "earlier"),
            (Action::ZoomIn, "zoom"),
            (Action::Freeze, "freeze"),
            (Action::ExportCsv, "CSV"),
            (Action::Cancel, "back"),
        ],
        Context::Bench if state.bench.is_running() => {
            &[(Action::Cancel, "stop"), (Action::PageDown, "scroll")]
        }
        Context::Bench => &[
            (Action::Accept, "measure"),
            (Action::Down, "next"),
            (Action::PageDown, "scroll"),
            (Action::Cancel, "back"),
        ],
        Context::Compare => compare_hints(state),
        Context::Models if state.library.details.is_some() => &[
            (Action::Accept, "load"),
            (Action::Down, "scroll"),
            (Action::Cancel, "list"),
        ],
        Context::Models => &[
            (Action::Accept, "load"),
            (Action::Filter, "filter"),
            (Action::FitFilter, "what fits"),
            (Action::SortModels, "sort"),
            (Action::ModelDetails, "details"),
            (Action::Cancel, "back"),
        ],
        Context::Help => &[(Action::Down, "scroll"), (Action::Cancel, "close")],
        Context::List => &[
            (Action::Accept, "take"),
            (Action::Down, "next"),
            (Action::Cancel, "close"),
        ],
        Context::Chats => &[
            (Action::Accept, "go on"),
            (Action::PinChat, "pin"),
            (Action::RenameChat, "title"),
            (Action::TagChat, "tags"),
            (Action::DeleteChat, "delete"),
            (Action::Restore, "bring back"),
            (Action::Cancel, "close"),
        ],
        Context::Prompt => &[
            (Action::Accept, "take"),
            (Action::Complete, "complete"),
            (Action::Cancel, "close"),
        ],
        Context::Global => &[],
    };
    let common = [
        (Action::FocusNext, "next pane"),
        (Action::ShowParameters, "parameters"),
        (Action::Palette, "actions"),
        (Action::Help, "help"),
    ];
    let over_panes = matches!(
        context,
        Context::Help
            | Context::List
            | Context::Chats
            | Context::Prompt
            | Context::Compare
            | Context::Downloads
            | Context::Tokens
    );
    own.iter()
        .chain(common.iter().filter(|_| !over_panes))
        .filter_map(|(action, what)| Some((state.keymap.hint(context, *action)?, *what)))
        .collect()
}

fn token_hints(state: &State) -> &'static [(Action, &'static str)] {
    if state.tokens.recording().is_some() {
        return &[
            (Action::Cancel, "stop computing"),
            (Action::StepUp, "next"),
            (Action::Down, "candidate"),
            (Action::Help, "help"),
        ];
    }
    match (state.tokens.token(), state.chat.running()) {
        (None, None) => &[
            (Action::Accept, "compute the candidates"),
            (Action::PageUp, "other reply"),
            (Action::Cancel, "back"),
            (Action::Help, "help"),
        ],
        (None, Some(_)) => &[
            (Action::PageUp, "other reply"),
            (Action::Cancel, "back"),
            (Action::Help, "help"),
        ],
        (Some(_), _) => &[
            (Action::StepUp, "next"),
            (Action::Down, "candidate"),
            (Action::Accept, "take it"),
            (Action::Cancel, "back"),
            (Action::Toggle, "shade"),
            (Action::Help, "help"),
            (Action::PageUp, "other reply"),
            (Action::Bottom, "last"),
        ],
    }
}

fn compare_hints(state: &State) -> &'static [(Action, &'static str)] {
    match (state.compare.stage, &state.compare.run) {
        (Stage::Choosing, _) => &[
            (Action::Toggle, "one more"),
            (Action::ColumnRemove, "one less"),
            (Action::CompareBlind, "hide names"),
            (Action::Accept, "compare"),
            (Action::ColumnPrevious, "earlier message"),
            (Action::CompareStanding, "votes"),
            (Action::Cancel, "back"),
        ],
        (Stage::Reading, Some(run)) if run.names == Names::Hidden => &[
            (Action::Accept, "cast the vote for the marked digits"),
            (Action::Cancel, "stop, back"),
            (Action::Help, "help"),
        ],
        (Stage::Reading, _) => &[
            (Action::ColumnNext, "column"),
            (Action::ColumnKeep, "keep"),
            (Action::ColumnVary, "vary"),
            (Action::ColumnRetry, "again"),
            (Action::CompareWords, "words"),
            (Action::CompareChoose, "new"),
            (Action::Cancel, "stop, back"),
            (Action::Help, "help"),
        ],
        (Stage::Standing, _) => &[(Action::Cancel, "back"), (Action::Help, "help")],
    }
}
