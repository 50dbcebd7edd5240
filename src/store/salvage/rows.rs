//! Which table a row belongs to, told from its shape: the page does not say.

use super::record::{Row, Value};

/// A table and how to know its rows.
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static str,
    /// A letter a column: `k` the key (NULL in the row, its number instead), `i` integer, `t` text;
    /// a capital where NULL is allowed.
    shape: &'static str,
}

/// The tables whose rows are worth saving; the index of words is made anew, writers are gone.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "conversation",
        columns: "id, title, first_line, pinned, created_ms, changed_ms, deleted_ms, leaf, system,
                  preset, params, open_by",
        shape: "kTtiiiIITTtI",
    },
    Table {
        name: "message",
        columns:
            "id, conversation, parent, role, content, reasoning, state, created_ms, deleted_ms,
                  model, seed, params, timings, stop, writer",
        shape: "kiIttttiItItTtI",
    },
    Table {
        name: "piece",
        columns: "id, message, content, reasoning, written_ms",
        shape: "kitti",
    },
    Table {
        name: "tag",
        columns: "id, conversation, name",
        shape: "kit",
    },
    Table {
        name: "run",
        columns: "id, created_ms, kind, model, params, figures",
        shape: "kitttt",
    },
    Table {
        name: "vote",
        columns: "id, created_ms, better, worse",
        shape: "kiii",
    },
    Table {
        name: "omission",
        columns: "conversation, before, written_ms, summary",
        shape: "kiiT",
    },
    Table {
        name: "ballot",
        columns: "id, created_ms, prompt, model, model_hash, contenders, best",
        shape: "kittttt",
    },
    // SQLite's own: the greatest number each table has given.
    Table {
        name: "sqlite_sequence",
        columns: "name, seq",
        shape: "ti",
    },
];

/// The table of a row, if it is one of those above.
pub(super) fn table_of(row: &Row) -> Option<&'static Table> {
    TABLES.iter().find(|table| {
        table.shape.len() == row.values.len()
            && table
                .shape
                .chars()
                .zip(&row.values)
                .all(|(letter, value)| fits(letter, value))
    })
}

fn fits(letter: char, value: &Value) -> bool {
    match value {
        Value::Null => letter == 'k' || letter.is_uppercase(),
        Value::Integer(_) => letter.eq_ignore_ascii_case(&'i'),
        Value::Text(_) => letter.eq_ignore_ascii_case(&'t'),
        Value::Other => false,
    }
}
