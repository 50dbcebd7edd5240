//! KV caches of conversations that are not in the context: in main memory while the model runs,
//! on disk after it. They are found by their tokens, so a conversation opened again after a
//! restart, or any prompt that begins like an earlier one, goes on without prefill.
//!
//! A cache holds what was said. Its files are readable by the user alone, and a limit of zero
//! writes none.

mod file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::slots::common_prefix;
use crate::params::ShelfParams;

/// A cache shorter than this many tokens is computed again as fast as it is read.
pub(super) const WORTH_KEEPING: usize = 64;

/// The kept caches of one model in one layout.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// `None` keeps nothing on disk.
    folder: Option<PathBuf>,
    key: String,
    limits: ShelfParams,
    /// The one used longest ago first.
    books: Vec<Book>,
}

/// The cache of one sequence.
#[derive(Debug)]
struct Book {
    tokens: Vec<i32>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Lent to whoever restores it: hundreds of MiB are not copied where memory is short.
    Memory(Arc<Vec<u8>>),
    File(PathBuf),
}

/// A cache to put into a sequence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub tokens: Vec<i32>,
    pub state: Arc<Vec<u8>>,
}

impl Shelf {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            ..Self::default()
        }
    }

    /// An empty one beside this, for another model.
    pub(super) fn another(&self) -> Self {
        Self::new(self.folder.clone())
    }

    /// Turns to the caches of another model or layout, named by `key`; those in memory that
    /// cannot be used any more go to disk.
    pub(super) fn turn_to(&mut self, key: &str, limits: ShelfParams) {
        if self.key == key {
            self.set_limits(limits);
            return;
        }
        self.put_away();
        key.clone_into(&mut self.key);
        self.limits = limits;
        let folder = self.folder.as_deref().filter(|_| limits.disk > 0);
        let files = folder
            .map(|folder| file::list(folder, key))
            .unwrap_or_default();
        self.books = files
            .into_iter()
            .map(|(path, tokens)| Book {
                tokens,
                state: State::File(path),
            })
            .collect();
    }

    pub(super) fn set_limits(&mut self, limits: ShelfParams) {
        self.limits = limits;
        self.shrink();
    }

    /// How many tokens of the prompt the best cache begins with; with `whole`, only a cache all
    /// of whose tokens are in the prompt is of use.
    pub(super) fn knows(&self, prompt: &[i32], whole: bool) -> usize {
        self.books
            .iter()
            .map(|book| book.saves(prompt, whole))
            .max()
            .unwrap_or(0)
    }

    /// The cache that begins with most of the prompt. A damaged file is removed, one that cannot be
    /// read is left for the next start.
    pub(super) fn find(&mut self, prompt: &[i32], whole: bool) -> Option<Found> {
        loop {
            let best =
                (0..self.books.len()).max_by_key(|&book| self.books[book].saves(prompt, whole))?;
            let book = self.books.remove(best);
            let state = match &book.state {
                State::Memory(state) => Arc::clone(state),
                State::File(path) => match file::read(path, &book.tokens) {
                    Ok(state) => {
                        file::touch(path, SystemTime::now());
                        Arc::new(state)
                    }
                    Err(error) => {
                        file::give_up(path, &error);
                        continue;
                    }
                },
            };
            let tokens = book.tokens.clone();
            self.books.push(book);
            return Some(Found { tokens, state });
        }
    }

    /// Keeps a cache in memory. `state` is asked for only where there is use for it.
    pub(super) fn put(&mut self, tokens: &[i32], state: impl FnOnce() -> Option<Vec<u8>>) {
        let known = |book: &Book| book.tokens.starts_with(tokens);
        let wanted = self.limits.ram > 0 || (self.limits.disk > 0 && self.folder.is_some());
        if !wanted || tokens.len() < WORTH_KEEPING || self.books.iter().any(known) {
            return;
        }
        let Some(state) = state() else { return };
        // What the new one begins with is in it.
        let mut at = 0;
        while let Some(book) = self.books.get(at) {
            if tokens.starts_with(&book.tokens) {
                self.books.remove(at).remove();
            } else {
                at += 1;
            }
        }
        self.books.push(Book {
            tokens: tokens.to_vec(),
            state: State::Memory(Arc::new(state)),
        });
        self.shrink();
    }

    /// Writes what is in memory to disk, within the limit.
    pub(super) fn put_away(&mut self) {
        for book in std::mem::take(&mut self.books) {
            self.to_disk(book);
        }
    }

    /// Lets caches leave main memory for the disk, the one used longest ago first, until the rest
    /// is within the limit.
    fn shrink(&mut self) {
        let mut bytes: u64 = self.books.iter().map(Book::in_memory).sum();
        let mut at = 0;
        while bytes > self.limits.ram && at < self.books.len() {
            let size = self.books[at].in_memory();
            if size == 0 {
                at += 1;
                continue;
            }
            bytes -= size;
            let book = self.books.remove(at);
            if let Some(book) = self.to_disk(book) {
                self.books.insert(at, book);
                at += 1;
            }
        }
    }

    /// Writes a cache to disk and makes room for it there; `None` where it cannot be kept.
    fn to_disk(&self, book: Book) -> Option<Book> {
        let State::Memory(state) = &book.state else {
            return Some(book);
        };
        let folder = self.folder.as_deref()?;
        if file::size(&book.tokens, state) > self.limits.disk {
            return None;
        }
        match file::write(folder, &self.key, &book.tokens, state) {
            Ok(path) => {
                file::shrink(folder, self.limits.disk);
                Some(Book {
                    tokens: book.tokens,
                    state: State::File(path),
                })
            }
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "a KV cache was not kept");
                None
            }
        }
    }
}

