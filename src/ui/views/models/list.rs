//! The list of models, and the selected one in a few lines below it.
//!
//! ```text
//! / qwen▏
//!   name                           quant     size       fits here
//! ▸ * qwen3:latest                 Q4_K_M    4.9 GiB    on GPU, ctx 16384
//!
//! qwen3 · 8.2 B parameters · trained for 40,960 tokens · ChatML template · tools, thinking
//! not measured · at most 41.0 tok/s (estimate) · last used 2026-11-02
//! /home/ada/.ollama/models/blobs/sha256-4f
//! ```

use ratatui::layout::{Constraint, Layout, Rect};

use crate::app::{Action, LibraryState, RemovalQuestion, State};
use crate::keymap::Context;
use crate::library::{Known, Model, abilities, date};
use crate::params::{Overrides, spec};
use crate::theme::Role;
use crate::ui::painter::Painter;
use crate::ui::text::units;
use crate::ui::widgets::field;

/// Rows below the list, a blank one above them: what the selected model is.
const ABOUT: u16 = 4;
/// Columns before the first cell, for the mark of the selection.
const MARK: u16 = 2;

pub fn draw(painter: &mut Painter<'_>, inner: Rect, state: &State) {
    let library = &state.library;
    let filter_rows = u16::from(library.list.is_typing || !library.list.filter.text.is_empty());
    let [filter, list, about] = Layout::vertical([
        Constraint::Length(filter_rows),
        Constraint::Min(0),
        Constraint::Length(ABOUT),
    ])
    .areas(inner);
    draw_filter(painter, filter, library);
    if library.listing.is_none() {
        let text = format!("looking for models {}", painter.glyphs.ellipsis);
        painter.text(list.x, list.y, list.right(), &text, Role::Muted);
        return;
    }
    draw_rows(painter, list, state);
    let lines = lines(state);
    let separator = format!(" {} ", painter.glyphs.dot);
    for ((facts, role), y) in lines.iter().zip(about.y + 1..about.bottom()) {
        let line = facts.join(&separator);
        painter.text(about.x, y, about.right(), &line, *role);
    }
}

fn draw_filter(painter: &mut Painter<'_>, area: Rect, library: &LibraryState) {
    if area.is_empty() {
        return;
    }
    let list = &library.list;
    let x = painter.text(area.x, area.y, area.right(), "/ ", Role::Key);
    let width = area.right().saturating_sub(x);
    let cursor = list.is_typing.then_some(list.filter.cursor);
    field::draw(
        painter,
        Rect { x, width, ..area },
        &list.filter.text,
        cursor,
    );
}

fn draw_rows(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let library = &state.library;
    let columns = columns(area);
    for (column, cells) in &columns {
        let heading = column.heading();
        painter.text(cells.x, area.y, cells.right(), heading, Role::Muted);
    }
    let height = usize::from(area.height.saturating_sub(1));
    let list = &library.list;
    let top = list.selected.saturating_sub(height / 2);
    let top = top.min(list.rows.len().saturating_sub(height));
    let rows = list.rows.iter().enumerate().skip(top);
    let nothing = Known::default();
    for ((index, row), y) in rows.zip(area.y + 1..area.bottom()) {
        let Some(model) = library.models().get(row.model) else {
            continue;
        };
        let known = library.known(model).unwrap_or(&nothing);
        let role = match model.error {
            Some(_) => Role::Muted,
            None => Role::Text,
        };
        for (column, cells) in &columns {
            let cell = match (&row.named, column, in_memory(state, model)) {
                (Some(name), ..) => column.cell_of_name(name, model, known),
                (None, Column::Fits, Some(said)) => said,
                (None, ..) => column.cell(model, known),
            };
            painter.text(cells.x, y, cells.right(), &cell, role);
        }
        if index == list.selected {
            painter.mark(area, y);
        }
    }
}

/// What a column shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Source,
    Arch,
    Parameters,
    Quant,
    Size,
    Measured,
    Ceiling,
    Used,
    Fits,
}

