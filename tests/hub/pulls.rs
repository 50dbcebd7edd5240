//! Downloads that end well, whatever happens on the way.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use llmdeck::hub::{Client, ErrorKind, Pull, Status, Stop};

use crate::server::{COMMIT, Deed, model, sha256};
use crate::{BYTES, Place};

fn file(place: &Place) -> Vec<u8> {
    let path = place
        .repo()
        .join("snapshots")
        .join(COMMIT)
        .join("m-Q4_K_M.gguf");
    fs::read(path).unwrap()
}

#[test]
fn a_model_lies_where_other_tools_look_and_is_recorded() {
    let place = Place::new();
    let pulled = place.pull("org/repo").unwrap();
    let bytes = model(BYTES, 1);
    assert!(file(&place) == bytes);
    assert_eq!(
        (pulled.name.as_str(), pulled.bytes, pulled.fetched),
        ("org/repo:Q4_K_M", BYTES as u64, 1)
    );
    assert_eq!(pulled.sha256, Some(sha256(&bytes)));
    assert_eq!(
        fs::read_to_string(place.repo().join("refs/main")).unwrap(),
        COMMIT
    );
    let link = fs::read_link(&pulled.path).unwrap();
    assert_eq!(
        link,
        PathBuf::from(format!("../../blobs/{}", sha256(&bytes)))
    );
    assert!(!place.partial(&bytes).exists());
    let recorded: Vec<PathBuf> = place.record().files().into_keys().collect();
    assert_eq!(recorded, [place.repo().join("blobs").join(sha256(&bytes))]);
    // What is here is not fetched again.
    let again = place.pull("org/repo:q4_k_m").unwrap();
    assert_eq!((again.fetched, again.path), (0, pulled.path));
    assert_eq!(place.server.ranges().len(), 1);
}

#[test]
fn all_parts_and_the_projector_come_along() {
    let names = [
        "Q8_0/m-Q8_0-00001-of-00003.gguf",
        "Q8_0/m-Q8_0-00002-of-00003.gguf",
        "Q8_0/m-Q8_0-00003-of-00003.gguf",
        "mmproj-F16.gguf",
        "m-Q2_K.gguf",
    ];
    let files: Vec<(&str, Vec<u8>)> = (1..)
        .zip(names)
        .map(|(seed, name)| (name, model(100_000, seed)))
        .collect();
    let place = Place::with(&files);
    let pulled = place.pull("org/repo").unwrap();
    assert!(pulled.path.ends_with(names[0]), "{}", pulled.path.display());
    assert_eq!((pulled.fetched, pulled.bytes), (4, 400_000));
    assert_eq!(place.offered().len(), 4);
}

#[test]
fn cuts_and_stalls_go_on_where_they_ended() {
    let place = Place::new();
    place.server.will([
        Deed::Cut(1_000_000),
        Deed::Stall(500_000),
        Deed::Cut(0),
        Deed::Status(503, "Retry-After: 0\r\n"),
        Deed::Status(429, ""),
        Deed::Nonsense,
    ]);
    // No more failures in a row than there is patience for: the cut made progress.
    place.server.will([]);
    let mut place = place.stalling_after(Duration::from_secs(2));
    place.access.patience.tries = 8;
    place.pull("org/repo").unwrap();
    assert!(file(&place) == model(BYTES, 1));
    let ranges = place.server.ranges();
    assert_eq!(&ranges[..3], ["", "bytes=1000000-", "bytes=1500000-"]);
    assert_eq!(ranges.last().unwrap(), "bytes=1500000-");
}

#[test]
fn what_an_earlier_run_left_is_used_and_checked() {
    let bytes = model(BYTES, 1);
    for (left, asked) in [
        (bytes[..1_234_567].to_vec(), vec!["bytes=1234567-"]),
        // All of it: nothing is asked for.
        (bytes.clone(), vec![]),
        // Longer than the file can be.
        ([bytes.as_slice(), b"more"].concat(), vec![""]),
        // Something else: noticed by the hash, and fetched from its beginning.
        (vec![0; 1_000_000], vec!["bytes=1000000-", ""]),
    ] {
        let place = Place::new();
        fs::create_dir_all(place.repo().join("blobs")).unwrap();
        fs::write(place.partial(&bytes), &left).unwrap();
        place.pull("org/repo").unwrap();
        assert!(file(&place) == bytes);
        assert_eq!(place.server.ranges(), asked);
    }
}

