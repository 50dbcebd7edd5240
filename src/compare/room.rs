//! How many columns go on at once.

use std::fmt;

use super::Column;
use crate::engine::ContextInfo;
use crate::params::{Overrides, Param, Value};
use crate::units::counted;

/// What there is room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    pub columns: usize,
    /// Columns that go on at once; the others wait until one of them has ended.
    pub at_once: usize,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    AllFit,
    /// Memory holds no more sequences; what was said of one more.
    Memory(String),
    /// The context keeps so many sequences.
    Sequences(u32),
    /// Its cells, in tokens: the prompt, and what a reply may take.
    Cells {
        n_ctx: u32,
        n_prompt: u32,
        n_reply: u32,
    },
}

/// How many of `columns` go on at once, whose prompts begin with `n_shared` of `n_prompt` tokens
/// in common. `n_reply` is what a reply may take; where it has no limit, nothing is known of the
/// cells and only sequences count.
///
/// A cache of one piece has `n_ctx` cells: the shared beginning once, and for each column the rest
/// of its prompt and its reply.
pub fn at_once(
    context: &ContextInfo,
    columns: usize,
    n_shared: u32,
    n_prompt: u32,
    n_reply: Option<u32>,
) -> Room {
    let sequences = context.n_seq_max.max(1);
    let by_sequences = (sequences as usize).min(columns);
    let unified = context.params.context.kv_unified;
    let by_cells = n_reply.filter(|_| unified).map(|n_reply| {
        let each = n_prompt
            .saturating_sub(n_shared)
            .saturating_add(n_reply)
            .max(1);
        let left = context.n_ctx.saturating_sub(n_shared);
        // One always goes on: it ends where the context is full.
        ((left / each) as usize).clamp(1, columns.max(1))
    });
    let cells = Why::Cells {
        n_ctx: context.n_ctx,
        n_prompt,
        n_reply: n_reply.unwrap_or(0),
    };
    let (at_once, why) = match by_cells {
        Some(cells_for) if cells_for < by_sequences => (cells_for, cells),
        _ if by_sequences < columns => (by_sequences, Why::Sequences(sequences)),
        _ => (columns, Why::AllFit),
    };
    Room {
        columns,
        at_once,
        why,
    }
}

/// The most tokens that a reply may take in any of the columns; `None` where one has no limit.
pub fn longest_reply<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Option<u32> {
    let limits = columns
        .into_iter()
        .map(|column| column.params.reply().max_tokens);
    limits
        .reduce(|one, other| one.zip(other).map(|(a, b)| a.max(b)))
        .flatten()
}

/// A sequence for each of so many columns, and one cache for all, so that what they begin with is
/// kept once. Every model takes both.
pub fn sequences_for(columns: usize) -> Overrides {
    let sequences = Value::Int(i64::try_from(columns).unwrap_or(1));
    Overrides::from([
        (Param::Parallel, sequences),
        (Param::KvUnified, Value::Bool(true)),
    ])
}

impl Room {
    /// The room where memory holds only so many sequences, and why not more.
    pub fn by_memory(columns: usize, at_once: usize, why: impl Into<String>) -> Self {
        Self {
            columns,
            at_once,
            why: Why::Memory(why.into()),
        }
    }

    /// Whether no column has to wait.
    pub fn is_enough(&self) -> bool {
        self.why == Why::AllFit
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (columns, at_once) = (self.columns, self.at_once);
        let go = if at_once == 1 { "goes" } else { "go" };
        match &self.why {
            Why::AllFit => write!(f, "all {columns} columns go on at once"),
            Why::Memory(why) => write!(
                f,
                "{at_once} of {columns} columns {go} on at once, because memory has no room for \
                 more sequences: {why}; the others follow"
            ),
            Why::Sequences(sequences) => write!(
                f,
                "{at_once} of {columns} columns {go} on at once, because the context keeps \
                 {}; the others follow (--parallel {columns} keeps more)",
                counted(*sequences, "sequence")
            ),
            Why::Cells {
                n_ctx,
                n_prompt,
                n_reply,
            } => write!(
                f,
                "{at_once} of {columns} columns {go} on at once, because the context holds {n_ctx} \
                 tokens, the prompt takes {n_prompt} and each reply up to {n_reply}; the others \
                 wait for room (a larger --ctx-size has more)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(n_ctx: u32, n_seq_max: u32) -> ContextInfo {
        let mut context = ContextInfo {
            n_ctx,
            n_seq_max,
            ..ContextInfo::default()
        };
        context.params.context.kv_unified = true;
        context
    }

    #[test]
    fn the_prompt_counts_once_and_each_reply() {
        let room = at_once(&context(1000, 8), 8, 400, 400, Some(100));
        assert_eq!((room.at_once, room.is_enough()), (6, false));
        assert!(room.to_string().contains("6 of 8 columns"), "{room}");
        assert!(at_once(&context(1200, 8), 8, 400, 400, Some(100)).is_enough());
        // Nothing shared: each has its own prompt.
        assert_eq!(at_once(&context(1000, 8), 8, 0, 400, Some(100)).at_once, 2);
        assert_eq!(at_once(&context(100, 8), 8, 0, 400, Some(100)).at_once, 1);
        let one = at_once(&context(1000, 1), 2, 400, 400, None).to_string();
        let said = "1 of 2 columns goes on at once, because the context keeps 1 sequence;";
        assert!(one.starts_with(said), "{one}");
    }

    #[test]
    fn without_a_limit_on_replies_sequences_count() {
        let room = at_once(&context(1000, 4), 6, 400, 400, None);
        assert_eq!(room.at_once, 4);
        assert!(room.to_string().contains("--parallel 6"), "{room}");
        assert!(at_once(&context(1000, 6), 6, 400, 400, None).is_enough());
    }
}