/// Each column, its width (`None` = what is left), and the least width of the list that has room
/// for it.
const COLUMNS: [(Column, Option<u16>, u16); 10] = [
    (Column::Name, None, 0),
    (Column::Source, Some(13), 100),
    (Column::Arch, Some(14), 150),
    (Column::Parameters, Some(10), 110),
    (Column::Quant, Some(9), 70),
    (Column::Size, Some(10), 0),
    (Column::Measured, Some(10), 150),
    (Column::Ceiling, Some(10), 120),
    (Column::Used, Some(12), 150),
    (Column::Fits, Some(20), 0),
];

/// The columns there is room for, each with where its cells are.
fn columns(area: Rect) -> Vec<(Column, Rect)> {
    let shown = COLUMNS.iter().filter(|(.., least)| area.width >= *least);
    let widths = shown.clone().map(|(_, width, _)| match width {
        Some(width) => Constraint::Length(*width),
        None => Constraint::Min(0),
    });
    let x = area.x + MARK;
    let width = area.width.saturating_sub(MARK);
    let areas = Layout::horizontal(widths)
        .spacing(1)
        .split(Rect { x, width, ..area });
    shown
        .map(|(column, ..)| *column)
        .zip(areas.iter().copied())
        .collect()
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Source => "source",
            Self::Arch => "arch",
            Self::Parameters => "params",
            Self::Quant => "quant",
            Self::Size => "size",
            Self::Measured => "tok/s",
            Self::Ceiling => "at most",
            Self::Used => "last used",
            Self::Fits => "fits here",
        }
    }

    /// Of a name in a models preset. Whether that fits depends on what it sets, which was not planned.
    fn cell_of_name(self, name: &str, model: &Model, known: &Known) -> String {
        match self {
            Self::Name => name.to_owned(),
            Self::Source => "models preset".to_owned(),
            Self::Fits | Self::Ceiling => String::new(),
            column => column.cell(model, known),
        }
    }

    fn cell(self, model: &Model, known: &Known) -> String {
        let about = model.about.as_ref();
        match self {
            Self::Name if known.favourite => format!("* {}", model.name),
            Self::Name => model.name.clone(),
            Self::Source => model.source.name().to_owned(),
            Self::Arch => about.map(|about| about.arch.clone()).unwrap_or_default(),
            Self::Parameters => about
                .map(|about| units::parameters(about.n_params))
                .unwrap_or_default(),
            Self::Quant => about.map(|about| about.quant.clone()).unwrap_or_default(),
            Self::Size => units::bytes(model.size_bytes),
            Self::Measured => known
                .measured
                .map(|measured| format!("{:.1}", measured.per_second))
                .unwrap_or_default(),
            Self::Ceiling => known
                .estimate
                .and_then(|estimate| estimate.ceiling)
                .map(|ceiling| format!("{ceiling:.1}"))
                .unwrap_or_default(),
            Self::Used => known.used.and_then(date).unwrap_or_default(),
            Self::Fits if model.error.is_some() => "cannot be loaded".to_owned(),
            Self::Fits => known
                .estimate
                .map(|estimate| estimate.in_words())
                .unwrap_or_default(),
        }
    }
}

/// What a model that is in memory does there; `None` for the others.
fn in_memory(state: &State, model: &Model) -> Option<String> {
    let held = state.held_at(&model.path);
    let held = held.map(|held| format!("held, {}", units::bytes(held.bytes())));
    held.or_else(|| state.runs(&model.path).then(|| "runs now".to_owned()))
}

/// Facts that stand side by side.
type Line = (Vec<String>, Role);

