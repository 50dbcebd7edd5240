use proptest::prelude::*;
use ratatui::style::Modifier;

use super::*;
use crate::theme::GlyphSet;
use crate::ui::glyphs::glyphs;

fn marks() -> &'static Marks {
    &glyphs(GlyphSet::Unicode).markdown
}

fn document(text: &str, width: u16, ending: Ending) -> Document {
    let mut document = Document::new(width, marks());
    document.extend(text, ending);
    document
}

fn shown(text: &str, width: u16) -> Vec<String> {
    document(text, width, Ending::Final)
        .lines()
        .iter()
        .map(|line| line.text.trim_end().to_owned())
        .collect()
}

/// The looks of the parts of the first line.
fn parts(text: &str) -> Vec<(String, Role, Modifier)> {
    document(text, 80, Ending::Final).lines()[0]
        .parts()
        .map(|(part, look)| (part.to_owned(), look.role, look.add))
        .collect()
}

#[test]
fn blocks_look_like_what_they_are() {
    assert_eq!(
        shown(
            "# Title\n\nSome *text* with `code`.\n\n- one\n- two\n  - deep\n\n1. first\n2. second\n   more\n\n> quoted\n> text\n\n---\nend",
            20
        ),
        [
            "Title",
            "",
            "Some text with code.",
            "",
            "• one",
            "• two",
            "  ◦ deep",
            "",
            "1. first",
            "2. second",
            "   more",
            "",
            "│ quoted",
            "│ text",
            "",
            "────────────────────",
            "end",
        ]
    );
}

#[test]
fn long_items_are_indented_and_tasks_keep_their_boxes() {
    assert_eq!(
        shown(
            "- [x] a long item that wraps\n- [ ] open\n\n  second paragraph",
            16
        ),
        [
            "• [x] a long",
            "  item that",
            "  wraps",
            "• [ ] open",
            "",
            "  second",
            "  paragraph",
        ]
    );
}

#[test]
fn code_stands_between_lines_and_keeps_its_spaces() {
    assert_eq!(
        shown(
            "Do:\n```rust\nfn  a() {\n\n    b()\n}\n```\n1. or\n   ```\n   x\n   ```",
            14
        ),
        [
            "Do:",
            "── rust ──────",
            "fn  a() {",
            "",
            "    b()",
            "}",
            "──────────────",
            "1. or",
            "   ───────────",
            "   x",
            "   ───────────",
        ]
    );
}

#[test]
fn tables_are_aligned_wrapped_and_lose_no_cell() {
    assert_eq!(
        shown(
            "| a | number |\n|---|---:|\n| one | 1 |\n| two | 22 | extra |",
            40
        ),
        [
            "a   │ number │",
            "────┼────────┼──────",
            "one │      1 │",
            "two │     22 │ extra",
        ]
    );
    assert_eq!(
        shown("| k | text |\n|---|---|\n| a | one two three |", 12),
        ["k │ text", "──┼─────────", "a │ one two", "  │ three"]
    );
    // Where columns would be too narrow to read, rows are shown as they were written.
    assert_eq!(
        shown(
            "| one | two | three |\n|---|---|---|\n| aaaa | bbbb | cccc |",
            12
        )[0],
        "| one | two"
    );
}

#[test]
fn emphasis_code_and_links_have_their_looks() {
    let plain = Modifier::empty();
    assert_eq!(
        parts("a **b** `c` [d](https://e.org) <https://f.org/>"),
        [
            ("a ".into(), Role::Assistant, plain),
            ("b".into(), Role::Assistant, Modifier::BOLD),
            (" ".into(), Role::Assistant, plain),
            ("c".into(), Role::InlineCode, plain),
            (" ".into(), Role::Assistant, plain),
            ("d".into(), Role::Link, Modifier::UNDERLINED),
            (" (https://e.org)".into(), Role::Muted, plain),
            (" ".into(), Role::Assistant, plain),
            ("https://f.org/".into(), Role::Link, Modifier::UNDERLINED),
        ]
    );
}

#[test]
fn formulas_are_left_as_they_are() {
    assert_eq!(
        shown(
            "So \\(a_1 * b_1\\) and $x_i * y_i$.\n\n\\[\n\\frac{a}{b}\n\\]",
            60
        ),
        [
            "So \\(a_1 * b_1\\) and $x_i * y_i$.",
            "",
            "\\[",
            "\\frac{a}{b}",
            "\\]"
        ]
    );
    assert_eq!(parts("$a$")[0].1, Role::Formula);
}

