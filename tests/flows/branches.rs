//! Going back and trying again: versions, branches, forks, with the store behind them.

use std::path::Path;

use llmdeck::app::Saving;
use llmdeck::engine::fake::Script;
use llmdeck::store::{Conversation, Store, Which};

use crate::harness::Deck;

const ANSWER: &str = "It is bound by memory bandwidth.";

fn folder(place: &tempfile::TempDir) -> std::path::PathBuf {
    place.path().join("sessions")
}

fn saved(folder: &Path) -> (Store, Vec<Conversation>) {
    let store = Store::open(folder).unwrap().store;
    let list = store.list(&Which::Kept, 99).unwrap();
    (store, list)
}

fn said(store: &Store, chat: &Conversation) -> Vec<String> {
    let tree = store.tree(chat.id).unwrap();
    let path = tree.path(chat.leaf);
    path.iter().map(|one| one.said.content.clone()).collect()
}

/// A deck in which one question was answered.
async fn asked(folder: &Path, question: &str) -> Deck {
    let mut deck = Deck::start_saving(Script::default(), folder).await;
    deck.see("is ready").await;
    deck.say(question).await;
    deck.see(ANSWER).await;
    deck.see("20.0").await;
    deck
}

async fn focus_chat(deck: &mut Deck) {
    deck.press("tab").await;
}

#[tokio::test(start_paused = true)]
async fn an_edited_question_is_a_version_and_both_are_there_after_opening_again() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let mut deck = asked(&folder, "why slow?").await;
    focus_chat(&mut deck).await;
    deck.press("e").await;
    deck.see("Another version of the message").await;
    deck.press("ctrl+u").await;
    deck.say("why fast?").await;
    deck.see("2/2").await;
    deck.dont_see("why slow?").await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    focus_chat(&mut deck).await;
    deck.press("left").await;
    deck.see("why slow?").await;
    deck.see("version 1 of 2").await;
    deck.quit().await;

    let (store, list) = saved(&folder);
    assert_eq!(said(&store, &list[0]), ["why slow?", ANSWER]);
    assert_eq!(store.tree(list[0].id).unwrap().children(None).len(), 2);
    drop(store);

    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("is ready").await;
    deck.press("f8").await;
    deck.see("just now, 4 messages").await;
    deck.press("enter").await;
    deck.see("1/2").await;
    focus_chat(&mut deck).await;
    deck.press("K").await;
    deck.press("K").await;
    deck.press("right").await;
    deck.see("why fast?").await;
    deck.quit().await;
    let (store, list) = saved(&folder);
    assert_eq!(said(&store, &list[0]), ["why fast?", ANSWER]);
}

#[tokio::test(start_paused = true)]
async fn only_what_changed_is_prefilled() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.say("one two three four five six").await;
    deck.see(ANSWER).await;
    deck.see("20.0").await;
    deck.say("seven").await;
    deck.see_times(ANSWER, 2).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    deck.press("tab").await;
    deck.press("e").await;
    deck.say("eight").await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let state = deck.state_after_quit().await;
    let timings = state.chat.last_reply().unwrap().timings.unwrap();
    // The first turn and its answer were there: 12 words.
    assert!(timings.cache_n >= 12, "{timings:?}");
    assert!(timings.prompt_n <= 3, "{timings:?}");
}

#[tokio::test(start_paused = true)]
async fn undo_delete_and_the_tree_work_in_a_chat_that_is_not_saved() {
    let mut deck = Deck::start_with((120, 40), Script::default(), Saving::Incognito, None);
    deck.see("is ready").await;
    deck.say("why slow?").await;
    deck.see(ANSWER).await;
    deck.see("20.0").await;
    deck.say("/undo").await;
    deck.dont_see(ANSWER).await;
    deck.press("ctrl+u").await;
    deck.say("why fast?").await;
    deck.see(ANSWER).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    deck.press("alt+v").await;
    deck.see("you 1/2").await;
    deck.see("you 2/2").await;
    deck.press("home").await;
    deck.press("enter").await;
    deck.see("why slow?").await;
    deck.dont_see("why fast?").await;
    focus_chat(&mut deck).await;
    deck.press("d").await;
    deck.see("Deleted, with what followed it").await;
    deck.see("why fast?").await;
    deck.press("U").await;
    deck.see("why slow?").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_fork_is_saved_beside_the_original() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let mut deck = asked(&folder, "why slow?").await;
    deck.say("and why?").await;
    deck.see_times(ANSWER, 2).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    focus_chat(&mut deck).await;
    for key in ["K", "K", "K", "f"] {
        deck.press(key).await;
    }
    deck.see("A chat of its own, with 2 messages").await;
    deck.dont_see("and why?").await;
    deck.press("tab").await;
    deck.press("tab").await;
    deck.say("other").await;
    deck.see_times(ANSWER, 2).await;
    deck.quit().await;
    let (store, list) = saved(&folder);
    let mut said: Vec<Vec<String>> = list.iter().map(|one| said(&store, one)).collect();
    said.sort();
    assert_eq!(
        said,
        [
            ["why slow?", ANSWER, "and why?", ANSWER],
            ["why slow?", ANSWER, "other", ANSWER]
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn settings_belong_to_the_chat() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let mut deck = asked(&folder, "why slow?").await;
    deck.say("/persona tutor").await;
    deck.see("Chat · tutor · balanced").await;
    deck.press("ctrl+n").await;
    deck.say("/persona off").await;
    deck.say("/set temp 0.3").await;
    deck.say("hello").await;
    deck.see(ANSWER).await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    deck.press("f8").await;
    deck.type_text("slow").await;
    deck.press("enter").await;
    deck.see("Chat · tutor · balanced").await;
    // The deck's own come back with the next new chat.
    deck.press("ctrl+n").await;
    deck.dont_see("tutor").await;
    let state = deck.state_after_quit().await;
    let temp = state.params.values.get(llmdeck::params::Param::Temp);
    assert_eq!(temp, llmdeck::params::Value::Float(0.3));
}

#[tokio::test(start_paused = true)]
async fn chats_are_pinned_named_tagged_and_deleted_in_the_list() {
    let place = tempfile::tempdir().unwrap();
    let folder = folder(&place);
    let mut deck = asked(&folder, "first").await;
    deck.press("ctrl+n").await;
    deck.say("second").await;
    deck.see(ANSWER).await;
    deck.see("20.0").await;
    deck.press("f8").await;
    deck.type_text("first").await;
    deck.press("alt+p").await;
    deck.see("pinned, just now").await;
    deck.press("alt+r").await;
    deck.see("Title of the chat").await;
    deck.type_text(" of all").await;
    deck.press("enter").await;
    deck.see("first of all").await;
    deck.press("alt+t").await;
    deck.type_text("rust, llm").await;
    deck.press("enter").await;
    deck.see("[llm] [rust]").await;
    deck.press("alt+d").await;
    deck.dont_see("first of all").await;
    deck.press("alt+u").await;
    deck.see("first of all").await;
    deck.quit().await;
    let (_, list) = saved(&folder);
    assert_eq!((list.len(), list[0].title.as_str()), (2, "first of all"));
    assert!(list[0].pinned);
    assert_eq!(list[0].tags, ["llm", "rust"]);
}
