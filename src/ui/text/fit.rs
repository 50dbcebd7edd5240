//! Text cut to a number of columns.

use std::borrow::Cow;

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// The columns that harmless text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.graphemes(true)
            .map(|piece| usize::from(piece.cell_width()))
            .sum()
    }
}

/// The text, or as much of its beginning as fits with `mark` (an ellipsis) after it.
pub fn head<'a>(text: &'a str, columns: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(width(mark));
    let mut used = 0;
    let kept = text.graphemes(true).take_while(|piece| {
        used += usize::from(piece.cell_width());
        used <= room
    });
    let mut cut: String = kept.collect();
    if width(mark) <= columns {
        cut.push_str(mark);
    }
    Cow::Owned(cut)
}

/// The text, or as much of its end as fits with `mark` before it: for paths, whose end says most.
pub fn tail<'a>(text: &'a str, columns: usize, mark: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(width(mark));
    let mut used = 0;
    let kept = text.graphemes(true).rev().take_while(|piece| {
        used += usize::from(piece.cell_width());
        used <= room
    });
    let start = text.len() - kept.map(str::len).sum::<usize>();
    Cow::Owned(format!(
        "{}{}",
        if width(mark) <= columns { mark } else { "" },
        &text[start..]
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_ends_can_be_kept() {
        assert_eq!(head("transcript", 6, "…"), "trans…");
        assert_eq!(tail("/models/big.gguf", 9, "…"), "…big.gguf");
        assert_eq!(head("漢字漢字", 6, "…"), "漢字…");
        assert_eq!(head("fits", 4, "…"), "fits");
    }

    proptest! {
        #[test]
        fn never_wider_than_asked(text in "[a-z漢👩é\u{301}]{0,30}", columns in 0usize..20) {
            prop_assert!(width(&head(&text, columns, "…")) <= columns);
            prop_assert!(width(&tail(&text, columns, "…")) <= columns);
        }
    }
}
