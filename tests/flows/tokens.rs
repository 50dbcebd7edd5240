//! Looking inside tokens, from keys to the screen.

use llmdeck::app::Saving;
use llmdeck::engine::fake::Script;

use crate::harness::Deck;

#[tokio::test(start_paused = true)]
async fn a_reply_is_walked_and_left_at_another_candidate() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.say("/set n-probs 3").await;
    deck.say("why?").await;
    deck.see("bandwidth.").await;
    deck.press("alt+t").await;
    deck.see("Tokens").await;
    deck.see("1 of 6").await;
    deck.see("min_p").await;
    deck.see("removed").await;
    deck.press("right").await;
    deck.press("right").await;
    deck.see("3 of 6").await;
    deck.press("down").await;
    deck.press("enter").await;
    deck.see("It is perhaps by memory bandwidth.").await;
    deck.press("esc").await;
    deck.see("It is perhaps by memory bandwidth.").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_can_be_recorded_after_it_was_made() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.press("alt+t").await;
    deck.see("no reply whose tokens are known").await;
    deck.say("why?").await;
    deck.see("bandwidth.").await;
    deck.press("alt+t").await;
    deck.see("/set n-probs 10").await;
    deck.press("enter").await;
    deck.see("1 of 6").await;
    deck.see("min_p").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_is_there_when_the_chat_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut deck = Deck::start_saving(Script::default(), folder.path()).await;
    deck.say("/set n-probs 3").await;
    deck.say("why?").await;
    deck.see("bandwidth.").await;
    deck.quit().await;
    let mut deck = Deck::start_with(
        (120, 40),
        Script::default(),
        Saving::On,
        Some(folder.path()),
    );
    deck.press("f8").await;
    deck.see("why?").await;
    deck.press("enter").await;
    deck.see("bandwidth.").await;
    deck.press("alt+t").await;
    deck.see("1 of 6").await;
    deck.see("llmdeck replay 2").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn the_parameter_pane_previews_the_next_token() {
    let mut deck = Deck::start((200, 60), Script::default()).await;
    deck.say("why?").await;
    deck.see("bandwidth.").await;
    deck.press("f2").await;
    deck.press("/").await;
    for key in ["t", "o", "p", "-", "k"] {
        deck.press(key).await;
    }
    deck.press("enter").await;
    deck.see("next token, candidates kept: min_p 2").await;
    deck.quit().await;
}
