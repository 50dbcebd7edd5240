//! Measurements: what can be measured, what came out as bars, and what was measured before.
//!
//! ```text
//! ╭ Measure ──────────────────╮╭ Results ──────────────────────────────────────────────╮
//! │ ▸ speed now               ││ speed over context depth · test 3 of 6 · tg32 @ d256   │
//! │   speed over context depth││ tg32 over tokens in the context                        │
//! │   tune for decode         ││       0 ━━━━━━━━━━━━━━━━━━━━━━━━━  41.2 ± 0.3 tok/s     │
//! │                           ││    1024 ━━━━━━━━━━━━━━━━━━───────  30.1 ± 0.2 tok/s     │
//! │ pp512 and tg128 …         ││ kept results of this model, newest first               │
//! ╰───────────────────────────╯╰────────────────────────────────────────────────────────╯
//! ```

use ratatui::layout::{Constraint, Layout, Rect};

use crate::app::{MEASUREMENTS, MeasureEnd, MeasureRun, State};
use crate::bench::history::{self, Compared};
use crate::bench::{Series, held_up, series, test_name};
use crate::theme::Role;
use crate::tune::{Finding, words};
use crate::ui::layout::Size;
use crate::ui::painter::{Focused, Painter, Part, part};
use crate::ui::text::wrap::Wrapped;
use crate::ui::widgets::gauge::gauge;

/// Columns of the questions, where results stand beside them.
const QUESTIONS: u16 = 34;
/// Columns of a curve's labels, and of its figures.
const LABEL: u16 = 14;
const FIGURES: u16 = 24;

pub fn draw(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let size = Size::of(painter.buffer.area);
    let rows = MEASUREMENTS.len() as u16;
    let [questions, results] = if size == Size::Compact {
        Layout::vertical([Constraint::Length(rows + 2), Constraint::Min(0)]).areas(area)
    } else {
        Layout::horizontal([Constraint::Length(QUESTIONS), Constraint::Min(0)]).areas(area)
    };
    let focused = if state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let title = [part("Measure", Role::Accent)];
    let inner = painter.pane(questions, &title, size.frame(), focused);
    draw_questions(painter, inner, state);
    let title = [part("Results", Role::Accent)];
    let inner = painter.pane(results, &title, size.frame(), Focused::No);
    let lines = lines(painter.glyphs.dot, inner.width, state);
    let last = lines.len().saturating_sub(usize::from(inner.height));
    let shown = lines.iter().skip(state.bench.scroll.min(last));
    for (y, line) in (inner.top()..inner.bottom()).zip(shown) {
        line.draw(
            painter,
            Rect {
                y,
                height: 1,
                ..inner
            },
        );
    }
}

fn draw_questions(painter: &mut Painter<'_>, area: Rect, state: &State) {
    let selected = state.bench.selected;
    for (y, (index, (_, words, _))) in
        (area.top()..area.bottom()).zip(MEASUREMENTS.iter().enumerate())
    {
        let (mark, role) = if index == selected {
            (painter.glyphs.selected, Role::Focus)
        } else {
            (" ", Role::Text)
        };
        painter.parts(
            area.x,
            y,
            area.right(),
            &[part(mark, role), part(" ", role), part(*words, role)],
        );
    }
    let Some((_, _, about)) = MEASUREMENTS.get(selected) else {
        return;
    };
    let below = area.y + MEASUREMENTS.len() as u16 + 1;
    let wrapped = Wrapped::new(about, area.width);
    for (y, row) in (below..area.bottom()).zip(wrapped.rows()) {
        painter.text(area.x, y, area.right(), row.text(about), Role::Muted);
    }
}

/// One row of the results.
enum Line<'a> {
    Text(Vec<Part<'a>>),
    Bar {
        label: String,
        /// Of the curve's highest, 0 to 1.
        share: f64,
        figures: String,
    },
}

impl Line<'_> {
    fn draw(&self, painter: &mut Painter<'_>, area: Rect) {
        match self {
            Self::Text(parts) => {
                painter.parts(area.x, area.y, area.right(), parts);
            }
            Self::Bar {
                label,
                share,
                figures,
            } => {
                let label_end = (area.x + LABEL).min(area.right());
                painter.text_right(
                    area.x,
                    area.y,
                    label_end,
                    &[part(label.as_str(), Role::Text)],
                );
                let width = area.width.saturating_sub(LABEL + FIGURES + 2);
                gauge(painter, label_end + 1, area.y, width, *share, Role::Gauge);
                let x = label_end + 1 + width + 1;
                painter.text(
                    x.min(area.right()),
                    area.y,
                    area.right(),
                    figures,
                    Role::Text,
                );
            }
        }
    }
}

fn text<'a>(text: impl Into<std::borrow::Cow<'a, str>>, role: Role) -> Line<'a> {
    Line::Text(vec![part(text, role)])
}

fn lines<'a>(dot: &str, width: u16, state: &'a State) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    if let Some(run) = &state.bench.run {
        of_run(&mut lines, dot, run);
        lines.push(text("", Role::Text));
    }
    of_history(&mut lines, width, state);
    lines
}

