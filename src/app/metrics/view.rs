//! What of the history is looked at, and the keys that change it.

use super::super::{Action, Content, Effect, FilePlace, State};
use crate::telemetry::history::export::{Format, Range};
use crate::telemetry::history::{History, MOST_GPUS, SPAN_MS};

/// Stretches of time that can be looked at, in milliseconds.
pub const ZOOMS_MS: [u64; 6] = [60_000, 120_000, 300_000, 600_000, 1_800_000, SPAN_MS];

/// The stretch of the history that the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Which of [`ZOOMS_MS`].
    zoom: usize,
    /// The latest time shown, in milliseconds since the sensors were started; `None` = now.
    pub frozen: Option<u64>,
    /// The time whose values are shown; `None` = the latest.
    pub cursor: Option<u64>,
    /// The GPU whose figures are shown.
    pub gpu: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            zoom: 2,
            frozen: None,
            cursor: None,
            gpu: 0,
        }
    }
}

/// Steps of the cursor that the width is divided into: about a column each.
const STEPS: u64 = 120;

impl Window {
    /// The same window with all of the history in it.
    #[must_use]
    pub fn widest(self) -> Self {
        Self {
            zoom: ZOOMS_MS.len() - 1,
            ..self
        }
    }

    /// How much time is shown, in milliseconds.
    pub fn length_ms(self) -> u64 {
        ZOOMS_MS[self.zoom.min(ZOOMS_MS.len() - 1)]
    }

    /// From when to when, the end not included.
    pub fn range(self, history: &History) -> Range {
        let latest = history.latest_ms().unwrap_or(0);
        let to = self.frozen.unwrap_or(latest).saturating_add(1);
        Range {
            from: to.saturating_sub(self.length_ms()),
            to,
        }
    }

    fn zoomed(self, by: isize) -> Self {
        let zoom = self.zoom.saturating_add_signed(by).min(ZOOMS_MS.len() - 1);
        Self { zoom, ..self }
    }

    /// Moves the cursor; the window follows it, and time stands still meanwhile.
    fn moved(self, history: &History, back_ms: i64) -> Self {
        let (Some(oldest), Some(latest)) = (history.oldest_ms(), history.latest_ms()) else {
            return self;
        };
        let at = self.cursor.or(self.frozen).unwrap_or(latest);
        let at = at.saturating_add_signed(back_ms).clamp(oldest, latest);
        let range = self.range(history);
        let end = range.to.saturating_sub(1);
        let frozen = if at < range.from {
            at.saturating_add(self.length_ms())
                .saturating_sub(1)
                .min(latest)
        } else {
            end.max(at)
        };
        Self {
            cursor: Some(at),
            frozen: Some(frozen),
            ..self
        }
    }

    /// The same window with its cursor in view.
    fn around_cursor(self, history: &History) -> Self {
        match self.cursor {
            Some(_) => self.moved(history, 0),
            None => self,
        }
    }

    fn toggled(self, history: &History) -> Self {
        match self.frozen {
            Some(_) => Self {
                frozen: None,
                cursor: None,
                ..self
            },
            None => Self {
                frozen: history.latest_ms(),
                ..self
            },
        }
    }
}

/// What an action means in this view; `None` = what it means everywhere.
pub(in super::super) fn perform(state: &mut State, action: Action) -> Option<Vec<Effect>> {
    let history = &state.metrics.history;
    let window = state.metrics.window;
    let step = i64::try_from(window.length_ms() / STEPS).unwrap_or(500);
    let hour = i64::try_from(SPAN_MS).unwrap_or(i64::MAX);
    let half = step * i64::try_from(STEPS / 2).unwrap_or(1);
    let next = match action {
        Action::Earlier => window.moved(history, -step),
        Action::Later => window.moved(history, step),
        Action::PageUp | Action::ChatPageUp => window.moved(history, -half),
        Action::PageDown | Action::ChatPageDown => window.moved(history, half),
        Action::Top => window.moved(history, -hour),
        Action::Bottom => Window {
            frozen: None,
            cursor: None,
            ..window
        },
        Action::ZoomIn => window.zoomed(-1).around_cursor(history),
        Action::ZoomOut => window.zoomed(1).around_cursor(history),
        Action::Freeze => window.toggled(history),
        Action::NextGpu => Window {
            gpu: (window.gpu + 1) % gpus(state).clamp(1, MOST_GPUS),
            ..window
        },
        Action::ExportCsv => return Some(export(state, Format::Csv)),
        Action::ExportJson => return Some(export(state, Format::Json)),
        Action::ExportText => return Some(export(state, Format::Text)),
        _ => return None,
    };
    state.metrics.window = next;
    Some(vec![])
}

fn gpus(state: &State) -> usize {
    let sample = state.gauges.latest.as_ref();
    sample.map_or(0, |sample| sample.gpus.as_deref().unwrap_or_default().len())
}

/// The whole hour; the table for logs has what is shown.
fn export(state: &State, format: Format) -> Vec<Effect> {
    let history = &state.metrics.history;
    let range = match format {
        Format::Text => state.metrics.window.range(history),
        Format::Csv | Format::Json => Range {
            from: 0,
            to: u64::MAX,
        },
    };
    let text = crate::telemetry::history::export::write(history, range, format);
    vec![Effect::WriteFile {
        place: FilePlace::Exports(format!("metrics.{}", format.ending())),
        content: Content::Text(text),
    }]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::telemetry::history::Work;
    use crate::telemetry::{Moment, Sample};

    fn history(seconds: u64) -> History {
        let mut history = History::default();
        for second in 0..=seconds {
            let sample = Sample {
                at: Moment {
                    ms: second * 1000,
                    unix_ms: 0,
                },
                ..Sample::default()
            };
            history.record(&sample, &Work::default());
        }
        history
    }

    #[test]
    fn the_window_follows_the_cursor_and_now() {
        let history = history(1000);
        let window = Window::default();
        assert_eq!(
            window.range(&history),
            Range {
                from: 700_001,
                to: 1_000_001
            }
        );
        let back = window.moved(&history, -400_000);
        assert_eq!(back.cursor, Some(600_000));
        assert_eq!(back.range(&history).from, 600_000);
        let start = back.moved(&history, -5_000_000);
        assert_eq!((start.cursor, start.range(&history).from), (Some(0), 0));
        assert_eq!(start.toggled(&history), window);
        assert_eq!(window.toggled(&history).frozen, Some(1_000_000));
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_in_view(moves in prop::collection::vec((-2_000_000i64..2_000_000, -3isize..3), 0..40)) {
            let history = history(900);
            let mut window = Window::default();
            for (by, zoom) in moves {
                window = window.zoomed(zoom).moved(&history, by);
                let range = window.range(&history);
                let cursor = window.cursor.unwrap();
                prop_assert!(range.from <= cursor && cursor < range.to, "{window:?} {range:?}");
                prop_assert!(cursor <= 900_000);
            }
        }
    }
}
