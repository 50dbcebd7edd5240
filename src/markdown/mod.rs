//! The structure of Markdown as replies write it: where its blocks begin, what is a formula, which
//! code blocks there are. Pure, and it knows no screen: `ui::text::markdown` lays out what is found here.

mod blocks;
mod code;
pub mod fence;
pub mod formula;

pub use blocks::{Place, Splitter};
pub use code::{CodeBlock, code_blocks};

use pulldown_cmark::{Options, Parser};

/// A parser of one block, with the extensions that models use.
pub fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(
        text,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS,
    )
}