#[test]
fn servers_that_answer_other_ranges_cost_time_only() {
    for deed in [
        Deed::IgnoreRange,
        Deed::OtherRange,
        Deed::GarbledRange,
        Deed::Status(416, ""),
    ] {
        let place = Place::new();
        place.server.will([Deed::Cut(1_000_000), deed.clone()]);
        place.pull("org/repo").unwrap();
        assert!(file(&place) == model(BYTES, 1), "{deed:?}");
    }
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let place = Place::new();
    let elsewhere = crate::server::Server::start(&[("m-Q4_K_M.gguf", model(BYTES, 1))]);
    place.server.will([Deed::Redirect(format!(
        "{}/cdn/m-Q4_K_M.gguf?sig=key",
        elsewhere.address
    ))]);
    place.pull("org/repo").unwrap();
    let token = |request: &crate::server::Request| request.headers.get("authorization").cloned();
    assert!(
        place
            .server
            .requests()
            .iter()
            .all(|request| token(request).as_deref() == Some("Bearer hf_secret"))
    );
    let there = elsewhere.requests();
    assert_eq!(there.len(), 1);
    assert_eq!(token(&there[0]), None);
}

#[test]
fn a_file_from_an_address_is_resumed_only_if_it_is_the_same() {
    let first = model(BYTES, 1);
    let place = Place::with(&[("m.gguf", first.clone())]);
    let url = format!("{}/some/m.gguf?key=1", place.server.address);
    place.server.always(Deed::Cut(1_000_000));
    let mut access = place.access.clone();
    access.patience.tries = 1;
    let place = Place { access, ..place };
    assert_eq!(place.pull(&url).unwrap_err().kind, ErrorKind::Network);
    let here = || {
        fs::metadata(place.models().join("m.gguf.incomplete"))
            .unwrap()
            .len()
    };
    assert_eq!(here(), 1_000_000);
    // The same version goes on, with its tag.
    assert!(place.pull(&url).is_err());
    assert_eq!(here(), 2_000_000);
    let asked = place.server.requests().pop().unwrap();
    assert_eq!(asked.headers["if-range"], format!("\"{}\"", sha256(&first)));
    // Another version begins anew.
    let second = model(900_000, 2);
    let other = crate::server::Server::start(&[("m.gguf", second.clone())]);
    let url = format!("{}/some/m.gguf", other.address);
    let pulled = place.pull(&url).unwrap();
    assert!(fs::read(&pulled.path).unwrap() == second);
    assert_eq!(pulled.path, place.models().join("m.gguf"));
    assert_eq!(pulled.sha256, Some(sha256(&second)));
    assert_eq!(
        fs::read_dir(place.models())
            .unwrap()
            .filter(|entry| !entry.as_ref().unwrap().path().ends_with("m.gguf.lock"))
            .count(),
        1
    );
}

#[test]
fn one_that_is_stopped_goes_on_later() {
    let place = Place::new().stalling_after(Duration::from_secs(3600));
    place.server.will([Deed::Stall(1_000_000)]);
    let plan = place.plan("org/repo").unwrap();
    let stop = Stop::default();
    let client = Client::new(place.access.clone(), stop.clone());
    let pull = Pull::start(client, plan.clone(), place.record()).unwrap();
    while pull.progress().here < 1_000_000 {
        assert!(pull.wait(Duration::from_millis(1)).is_none());
    }
    assert_eq!(
        (pull.progress().total, pull.progress().status),
        (Some(BYTES as u64), Status::Fetching)
    );
    stop.stop();
    let stopped = pull.wait(Duration::from_secs(120)).unwrap().unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Stopped);
    assert!(place.offered().is_empty());
    assert_eq!(plan.missing(), (BYTES - 1_000_000) as u64);
    place.pull("org/repo").unwrap();
    assert_eq!(place.server.ranges(), ["", "bytes=1000000-"]);
    // What was thrown away is gone.
    fs::write(place.partial(b"x"), "x").unwrap();
    plan.discard();
    assert!(!place.partial(&model(BYTES, 1)).exists());
}

#[test]
fn two_that_want_the_same_file_fetch_it_once() {
    let place = Place::new();
    let pulls: Vec<Pull> = (0..3)
        .map(|_| {
            Pull::start(
                place.client(),
                place.plan("org/repo").unwrap(),
                place.record(),
            )
            .unwrap()
        })
        .collect();
    let fetched: usize = pulls
        .iter()
        .map(|pull| {
            pull.wait(Duration::from_secs(120))
                .unwrap()
                .unwrap()
                .fetched
        })
        .sum();
    assert_eq!(fetched, 1);
    assert!(file(&place) == model(BYTES, 1));
}
