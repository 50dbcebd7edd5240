//! Stop strings, found across token boundaries.

/// Watches a reply for stop strings; text that could begin one is held back.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopMatcher {
    stops: Vec<String>,
    held: String,
}

/// What may be shown after a piece of text came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StopStep {
    pub text: String,
    /// The stop string that was met; the reply ends before it.
    pub hit: Option<String>,
}

impl StopMatcher {
    /// Empty stop strings are left out: they would end every reply at once.
    pub(crate) fn new(stops: &[String]) -> Self {
        Self {
            stops: stops
                .iter()
                .filter(|stop| !stop.is_empty())
                .cloned()
                .collect(),
            held: String::new(),
        }
    }

    /// Takes text and gives what can be shown of it.
    pub(crate) fn push(&mut self, text: &str) -> StopStep {
        if self.stops.is_empty() {
            return StopStep {
                text: text.to_owned(),
                hit: None,
            };
        }
        self.held.push_str(text);
        let first = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()).map(|at| (at, stop)))
            .min_by_key(|&(at, _)| at);
        if let Some((at, stop)) = first {
            let hit = Some(stop.clone());
            self.held.truncate(at);
            return StopStep {
                text: std::mem::take(&mut self.held),
                hit,
            };
        }
        let keep_from = self.possible_start();
        let held = self.held.split_off(keep_from);
        StopStep {
            text: std::mem::replace(&mut self.held, held),
            hit: None,
        }
    }

    /// The text still held back when the reply ends without a stop string.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the longest end of the held text that begins a stop string starts.
    fn possible_start(&self) -> usize {
        self.held
            .char_indices()
            .map(|(at, _)| at)
            .find(|&at| {
                self.stops
                    .iter()
                    .any(|stop| stop.starts_with(&self.held[at..]))
            })
            .unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (String, Option<String>) {
        let stops: Vec<String> = stops.iter().map(|&stop| stop.to_owned()).collect();
        let mut matcher = StopMatcher::new(&stops);
        let mut shown = String::new();
        for piece in pieces {
            let step = matcher.push(piece);
            shown.push_str(&step.text);
            if step.hit.is_some() {
                return (shown, step.hit);
            }
        }
        shown.push_str(&matcher.finish());
        (shown, None)
    }

    #[test]
    fn a_stop_string_over_three_pieces_is_met_and_not_shown() {
        assert_eq!(
            run(&["</s>"], &["Hello<", "/", "s> more"]),
            ("Hello".into(), Some("</s>".into()))
        );
    }

    #[test]
    fn a_false_beginning_is_shown_in_the_end() {
        assert_eq!(run(&["</s>"], &["a <", "/b"]), ("a </b".into(), None));
        assert_eq!(run(&["</s>"], &["a <"]), ("a <".into(), None));
    }

    #[test]
    fn the_earliest_of_several_wins() {
        assert_eq!(
            run(&["world", "lo"], &["hello world"]),
            ("hel".into(), Some("lo".into()))
        );
    }

    #[test]
    fn an_empty_stop_string_stops_nothing() {
        assert_eq!(run(&[""], &["text"]), ("text".into(), None));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[ab€]{0,24}", stop in "[ab€]{1,4}", cut in 1_usize..4) {
            let letters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = letters.chunks(cut).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let expected = match text.find(&stop) {
                Some(at) => (text[..at].to_owned(), Some(stop.clone())),
                None => (text.clone(), None),
            };
            prop_assert_eq!(run(&[stop.as_str()], &pieces), expected);
        }
    }
}
