//! The columns of a comparison, as many beside each other as the width allows.
//!
//! ```text
//! ╭ Compare 4 columns ──────────────────────────────────────────────────────────╮
//! │ 4 together 31.2 tok/s · one alone 12.4 tok/s · 2.5 x · scrolls all          │
//! │ Why is the sky blue?                                        columns 1-3 of 4│
//! │ 1 greedy            │ 2 creative          │ 3 creative:temp=1.9             │
//! │ temp 0              │ temp 1.1            │ temp 1.9                        │
//! │ speaks              │ speaks              │ end of turn                     │
//! │ 8.1 tok/s · 9 tokens│ 7.9 tok/s · 8 tokens│ 7.9 tok/s · 7 tokens            │
//! │ ─────────────────── │ ─────────────────── │ ─────────────────────────────── │
//! │ The sky is blue     │ Light from the sun  │ Blue, you ask?                  │
//! ╰─────────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use crate::app::{Answer, Names, Place, ReplyState, Run, Scrolling, ShownColumn};
use crate::compare::{Difference, Word, differences, words};
use crate::theme::Role;
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, Part, part};
use crate::ui::panes::reply::stop_reason;
use crate::ui::text::units;
use crate::ui::text::wrap::{Row, Wrapped};

/// A column is at least so wide; where the screen has fewer for all of them, they are paged.
const NARROWEST: u16 = 26;
/// Draws the columns; returns what was seen of them.
pub fn draw(painter: &mut Painter<'_>, area: Rect, run: &Run) -> Vec<ShownColumn> {
    let frame = Size::of(painter.buffer.area).frame();
    let count = run.answers.len();
    let title = [part(format!("Compare {count} columns"), Role::Accent)];
    let inner = painter.pane(area, &title, frame, Focused::Yes);
    if inner.height < 4 || inner.width < 4 {
        return Vec::new();
    }
    let mut y = inner.y;
    painter.facts(inner.x, y, inner.right(), &totals(run));
    y += 1;
    for note in &run.notes {
        // The columns need the rest.
        let height = 2.min(inner.bottom().saturating_sub(y));
        let area = Rect { y, height, ..inner };
        y += painter.paragraph(area, &format!("{note}."), Role::Warning);
    }
    let at_once = usize::from((inner.width + 1) / (NARROWEST + 1)).clamp(1, count.max(1));
    let first = run.focus / at_once * at_once;
    let shown: Vec<(usize, &Answer)> = run
        .answers
        .iter()
        .enumerate()
        .skip(first)
        .take(at_once)
        .collect();
    let prompt = run.prompt.lines().next().unwrap_or_default();
    let mut right = inner.right();
    if at_once < count {
        let page = format!("columns {}-{} of {count}", first + 1, first + shown.len());
        right = painter.text_right(inner.x, y, right, &[part(page, Role::Muted)]);
        right = right.saturating_sub(1);
    }
    painter.text(inner.x, y, right, prompt, Role::User);
    y += 1;
    let all: Vec<_> = run
        .answers
        .iter()
        .map(|answer| &answer.column.params)
        .collect();
    let differ = match run.names {
        Names::Shown => differences(&all),
        Names::Hidden => Vec::new(),
    };
    let count_shown = u16::try_from(shown.len().max(1)).unwrap_or(u16::MAX);
    let width = (inner.width + 1) / count_shown;
    let mut seen = Vec::new();
    for (place, (at, answer)) in (0..).zip(shown) {
        let x = inner.x + place * width;
        let last = place + 1 == count_shown;
        let column = Rect {
            x,
            y,
            width: if last { inner.right() - x } else { width - 1 },
            height: inner.bottom().saturating_sub(y),
        };
        seen.push(ShownColumn {
            column: at,
            hidden_rows: draw_column(painter, column, run, at, answer, &differ),
        });
        if !last {
            for y in column.top()..column.bottom() {
                let line = painter.glyphs.border.vertical_left;
                painter.text(column.right(), y, column.right() + 1, line, Role::Border);
            }
        }
    }
    seen
}