#[test]
fn html_and_definitions_are_text() {
    assert_eq!(shown("<details>\n<b>x</b>", 30), ["<details>", "<b>x</b>"]);
    assert_eq!(
        shown("see [a]\n\n[a]: https://b.org", 40)[2],
        "[a]: https://b.org"
    );
    assert_eq!(shown("| a |\n|---|\n| x<br>y |", 30), ["a", "─", "x", "y"]);
}

#[test]
fn nothing_reaches_the_terminal_raw() {
    for text in [
        "\u{1b}[31mred",
        "`\u{9b}31m`",
        "```\n\u{1b}]0;t\u{7}\n```",
        "| \u{202e}a |\n|--|",
    ] {
        for line in document(text, 40, Ending::Final).lines() {
            assert!(
                !line.text.chars().any(super::super::sanitise::is_unsafe),
                "{:?}",
                line.text
            );
        }
    }
}

#[test]
fn an_open_fence_is_code_and_its_end_is_not_shown_half() {
    let lines = |text: &str| -> Vec<String> {
        let document = document(text, 20, Ending::Open);
        document
            .lines()
            .iter()
            .map(|line| line.text.clone())
            .collect()
    };
    let open = lines("```py\nx = 1\ny");
    assert!(open[0].starts_with("── py ─"), "{open:?}");
    assert_eq!(open[1..], ["x = 1", "y"]);
    assert_eq!(lines("```py\nx = 1\n``").len(), 2);
    assert_eq!(lines("```py\nx = 1\n```\n").len(), 3);
}

#[test]
fn a_line_being_written_shows_its_emphasis_and_nothing_half() {
    let lines = |text: &str| -> Vec<String> {
        let document = document(text, 40, Ending::Open);
        document
            .lines()
            .iter()
            .map(|line| line.text.clone())
            .collect()
    };
    assert_eq!(lines("a **bold** word"), ["a bold word"]);
    assert_eq!(lines("a **bold*"), ["a **bold"]);
    assert_eq!(lines("- item\n- **x** y"), ["• item", "• x y"]);
    assert_eq!(lines("| a | b"), ["| a | b"]);
    assert_eq!(lines("text\n\nmore"), ["text", "", "more"]);
}

#[test]
fn code_gets_colours_where_it_is_shown() {
    let mut document = document("x\n```rust\nlet a = 1;\n```", 40, Ending::Final);
    assert_eq!(document.code_block(0), Some(1..4));
    assert!(
        document.lines()[2]
            .parts()
            .all(|(_, look)| look.role == Role::Text)
    );
    document.highlight(0..4);
    let (first, look) = document.lines()[2].parts().next().unwrap();
    assert_eq!((first, look.role), ("let", Role::Keyword));
}

#[test]
fn colours_follow_code_over_the_edge() {
    let mut document = document(
        "```rust\n/* a comment that wraps */ let x\n```",
        10,
        Ending::Final,
    );
    document.highlight(0..20);
    let roles: Vec<_> = document.lines()[1..3]
        .iter()
        .flat_map(|line| line.parts().map(|(_, look)| look.role))
        .collect();
    assert_eq!(roles, [Role::Comment, Role::Comment]);
}

