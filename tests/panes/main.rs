//! What the screen looks like, in every situation and size, as text; and how it is styled.

mod bench;
mod compare;
mod models;
mod states;
mod tokens;

use insta::assert_snapshot;
use llmdeck::app::{Anchor, Event, Scroll, State, View, Viewport};
use llmdeck::theme::{ColorDepth, GlyphSet, Role, Theme};
use llmdeck::ui::{self, TranscriptCache};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

const SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 60)];

fn draw(state: &State, theme: &Theme, cache: &mut TranscriptCache) -> (Buffer, Viewport) {
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    let mut viewport = Viewport::default();
    let frame = terminal
        .draw(|frame| {
            viewport = match ui::draw(frame, state, theme, cache) {
                Some(Event::Viewport(viewport)) => viewport,
                _ => state.chat.viewport,
            };
        })
        .unwrap();
    (frame.buffer.clone(), viewport)
}

fn screen(state: &State) -> Buffer {
    draw(state, &Theme::default(), &mut TranscriptCache::default()).0
}

/// The screen as lines of text; the second cell of a wide character is left out, as on a terminal.
fn text(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in buffer.area.rows() {
        let mut line = String::new();
        let mut skip = 0;
        for position in y.positions() {
            let symbol = buffer[position].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// A snapshot of one situation in each of the sizes.
fn snapshots(name: &str, sizes: &[(u16, u16)], state: impl Fn((u16, u16)) -> State) {
    for size in sizes {
        assert_snapshot!(
            format!("{name}_{}x{}", size.0, size.1),
            text(&screen(&state(*size)))
        );
    }
}

#[test]
fn empty_start() {
    snapshots("empty", &SIZES, states::empty);
    snapshots("ready", &[(80, 24)], states::ready);
}

#[test]
fn models_from_the_hub() {
    let sizes = [(60, 18), (80, 24), (200, 60)];
    snapshots("hub_first", &sizes, states::first_models);
    snapshots("hub_models", &[(80, 24)], states::models_of_a_repository);
    snapshots("hub_downloads", &sizes, states::downloads);
    snapshots("hub_refused", &[(80, 24)], states::hub_refused);
}

#[test]
fn loading() {
    snapshots("loading", &SIZES, states::loading);
    snapshots("load_failed", &[(80, 24)], states::load_failed);
}

#[test]
fn prefilling() {
    snapshots("prefilling", &SIZES, states::prefilling);
}

#[test]
fn streaming() {
    snapshots("streaming", &SIZES, states::streaming);
}

#[test]
fn finished() {
    snapshots("finished", &SIZES, states::finished);
}

#[test]
fn markdown() {
    snapshots("markdown", &[(80, 24), (200, 60)], states::markdown);
    snapshots("markdown_raw", &[(80, 24)], states::markdown_raw);
    let state = states::markdown((80, 24));
    let ascii = Theme::default().with_glyphs(GlyphSet::Ascii);
    let (buffer, _) = draw(&state, &ascii, &mut TranscriptCache::default());
    assert_snapshot!("markdown_ascii_80x24", text(&buffer));
}

#[test]
fn a_reply_that_was_not_measured_has_no_figures() {
    snapshots("imported", &[(80, 24)], states::imported);
}

#[test]
fn thoughts() {
    let sizes = [(80, 24), (200, 60)];
    snapshots("thought", &sizes, states::thought);
    snapshots("thought_unfolded", &sizes, states::thought_unfolded);
}

#[test]
fn scrolled() {
    snapshots("scrolled", &[(80, 24), (120, 40)], states::scrolled);
}

#[test]
fn error_note() {
    snapshots("error_note", &SIZES, states::error_note);
}

#[test]
fn parameters() {
    snapshots("params", &SIZES, states::params);
    snapshots("params_foreseen", &SIZES, states::params_foreseen);
    snapshots("params_refused", &[(80, 24)], states::params_refused);
    snapshots("params_filtered", &[(80, 24)], states::params_filtered);
    snapshots(
        "params_editing",
        &[(80, 24), (120, 40)],
        states::params_editing,
    );
}

#[test]
fn walk_through_tokens() {
    snapshots("tokens", &SIZES, tokens::walk);
    snapshots("tokens_shaded", &[(80, 24)], tokens::shaded);
    snapshots(
        "tokens_many_stages",
        &[(60, 18), (80, 24), (200, 60)],
        tokens::many_stages,
    );
    snapshots("tokens_odd_break", &[(80, 24)], tokens::odd_break);
    snapshots("tokens_odd_half", &[(80, 24)], tokens::odd_half);
    snapshots("tokens_odd_empty", &[(60, 18), (80, 24)], tokens::odd_empty);
    snapshots(
        "tokens_not_recorded",
        &[(60, 18), (80, 24)],
        tokens::not_recorded,
    );
    snapshots("tokens_by_hand", &[(80, 24)], tokens::by_hand);
    snapshots("tokens_computed", &[(60, 18), (80, 24)], tokens::computed);
    snapshots("params_preview", &[(80, 24), (200, 60)], tokens::preview);
}

#[test]
fn gauges() {
    snapshots("gauges", &SIZES, states::gauges);
    snapshots("gauges_with_gpu", &SIZES, states::gauges_with_gpu);
    snapshots(
        "gauges_with_held",
        &[(80, 24), (200, 60)],
        states::gauges_with_held,
    );
}

#[test]
fn gauges_of_a_full_machine() {
    let sizes = [(80, 24), (200, 60)];
    snapshots("gauges_full", &sizes, states::gauges_with_everything);
}

#[test]
fn metrics() {
    snapshots("metrics", &SIZES, states::metrics);
    let sizes = [(80, 24), (200, 60)];
    snapshots("metrics_mark", &sizes, states::metrics_at_a_mark);
    snapshots("metrics_empty", &[(80, 24)], |size| {
        let mut state = states::ready(size);
        state.view = View::Metrics;
        state
    });
}

#[test]
fn speed() {
    snapshots("speed", &[(60, 18), (80, 24)], states::speed);
}

#[test]
fn log() {
    snapshots("log", &SIZES, states::log);
}

#[test]
fn measurements() {
    snapshots("measuring", &SIZES, bench::measuring);
    snapshots("tuned", &[(80, 24), (200, 60)], bench::tuned);
}

#[test]
fn overlays() {
    snapshots("help", &SIZES, states::help);
    snapshots("palette", &SIZES, states::palette);
    snapshots("load_model", &[(80, 24)], states::load_model);
    snapshots("context_full", &[(80, 24)], states::context_full);
    snapshots("sessions", &[(60, 18), (80, 24)], states::sessions);
    snapshots("left_open", &[(60, 18), (80, 24)], states::left_open);
    snapshots(
        "context_full_beyond",
        &[(60, 18), (80, 24)],
        states::context_full_beyond,
    );
}

#[test]
fn versions() {
    let sizes = [(80, 24), (200, 60)];
    snapshots("versions", &sizes, states::versions);
    snapshots("tree", &sizes, states::tree);
    snapshots("editing", &[(80, 24)], states::editing);
    snapshots("with_settings", &[(80, 24)], states::with_settings);
}

#[test]
fn commands_and_questions() {
    let sizes = [(60, 18), (80, 24), (200, 60)];
    snapshots("completing", &sizes, states::completing);
    snapshots("asking", &[(80, 24)], states::asking);
}

#[test]
fn what_is_left_out_and_what_is_offered() {
    snapshots("left_out", &[(80, 24)], states::left_out);
    snapshots("marking", &[(80, 24)], states::marking);
    snapshots("guide", &[(60, 18), (80, 24)], states::guide);
}

#[test]
fn a_turn_that_is_left_out_is_marked_in_a_kept_cache_too() {
    let cache = &mut TranscriptCache::default();
    let theme = Theme::default();
    let marked = states::left_out((80, 24));
    let mut state = states::left_out((80, 24));
    state.chat.left_out = 0;
    let before = draw(&state, &theme, cache).0;
    state.chat.left_out = 2;
    let after = draw(&state, &theme, cache).0;
    assert_ne!(before, after);
    assert_eq!(after, screen(&marked));
}

#[test]
fn prompt_and_context() {
    snapshots("prompt", &[(60, 18), (80, 24), (200, 60)], states::prompt);
    snapshots("prompt_tokens", &[(80, 24)], states::prompt_tokens);
    snapshots("context", &[(60, 18), (80, 24), (200, 60)], states::context);
    snapshots("attach", &[(60, 18), (80, 24), (200, 60)], states::attach);
    snapshots("attached", &[(60, 18), (120, 40)], states::attached);
    snapshots("template_failed", &[(80, 24)], states::template_failed);
}

#[test]
fn composing() {
    snapshots("composing", &[(60, 18), (120, 40)], states::composing);
}

#[test]
fn too_small() {
    snapshots(
        "too_small",
        &[(59, 18), (60, 17), (20, 3)],
        states::finished,
    );
}

#[test]
fn ascii_draws_nothing_else() {
    let theme = Theme::default().with_glyphs(GlyphSet::Ascii);
    for size in SIZES {
        // Without the conversation, whose text is not ours.
        let mut state = states::gauges_with_gpu(size);
        state.chat.entries.clear();
        state.side = None;
        let shown = text(&draw(&state, &theme, &mut TranscriptCache::default()).0);
        assert!(shown.is_ascii(), "{shown}");
    }
    let shown = draw(
        &states::metrics((80, 24)),
        &theme,
        &mut TranscriptCache::default(),
    );
    assert!(text(&shown.0).is_ascii(), "{}", text(&shown.0));
    let state = states::prefilling((80, 24));
    assert_snapshot!(
        "ascii_80x24",
        text(&draw(&state, &theme, &mut TranscriptCache::default()).0)
    );
}

#[test]
fn mono_has_no_colours_and_keeps_the_meaning() {
    let mono = Theme::default().at_depth(ColorDepth::None);
    let buffer = draw(
        &states::palette((80, 24)),
        &mono,
        &mut TranscriptCache::default(),
    )
    .0;
    assert!(
        buffer
            .content
            .iter()
            .all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset))
    );
    let selected = buffer
        .area
        .rows()
        .find(|row| row_text(&buffer, row.y).contains("Choose a theme"))
        .unwrap();
    assert!(
        buffer[(40, selected.y)]
            .modifier
            .contains(Modifier::REVERSED)
    );
}

fn row_text(buffer: &Buffer, y: u16) -> String {
    (buffer.area.left()..buffer.area.right())
        .map(|x| buffer[(x, y)].symbol())
        .collect()
}

#[test]
fn meanings_have_their_style() {
    let theme = Theme::default();
    let style_at = |state: &State, word: &str| {
        let buffer = screen(state);
        let y = buffer
            .area
            .rows()
            .map(|row| row.y)
            .find(|y| row_text(&buffer, *y).contains(word))
            .unwrap();
        let line = row_text(&buffer, y);
        let x = line[..line.find(word).unwrap()].chars().count() as u16;
        buffer[(x, y)].fg
    };
    let color = |role| theme.style(role).fg.unwrap();
    let size = (80, 24);
    assert_eq!(
        style_at(&states::error_note(size), "presets/creative"),
        color(Role::Error)
    );
    assert_eq!(
        style_at(&states::error_note(size), "decoding: llama.cpp"),
        color(Role::Error)
    );
    assert_eq!(
        style_at(&states::finished(size), "let counter"),
        color(Role::Keyword)
    );
    assert_eq!(
        style_at(&states::finished(size), "stopped after"),
        color(Role::Warning)
    );
    assert_eq!(
        style_at(&states::gauges(size), "no GPU found"),
        color(Role::Muted)
    );
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    for size in SIZES {
        let buffer = screen(&states::hostile(size));
        for cell in &buffer.content {
            assert!(
                !cell.symbol().chars().any(ui::text::sanitise::is_unsafe),
                "{:?}",
                cell.symbol()
            );
        }
    }
}

#[test]
fn the_end_stays_in_view_and_lines_stay_put() {
    let mut state = states::scrolled((80, 24));
    let cache = &mut TranscriptCache::default();
    let theme = Theme::default();
    let (first, viewport) = draw(&state, &theme, cache);
    assert_eq!(viewport.width, 78);
    assert!(!viewport.is_at_end);
    assert!(text(&first).contains("What is a mutex?"));
    state.chat.scroll = Scroll::From(viewport.top, 3);
    let before = draw(&state, &theme, cache).0;
    state
        .chat
        .entries
        .push(llmdeck::app::Entry::User("one more".to_owned()));
    let (after, grown) = draw(&state, &theme, cache);
    assert_eq!(grown.top, Anchor { entry: 1, line: 1 });
    let body = |buffer: &Buffer| {
        text(buffer)
            .lines()
            .skip(2)
            .take(10)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(body(&before), body(&after));
    state.chat.scroll = Scroll::End;
    assert!(text(&draw(&state, &theme, cache).0).contains("one more"));
}

#[test]
fn a_kept_cache_draws_what_a_fresh_one_draws() {
    let cache = &mut TranscriptCache::default();
    let theme = Theme::default();
    let whole = states::finished((80, 24));
    let mut growing = states::streaming((80, 24));
    let llmdeck::app::Entry::Reply(full) = whole.chat.entries[1].clone() else {
        panic!("a reply")
    };
    for end in (0..=full.text.len()).filter(|end| full.text.is_char_boundary(*end)) {
        let Some(llmdeck::app::Entry::Reply(reply)) = growing.chat.entries.last_mut() else {
            panic!("a reply")
        };
        reply.text = full.text[..end].to_owned();
        if end % 7 != 0 {
            continue;
        }
        assert_eq!(draw(&growing, &theme, cache).0, screen(&growing), "{end}");
    }
    // Going on in another width, and with another conversation, is a new start.
    growing.size = (120, 40);
    assert_eq!(draw(&growing, &theme, cache).0, screen(&growing));
    assert_eq!(draw(&whole, &theme, cache).0, screen(&whole));
}
