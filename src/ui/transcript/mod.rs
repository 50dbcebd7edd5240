//! Where the lines of the conversation are, kept between frames.
//!
//! A frame costs what is visible, not what was said. An entry is laid out when it comes into view for
//! the first time, replies as Markdown and the rest as byte ranges into its own text; until then its
//! height is estimated. A reply that grows is laid out on from its last lines.
//!
//! What is in view is found from an [`Anchor`], line by line over entries that are laid out on the
//! way. So an estimate never moves what is on the screen: all it decides is how many lines are said to
//! lie below.
//!
//! An entry is known by its kind, its request, and its text's address and length: text may grow or be
//! replaced by another `String`, and must not be rewritten in place.

mod key;
mod laid_out;
#[cfg(test)]
mod tests;

use std::ops::{Range, RangeInclusive};

use super::text::wrap::Row;
use super::text::{markdown, sanitise};
use crate::app::{Anchor, ChatState, Cursor, Entry, PickedCode, Scroll};
use crate::engine::ConversationId;
use crate::theme::GlyphSet;
use key::{Above, Key};
pub use key::{failure, thought};
pub use laid_out::TranscriptLine;
use laid_out::{LaidOut, estimate};

/// Lines kept in view above code that was jumped to.
const CONTEXT: usize = 2;

/// The transcript as the last frames had it.
#[derive(Debug, Default)]
pub struct TranscriptCache {
    conversation: Option<ConversationId>,
    page: Page,
    slots: Vec<Slot>,
    /// After each entry, the number of lines so far, with the blank line that follows it.
    ends: Vec<usize>,
    /// The height that the entry at the anchor had before it must be laid out anew.
    was: Option<usize>,
}

/// What every entry is laid out for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Columns.
    pub width: u16,
    pub glyphs: GlyphSet,
}

/// What is in view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The first line.
    pub anchor: Anchor,
    /// The same, counted from the top of the transcript: good for this frame.
    pub top: usize,
    /// The last line.
    pub bottom: Anchor,
    /// Where the cursor is, while lines are marked.
    pub cursor: Option<Anchor>,
    /// Whether nothing lies below.
    pub is_at_end: bool,
}

/// An entry of the transcript.
#[derive(Debug)]
enum Slot {
    /// Not seen yet, about so many lines high.
    Estimated(Key, usize),
    LaidOut(Box<LaidOut>),
}

impl TranscriptCache {
    /// Brings the cache to the present transcript on a page.
    pub fn update(&mut self, chat: &ChatState, page: Page) {
        let anchored = match chat.scroll {
            Scroll::From(anchor, _) => Some(anchor.entry),
            Scroll::End | Scroll::Code => None,
        };
        let before = anchored.filter(|entry| self.is_laid_out(*entry));
        let before = before.map(|entry| self.slots[entry].height());
        if self.conversation != Some(chat.conversation) || self.page != page {
            self.slots.clear();
            self.conversation = Some(chat.conversation);
            self.page = page;
        }
        self.slots.truncate(chat.entries.len());
        let mut first_changed = self.slots.len();
        for (index, entry) in chat.entries.iter().enumerate() {
            let above = if index > 0 && index == chat.left_out {
                Above::Rule
            } else {
                Above::Nothing
            };
            let key = Key::of(entry, above, chat);
            match self.slots.get_mut(index) {
                Some(slot) if *slot.key() == key => continue,
                Some(slot) => slot.follow(entry, key, page),
                None => self.slots.push(Slot::new(entry, key, page)),
            }
            first_changed = first_changed.min(index);
        }
        self.was = before.filter(|_| !anchored.is_some_and(|entry| self.is_laid_out(entry)));
        self.sum_up(first_changed);
    }

    /// Lays out what comes into a view of so many lines, and says which lines those are.
    pub fn view(&mut self, chat: &ChatState, height: usize) -> View {
        let Some(last) = self.slots.len().checked_sub(1) else {
            return View {
                is_at_end: true,
                ..View::default()
            };
        };
        let mut first_changed = self.slots.len();
        let mut walk = Walk {
            slots: &mut self.slots,
            entries: &chat.entries,
            page: self.page,
            first_changed: &mut first_changed,
        };
        let below = Anchor {
            entry: last,
            line: walk.height(last),
        };
        let last_page = walk.up(below, height);
        let wanted = match chat.scroll {
            Scroll::End => last_page,
            Scroll::From(Anchor { entry, line }, by) => {
                let entry = entry.min(last);
                let height = walk.height(entry);
                let line = match self.was.take() {
                    Some(was) => line * height / was.max(1),
                    None => line.min(height),
                };
                let at = Anchor { entry, line };
                walk.by(at, by)
            }
            Scroll::Code => match chat.code.and_then(|picked| walk.code(picked)) {
                Some(first) => walk.up(first, CONTEXT),
                None => last_page,
            },
        };
        let mut anchor = wanted.min(last_page);
        let last_line = walk.up(below, 1);
        let cursor = chat.marking.map(|marking| match marking.cursor {
            Cursor::At(at) => at.min(last_line),
            Cursor::From(at, by) => walk.by(at, by).min(last_line),
            Cursor::End => last_line,
        });
        if let Some(cursor) = cursor {
            let lowest = walk.up(cursor, height.saturating_sub(1));
            anchor = anchor.clamp(lowest, cursor);
        }
        let bottom = walk.down(anchor, height.saturating_sub(1)).min(last_line);
        self.sum_up(first_changed);
        View {
            anchor,
            top: self.start(anchor.entry) + anchor.line,
            bottom,
            cursor,
            is_at_end: anchor >= last_page,
        }
    }

