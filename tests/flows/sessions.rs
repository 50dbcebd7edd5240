//! Chats are saved as they go, offered after a crash, found again and gone on with.

use std::path::PathBuf;
use std::time::Duration;

use llmdeck::app::Saving;
use llmdeck::engine::fake::Script;
use llmdeck::store::exchange::{Format, write};
use llmdeck::store::{Conversation, MessageState, Store, Which};
use tempfile::TempDir;

use crate::harness::Deck;
use crate::slow;

fn place() -> (TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("sessions");
    (place, folder)
}

fn saved(folder: &std::path::Path) -> (Store, Vec<Conversation>) {
    let store = Store::open(folder).unwrap().store;
    let list = store.list(&Which::Kept, 99).unwrap();
    (store, list)
}

/// What the chosen path of the only chat says.
fn said(folder: &std::path::Path) -> Vec<String> {
    let (store, list) = saved(folder);
    let [one] = list.as_slice() else {
        panic!("{list:?}")
    };
    let tree = store.tree(one.id).unwrap();
    let path = tree.path(one.leaf);
    path.iter()
        .map(|message| message.said.content.clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_saved_with_its_settings_and_figures() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("is ready").await;
    deck.say("/system Be brief.").await;
    deck.say("/set temp 0.2").await;
    deck.say("why is it slow?").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.see("20.0").await;
    deck.quit().await;
    let (store, list) = saved(&folder);
    assert_eq!(list[0].title, "why is it slow?");
    assert_eq!(list[0].settings.system.as_deref(), Some("Be brief."));
    assert_eq!(list[0].settings.params["temp"], "0.2");
    let tree = store.tree(list[0].id).unwrap();
    let [asked, answered] = tree.messages() else {
        panic!("{:?}", tree.messages())
    };
    assert_eq!(asked.said.content, "why is it slow?");
    assert_eq!(answered.said.content, "It is bound by memory bandwidth.");
    assert_eq!(
        (answered.said.state, answered.said.stop.as_str()),
        (MessageState::Complete, "end of turn")
    );
    assert!(answered.said.timings.unwrap().predicted_n > 0 && answered.said.seed.is_some());
    assert_eq!(answered.said.params["temp"], "0.2");
    // Left on purpose: nothing is offered.
    assert_eq!(store.left_open().unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_nothing_shown_for_a_second_is_missing_and_the_chat_is_offered() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.say("go").await;
    deck.see("one two three").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    deck.die().await;
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.see("Go on with \"go\"").await;
    // An Enter that was on its way begins a new chat; going on has to be chosen.
    deck.press("up").await;
    deck.press("enter").await;
    deck.see("one two three").await;
    deck.see("the program ended before the reply did").await;
    deck.say("/continue").await;
    deck.see("twenty").await;
    deck.quit().await;
    let said = said(&folder);
    assert_eq!((said.len(), said[0].as_str()), (2, "go"));
    assert!(
        said[1].starts_with("one two three") && said[1].ends_with("twenty"),
        "{said:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_begins_anew_is_not_asked_again() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.say("go").await;
    deck.see("one two").await;
    deck.die().await;
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.see("Go on with").await;
    deck.press("enter").await;
    deck.dont_see("Go on with").await;
    deck.quit().await;
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.see("is ready").await;
    deck.dont_see("Go on with").await;
    deck.quit().await;
    assert_eq!(said(&folder)[0], "go");
}

#[tokio::test(start_paused = true)]
async fn typing_answers_the_offer_by_beginning_a_message() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.say("go").await;
    deck.see("one two").await;
    deck.die().await;
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.see("Go on with").await;
    deck.type_text("hello").await;
    deck.dont_see("Go on with").await;
    deck.see("hello").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_found_by_what_was_said_and_gone_on_with() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("is ready").await;
    deck.say("first question").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.press("ctrl+n").await;
    deck.say("other things").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.press("f8").await;
    deck.see("first question").await;
    deck.type_text("bandwid").await;
    // Not in a title: found where it was said.
    deck.see_times("bound by memory bandwidth", 2).await;
    deck.press("ctrl+u").await;
    deck.type_text("first").await;
    deck.press("enter").await;
    deck.see("Going on with \"first question\"").await;
    deck.say("second question").await;
    deck.see_times("It is bound by memory bandwidth.", 2).await;
    deck.say("/rename Bandwidth").await;
    deck.quit().await;
    let (store, list) = saved(&folder);
    assert_eq!(list.len(), 2);
    let first = list
        .iter()
        .find(|one| one.title == "Bandwidth")
        .expect("renamed");
    let tree = store.tree(first.id).unwrap();
    assert_eq!(tree.path(first.leaf).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_summary_and_what_it_stands_for_come_back_with_the_chat() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    for (at, words) in ["first question", "second question", "third question"]
        .into_iter()
        .enumerate()
    {
        deck.say(words).await;
        deck.see_times("memory bandwidth.", at + 1).await;
    }
    deck.say("/summarise").await;
    deck.see("in the prompt as this summary").await;
    deck.say("/fork").await;
    deck.quit().await;
    for _ in 0..2 {
        let mut deck = Deck::start_saving(Script::default(), &folder).await;
        deck.press("f8").await;
        deck.see("first question").await;
        deck.press("down").await;
        deck.press("enter").await;
        deck.see("in the prompt as this summary").await;
        let state = deck.state_after_quit().await;
        let messages = state.chat.messages();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages[0].content.contains("in short: It is bound"));
        assert!(messages[0].content.ends_with("third question"));
    }
    let (store, list) = saved(&folder);
    assert_eq!(list.len(), 2);
    for chat in list {
        let text = write(&[store.export(chat.id).unwrap()], Format::Markdown);
        let summary = text
            .find("## Above: in the prompt as this summary")
            .unwrap();
        assert!(text.find("second question").unwrap() < summary);
        assert!(text.find("third question").unwrap() > summary);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_made_again_stands_beside_the_old_one() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("is ready").await;
    deck.say("why?").await;
    deck.see("It is bound by memory bandwidth.").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    deck.say("/regen").await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    deck.quit().await;
    let (store, list) = saved(&folder);
    let tree = store.tree(list[0].id).unwrap();
    let first = tree.children(None)[0];
    assert_eq!(tree.children(Some(first)).len(), 2);
    assert_eq!(list[0].leaf, tree.children(Some(first)).last().copied());
}

#[tokio::test(start_paused = true)]
async fn a_new_chat_ends_the_reply_that_was_being_written() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.say("go").await;
    deck.see("one two three").await;
    deck.press("ctrl+n").await;
    deck.dont_see("one two three").await;
    deck.quit().await;
    let said = said(&folder);
    assert!(said[1].starts_with("one two three"), "{said:?}");
    let (store, list) = saved(&folder);
    let tree = store.tree(list[0].id).unwrap();
    assert_eq!(tree.messages()[1].said.state, MessageState::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn quitting_in_mid_reply_keeps_every_word() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(slow(), &folder).await;
    deck.say("go").await;
    deck.see("one two three four five").await;
    deck.quit().await;
    assert!(said(&folder)[1].starts_with("one two three four five"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_chat_comes_back() {
    let (_place, folder) = place();
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("is ready").await;
    deck.say("/delete").await;
    deck.see("not saved yet").await;
    deck.press("ctrl+n").await;
    deck.press("ctrl+u").await;
    deck.say("why?").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.say("/delete").await;
    deck.see("/restore brings it back").await;
    deck.say("/restore").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.quit().await;
    assert_eq!(said(&folder)[0], "why?");
}

#[tokio::test(start_paused = true)]
async fn an_incognito_chat_leaves_nothing() {
    let (place, folder) = place();
    let mut deck = Deck::start_with((120, 40), Script::default(), Saving::Incognito, None);
    deck.see("nothing of what is said here is written").await;
    deck.say("secret").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.press("f8").await;
    deck.see("neither saves nor shows").await;
    deck.quit().await;
    assert!(!folder.exists());
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_usable_store_the_chat_goes_on_and_says_so() {
    let (_place, folder) = place();
    std::fs::write(&folder, "a file where the folder should be").unwrap();
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("This chat is not saved").await;
    deck.say("why?").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.quit().await;
}
