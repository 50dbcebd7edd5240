//! The models on this machine.
//!
//! ```text
//! ╭ Models 12 of 40, by name, only what fits ────────────────────────────────╮
//! │ / qwen▏                                                                  │
//! │   name                    source       quant    size      fits           │
//! │ ▸ * qwen3:latest          ollama       Q4_K_M   4.9 GiB   all on GPU     │
//! │                                                                          │
//! │ qwen3, 8.2 B parameters, 40,960 tokens, ChatML; tools, thinking          │
//! ╰──────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::{Details, LibraryState, State, Subset};
use crate::library::{Estimate, Model};
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, part};
use crate::ui::text::units;
use crate::ui::widgets::field;

/// Rows below the list: what the selected model is.
const ABOUT: u16 = 4;
/// Columns of all but the name, and those that narrow screens leave out.
const QUANT: u16 = 9;
const SIZE: u16 = 10;
const FITS: u16 = 22;
const SOURCE: u16 = 13;
const MORE: [u16; 3] = [14, 10, 12];
/// From this width on everything is shown.
const WIDE: u16 = 120;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let frame = Size::of(painter.buffer.area).frame();
    let focused = match state.overlay {
        None => Focused::Yes,
        Some(_) => Focused::No,
    };
    let library = &state.library;
    let (shown, all) = (library.rows.len(), library.models().len());
    let only = match library.shown {
        Subset::All => "",
        Subset::Fitting => ", only what fits",
    };
    let title = [
        part("Models", Role::Accent),
        part(
            format!(" {shown} of {all}, by {}{only}", library.sort.name()),
            Role::Muted,
        ),
    ];
    let inner = painter.pane(area, &title, frame, focused);
    match &library.details {
        Some(details) => draw_details(painter, inner, details),
        None => draw_list(painter, inner, library),
    }
}

fn draw_list(painter: &mut Painter<'_>, mut inner: Rect, library: &LibraryState) {
    if library.is_typing || !library.filter.text.is_empty() {
        let x = painter.text(inner.x, inner.y, inner.right(), "/ ", Role::Key);
        let filter = Rect {
            x,
            width: inner.right().saturating_sub(x),
            height: 1,
            ..inner
        };
        let cursor = library.is_typing.then_some(library.filter.cursor);
        field::draw(painter, filter, &library.filter.text, cursor);
        inner.y += 1;
        inner.height = inner.height.saturating_sub(1);
    }
    if library.listing.is_none() {
        painter.text(
            inner.x,
            inner.y,
            inner.right(),
            "looking for models ...",
            Role::Muted,
        );
        return;
    }
    let columns = columns(inner);
    cells(
        painter,
        &columns,
        inner,
        inner.y,
        &HEADS.map(str::to_owned),
        Role::Muted,
    );
    let height = usize::from(inner.height.saturating_sub(1 + ABOUT));
    let top = library
        .selected
        .saturating_sub(height / 2)
        .min(library.rows.len().saturating_sub(height));
    let rows = library.rows.iter().enumerate().skip(top).take(height);
    for ((index, row), y) in rows.zip(inner.y + 1..inner.bottom()) {
        let Some(model) = library.models().get(*row) else {
            continue;
        };
        let role = if model.error.is_some() {
            Role::Muted
        } else {
            Role::Text
        };
        cells(painter, &columns, inner, y, &row_of(library, model), role);
        if index == library.selected {
            painter.text(
                inner.x,
                y,
                inner.right(),
                painter.glyphs.selected,
                Role::Key,
            );
            let line = Rect {
                y,
                height: 1,
                ..inner
            };
            painter.tint(line, Role::Selection);
        }
    }
    if let Some(model) = library.chosen() {
        let below = Rect {
            y: inner.bottom().saturating_sub(ABOUT) + 1,
            height: ABOUT - 1,
            ..inner
        };
        about(painter, below, library, model);
    }
}

const HEADS: [&str; 8] = [
    "name",
    "source",
    "arch",
    "params",
    "quant",
    "size",
    "tok/s",
    "fits here",
];

/// Where each column begins, and ends; those without room have none.
fn columns(inner: Rect) -> [Option<(u16, u16)>; 8] {
    let wide = inner.width >= WIDE;
    let widths: [Option<u16>; 8] = [
        None,
        Some(SOURCE),
        wide.then_some(MORE[0]),
        wide.then_some(MORE[1]),
        Some(QUANT),
        Some(SIZE),
        wide.then_some(MORE[2]),
        Some(FITS),
    ];
    let rest: u16 = widths.iter().flatten().sum();
    let name = inner.width.saturating_sub(rest + 2);
    let mut x = inner.x + 2;
    let mut at = 0;
    widths.map(|width| {
        let width = if at == 0 { Some(name) } else { width };
        at += 1;
        let begin = x;
        x += width?;
        Some((begin, x.saturating_sub(1)))
    })
}

