//! The Hub as the deck asks it: questions answered, downloads told of, stopped and gone on with.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use llmdeck::hub::{
    Command, Desk, ErrorKind, Event, HubError, Judge, Leftovers, MayFit, Offer, Places, Pulled,
    Question, RepoId, Size, Wanted,
};

use crate::server::{Deed, model};
use crate::{BYTES, Place};

/// Models of more than two megabytes are too large.
struct Small;

impl Judge for Small {
    fn bytes(&self, n_params: u64, _: &str) -> Option<u64> {
        Some(n_params)
    }

    fn fits(&self, _: Option<u64>, bytes: u64) -> Option<MayFit> {
        Some(MayFit {
            fits: bytes < 2_000_000,
            layers: None,
        })
    }
}

struct Told {
    desk: Desk,
    events: Receiver<Event>,
}

impl Told {
    fn of(place: &Place) -> Self {
        let (tell, events) = channel();
        let access = place.access.clone();
        let data_dir = place.folder.path().join("data");
        let places = Places {
            config_dir: place.folder.path().join("config"),
            data_dir,
            models_dir: place.models(),
        };
        let desk = Desk::new(
            move || Ok(access.clone()),
            places,
            || Some(Box::new(Small)),
            move |event| {
                let _ = tell.send(event);
            },
        );
        Self { desk, events }
    }

    fn next(&self) -> Event {
        self.events
            .recv_timeout(Duration::from_secs(120))
            .expect("an event")
    }

    fn ask(&mut self, question: Question) -> Result<Vec<Offer>, HubError> {
        self.desk.send(Command::Ask {
            number: 7,
            question,
        });
        match self.next() {
            Event::Answer { number: 7, rows } => rows,
            other => panic!("{other:?}"),
        }
    }

    fn pull(&mut self, id: u64) {
        let wanted = Wanted::parse("org/repo:Q4_K_M").unwrap();
        self.desk.send(Command::Pull { id, wanted });
    }

    fn stop(&mut self, id: u64, leftovers: Leftovers) {
        self.desk.send(Command::Stop { id, leftovers });
    }

    /// Waits until so many bytes are here.
    fn wait_for(&self, bytes: u64) {
        loop {
            if let Event::Progress { progress, .. } = self.next()
                && progress.here >= bytes
            {
                assert_eq!(progress.total, Some(BYTES as u64));
                return;
            }
        }
    }

    fn end(&self) -> Result<Pulled, HubError> {
        loop {
            if let Event::Ended { outcome, .. } = self.next() {
                return outcome;
            }
        }
    }
}

#[test]
fn models_are_listed_with_size_and_verdict_before_anything_is_fetched() {
    let place = Place::with(&[
        ("m-Q4_K_M.gguf", model(1_000_000, 1)),
        ("m-Q8_0-00001-of-00002.gguf", model(1_500_000, 2)),
        ("m-Q8_0-00002-of-00002.gguf", model(1_500_000, 3)),
    ]);
    let mut told = Told::of(&place);
    let repo = RepoId::parse("org/repo").unwrap();
    let offers = told.ask(Question::Models(repo)).unwrap();
    let seen: Vec<(String, Size, bool)> = offers
        .into_iter()
        .map(|offer| match offer {
            Offer::Model {
                name, size, fits, ..
            } => (name, size, fits.unwrap().fits),
            Offer::Repo { repo, .. } => panic!("{repo}"),
        })
        .collect();
    let expected = [
        ("Q4_K_M".to_owned(), Size::Known(1_000_000), true),
        ("Q8_0".to_owned(), Size::Known(3_000_000), false),
    ];
    assert_eq!(seen, expected);
    assert!(place.server.ranges().is_empty());

    let found = told.ask(Question::Search("words".into())).unwrap();
    // The other one of the answer has a name that is none.
    assert!(matches!(&found[..], [Offer::Repo { repo, .. }] if repo.as_str() == "org/repo"));
    let first = told.ask(Question::First).unwrap();
    assert!(first.len() >= 8);
    let nowhere = Question::Models(RepoId::parse("no/such").unwrap());
    assert_eq!(told.ask(nowhere).unwrap_err().kind, ErrorKind::NotFound);
}

#[test]
fn a_pause_keeps_what_came_and_goes_on_there() {
    let place = Place::with(&[("m-Q4_K_M.gguf", model(BYTES, 1))]);
    place.server.will([Deed::Stall(1_000_000)]);
    let mut told = Told::of(&place);
    told.pull(1);
    told.wait_for(1_000_000);
    told.stop(1, Leftovers::Keep);
    assert_eq!(told.end().unwrap_err().kind, ErrorKind::Stopped);
    told.pull(1);
    assert_eq!(told.end().unwrap().bytes, BYTES as u64);
    assert_eq!(place.server.ranges(), ["", "bytes=1000000-"]);
}

#[test]
fn what_is_thrown_away_is_gone_while_it_runs_and_after_a_pause() {
    let place = Place::with(&[("m-Q4_K_M.gguf", model(BYTES, 1))]);
    let partial = place.partial(&model(BYTES, 1));
    let stalls = [Deed::Stall(1_000_000), Deed::Stall(1_000_000)];
    place.server.will(stalls);
    let mut told = Told::of(&place);
    told.pull(1);
    told.wait_for(1_000_000);
    told.stop(1, Leftovers::Discard);
    assert_eq!(told.end().unwrap_err().kind, ErrorKind::Stopped);
    assert!(!partial.exists());

    told.pull(2);
    told.wait_for(1_000_000);
    told.stop(2, Leftovers::Keep);
    assert_eq!(told.end().unwrap_err().kind, ErrorKind::Stopped);
    assert!(partial.exists());
    told.stop(2, Leftovers::Discard);
    // It goes on a thread of its own, and so does the next question.
    while partial.exists() {
        told.ask(Question::First).unwrap();
    }
}

#[test]
fn what_another_is_fetching_is_not_thrown_away() {
    let place = Place::with(&[("m-Q4_K_M.gguf", model(BYTES, 1))]);
    place.server.will([Deed::Stall(1_000_000)]);
    let mut told = Told::of(&place);
    told.pull(1);
    told.wait_for(1_000_000);
    place.plan("org/repo").unwrap().discard();
    assert!(place.partial(&model(BYTES, 1)).exists());
    told.stop(1, Leftovers::Keep);
    assert_eq!(told.end().unwrap_err().kind, ErrorKind::Stopped);
}
