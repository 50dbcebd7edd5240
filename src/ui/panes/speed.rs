//! How fast it goes, and what the context holds.
//!
//! ```text
//! ╭ Speed ───────────────────────────────╮
//! │ decode      24.9 tok/s · 24.1 on average
//! │ at most     about 42 tok/s · 59 %    │
//! │ first token 312 ms                   │
//! │ prompt      188 tok/s                │
//! │ prompt from 512 new · 300 reused     │
//! │ context     ━━━━━────── 1,234 / 4,096│
//! │ KV memory   48.0 MiB                 │
//! │ tokens      812 in · 120 out         │
//! │  30 ▂▅▇▇▇▇▆▇▇▇                       │
//! │   0 ██████████                       │
//! ╰──────────────────────────────────────╯
//! ```

use ratatui::layout::Rect;

use super::reply;
use crate::app::{Action, Pane, State};
use crate::engine::Timings;
use crate::keymap::Context;
use crate::plan::{HOST, Peak, decode_ceiling, peak_of, prefill_ceiling};
use crate::theme::Role;
use crate::ui::painter::{Focused, Frame, Painter, Part, part};
use crate::ui::text::units;
use crate::ui::widgets::{
    chart::chart,
    gauge::{fill_role, gauge},
};

/// Columns of the labels.
const LABEL: u16 = 12;

pub fn draw(painter: &mut Painter<'_>, area: Rect, frame: Frame, state: &State) {
    let focused = if state.focus == Pane::Speed && state.overlay.is_none() {
        Focused::Yes
    } else {
        Focused::No
    };
    let inner = painter.pane(area, &[part("Speed", Role::Accent)], frame, focused);
    let mut y = inner.y;
    for row in rows(state, painter.glyphs.missing) {
        if y >= inner.bottom() {
            return;
        }
        draw_row(
            painter,
            Rect {
                y,
                height: 1,
                ..inner
            },
            &row,
        );
        y += 1;
    }
    let rest = Rect {
        y,
        height: inner.bottom() - y,
        ..inner
    };
    if rest.height >= 2 {
        chart(painter, rest, state.speed.history.iter().copied());
    }
}

/// A label, perhaps a bar, and facts.
struct Row<'a> {
    label: &'static str,
    bar: Option<(f64, Role)>,
    facts: Vec<Vec<Part<'a>>>,
}

fn draw_row(painter: &mut Painter<'_>, area: Rect, row: &Row<'_>) {
    painter.text(area.x, area.y, area.right(), row.label, Role::Muted);
    let mut x = area.x + LABEL;
    if let Some((share, role)) = row.bar {
        let width = (area.width.saturating_sub(LABEL) / 3).min(24);
        gauge(painter, x, area.y, width, share, role);
        x += width + 1;
    }
    painter.facts(x, area.y, area.right(), &row.facts);
}

fn rows<'a>(state: &State, missing: &'a str) -> Vec<Row<'a>> {
    let speed = &state.speed;
    let timings = &speed.timings;
    let known = |value: f64, text: String| {
        if value > 0.0 {
            part(text, Role::Text)
        } else {
            part(missing, Role::Muted)
        }
    };
    let fact = |label, value: Part<'a>| Row {
        label,
        bar: None,
        facts: vec![vec![value]],
    };
    let mut rows = vec![
        Row {
            label: "decode",
            bar: None,
            facts: decode(timings, missing),
        },
        fact(
            "first token",
            known(timings.ttft_ms, units::duration(timings.ttft_ms)),
        ),
        prompt(state, missing),
        Row {
            label: "prompt from",
            bar: None,
            facts: origin(timings, missing),
        },
        context(state, missing),
        fact(
            "KV memory",
            kv_memory(state).map_or(part(missing, Role::Muted), |bytes| {
                part(units::bytes(bytes), Role::Text)
            }),
        ),
        tokens(state),
    ];
    if let Some(row) = ceiling(state) {
        rows.insert(1, row);
    }
    if let Some(row) = threads(state) {
        rows.push(row);
    }
    if let Some(row) = held_back(state) {
        rows.insert(1, row);
    }
    if let Some(reason) = &speed.stop {
        rows.push(fact("ended", part(reply::stop_reason(reason), Role::Text)));
    }
    rows
}

