//! What replies took together.

use llmdeck::engine::Timings;
use llmdeck::store::{Run, Snapshot, Usage};

use crate::{Place, reply, talk, user};

fn timings(prompt: u32, cached: u32, predicted: u32) -> Timings {
    Timings {
        prompt_n: prompt,
        cache_n: cached,
        prompt_ms: 100.0,
        predicted_n: predicted,
        predicted_ms: 500.0,
        ..Timings::default()
    }
}

#[test]
fn every_reply_counts_once_wherever_it_stands() {
    let place = Place::new();
    let mut store = place.open();
    assert_eq!(store.usage().unwrap(), Usage::default());
    // Without timings nothing is known of it.
    let (chat, asked, _) = talk(&mut store, "a?", "a!");
    let mut first = reply("measured");
    first.created_ms = 1000;
    first.timings = Some(timings(40, 2, 10));
    let first = store.append(chat, Some(asked), &first).unwrap();
    let mut again = reply("made again");
    again.created_ms = 2000;
    again.timings = Some(timings(1, 41, 20));
    store.append(chat, Some(asked), &again).unwrap();
    let mut said = user("not a reply");
    said.timings = Some(timings(7, 7, 7));
    store.append(chat, Some(first), &said).unwrap();
    // A fork has the same replies, and none of them was computed again.
    store.fork(chat, first).unwrap();
    let mut broken = reply("nonsense");
    broken.created_ms = 3000;
    broken.timings = Some(Timings {
        predicted_ms: 1e300,
        ..timings(1, 1, 1)
    });
    store.append(chat, Some(asked), &broken).unwrap();
    // What was deleted was computed all the same.
    store.delete(chat).unwrap();
    let expected = Usage {
        replies: 2,
        prompt_n: 84,
        computed_n: 41,
        predicted_n: 30,
        prompt_ms: 200.0,
        predicted_ms: 1000.0,
        first_ms: Some(1000),
    };
    assert_eq!(store.usage().unwrap(), expected);
}

#[test]
fn measurements_of_energy_come_back_as_they_were() {
    let place = Place::new();
    let mut store = place.open();
    let run = Run {
        created_ms: 5,
        kind: "energy".to_owned(),
        model: "guide".to_owned(),
        params: Snapshot::new(),
        figures: serde_json::json!({"idle_watts": 20.5, "predicted_n": 100}),
    };
    store.add_run(&run).unwrap();
    let runs = place.open().runs("energy", 10).unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].1, run);
}