/// Tokens per second of all, and beside it what one stream reaches.
fn totals(run: &Run) -> Vec<Vec<Part<'static>>> {
    let mut facts = Vec::new();
    if let Some((count, together)) = run.together {
        facts.push(vec![
            part(format!("{count} together "), Role::Muted),
            part(units::rate(together), Role::Text),
        ]);
        match run.single {
            Some(single) if single > 0.0 => {
                facts.push(vec![
                    part("one alone ", Role::Muted),
                    part(units::rate(single), Role::Text),
                ]);
                facts.push(vec![part(
                    format!("{:.1} x", together / single),
                    Role::Good,
                )]);
            }
            _ => facts.push(vec![part("one alone: not measured yet", Role::Muted)]),
        }
    }
    let scrolling = match run.scrolling {
        Scrolling::Together => "scrolls all",
        Scrolling::Alone => "scrolls one",
    };
    facts.push(vec![part(scrolling, Role::Muted)]);
    if let Some(base) = run.base {
        let against = format!("words not in column {}", base + 1);
        facts.push(vec![part(against, Role::Changed)]);
    }
    if run.names == Names::Hidden {
        facts.push(vec![part("names hidden", Role::Warning)]);
    }
    facts
}

/// Draws one column; returns how many rows of it found no place.
fn draw_column(
    painter: &mut Painter<'_>,
    area: Rect,
    run: &Run,
    at: usize,
    answer: &Answer,
    differ: &[Difference],
) -> usize {
    let mut y = area.y;
    let mut line = |painter: &mut Painter<'_>, parts: &[Part<'_>]| {
        if y < area.bottom() {
            painter.parts(area.x, y, area.right(), parts);
        }
        y += 1;
    };
    let is_marked = run.marked.contains(&at);
    let mark = if is_marked { painter.glyphs.done } else { "" };
    let name = match run.names {
        Names::Shown => answer.column.name.as_str(),
        Names::Hidden => "",
    };
    let role = if at == run.focus {
        Role::Focus
    } else {
        Role::Accent
    };
    line(
        painter,
        &[
            part(format!("{} ", at + 1), role),
            part(name, role),
            part(mark, Role::Good),
        ],
    );
    // What does not fit into a third of the height is scrolled with the text.
    let most = usize::from(area.height / 3);
    let (fixed, scrolled) = match differ.len() <= most + 1 {
        true => (differ, &[][..]),
        false => differ.split_at(most),
    };
    for difference in fixed {
        line(painter, &parameter(difference, at));
    }
    if !scrolled.is_empty() {
        let more = format!("{} more above the text", scrolled.len());
        line(painter, &[part(more, Role::Muted)]);
    }
    line(painter, &[phase(answer)]);
    if y < area.bottom() {
        painter.facts(area.x, y, area.right(), &figures(answer));
    }
    y += 1;
    if y < area.bottom() {
        let rule = painter
            .glyphs
            .border
            .horizontal_top
            .repeat(usize::from(area.width));
        painter.text(area.x, y, area.right(), &rule, Role::Border);
    }
    y += 1;
    let text = Rect {
        y,
        height: area.bottom().saturating_sub(y),
        ..area
    };
    draw_text(painter, text, run, at, scrolled)
}

fn parameter(difference: &Difference, at: usize) -> [Part<'_>; 3] {
    let value = difference.values.get(at).map_or("", String::as_str);
    let role = if differs_most(difference, at) {
        Role::Changed
    } else {
        Role::Text
    };
    [
        part(difference.name, Role::Muted),
        part(" ", Role::Muted),
        part(value, role),
    ]
}

/// Whether a column's value is its alone, where most others agree.
fn differs_most(difference: &Difference, at: usize) -> bool {
    let own = difference.values.get(at);
    let same = difference
        .values
        .iter()
        .filter(|value| Some(*value) == own)
        .count();
    same * 2 < difference.values.len()
}