    /// Lines of the whole transcript, without the blank one after the last entry. Estimated unless
    /// [`Self::is_exact_from`] the first entry.
    pub fn total(&self) -> usize {
        self.ends.last().map_or(0, |end| end - 1)
    }

    /// Whether the heights of this entry and of all below are known.
    pub fn is_exact_from(&self, entry: usize) -> bool {
        (entry..self.slots.len()).all(|entry| self.is_laid_out(entry))
    }

    /// The lines of an entry, without the blank one after it.
    pub fn lines_of(&self, entry: usize) -> Range<usize> {
        let start = self.start(entry);
        start..self.ends.get(entry).map_or(start, |end| end - 1)
    }

    /// Gives the code on these lines its colours.
    pub fn highlight(&mut self, lines: Range<usize>) {
        let first = self.ends.partition_point(|end| *end <= lines.start);
        let mut start = self.start(first);
        for (slot, end) in self.slots.iter_mut().zip(&self.ends).skip(first) {
            if start >= lines.end {
                break;
            }
            if let Slot::LaidOut(laid_out) = slot {
                let within = |line: usize| line.saturating_sub(start);
                laid_out.highlight(within(lines.start)..within(lines.end));
            }
            start = *end;
        }
    }

    /// The lines of a code block; where it is not laid out, those of its whole entry.
    pub fn code(&self, picked: PickedCode) -> Option<Range<usize>> {
        let slot = self.slots.get(picked.entry)?;
        let start = self.start(picked.entry);
        let lines = match slot {
            Slot::LaidOut(laid_out) => laid_out.code(picked.block),
            Slot::Estimated(..) => 0..slot.height(),
        };
        Some(start + lines.start..start + lines.end)
    }

    /// A line of a reply's Markdown.
    pub fn markdown(&self, entry: usize, line: usize) -> Option<&markdown::Line> {
        match self.slots.get(entry)? {
            Slot::LaidOut(laid_out) => laid_out.markdown(line),
            Slot::Estimated(..) => None,
        }
    }

    /// What stands on a line.
    pub fn line(&self, line: usize) -> TranscriptLine {
        let entry = self.ends.partition_point(|end| *end <= line);
        match self.slots.get(entry) {
            Some(Slot::LaidOut(laid_out)) => laid_out.line(entry, line - self.start(entry)),
            _ => TranscriptLine::Blank,
        }
    }

    /// The text of some lines, as they are shown. Figures under replies are not part of it.
    pub fn text(&mut self, chat: &ChatState, lines: RangeInclusive<Anchor>) -> String {
        self.update(chat, self.page);
        let Some(last) = self.slots.len().checked_sub(1) else {
            return String::new();
        };
        let (first, last) = (lines.start(), lines.end().entry.min(last));
        let mut walk = Walk {
            slots: &mut self.slots,
            entries: &chat.entries,
            page: self.page,
            first_changed: &mut 0,
        };
        for entry in first.entry..=last {
            walk.height(entry);
        }
        self.sum_up(0);
        let lines = self.line_at(*first)..self.line_at(*lines.end()) + 1;
        let texts = lines.filter_map(|line| self.text_of(chat, self.line(line)));
        let texts: Vec<String> = texts.map(|text| text.trim_end().to_owned()).collect();
        texts.join("\n")
    }

