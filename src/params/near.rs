//! "Did you mean": the valid word nearest to a mistyped one.

/// How alike two words must be (Jaro-Winkler) for one to be a mistyping of the other.
const LEAST_LIKENESS: f64 = 0.84;
/// Below this length a single wrong letter makes another word.
const LEAST_LENGTH: usize = 3;

/// Of the words that may stand in some place, the one nearest to the wrong one, if any is near
/// enough to be what was meant.
pub fn nearest_word<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_of(wrong, valid.into_iter().map(|word| (word.to_owned(), word)))
}

/// As [`nearest_word`], for words that stand for something.
pub(super) fn nearest_of<T>(
    wrong: &str,
    valid: impl IntoIterator<Item = (String, T)>,
) -> Option<T> {
    let wrong = wrong.to_lowercase();
    valid
        .into_iter()
        .map(|(word, meaning)| (likeness(&wrong, &word.to_lowercase()), meaning))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, meaning)| meaning)
}

/// 0 to 1. Jaro-Winkler thinks little of swapped letters in short words, so that one wrong, missing,
/// added or swapped letter counts as alike whatever it says.
fn likeness(wrong: &str, word: &str) -> f64 {
    let alike = strsim::jaro_winkler(wrong, word);
    let one_slip = wrong.len() >= LEAST_LENGTH && strsim::osa_distance(wrong, word) == 1;
    if one_slip {
        alike.max(LEAST_LIKENESS)
    } else {
        alike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        assert_eq!(
            nearest_word("creativ", ["greedy", "creative"]),
            Some("creative")
        );
        assert_eq!(nearest_word("fsp", ["ascii", "fps"]), Some("fps"));
        assert_eq!(nearest_word("Lyer", ["none", "layer"]), Some("layer"));
        assert_eq!(nearest_word("zzz", ["greedy", "creative"]), None);
        assert_eq!(nearest_word("", ["a", "b"]), None);
    }
}
