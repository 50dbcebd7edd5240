//! Measurements made and kept by the deck.

use std::path::PathBuf;

use tokio::sync::mpsc::Sender;

use super::Wake;
use crate::app::Event;
use crate::bench::history;

/// Where results are kept.
pub struct Measurer {
    data_dir: PathBuf,
    inbox: Sender<Wake>,
}

impl Measurer {
    pub fn new(data_dir: PathBuf, inbox: Sender<Wake>) -> Self {
        Self { data_dir, inbox }
    }

    /// Reads what is kept; answered by [`Event::Measurements`].
    pub(super) fn read(&self) {
        let (path, inbox) = (history::file(&self.data_dir), self.inbox.clone());
        // Off the loop: the file may be long or far away.
        tokio::task::spawn_blocking(move || {
            let read = history::read(&path)
                .map(|history| history.records)
                .map_err(|error| format!("reading the results in {}: {error}", path.display()));
            let _ = inbox.blocking_send(Wake::Event(Event::Measurements(read)));
        });
    }
}
