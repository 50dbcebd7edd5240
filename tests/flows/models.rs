//! Models by list and by name, with the fake engine and a library that is told.

use std::sync::Arc;

use llmdeck::app::Event;
use llmdeck::engine::fake::Script;
use llmdeck::library::{Known, Listing, Model, News, Source};

use super::harness::Deck;

/// A deck with two models on its machine.
async fn deck() -> Deck {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    let model =
        |name: &str, file: &str| Model::new(name, format!("/models/{file}"), Source::Folder);
    let listing = Listing {
        models: vec![
            model("org/Large-GGUF:Q4_K_M", "large-Q4_K_M.gguf"),
            model("small:1b", "small.gguf"),
        ],
        ..Listing::default()
    };
    let known = listing.models.iter();
    let known = known.map(|model| (model.path.clone(), Known::default()));
    let known = News::Known(known.collect());
    deck.tell(Event::Library(News::Found(Arc::new(listing))))
        .await;
    deck.tell(Event::Library(known)).await;
    deck
}

#[tokio::test(start_paused = true)]
async fn a_model_of_the_list_takes_the_conversation_over() {
    let mut deck = deck().await;
    deck.say("why is it slow?").await;
    deck.see("bandwidth.").await;
    deck.press("f9").await;
    deck.see("Models 2 of 2, by name").await;
    deck.press("/").await;
    deck.type_text("sml1b").await;
    deck.see("Models 1 of 2").await;
    deck.press("enter").await;
    deck.press("enter").await;
    deck.see("small").await;
    deck.see("why is it slow?").await;
    deck.say("and now?").await;
    deck.see_times("bandwidth.", 2).await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_model_is_loaded_by_any_of_its_names() {
    let mut deck = deck().await;
    deck.say("/model org/large-gguf").await;
    deck.see("large-Q4_K_M").await;
    deck.say("/load smal:1b").await;
    deck.see("did you mean small:1b").await;
    deck.see("large-Q4_K_M").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn the_model_from_before_is_held_and_goes_on_where_it_was() {
    let mut deck = deck().await;
    deck.say("why is it slow?").await;
    deck.see("bandwidth.").await;
    deck.say("/model small:1b").await;
    deck.see("held: guide").await;
    deck.press("alt+o").await;
    deck.see("guide runs again: it was held, nothing was read.")
        .await;
    deck.see("held: small").await;
    deck.press("ctrl+o").await;
    deck.see("small:1b").await;
    deck.press("esc").await;
    deck.say("/let-go").await;
    deck.see("small is not held any more: its memory is free now.")
        .await;
    deck.press("alt+o").await;
    deck.see("No model is held").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn where_memory_holds_one_model_none_is_held() {
    let script = Script {
        models: 1,
        ..Script::default()
    };
    let mut deck = Deck::start((80, 24), script).await;
    deck.see("guide").await;
    deck.say("/model /models/small.gguf").await;
    deck.see("small").await;
    deck.press("alt+o").await;
    deck.see("No model is held").await;
    deck.quit().await;
}
