//! The view of the last hour.

use llmdeck::engine::fake::Script;

use crate::harness::Deck;

#[tokio::test(start_paused = true)]
async fn f10_shows_the_hour_and_gives_the_keys_back() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.see("guide").await;
    deck.press("f10").await;
    deck.see("no readings yet").await;
    // Letters mean something else here than in the composer.
    deck.press("c").await;
    deck.see("There is no folder for exports").await;
    deck.press("esc").await;
    deck.dont_see("no readings yet").await;
    deck.say("why is it slow?").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.quit().await;
}