/// The most costly thing found, and the key that shows all.
fn held_back(state: &State) -> Option<Row<'static>> {
    let first = state.why.findings.first()?;
    let key = state.keymap.hint(Context::Global, Action::ShowWhy);
    let mut facts = vec![vec![part(first.what.clone(), Role::Warning)]];
    if let Some(key) = key {
        facts.insert(0, vec![part(key, Role::Key)]);
    }
    Some(Row {
        label: "held back",
        bar: None,
        facts,
    })
}

fn prompt<'a>(state: &State, missing: &'a str) -> Row<'a> {
    let timings = &state.speed.timings;
    if let Some((done, total)) = state.speed.prefill {
        let counts = format!(
            "{} / {}",
            units::count(u64::from(done)),
            units::count(u64::from(total))
        );
        let left = reply::time_left(total.saturating_sub(done), timings.prompt_per_second);
        let left = left.map(|ms| {
            vec![part(
                format!("about {} left", units::time_left(ms)),
                Role::Muted,
            )]
        });
        let share = prefill_share(state).map(|share| vec![share_of(share)]);
        let facts = [vec![part(counts, Role::Text)]]
            .into_iter()
            .chain(left)
            .chain(share)
            .collect();
        return Row {
            label: "prompt",
            bar: Some((f64::from(done) / f64::from(total.max(1)), Role::Gauge)),
            facts,
        };
    }
    let value = match timings.prompt_per_second {
        rate if rate > 0.0 => part(units::rate(rate), Role::Text),
        _ => part(missing, Role::Muted),
    };
    let share = prefill_share(state);
    let words = share.map(|share| vec![share_of(share)]);
    Row {
        label: "prompt",
        bar: share.map(|(share, _)| (share, Role::Gauge)),
        facts: [vec![value]].into_iter().chain(words).collect(),
    }
}

/// What is reached of the most there could be, an estimate.
fn share_of((share, most): (f64, f64)) -> Part<'static> {
    let words = format!("{:.0} % of ~{}", share * 100.0, units::rate(most));
    part(words, Role::Muted)
}

/// Prompt tokens from which on their speed is that of large products.
const LONG_PROMPT: u32 = 128;

/// The share of what the devices could compute, and that: an estimate from measured operations
/// per second / (2 × parameters that a token uses).
fn prefill_share(state: &State) -> Option<(f64, f64)> {
    let (model, context) = state.model.running.as_ref()?;
    let timings = &state.speed.timings;
    let peaks = &state.gauges.peaks;
    let most = prefill_ceiling(&context.reads, peaks, model.n_params, model.size_bytes)?;
    let share = timings.prompt_per_second / most;
    (timings.prompt_n >= LONG_PROMPT && share > 0.0 && share <= 1.0).then_some((share, most))
}

/// Now, and over the whole reply.
fn decode<'a>(timings: &Timings, missing: &'a str) -> Vec<Vec<Part<'a>>> {
    let average = timings.predicted_per_second;
    match timings.recent_per_second {
        now if now > 0.0 => {
            vec![
                vec![part(units::rate(now), Role::Accent)],
                vec![part(
                    format!("{} on average", units::per_second_alone(average)),
                    Role::Text,
                )],
            ]
        }
        _ if average > 0.0 => vec![vec![
            part(units::rate(average), Role::Text),
            part(" on average", Role::Muted),
        ]],
        _ => vec![vec![part(missing, Role::Muted)]],
    }
}

/// Which prompt tokens were decoded and which were in the KV cache already.
fn origin<'a>(timings: &Timings, missing: &'a str) -> Vec<Vec<Part<'a>>> {
    if timings.prompt_n == 0 && timings.cache_n == 0 {
        return vec![vec![part(missing, Role::Muted)]];
    }
    let role = if timings.cache_n > 0 {
        Role::Good
    } else {
        Role::Muted
    };
    vec![
        vec![part(
            format!("{} new", units::count(u64::from(timings.prompt_n))),
            Role::Text,
        )],
        vec![part(
            format!("{} reused", units::count(u64::from(timings.cache_n))),
            role,
        )],
    ]
}

