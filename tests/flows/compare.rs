//! Presets side by side: asked at once, kept, and voted on.

use llmdeck::engine::fake::Script;
use llmdeck::store::{Store, Which};

use crate::harness::Deck;

#[tokio::test(start_paused = true)]
async fn a_kept_column_is_the_reply_and_the_others_are_in_the_store() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("sessions");
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("is ready").await;
    deck.say("/compare greedy,creative why is it slow?").await;
    deck.see("Compare 2 columns").await;
    deck.see_times("end of turn", 2).await;
    deck.press("right").await;
    deck.press("u").await;
    deck.see("Kept as the chat's reply").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.say("thanks").await;
    deck.see_times("It is bound by memory bandwidth.", 2).await;
    deck.quit().await;
    let store = Store::open(&folder).unwrap().store;
    let list = store.list(&Which::Kept, 9).unwrap();
    let tree = store.tree(list[0].id).unwrap();
    let [asked, greedy, creative, ..] = tree.messages() else {
        panic!("{:?}", tree.messages())
    };
    assert_eq!(
        (greedy.parent, creative.parent),
        (Some(asked.id), Some(asked.id))
    );
    assert_eq!(greedy.said.content, creative.said.content);
    assert_ne!(greedy.said.params, creative.said.params);
    let path: Vec<_> = tree
        .path(list[0].leaf)
        .iter()
        .map(|message| message.id)
        .collect();
    assert_eq!(path[..2], [asked.id, creative.id]);
    assert_eq!(path.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_blind_vote_is_kept_and_shows_nothing_yet() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("sessions");
    let mut deck = Deck::start_saving(Script::default(), &folder).await;
    deck.see("is ready").await;
    deck.type_text("why is it slow?").await;
    for key in [
        "alt+c", "down", "down", "space", "down", "space", "b", "enter",
    ] {
        deck.press(key).await;
    }
    deck.see("names hidden").await;
    deck.see_times("end of turn", 2).await;
    deck.press("1").await;
    deck.press("enter").await;
    deck.see("The vote is kept.").await;
    deck.press("v").await;
    deck.see("Nothing is shown yet").await;
    deck.quit().await;
    let ballots = Store::open(&folder).unwrap().store.ballots().unwrap();
    assert_eq!((ballots.len(), ballots[0].best.as_slice()), (1, &[0][..]));
}