/// What it does, or why it ended: a line of its own, so that narrow columns tell it, too.
fn phase(answer: &Answer) -> Part<'static> {
    let muted = |text: String| part(text, Role::Muted);
    match &answer.state {
        ReplyState::Sent => muted("waits for a place".into()),
        ReplyState::Prefilling { done, total, .. } => muted(format!(
            "prompt {} / {}",
            units::count(u64::from(*done)),
            units::count(u64::from(*total))
        )),
        ReplyState::Streaming => muted("speaks".into()),
        ReplyState::Done(reason) => muted(stop_reason(reason)),
        ReplyState::Failed(_) => part("failed", Role::Error),
    }
}

/// Tokens per second and tokens, once there are any.
fn figures(answer: &Answer) -> Vec<Vec<Part<'static>>> {
    let Some(timings) = &answer.timings else {
        return Vec::new();
    };
    let rate = match &answer.state {
        ReplyState::Streaming => timings.recent_per_second,
        ReplyState::Done(_) => timings.predicted_per_second,
        ReplyState::Sent | ReplyState::Prefilling { .. } | ReplyState::Failed(_) => {
            return Vec::new();
        }
    };
    let tokens = units::counted(timings.predicted_n, "token");
    vec![
        vec![part(units::rate(rate), Role::Text)],
        vec![part(tokens, Role::Muted)],
    ]
}

/// What is scrolled: parameters that found no place above, a blank row, and the text.
fn draw_text(
    painter: &mut Painter<'_>,
    area: Rect,
    run: &Run,
    at: usize,
    parameters: &[Difference],
) -> usize {
    let answer = &run.answers[at];
    let failed = match &answer.state {
        ReplyState::Failed(why) => Some(why.as_str()),
        _ => None,
    };
    let (text, role) = match failed {
        Some(why) if answer.text.is_empty() => (why, Role::Error),
        _ => (answer.text.as_str(), Role::Assistant),
    };
    let base = run.base.filter(|base| *base != at);
    let base = base.and_then(|base| run.answers.get(base));
    let changed: Vec<Word> = base.map_or_else(Vec::new, |base| words(&base.text, text));
    let wrapped = Wrapped::new(text, area.width);
    let rows = wrapped.rows();
    let height = usize::from(area.height);
    let before = match parameters.len() {
        0 => 0,
        some => some + 1,
    };
    let last = (before + rows.len()).saturating_sub(height);
    let first = match answer.place {
        Place::FromEnd(above) => last.saturating_sub(above),
        Place::FromTop(below) => last.min(below),
    };
    for (y, difference) in (area.y..area.bottom()).zip(parameters.iter().skip(first)) {
        painter.parts(area.x, y, area.right(), &parameter(difference, at));
    }
    let above = u16::try_from(before.saturating_sub(first)).unwrap_or(u16::MAX);
    let rows = rows.iter().skip(first.saturating_sub(before));
    for (y, row) in (area.y.saturating_add(above)..area.bottom()).zip(rows) {
        if changed.is_empty() {
            painter.text(area.x, y, area.right(), row.text(text), role);
        } else {
            let parts = parts_of(row, text, &changed, role);
            painter.parts(area.x, y, area.right(), &parts);
        }
    }
    last
}

/// A row cut where words begin to differ and cease to.
fn parts_of<'a>(row: &Row, text: &'a str, words: &[Word], role: Role) -> Vec<Part<'a>> {
    let (start, end) = (row.start as usize, row.end as usize);
    let inside = words
        .iter()
        .filter(|word| word.end > start && word.start < end);
    inside
        .filter_map(|word| {
            let piece = text.get(word.start.max(start)..word.end.min(end))?;
            let role = if word.is_common { role } else { Role::Changed };
            Some(part(piece, role))
        })
        .collect()
}
