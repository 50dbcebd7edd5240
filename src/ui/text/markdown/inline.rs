//! What stands inside a paragraph, a heading or a cell: emphasis, code, links, formulas.

use pulldown_cmark::{Event, Tag, TagEnd};
use ratatui::style::Modifier;

use super::line::{Look, Styled};
use crate::markdown::formula::{Piece, Protected};
use crate::markdown::parser;
use crate::theme::Role;

/// Collects inline events as styled text.
#[derive(Debug)]
pub struct Inline {
    pub styled: Styled,
    looks: Vec<Look>,
    links: Vec<Link>,
}

#[derive(Debug)]
struct Link {
    address: String,
    title: String,
    /// Where its text begins.
    start: usize,
}

impl Inline {
    /// For ordinary text of that look.
    pub fn new(look: Look) -> Self {
        Self {
            styled: Styled::default(),
            looks: vec![look],
            links: Vec::new(),
        }
    }

    /// How text looks here.
    pub fn look(&self) -> Look {
        self.looks.last().copied().unwrap_or(Look::of(Role::Text))
    }

    pub fn begin(&mut self, look: Look) {
        self.looks.push(look);
    }

    /// Ends what began last; the look it all began with stays.
    pub fn end(&mut self) {
        if self.looks.len() > 1 {
            self.looks.pop();
        }
    }

    /// Takes an event if it is one of those inside a paragraph.
    pub fn take(&mut self, event: &Event<'_>, protected: &Protected<'_>) {
        let look = self.look();
        match event {
            Event::Text(text) => self.text(text, look, protected),
            Event::Code(code) => {
                let code = protected.restored(code);
                let role = Look {
                    role: Role::InlineCode,
                    ..look
                };
                self.styled.push(&code, role);
            }
            Event::InlineHtml(tag) | Event::Html(tag) => self.html(tag, protected),
            Event::SoftBreak | Event::HardBreak => self.styled.push("\n", look),
            Event::TaskListMarker(done) => {
                let mark = if *done { "[x] " } else { "[ ] " };
                self.styled.push(mark, Look::of(Role::Accent));
            }
            Event::Start(Tag::Emphasis) => self.begin(look.and(Modifier::ITALIC)),
            Event::Start(Tag::Strong) => self.begin(look.and(Modifier::BOLD)),
            Event::Start(Tag::Strikethrough) => self.begin(look.and(Modifier::CROSSED_OUT)),
            Event::Start(
                Tag::Link {
                    dest_url, title, ..
                }
                | Tag::Image {
                    dest_url, title, ..
                },
            ) => {
                if matches!(event, Event::Start(Tag::Image { .. })) {
                    self.styled.push("image: ", Look::of(Role::Muted));
                }
                self.links.push(Link {
                    address: protected.restored(dest_url).into_owned(),
                    title: protected.restored(title).into_owned(),
                    start: self.styled.text.len(),
                });
                self.begin(Look {
                    role: Role::Link,
                    ..look.and(Modifier::UNDERLINED)
                });
            }
            Event::End(TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough) => self.end(),
            Event::End(TagEnd::Link | TagEnd::Image) => {
                self.end();
                self.address();
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, look: Look, protected: &Protected<'_>) {
        for piece in protected.pieces(text) {
            match piece {
                Piece::Text(text) => self.styled.push(text, look),
                Piece::Formula(formula) => {
                    let look = Look {
                        role: Role::Formula,
                        ..look
                    };
                    for (number, line) in formula.split('\n').enumerate() {
                        if number > 0 {
                            self.styled.push("\n", look);
                        }
                        self.styled.push(line.trim_end(), look);
                    }
                }
            }
        }
    }

    /// Shown as it is written, but for line breaks, which are the only way to break a line in a table.
    fn html(&mut self, tag: &str, protected: &Protected<'_>) {
        let name: String = tag.chars().filter(|c| !c.is_whitespace()).collect();
        if matches!(name.to_ascii_lowercase().as_str(), "<br>" | "<br/>") {
            self.styled.push("\n", Look::of(Role::Muted));
        } else {
            let tag = protected.restored(tag);
            self.styled.push(&tag, Look::of(Role::Muted));
        }
    }

    /// After the text of a link, where it leads, unless the text says so already.
    fn address(&mut self) {
        let Some(link) = self.links.pop() else { return };
        let text = self.styled.text.get(link.start..).unwrap_or_default();
        let bare = |address: &str| {
            let address = address.trim_end_matches('/');
            let schemes = ["https://", "http://", "mailto:"];
            let scheme = schemes
                .iter()
                .find_map(|scheme| address.strip_prefix(scheme));
            scheme.unwrap_or(address).to_owned()
        };
        let mut address = String::new();
        if bare(text) != bare(&link.address) {
            address.push_str(&link.address);
        }
        if !link.title.is_empty() {
            address.push_str(&format!(" \"{}\"", link.title));
        }
        if !address.trim().is_empty() {
            let shown = format!(" ({})", address.trim());
            self.styled.push(&shown, Look::of(Role::Muted));
        }
    }
}

/// A character that keeps a cell from being taken for a heading or a list; it is not shown.
const GUARD: &str = "\u{ffffd}";

/// The styled text of a cell of a table.
pub fn cell(text: &str, look: Look, protected: &Protected<'_>) -> Styled {
    let guarded = format!("{GUARD}{text}");
    let mut inline = Inline::new(look);
    for event in parser(&guarded) {
        match event {
            Event::Text(text) => {
                let text = text.strip_prefix(GUARD).unwrap_or(&text);
                inline.take(&Event::Text(text.into()), protected);
            }
            event => inline.take(&event, protected),
        }
    }
    inline.styled
}