impl Book {
    /// Tokens of the prompt that need no prefill with it.
    fn saves(&self, prompt: &[i32], whole: bool) -> usize {
        match common_prefix(&self.tokens, prompt) {
            part if whole && part < self.tokens.len() => 0,
            common => common,
        }
    }

    fn in_memory(&self) -> u64 {
        match &self.state {
            State::Memory(state) => state.len() as u64,
            State::File(..) => 0,
        }
    }

    fn remove(self) {
        if let State::File(path) = self.state {
            file::remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ShelfParams = ShelfParams {
        ram: 1000,
        disk: 100_000,
    };

    fn said(count: i32, last: i32) -> Vec<i32> {
        (0..count).chain([last]).collect()
    }

    fn shelf(folder: Option<PathBuf>, key: &str) -> Shelf {
        let mut shelf = Shelf::new(folder);
        shelf.turn_to(key, LIMITS);
        shelf
    }

    fn found(shelf: &mut Shelf, prompt: &[i32]) -> Option<Vec<u8>> {
        let found = shelf.find(prompt, false)?;
        Some(found.state.to_vec())
    }

    #[test]
    fn a_cache_in_memory_is_lent_and_not_copied() {
        let mut shelf = shelf(None, "a");
        shelf.put(&said(100, -1), || Some(vec![1; 10]));
        let [first, second] = [(); 2].map(|()| shelf.find(&said(100, -1), false).expect("kept"));
        assert!(Arc::ptr_eq(&first.state, &second.state));
    }

    #[test]
    fn the_cache_with_most_in_common_is_found() {
        let mut shelf = shelf(None, "a");
        shelf.put(&said(100, -1), || Some(vec![1; 10]));
        shelf.put(&said(70, -2), || Some(vec![2; 10]));
        let prompt: Vec<i32> = said(70, -2).into_iter().chain([5, 6]).collect();
        assert_eq!(shelf.knows(&prompt, false), 71);
        assert_eq!(found(&mut shelf, &prompt), Some(vec![2; 10]));
        assert_eq!(found(&mut shelf, &said(100, 7)), Some(vec![1; 10]));
        assert_eq!(shelf.knows(&[-9], false), 0);
    }

    #[test]
    fn what_is_known_already_is_not_asked_for() {
        let mut shelf = shelf(None, "a");
        shelf.put(&said(100, -1), || Some(vec![1; 10]));
        shelf.put(&said(80, 80), || unreachable!("it begins the other"));
        shelf.put(&said(10, 0), || unreachable!("too short"));
        let longer: Vec<i32> = said(100, -1).into_iter().chain([3]).collect();
        shelf.put(&longer, || Some(vec![3; 10]));
        assert_eq!(shelf.books.len(), 1);
    }

    #[test]
    fn memory_stays_within_its_limit_and_the_oldest_goes() {
        let mut shelf = shelf(None, "a");
        for number in 0..5 {
            shelf.put(&said(90, -number), || Some(vec![0; 300]));
        }
        assert_eq!(shelf.books.len(), 3);
        assert_eq!(shelf.knows(&said(90, -1), false), 90);
        assert_eq!(shelf.knows(&said(90, -4), false), 91);
        shelf.set_limits(ShelfParams { ram: 0, disk: 0 });
        assert_eq!(shelf.knows(&said(90, -4), false), 0);
        shelf.put(&said(90, -4), || unreachable!("nothing is kept"));
    }

    #[test]
    fn caches_outlive_the_program_for_the_same_model_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = || Some(folder.path().to_owned());
        let mut first = shelf(at(), "a");
        first.put(&said(100, -1), || Some(vec![7; 50]));
        first.put_away();
        let mut second = shelf(at(), "a");
        assert_eq!(found(&mut second, &said(100, -1)), Some(vec![7; 50]));
        assert_eq!(shelf(at(), "b").knows(&said(100, -1), false), 0);
        let mut off = Shelf::new(at());
        off.turn_to("a", ShelfParams { disk: 0, ..LIMITS });
        assert_eq!(off.knows(&said(100, -1), false), 0);
    }

    #[test]
    fn what_main_memory_may_not_hold_goes_to_disk_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::new(Some(folder.path().to_owned()));
        shelf.turn_to("a", ShelfParams { ram: 0, ..LIMITS });
        shelf.put(&said(100, -1), || Some(vec![7; 50]));
        assert_eq!(shelf.books.iter().map(Book::in_memory).sum::<u64>(), 0);
        assert_eq!(found(&mut shelf, &said(100, -1)), Some(vec![7; 50]));
    }