/// Pieces that Markdown gives a meaning to.
const TEXT: &str = "([a-d ]{1,3}|\n|\n\n|[*_~`]{1,3}|# |- |1\\. |  |    |> |\\||---|\\$|\\\\\\(|\\\\\\)|\\[|\\]|\\(u\\)|<b>|漢|👩\u{200d}👩|e\u{301}|\u{5d0}\u{5d1}|\u{1b}|\t|&amp;|```\n|: ){0,40}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn pieces_do_not_matter(text in TEXT, cuts in prop::collection::vec(0usize..200, 0..20), width in 1u16..30) {
        let mut cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut <= text.len() && text.is_char_boundary(*cut)).collect();
        cuts.sort_unstable();
        let mut grown = Document::new(width, marks());
        for cut in cuts {
            grown.extend(&text[..cut], Ending::Open);
            let at_once = document(&text[..cut], width, Ending::Open);
            prop_assert_eq!(grown.lines(), at_once.lines());
        }
        for ending in [Ending::Open, Ending::Final] {
            grown.extend(&text, ending);
            let at_once = document(&text, width, ending);
            prop_assert_eq!(grown.lines(), at_once.lines());
        }
    }

    #[test]
    fn no_line_is_too_wide(text in TEXT, width in 2u16..30) {
        for ending in [Ending::Open, Ending::Final] {
            for line in document(&text, width, ending).lines() {
                let only_one = line.text.chars().filter(|c| !c.is_whitespace()).count() <= 2;
                prop_assert!(only_one || line.width() <= usize::from(width), "{:?}", line.text);
            }
        }
    }

    #[test]
    fn no_letter_is_lost(text in TEXT, width in 8u16..30) {
        // Of what stands behind a fence as much is shown as fits.
        prop_assume!(!text.contains("```") && !text.contains("~~~"));
        let letters = |text: &str| text.chars().filter(|c| matches!(c, 'a'..='d' | '漢' | '\u{5d0}')).collect::<String>();
        let lines = document(&text, width, Ending::Final);
        let shown: String = lines.lines().iter().map(|line| line.text.as_str()).collect();
        let (mut said, mut shown): (Vec<_>, Vec<_>) = (letters(&text).chars().collect(), letters(&shown).chars().collect());
        // Cells that wrap stand side by side.
        said.sort_unstable();
        shown.sort_unstable();
        // "&amp;" holds an a of its own; "image: " and tags too.
        prop_assert!(shown.len() + text.matches("&amp;").count() >= said.len(), "{said:?} {shown:?}");
    }

    #[test]
    fn another_text_is_no_reason_to_panic(one in TEXT, other in TEXT, width in 1u16..30) {
        let mut document = document(&one, width, Ending::Open);
        document.extend(&other, Ending::Open);
        document.highlight(0..1000);
        document.extend(&one, Ending::Final);
    }

    #[test]
    fn any_text_can_be_laid_out(text in "(\\PC|\\pC|\n){0,80}", width in 0u16..30) {
        let mut document = document(&text, width, Ending::Open);
        document.highlight(0..1000);
        document.extend(&text, Ending::Final);
    }
}

#[test]
fn long_blocks_and_lines_grow_the_same_way() {
    let long_line = "word **bold** and another ".repeat(200);
    let list: String = (0..600)
        .map(|n| format!("- x\n  - item {n} of many\n"))
        .collect();
    let paragraph = "one line of a poem\n".repeat(900);
    let table: String = (0..400).map(|n| format!("| {n} | {n} |\n")).collect();
    for text in [
        long_line,
        list,
        paragraph,
        format!("| a | b |\n|---|---|\n{table}"),
    ] {
        let mut grown = Document::new(60, marks());
        for end in (0..text.len()).step_by(97) {
            grown.extend(&text[..end], Ending::Open);
            if end % 13 == 0 {
                let at_once = document(&text[..end], 60, Ending::Open);
                assert_eq!(grown.lines(), at_once.lines());
            }
        }
    }
}

#[test]
fn the_beginning_of_a_table_decides_how_wide_its_columns_are() {
    let row = "| 1 | two |\n";
    let table = |rows: usize, last: &str| {
        let rows = row.repeat(rows);
        shown(&format!("| n | word |\n|---|---|\n{rows}{last}"), 40)
    };
    assert_eq!(table(3, "| 1000 | x |")[0], "n    │ word");
    let long = table(SHORT_BLOCK / row.len(), "| 1000 | one two | more |");
    assert_eq!(long[0], "n │ word");
    assert_eq!(
        long[long.len() - 4..],
        ["1 │ one", "0 │ two", "0 │ |", "0 │ more"]
    );
}

#[test]
fn a_long_block_that_grows_is_what_it_is_at_once() {
    let row = "| `Mutex` | one at a time | 1 |\n";
    let table = format!(
        "Types:\n\n| kind | how many | n |\n|---|---|---|\n{0}| $a$ | b\\|c | 22 |\n{0}{0}| wider than `all` before | $b$ | 333 | and more |\n{0}after",
        row.repeat(SHORT_BLOCK / row.len() - 100)
    );
    let mut grown = Document::new(40, marks());
    for end in (0..table.len()).step_by(7).chain([table.len()]) {
        grown.extend(&table[..end], Ending::Open);
        if end % 1_001 == 0 || end == table.len() {
            let whole = document(&table[..end], 40, Ending::Open);
            assert_eq!(grown.lines(), whole.lines(), "at {end}");
        }
    }
}