fn cells(
    painter: &mut Painter<'_>,
    columns: &[Option<(u16, u16)>; 8],
    inner: Rect,
    y: u16,
    cells: &[String; 8],
    role: Role,
) {
    for (column, cell) in columns.iter().zip(cells) {
        if let Some((begin, end)) = column {
            painter.text(*begin, y, (*end).min(inner.right()), cell, role);
        }
    }
}

fn row_of(library: &LibraryState, model: &Model) -> [String; 8] {
    let about = model.about.as_ref();
    let star = if library.marks.favourites.contains(&model.path) {
        "* "
    } else {
        ""
    };
    let estimate = library.estimates.get(&model.path);
    [
        format!("{star}{}", model.name),
        model.source.name().to_owned(),
        about.map(|about| about.arch.clone()).unwrap_or_default(),
        about
            .map(|about| units::parameters(about.n_params))
            .unwrap_or_default(),
        about.map(|about| about.quant.clone()).unwrap_or_default(),
        units::bytes(model.size_bytes),
        speed(library, model),
        match estimate {
            _ if model.error.is_some() => "cannot be loaded".to_owned(),
            Some(estimate) => outlook(*estimate),
            None => String::new(),
        },
    ]
}

/// The most that memory bandwidth allows.
fn speed(library: &LibraryState, model: &Model) -> String {
    let ceiling = library
        .estimates
        .get(&model.path)
        .and_then(|estimate| estimate.ceiling);
    ceiling.map_or(String::new(), |ceiling| format!("<= {ceiling:.1}"))
}

/// Whether a load would fit, in a few words.
pub(in crate::ui) fn outlook(estimate: Estimate) -> String {
    let Estimate {
        n_gpu_layers,
        n_layers,
        n_ctx,
        ..
    } = estimate;
    if !estimate.fits {
        return format!("no, {} short", units::bytes(estimate.lacks));
    }
    match n_gpu_layers {
        0 => format!("yes, ctx {n_ctx}"),
        all if all >= n_layers => format!("on GPU, ctx {n_ctx}"),
        some => format!("{some}/{n_layers} GPU, ctx {n_ctx}"),
    }
}

/// The selected model in words.
fn about(painter: &mut Painter<'_>, area: Rect, library: &LibraryState, model: &Model) {
    let mut lines = Vec::new();
    if let Some(removing) = library
        .removing
        .as_ref()
        .filter(|removing| removing.path == model.path)
    {
        let question = match removing.is_sure {
            false => format!(
                "Remove {}? The same key again asks once more; any other keeps it.",
                model.name
            ),
            true => format!(
                "{} are lost for good. The same key a third time removes them.",
                units::bytes(model.size_bytes)
            ),
        };
        lines.push((question, Role::Warning));
    }
    if let Some(error) = &model.error {
        lines.push((error.clone(), Role::Error));
    }
    if let Some(about) = &model.about {
        let abilities = [
            (about.speaks.tools, "tools"),
            (about.speaks.thinking, "thinking"),
            (model.vision, "vision"),
            (model.audio, "audio"),
        ];
        let able: Vec<_> = abilities
            .iter()
            .filter(|(can, _)| *can)
            .map(|(_, what)| *what)
            .collect();
        let facts = [
            about.arch.clone(),
            format!("{} parameters", units::parameters(about.n_params)),
            format!(
                "trained for {} tokens",
                units::count(about.n_ctx_train.into())
            ),
            about.family.map_or("no chat template".into(), |family| {
                format!("{family} template")
            }),
            able.join(", "),
            about.license.clone().unwrap_or_default(),
        ];
        let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        lines.push((facts.join("; "), Role::Text));
    }
    let places: Vec<_> = model
        .places
        .iter()
        .map(|place| place.path.display().to_string())
        .collect();
    lines.push((places.join("  "), Role::Muted));
    for ((line, role), y) in lines.iter().zip(area.y..area.bottom()) {
        painter.text(area.x, y, area.right(), line, *role);
    }
}

fn draw_details(painter: &mut Painter<'_>, inner: Rect, details: &Details) {
    let path = details.path.display().to_string();
    painter.text(inner.x, inner.y, inner.right(), &path, Role::Muted);
    let rows = match &details.rows {
        None => return,
        Some(Err(why)) => {
            painter.text(inner.x, inner.y + 1, inner.right(), why, Role::Error);
            return;
        }
        Some(Ok(rows)) => rows,
    };
    let width = inner.width / 2;
    for ((name, value), y) in rows
        .iter()
        .skip(details.top)
        .zip(inner.y + 1..inner.bottom())
    {
        painter.text(inner.x, y, inner.x + width - 1, name, Role::Accent);
        painter.text(inner.x + width, y, inner.right(), value, Role::Text);
    }
}