fn context<'a>(state: &State, missing: &'a str) -> Row<'a> {
    let Some((_, context)) = &state.model.running else {
        return Row {
            label: "context",
            bar: None,
            facts: vec![vec![part(missing, Role::Muted)]],
        };
    };
    let size = units::count(u64::from(context.n_ctx));
    let Some(used) = state.context_used() else {
        return Row {
            label: "context",
            bar: None,
            facts: vec![vec![part(format!("{missing} / {size}"), Role::Muted)]],
        };
    };
    let share = f64::from(used) / f64::from(context.n_ctx.max(1));
    let counts = format!("{} / {size}", units::count(u64::from(used)));
    let facts = vec![
        vec![part(counts, Role::Text)],
        vec![part(format!("{:.0} %", share * 100.0), Role::Muted)],
    ];
    Row {
        label: "context",
        bar: Some((share, fill_role(share))),
        facts,
    }
}

/// What the KV cache takes on all devices; `None` while nothing is loaded or llama.cpp does not say.
fn kv_memory(state: &State) -> Option<u64> {
    let (_, context) = state.model.running.as_ref()?;
    let total = context.devices.iter().map(|device| device.kv).sum();
    (total > 0).then_some(total)
}

/// What memory bandwidth allows, once that was measured: an estimate, and how near the reply came.
fn ceiling(state: &State) -> Option<Row<'static>> {
    let (_, context) = state.model.running.as_ref()?;
    let (reads, peaks, depth) = (
        &context.reads,
        &state.gauges.peaks,
        state.speed.context_used,
    );
    let most = decode_ceiling(reads, peaks, depth)?;
    let timings = &state.speed.timings;
    let reached = match timings.recent_per_second {
        now if now > 0.0 => now,
        _ => timings.predicted_per_second,
    };
    // A reply that is faster shows that other work was in the way when bandwidth was measured.
    if reached > most {
        return None;
    }
    // An estimate: measured bandwidth / bytes that a token reads.
    let most_words = if reached > 0.0 {
        format!("{:.0} % of ~{}", reached / most * 100.0, units::rate(most))
    } else {
        format!("~{}", units::rate(most))
    };
    let devices = reads.iter().filter_map(|reads| {
        let peak = peak_of(peaks, &reads.device)?;
        let words = traffic(reads.at(depth), reached, peak);
        Some(vec![part(words, Role::Muted)])
    });
    let facts = std::iter::once(vec![part(most_words, Role::Text)]).chain(devices);
    Some(Row {
        label: "at most",
        facts: facts.collect(),
        bar: (reached > 0.0).then_some((reached / most, Role::Gauge)),
    })
}

/// What a device reads from its memory each second at so many tokens per second, beside its peak.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn traffic(bytes: u64, tokens_per_second: f64, peak: &Peak) -> String {
    let now = bytes as f64 * tokens_per_second / 1e9;
    let most = peak.bytes_per_second as f64 / 1e9;
    let name = match peak.device.as_str() {
        HOST => "",
        device => &format!("{device} "),
    };
    match now > 0.0 {
        true => format!("{name}{now:.1} of {most:.1} GB/s"),
        false => format!("{name}{most:.1} GB/s"),
    }
}

/// Said only where other processes hold threads back.
fn threads(state: &State) -> Option<Row<'static>> {
    let (_, context) = state.model.running.as_ref()?;
    let given_up = state.model.threads_given_up;
    (given_up > 0).then(|| Row {
        label: "threads",
        bar: None,
        facts: vec![
            vec![part(context.n_threads.to_string(), Role::Warning)],
            vec![part(
                format!("{given_up} left to other processes"),
                Role::Muted,
            )],
        ],
    })
}

fn tokens(state: &State) -> Row<'static> {
    let (prompt, predicted) = state.speed.totals();
    let facts = vec![
        vec![part(format!("{} in", units::count(prompt)), Role::Text)],
        vec![part(format!("{} out", units::count(predicted)), Role::Text)],
        vec![part("this session", Role::Muted)],
    ];
    Row {
        label: "tokens",
        bar: None,
        facts,
    }
}
