//! Files in messages, the prompt the model saw, what fills the context.

use llmdeck::engine::fake::Script;

use super::harness::Deck;

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a folder of its own");
    path.to_string_lossy().into_owned()
}

#[tokio::test(start_paused = true)]
async fn a_file_is_counted_offered_and_sent_with_the_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "notes.md", "one two three");
    let mut deck = Deck::start((200, 60), Script::default()).await;
    deck.see("is ready").await;
    deck.say(&format!("/read {path}")).await;
    deck.see("3 tokens, and there is room for").await;
    deck.press("enter").await;
    deck.see("notes.md 3 tokens").await;
    deck.say("what is it?").await;
    deck.see("Attached: ").await;
    deck.see("bandwidth.").await;
    // The text of the file is the model's to read.
    deck.dont_see("one two three").await;
    deck.say("/prompt").await;
    deck.see("one").await;
    deck.press("esc").await;
    let state = deck.state_after_quit().await;
    let said = &state.chat.messages()[0].content;
    assert!(said.starts_with("what is it?\n\nAttached: "), "{said}");
    assert!(said.contains("```\none two three\n```"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_offered_in_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "long.txt", &"some words\n".repeat(200));
    let script = Script {
        n_ctx: 100,
        ..Script::default()
    };
    let mut deck = Deck::start((200, 60), script).await;
    deck.see("is ready").await;
    deck.say(&format!("/read {path}")).await;
    deck.see("400 tokens, 325 more than there is room for")
        .await;
    deck.see("the first 37 of 200 lines").await;
    deck.press("enter").await;
    deck.see("long.txt 74 tokens").await;
    deck.say("/detach").await;
    deck.see("not attached any more").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_file_is_attached_and_other_pastes_are_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(&folder, "a b.txt", "words");
    let mut deck = Deck::start((200, 60), Script::default()).await;
    deck.see("is ready").await;
    deck.paste(&format!("'{path}'")).await;
    deck.see("1 token, and there is room").await;
    deck.press("esc").await;
    deck.paste("/no/such/file at all").await;
    deck.see("/no/such/file at all").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_told_and_the_command_can_be_mended() {
    let mut deck = Deck::start((200, 60), Script::default()).await;
    deck.see("is ready").await;
    deck.say("/read /no/such.txt").await;
    deck.see("there is no such file").await;
    deck.see("/read /no/such.txt").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn the_context_is_shown_by_what_fills_it() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.say("/set system be brief").await;
    deck.say("one two three four").await;
    deck.see("bandwidth.").await;
    deck.press("alt+x").await;
    deck.see("of 4,096 tokens").await;
    deck.see("system prompt").await;
    deck.press("esc").await;
    deck.dont_see("of 4,096 tokens").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn older_turns_give_way_to_a_summary() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    for (at, words) in ["first question", "second question", "third question"]
        .into_iter()
        .enumerate()
    {
        deck.say(words).await;
        deck.see_times("memory bandwidth.", at + 1).await;
    }
    deck.say("/summarise").await;
    deck.see("in the prompt as this summary").await;
    let state = deck.state_after_quit().await;
    let messages = state.chat.messages();
    assert_eq!(messages.len(), 2);
    assert!(messages[0].content.contains("third question"));
    assert!(
        messages[0]
            .content
            .starts_with("[What was said before, in short: It is bound"),
        "{}",
        messages[0].content
    );
}
