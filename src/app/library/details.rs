//! All that is known of one model, with everything its header says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::app::State;
use crate::app::scroll::Scrolled;
use crate::library::{Contents, TensorRow, sheet};
use crate::units;

/// The model whose details are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    pub path: PathBuf,
    /// The name of a models preset under which it is shown.
    named: Option<String>,
    /// `None` until the header was read.
    contents: Option<Result<Arc<Contents>, String>>,
    pub scrolled: Scrolled,
}

/// One row of the details.
#[derive(Clone, Debug, PartialEq)]
pub enum DetailRow<'a> {
    Heading(String),
    /// What is known: its name, and what it is.
    Fact(&'static str, String),
    /// A key of the metadata with its value.
    Metadata(&'a str, &'a str),
    Tensor(&'a TensorRow),
    /// Why there is no more.
    Problem(&'a str),
    /// The header is being read.
    Reading,
    Blank,
}

impl Details {
    pub(super) fn new(path: PathBuf, named: Option<String>) -> Self {
        Self {
            path,
            named,
            contents: None,
            scrolled: Scrolled::default(),
        }
    }

    /// Takes in what was read of a file.
    pub(super) fn answer(&mut self, path: &Path, outcome: Result<Arc<Contents>, String>) {
        if self.path == path {
            self.contents = Some(outcome);
        }
    }
}

impl State {
    /// The rows of the details; empty while the list is shown.
    pub fn detail_rows(&self) -> Vec<DetailRow<'_>> {
        let library = &self.library;
        let Some(details) = &library.details else {
            return vec![];
        };
        let mut rows = Vec::new();
        if let Some(model) = library.model(&details.path) {
            let mut known = library.known(model).cloned().unwrap_or_default();
            let named = details.named.as_ref();
            let named = named.and_then(|name| library.named.get_key_value(name));
            if let Some((name, (_, values))) = named {
                known.named = Some((name.clone(), values.clone()));
                // It was made without those values.
                known.estimate = None;
            }
            rows.push(DetailRow::Heading(model.name.clone()));
            let facts = sheet(model, &known).into_iter();
            rows.extend(facts.map(|(name, value)| DetailRow::Fact(name, value)));
            let estimate = known.estimate.as_ref();
            let beside = estimate.and_then(|estimate| self.beside(&model.path, estimate));
            rows.extend(beside.map(|said| DetailRow::Fact("in memory", said)));
            rows.push(DetailRow::Blank);
        }
        match &details.contents {
            None => rows.push(DetailRow::Reading),
            Some(Err(why)) => rows.push(DetailRow::Problem(why)),
            Some(Ok(contents)) => rows.extend(contents_rows(contents)),
        }
        rows
    }
}

fn contents_rows(contents: &Contents) -> impl Iterator<Item = DetailRow<'_>> {
    let heading = |what: &str, count: usize| {
        std::iter::once(DetailRow::Heading(format!(
            "{what}, {}",
            units::count(count as u64)
        )))
    };
    let metadata = contents.metadata.iter();
    let metadata = metadata.map(|(key, value)| DetailRow::Metadata(key, value));
    heading("Metadata", contents.metadata.len())
        .chain(metadata)
        .chain([DetailRow::Blank])
        .chain(heading("Tensors", contents.tensors.len()))
        .chain(contents.tensors.iter().map(DetailRow::Tensor))
}
