//! Search finds every word that was said.

use llmdeck::chat::Role;
use llmdeck::store::{Said, Settings};
use proptest::prelude::*;

use crate::{Place, talk, user};

#[test]
fn places_are_found_newest_first_with_what_stands_around() {
    let place = Place::new();
    let mut store = place.open();
    let (one, ..) = talk(
        &mut store,
        "What is a KV cache?",
        "The cache of keys and values.",
    );
    let (two, _, last) = talk(
        &mut store,
        "Naïve question",
        "Prefill fills the CACHE.\nThen decode.",
    );
    let hits = store.search("cache", 9).unwrap();
    let places: Vec<_> = hits
        .iter()
        .map(|hit| (hit.conversation, hit.message.is_some()))
        .collect();
    assert_eq!(
        places,
        [(one, false), (two, true), (one, true), (one, true)]
    );
    assert_eq!(hits[1].message, Some(last));
    assert_eq!(hits[1].role, Some(Role::Assistant));
    assert_eq!(hits[1].snippet, "Prefill fills the CACHE. Then decode.");
    assert_eq!(store.search("naive", 9).unwrap().len(), 2);
    assert_eq!(store.search("cache keys", 9).unwrap().len(), 1);
    assert_eq!(store.search("\"keys values\"", 9).unwrap().len(), 0);
    assert_eq!(store.search("prefi*", 9).unwrap().len(), 1);
    assert_eq!(store.search("p*", 9).unwrap().len(), 1);
    assert_eq!(store.search("cache", 2).unwrap().len(), 2);
    for odd in [
        "", "  ", "\"", "***", "AND", "a OR", "NEAR(", "{x}:y", "\0", "-",
    ] {
        store.search(odd, 9).unwrap();
    }
}

#[test]
fn scripts_without_spaces_and_pictures_are_found_by_part() {
    let place = Place::new();
    let mut store = place.open();
    talk(&mut store, "東京は日本の首都です", "ดีมาก 🦀🚀");
    for part in ["日本", "首都", "東", "ดี", "🦀", "🚀"] {
        assert!(!store.search(part, 9).unwrap().is_empty(), "{part}");
    }
    assert!(store.search("本日", 9).unwrap().is_empty());
}

#[test]
fn reasoning_is_searched_too() {
    let place = Place::new();
    let mut store = place.open();
    let id = store.create(&Settings::default()).unwrap();
    let mut said = Said::new(Role::Assistant, "42");
    said.reasoning = "six times seven".into();
    store.append(id, None, &said).unwrap();
    assert_eq!(
        store.search("seven", 9).unwrap()[0].snippet,
        "six times seven"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_word_that_was_said_is_found(texts in prop::collection::vec("(\\PC{0,12}[ \n]){0,6}", 1..6)) {
        let place = Place::new();
        let mut store = place.open();
        let id = store.create(&Settings::default()).unwrap();
        let mut said = Vec::new();
        for text in &texts {
            said.push((store.append(id, None, &user(text)).unwrap(), text));
        }
        for (message, text) in said {
            // Quotes are the search's own; what has no letter or digit is no word.
            let words = text.split_whitespace().filter(|word| {
                !word.contains('"') && word.chars().any(|c| c.is_ascii_alphanumeric())
            });
            for word in words {
                let hits = store.search(word, 100).unwrap();
                prop_assert!(hits.iter().any(|hit| hit.message == Some(message)), "{word:?} of {text:?}");
            }
        }
    }
}
