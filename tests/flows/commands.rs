//! Commands typed as a message, and what completes them.

use llmdeck::engine::fake::Script;
use llmdeck::params::{Param, Value};

use crate::harness::Deck;

#[tokio::test(start_paused = true)]
async fn tab_takes_what_the_list_offers() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.see("is ready").await;
    deck.type_text("/pre").await;
    deck.see("use a sampling preset").await;
    deck.press("tab").await;
    deck.see("always the likeliest token").await;
    deck.type_text("gre").await;
    deck.press("down").await;
    deck.press("enter").await;
    deck.press("enter").await;
    deck.see("Preset greedy").await;
    let state = deck.state_after_quit().await;
    assert_eq!(state.params.preset.as_deref(), Some("greedy"));
}

#[tokio::test(start_paused = true)]
async fn escape_closes_the_list_and_keeps_the_line() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.see("is ready").await;
    deck.type_text("/the").await;
    deck.see("use a theme").await;
    deck.press("esc").await;
    deck.dont_see("use a theme").await;
    deck.see("/the").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn thinking_is_switched_in_every_tools_words() {
    for (line, reasoning, effort) in [
        ("/think", "on", "default"),
        ("/think off", "off", "default"),
        ("/think high", "on", "high"),
        ("/set think low", "on", "low"),
        ("/set nothink", "off", "default"),
        ("/reasoning auto", "auto", "default"),
    ] {
        let mut deck = Deck::start((120, 40), Script::default()).await;
        deck.see("is ready").await;
        deck.say(line).await;
        deck.see("Thinking").await;
        let state = deck.state_after_quit().await;
        let value = |param| state.params.values.get(param);
        assert_eq!(
            value(Param::Reasoning),
            Value::Text(reasoning.into()),
            "{line}"
        );
        assert_eq!(
            value(Param::ReasoningEffort),
            Value::Text(effort.into()),
            "{line}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_exported_with_all_its_versions() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("chat.json");
    let mut deck = Deck::start((200, 60), Script::default()).await;
    deck.see("is ready").await;
    deck.say("why?").await;
    deck.see("It is bound by memory bandwidth.").await;
    deck.see("20.0").await;
    deck.say("/regen").await;
    deck.see("2/2").await;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    for _ in 0..2 {
        deck.say(&format!("/export {}", file.display())).await;
        // Written on another thread, in real time.
        while !file.exists() {
            tokio::task::yield_now().await;
        }
    }
    deck.see("is there already").await;
    deck.quit().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let import = llmdeck::store::exchange::read(&text).unwrap();
    assert_eq!(import.archives[0].nodes.len(), 3);
    assert_eq!(import.archives[0].path().len(), 2);
}