    fn text_of(&self, chat: &ChatState, line: TranscriptLine) -> Option<String> {
        let row_of = |entry: usize, row: Row, text: fn(&Entry) -> &str| {
            let entry = chat.entries.get(entry)?;
            Some(sanitise::sanitise(row.text(text(entry))).into_owned())
        };
        match line {
            TranscriptLine::Body { entry, row, .. } => row_of(entry, row, Entry::text),
            TranscriptLine::ThoughtRow { entry, row } => row_of(entry, row, thought),
            TranscriptLine::Failure { entry, row, .. } => {
                row_of(entry, row, |entry| failure(entry).unwrap_or_default())
            }
            TranscriptLine::Markdown { entry, line, .. } => {
                let parts = self.markdown(entry, line)?.parts();
                Some(parts.map(|(text, _)| text).collect())
            }
            TranscriptLine::Blank => Some(String::new()),
            TranscriptLine::Thought { .. }
            | TranscriptLine::Progress { .. }
            | TranscriptLine::Footer { .. }
            | TranscriptLine::Rule => None,
        }
    }

    fn is_laid_out(&self, entry: usize) -> bool {
        matches!(self.slots.get(entry), Some(Slot::LaidOut(_)))
    }

    /// Which line of the transcript a line of an entry is, in this frame.
    pub fn line_at(&self, at: Anchor) -> usize {
        self.start(at.entry) + at.line
    }

    /// Lines above an entry.
    fn start(&self, entry: usize) -> usize {
        let before = entry.checked_sub(1).and_then(|at| self.ends.get(at));
        before.copied().unwrap_or(0)
    }

    /// Sums heights up anew from this entry on.
    fn sum_up(&mut self, first: usize) {
        self.ends.truncate(first);
        let mut end = self.start(first);
        for slot in self.slots.iter().skip(first) {
            end += slot.height() + 1;
            self.ends.push(end);
        }
    }
}

impl Slot {
    fn new(entry: &Entry, key: Key, page: Page) -> Self {
        if key.is_due() {
            return Self::LaidOut(Box::new(LaidOut::new(entry, key, page)));
        }
        Self::Estimated(key, estimate(entry, &key, page))
    }

    /// The entry says something else now, or more.
    fn follow(&mut self, entry: &Entry, key: Key, page: Page) {
        let grew = match self {
            Self::LaidOut(laid_out) => laid_out.grow(entry, key, page),
            Self::Estimated(..) => false,
        };
        if !grew {
            *self = Self::new(entry, key, page);
        }
    }

    fn key(&self) -> &Key {
        match self {
            Self::Estimated(key, _) => key,
            Self::LaidOut(laid_out) => laid_out.key(),
        }
    }

    /// Lines, without the blank one that follows.
    fn height(&self) -> usize {
        match self {
            Self::Estimated(_, height) => *height,
            Self::LaidOut(laid_out) => laid_out.height(),
        }
    }
}

/// A walk over the lines, which lays out every entry that it comes to.
struct Walk<'a> {
    /// At least one.
    slots: &'a mut [Slot],
    entries: &'a [Entry],
    page: Page,
    first_changed: &'a mut usize,
}

impl Walk<'_> {
    /// The height of an entry, not estimated.
    fn height(&mut self, entry: usize) -> usize {
        let slot = &mut self.slots[entry];
        if let Slot::Estimated(key, _) = slot {
            let laid_out = LaidOut::new(&self.entries[entry], *key, self.page);
            *slot = Slot::LaidOut(Box::new(laid_out));
            *self.first_changed = entry.min(*self.first_changed);
        }
        slot.height()
    }

    /// So many lines further down; up when negative.
    fn by(&mut self, at: Anchor, lines: isize) -> Anchor {
        match lines < 0 {
            true => self.up(at, lines.unsigned_abs()),
            false => self.down(at, lines.unsigned_abs()),
        }
    }

    /// So many lines further up, or the first line.
    fn up(&mut self, mut at: Anchor, mut lines: usize) -> Anchor {
        self.height(at.entry);
        while lines > at.line {
            if at.entry == 0 {
                return Anchor::default();
            }
            lines -= at.line;
            at.entry -= 1;
            // One below the blank line that ends the entry above, which is where this one begins.
            at.line = self.height(at.entry) + 1;
        }
        at.line -= lines;
        at
    }

    /// So many lines further down, or a line beyond the last.
    fn down(&mut self, mut at: Anchor, lines: usize) -> Anchor {
        at.line += lines;
        loop {
            let height = self.height(at.entry) + 1;
            if at.line < height || at.entry + 1 == self.slots.len() {
                return at;
            }
            at.line -= height;
            at.entry += 1;
        }
    }

    /// The first line of a code block.
    fn code(&mut self, picked: PickedCode) -> Option<Anchor> {
        let entry = picked.entry;
        if entry >= self.slots.len() {
            return None;
        }
        self.height(entry);
        match &self.slots[entry] {
            Slot::LaidOut(laid_out) => Some(Anchor {
                entry,
                line: laid_out.code(picked.block).start,
            }),
            Slot::Estimated(..) => None,
        }
    }
}