    #[test]
    fn turning_to_another_model_puts_the_caches_of_this_one_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = shelf(Some(folder.path().to_owned()), "a");
        shelf.put(&said(100, -1), || Some(vec![7; 50]));
        shelf.turn_to("b", LIMITS);
        assert_eq!(shelf.knows(&said(100, -1), false), 0);
        shelf.turn_to("a", LIMITS);
        assert_eq!(shelf.knows(&said(100, -1), false), 101);
    }

    #[test]
    fn a_damaged_file_is_removed_and_the_next_best_taken() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut first = shelf(Some(folder.path().to_owned()), "a");
        first.put(&said(100, -1), || Some(vec![7; 50]));
        first.put(&said(80, -2), || Some(vec![8; 50]));
        first.put_away();
        let mut second = shelf(Some(folder.path().to_owned()), "a");
        let State::File(path) =
            &second.books[usize::from(second.books[1].tokens.len() == 101)].state
        else {
            unreachable!("it was just read from disk");
        };
        let path = path.clone();
        let mut bytes = std::fs::read(&path).expect("the file");
        *bytes.last_mut().expect("it is not empty") ^= 1;
        std::fs::write(&path, bytes).expect("the file");
        assert_eq!(found(&mut second, &said(100, -1)), Some(vec![8; 50]));
        assert!(!path.exists());
    }
}