fn of_run<'a>(lines: &mut Vec<Line<'a>>, dot: &str, run: &'a MeasureRun) {
    lines.push(Line::Text(vec![
        part(run.question.words(), Role::Accent),
        part(format!(" {dot} {}", progress(run)), Role::Muted),
    ]));
    for Series { title, points } in series(&run.records, run.question.axis()) {
        if !title.is_empty() {
            lines.push(text(title, Role::Accent));
        }
        let highest = points.iter().map(|point| point.rate).fold(0.0, f64::max);
        lines.extend(points.into_iter().map(|point| Line::Bar {
            share: point.rate / highest.max(f64::MIN_POSITIVE),
            figures: format!("{:.2} ± {:.2} tok/s", point.rate, point.stddev),
            label: point.label,
        }));
    }
    let held_up = held_up(&run.records);
    lines.extend(held_up.map(|why| text(why, Role::Warning)));
    lines.extend(run.findings.iter().flat_map(of_finding));
    match &run.end {
        Some(MeasureEnd::Found { outcome, kept }) => {
            lines.extend(outcome.last.iter().flat_map(of_finding));
            let said = words::verdict(outcome);
            lines.extend(said.lines().map(|line| text(line.to_owned(), Role::Text)));
            match kept {
                Some(Ok(path)) => lines.push(text(
                    format!("In force now, and kept in {}.", path.display()),
                    Role::Good,
                )),
                Some(Err(why)) => lines.push(text(why.as_str(), Role::Error)),
                None => {}
            }
        }
        Some(MeasureEnd::Failed(why)) => lines.push(text(why.as_str(), Role::Error)),
        _ => {}
    }
    lines.extend(run.failed.iter().map(|why| text(why.as_str(), Role::Error)));
}

/// How far it is, or how it ended.
fn progress(run: &MeasureRun) -> String {
    match (&run.end, run.search) {
        (Some(MeasureEnd::Cancelled), _) => "stopped".into(),
        (Some(MeasureEnd::Failed(_)), _) => "failed".into(),
        (Some(_), _) => "done".into(),
        (None, Some((test, axes))) => format!(
            "{} of {axes} parameters tried with {}",
            run.findings.len(),
            test_name(test)
        ),
        (None, None) if run.tests.is_empty() => "choosing a test".into(),
        (None, None) => {
            let (index, done) = run.at;
            let name = run.tests.get(index).map_or("", String::as_str);
            format!(
                "test {} of {} {name}, run {} of {}",
                (index + 1).min(run.tests.len()),
                run.tests.len(),
                (done + 1).min(run.repetitions as usize),
                run.repetitions
            )
        }
    }
}

fn of_finding(finding: &Finding) -> Vec<Line<'_>> {
    let candidates = finding
        .candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| {
            let won = index == finding.winner;
            let role = if won { Role::Good } else { Role::Text };
            let name = if index == 0 {
                "as it was".to_owned()
            } else {
                words::values(&candidate.values)
            };
            let mark = if won { "*" } else { " " };
            Line::Text(vec![
                part(format!("  {mark} {name:<22} "), role),
                part(words::figures(candidate), Role::Muted),
            ])
        });
    std::iter::once(text(finding.axis, Role::Accent))
        .chain(candidates)
        .collect()
}

/// The results kept of the model that runs; of all models where none does.
fn of_history<'a>(lines: &mut Vec<Line<'a>>, width: u16, state: &'a State) {
    let records = match &state.bench.history {
        None => return lines.push(text("reading the results …", Role::Muted)),
        Some(Err(why)) => return lines.push(text(why.as_str(), Role::Error)),
        Some(Ok(records)) => records,
    };
    let model = state.model.running.as_ref().map(|(model, _)| model);
    let own = records.iter().filter(|record| {
        model.is_none_or(|model| {
            (record.model_size, record.model_n_params) == (model.size_bytes, model.n_params)
        })
    });
    let mut compared = history::compare(own);
    compared.sort_by(|a, b| b.record.test_time.cmp(&a.record.test_time));
    if compared.is_empty() {
        return lines.push(text("No results are kept of this model yet.", Role::Muted));
    }
    lines.push(text("Kept results, newest first", Role::Accent));
    lines.extend(compared.iter().map(|one| of_record(one, width)));
}

fn of_record(compared: &Compared<'_>, width: u16) -> Line<'static> {
    let record = compared.record;
    let time: String = record.test_time.chars().take(16).collect();
    let params: Vec<String> = record
        .params
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let change = compared
        .change
        .map(history::change_in_words)
        .unwrap_or_default();
    let speed = format!("{:.2} ± {:.2}", record.avg_ts, record.stddev_ts);
    let mut parts = vec![
        part(format!("{} ", time.replace('T', " ")), Role::Muted),
        part(
            format!("{:<14} {speed:>18}  ", test_name(record.test())),
            Role::Text,
        ),
        part(format!("{change}  "), Role::Accent),
    ];
    if width > 90 || change.is_empty() {
        parts.push(part(params.join(" "), Role::Muted));
    }
    Line::Text(parts)
}