/// What is said below the list: what is asked, else what the selected model is; and what could not be
/// looked through.
fn lines(state: &State) -> Vec<Line> {
    let library = &state.library;
    let mut lines = Vec::new();
    if let Some(model) = library.chosen() {
        let mut known = library.known(model).cloned().unwrap_or_default();
        if library.chosen_name().is_some() {
            // It was made without what the name sets.
            known.estimate = None;
        }
        match (&library.removing, &model.error) {
            (Some(removing), _) => {
                let asked = question(state, model, removing.question);
                lines.extend(asked.map(|line| (vec![line], Role::Warning)));
            }
            (None, Some(error)) => lines.push((vec![error.clone()], Role::Error)),
            (None, None) => {
                let facts = match library.chosen_name() {
                    Some((_, values)) => sets(model, values),
                    None => says(model),
                };
                lines.push((facts, Role::Text));
                // A name of the user's has values of its own, which were not judged.
                let is_plain = library.chosen_name().is_none();
                let estimate = known.estimate.as_ref().filter(|_| is_plain);
                let beside = estimate.and_then(|estimate| state.beside(&model.path, estimate));
                let facts = speeds(&known).into_iter().chain(beside);
                lines.push((facts.collect(), Role::Text));
            }
        }
        let places = model.places.iter();
        let places = places.map(|place| place.path.display().to_string());
        lines.push((places.collect(), Role::Muted));
    }
    let unreadable = library.listing.iter().flat_map(|list| &list.unreadable);
    let mut unreadable: Vec<_> = unreadable
        .map(|place| format!("{}: {}", place.path.display(), place.why))
        .collect();
    if unreadable.len() > 1 {
        let others = unreadable.len() - 1;
        unreadable.insert(1, format!("{others} more in the log"));
        unreadable.truncate(2);
    }
    if !unreadable.is_empty() {
        // It goes before what is least missed.
        lines.truncate(usize::from(ABOUT) - 2);
        lines.push((unreadable, Role::Warning));
    }
    lines
}

/// What is asked before a model is removed, and how to answer.
fn question(state: &State, model: &Model, question: RemovalQuestion) -> [String; 2] {
    let key = state.keymap.hint(Context::Models, Action::RemoveModel);
    let key = key.unwrap_or_default();
    let (name, size) = (&model.name, units::bytes(model.size_bytes));
    match question {
        RemovalQuestion::Whether => [
            format!("Remove {name}, {size}?"),
            format!("{key} goes on and asks once more; any other key keeps it."),
        ],
        RemovalQuestion::ForGood => [
            format!("Really? {size} are lost for good: {name}."),
            format!("{key} removes them; any other key keeps them."),
        ],
    }
}

/// What a name in a models preset stands for.
fn sets(model: &Model, values: &Overrides) -> Vec<String> {
    let values = values.iter().map(|(param, value)| {
        let spec = spec(*param);
        format!("{} {}", spec.name, spec.format(value))
    });
    std::iter::once(format!("{} with", model.name))
        .chain(values)
        .collect()
}

/// What the header says.
fn says(model: &Model) -> Vec<String> {
    let Some(about) = &model.about else {
        return vec![];
    };
    let family = match about.family {
        Some(family) => format!("{family} template"),
        None => "no chat template".to_owned(),
    };
    let trained = units::count(about.n_ctx_train.into());
    let facts = [
        about.arch.clone(),
        format!("{} parameters", units::parameters(about.n_params)),
        format!("trained for {trained} tokens"),
        family,
        abilities(model).join(", "),
        about.license.clone().unwrap_or_default(),
    ];
    facts.into_iter().filter(|fact| !fact.is_empty()).collect()
}

/// What was measured, what memory allows, and when it was used.
fn speeds(known: &Known) -> Vec<String> {
    let measured = match known.measured {
        Some(measured) => format!(
            "{} {}",
            units::rate(measured.per_second),
            measured.by.name()
        ),
        None => "not measured".to_owned(),
    };
    let mut facts = vec![measured];
    if let Some(estimate) = known.estimate {
        facts.push(format!("needs {}", units::bytes(estimate.needs)));
        let ceiling = estimate.ceiling.map(units::rate);
        facts.extend(ceiling.map(|rate| format!("at most {rate} (estimate)")));
    }
    let used = known.used.and_then(date);
    facts.extend(used.map(|day| format!("last used {day}")));
    facts
}
