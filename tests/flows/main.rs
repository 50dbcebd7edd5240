//! Whole flows of the deck: keys in, screen out, with the fake engine and a paused clock.
//! Waiting costs no real time: tokio moves its clock on when nothing else can happen.

mod branches;
mod commands;
mod compare;
mod harness;
mod measuring;
mod metrics;
mod models;
mod reading;
mod sessions;
mod tokens;

use harness::{Deck, key};
use llmdeck::engine::fake::Script;

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_with_live_figures() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.see("llmdeck").await;
    deck.see("guide").await;
    deck.say("why is it slow?").await;
    deck.see("It is bound by memory bandwidth.").await;
    // 20 tokens per second are what the fake engine's clock makes.
    deck.see("20.0").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn escape_stops_a_reply_and_what_came_stays() {
    let mut deck = Deck::start((120, 40), slow()).await;
    deck.say("go").await;
    deck.see("one two three").await;
    deck.press("esc").await;
    deck.see("stopped").await;
    deck.dont_see("twenty").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn control_c_stops_first_and_quits_second() {
    let mut deck = Deck::start((80, 24), slow()).await;
    deck.say("go").await;
    deck.see("one two").await;
    deck.press("ctrl+c").await;
    deck.see("Ctrl+C again quits").await;
    assert!(deck.runs());
    deck.press("ctrl+c").await;
    deck.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_single_control_c_is_forgotten_after_two_seconds() {
    let mut deck = Deck::start((80, 24), slow()).await;
    deck.press("ctrl+c").await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    deck.press("ctrl+c").await;
    deck.see("Ctrl+C again quits").await;
    assert!(deck.runs());
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn ctx_size_changes_under_a_running_reply() {
    let mut deck = Deck::start((120, 40), slow()).await;
    deck.say("go").await;
    deck.see("one two three").await;
    deck.say("/set ctx-size 8192").await;
    deck.see("KV cache kept").await;
    deck.see("twenty").await;
    deck.see("8,192").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_leaves_the_values_that_worked() {
    let mut deck = Deck::start((120, 40), slow()).await;
    deck.say("go").await;
    deck.see("one two three").await;
    deck.say("/set ctx-size 200000").await;
    deck.see("there is room for 65536 tokens").await;
    deck.see("The values that worked are back").await;
    deck.see("twenty").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn pending_changes_wait_in_the_pane_until_they_are_applied() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.see("is ready").await;
    deck.press("f2").await;
    deck.press("/").await;
    deck.type_text("ctx-size").await;
    deck.press("enter").await;
    deck.press("enter").await;
    deck.press("ctrl+u").await;
    deck.type_text("2048").await;
    deck.press("enter").await;
    deck.see("→ 2048").await;
    deck.press("a").await;
    deck.see("Applied").await;
    deck.dont_see("→ 2048").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_bad_value_is_refused_with_the_reason_in_place() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.press("f2").await;
    deck.press("/").await;
    deck.type_text("temp").await;
    deck.press("enter").await;
    deck.press("enter").await;
    deck.press("ctrl+u").await;
    deck.type_text("hot").await;
    deck.press("enter").await;
    deck.see("'hot' is not").await;
    deck.press("esc").await;
    deck.dont_see("'hot' is not").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_context_offers_a_choice_and_goes_on_after_it() {
    let script = Script {
        n_ctx: 12,
        ..slow()
    };
    let mut deck = Deck::start((120, 40), script).await;
    deck.say("count to twenty please").await;
    deck.see("Raise ctx-size to 24 and go on").await;
    // Nothing is changed by an Enter that was on its way.
    deck.press("home").await;
    deck.press("enter").await;
    deck.see("twenty").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_context_that_fills_up_leaves_a_begun_message_alone() {
    let script = Script {
        n_ctx: 12,
        ..slow()
    };
    let mut deck = Deck::start((120, 40), script).await;
    deck.say("count to twenty please").await;
    deck.type_text("and then").await;
    deck.see("+ raises").await;
    deck.type_text(" stop").await;
    deck.see("and then stop").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn helps_end_is_reached_in_the_smallest_terminals() {
    for size in [(60, 18), (80, 24)] {
        let mut deck = Deck::start(size, Script::default()).await;
        deck.press("f1").await;
        deck.press("end").await;
        deck.see("/quit /exit /bye /q").await;
        deck.dont_see("below").await;
        deck.quit().await;
    }
}

#[tokio::test(start_paused = true)]
async fn letters_over_the_figures_begin_a_message() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.say("hello").await;
    deck.see("bandwidth.").await;
    deck.press("f3").await;
    deck.type_text("yes").await;
    deck.dont_see("copied").await;
    deck.see("yes").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_of_the_prompt_is_marked() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.say("one").await;
    deck.see_times("It is bound by memory bandwidth.", 1).await;
    deck.say("two").await;
    deck.see_times("It is bound by memory bandwidth.", 2).await;
    deck.press("tab").await;
    deck.press("-").await;
    deck.see("above this line: left out of the prompt").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn the_guide_offers_questions_that_up_writes() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.see("What does top-k do?").await;
    deck.press("up").await;
    deck.see_times("What does top-k do?", 2).await;
    deck.press("up").await;
    deck.see_times("How do I load my own model?", 2).await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_load_keeps_the_model_and_the_chat() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.say("hello").await;
    deck.see("bandwidth.").await;
    deck.say("/model /tmp/notes.txt").await;
    deck.see("the file is no GGUF").await;
    deck.see("guide is still loaded").await;
    deck.say("again").await;
    deck.see_times("It is bound by memory bandwidth.", 2).await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_load_is_stopped_with_escape() {
    let mut deck = Deck::start(
        (120, 40),
        Script {
            load_time: std::time::Duration::from_secs(60),
            ..Script::default()
        },
    )
    .await;
    deck.press("esc").await;
    deck.see("Loading was stopped").await;
    deck.say("hello").await;
    deck.see("No model is loaded").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_turn_reuses_the_first() {
    let mut deck = Deck::start((200, 60), Script::default()).await;
    deck.say("first question here").await;
    deck.see("bandwidth.").await;
    deck.say("second").await;
    deck.see_times("It is bound by memory bandwidth.", 2).await;
    // 3 + 6 words of the first turn are in the KV cache, one is new.
    let chat = &deck.state_after_quit().await.chat;
    let timings = chat.last_reply().unwrap().timings.unwrap();
    assert_eq!((timings.cache_n, timings.prompt_n), (9, 1));
}

#[tokio::test(start_paused = true)]
async fn narrow_terminals_show_the_panes_in_turn() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.say("hello").await;
    deck.see("bandwidth.").await;
    deck.press("f2").await;
    deck.see("n-gpu-layers").await;
    deck.dont_see("bandwidth.").await;
    deck.press("f2").await;
    deck.see("bandwidth.").await;
    deck.press("f1").await;
    deck.see("Everywhere").await;
    deck.press("esc").await;
    deck.dont_see("Everywhere").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn presets_and_slash_commands_change_the_sampling() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.see("guide").await;
    deck.say("/preset greedy").await;
    deck.see("Preset greedy").await;
    deck.say("/set top_k 7").await;
    deck.see("top-k = 7").await;
    deck.say("/nonsense").await;
    deck.see("There is no /nonsense").await;
    let state = deck.state_after_quit().await;
    let sampling = state.params.values.sampling();
    assert_eq!((sampling.temp, sampling.top_k), (0.0, 7));
}

#[tokio::test(start_paused = true)]
async fn a_new_chat_is_empty_and_history_recalls_what_was_sent() {
    let mut deck = Deck::start((80, 24), Script::default()).await;
    deck.say("remember me").await;
    deck.see("bandwidth.").await;
    deck.press("ctrl+n").await;
    deck.dont_see("bandwidth.").await;
    deck.press("up").await;
    deck.see("remember me").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn the_palette_finds_an_action_by_name() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.press("ctrl+p").await;
    deck.type_text("show log").await;
    deck.press("enter").await;
    deck.press("ctrl+p").await;
    deck.see("Show the log").await;
    deck.press("esc").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn the_screen_is_drawn_only_when_something_changed() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.see("guide").await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let frames = deck.frames();
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(deck.frames(), frames);
    deck.press("x").await;
    deck.see("x").await;
    deck.quit().await;
}

#[tokio::test(start_paused = true)]
async fn copy_and_suspend_reach_the_terminal() {
    let mut deck = Deck::start((120, 40), Script::default()).await;
    deck.say("hello").await;
    deck.see("bandwidth.").await;
    deck.press("tab").await;
    deck.press("y").await;
    deck.see("copied 32 characters").await;
    deck.press("ctrl+z").await;
    assert_eq!(deck.suspended(), 1);
    assert_eq!(key("ctrl+z").to_string(), "Ctrl+Z");
    deck.quit().await;
}

/// An engine that counts to twenty, slowly enough to interfere.
fn slow() -> Script {
    Script {
        answer: "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen \
                 sixteen seventeen eighteen nineteen twenty"
            .into(),
        decode_rate: 4.0,
        ..Script::default()
    }
}
