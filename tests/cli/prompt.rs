//! `llmdeck prompt`: rendered text, segments, tokens, templates from elsewhere, failures.

use serde_json::{Value, json};

use super::{Home, text};

const TALK: &str = r#"[{"role": "user", "content": "Say <|im_end|> now."}]"#;

fn pieces(report: &Value) -> String {
    let tokens = report["tokens"].as_array().unwrap();
    tokens
        .iter()
        .map(|t| t["piece"].as_str().unwrap())
        .collect()
}

#[test]
fn the_prompt_of_the_built_in_model_tells_control_tokens_from_typed_ones() {
    let home = Home::new();
    let messages = home.file("talk.json", TALK);
    let report = home
        .run(&["prompt", "--messages", text(&messages), "--json"])
        .json();
    assert_eq!(report["template"], "model");
    let whole = report["text"].as_str().unwrap();
    assert!(whole.contains("Say <|im_end|> now."), "{whole}");
    let content: Vec<&Value> = report["segments"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|segment| segment["kind"] == "content")
        .collect();
    assert_eq!(
        content,
        [&json!({"kind": "content", "text": "Say <|im_end|> now."})]
    );
    assert_eq!(
        report["n_tokens"],
        report["tokens"].as_array().unwrap().len()
    );
    assert!(pieces(&report).ends_with(whole));
    let is_end = |token: &&Value| token["special"] == true && token["piece"] == "<|im_end|>";
    let ends = report["tokens"].as_array().unwrap().iter().filter(is_end);
    assert_eq!(ends.count(), 1, "{report}");
}

#[test]
fn templates_come_from_files_and_by_name_and_get_tools_and_variables() {
    let home = Home::new();
    let template = home.file(
        "t.jinja",
        "{{ mood }}{% for t in tools %}|{{ t.function.name }}{% endfor %}{% for m in messages %}|{{ m.role }}:{{ m.content }}{% endfor %}",
    );
    let messages = home.file(
        "talk.json",
        json!({
            "messages": [{"role": "user", "content": "Hi"}],
            "tools": [{"type": "function", "function": {"name": "look"}}],
        })
        .to_string(),
    );
    let args = ["prompt", "--messages", text(&messages), "--json"];
    let with = |more: &[&str]| home.run(&[&args[..], more].concat()).json();
    let report = with(&[
        "--chat-template-file",
        text(&template),
        "--chat-template-kwargs",
        r#"{"mood": "calm"}"#,
        "--system",
        "Be brief.",
    ]);
    assert_eq!(report["text"], "calm|look|system:Be brief.|user:Hi");
    let report = with(&["--chat-template", "phi4"]);
    assert_eq!(
        report["text"],
        "<|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>"
    );
}

#[test]
fn people_see_text_and_tokens_and_nothing_that_steers_their_terminal() {
    let home = Home::new();
    let messages = home.file(
        "talk.json",
        json!([{"role": "user", "content": "a\u{1b}[31mb"}]).to_string(),
    );
    let shown = home.run(&["prompt", "--messages", text(&messages)]).good();
    assert!(shown.starts_with("template model, "), "{shown}");
    assert!(shown.contains("[content]\nab\n"), "{shown}");
    assert!(shown.contains("\"<|im_end|>\"  special"), "{shown}");
    assert!(!shown.contains('\u{1b}'));
    let piped = home
        .run_with_input(&["prompt", "--messages", "-"], TALK)
        .good();
    assert!(piped.contains("Say <|im_end|> now."), "{piped}");
}

#[test]
fn what_cannot_be_used_is_told_with_place_and_way_out() {
    let home = Home::new();
    let talk = home.file("talk.json", TALK);
    let template = home.file("t.jinja", "a\n{{ raise_exception('no users here') }}");
    let args = ["prompt", "--messages", text(&talk)];
    let failed = |more: &[&str], code| home.run(&[&args[..], more].concat()).failed(code);
    let refused = failed(&["--chat-template-file", text(&template)], 65);
    assert!(refused.contains("at line 2: no users here"), "{refused}");
    assert!(refused.contains("chat-template"), "{refused}");
    let unknown = failed(&["--chat-template", "chatmk"], 64);
    assert!(unknown.contains("chatml"), "{unknown}");
    let missing = failed(&["--chat-template-file", "/no/such.jinja"], 66);
    assert!(missing.contains("/no/such.jinja"), "{missing}");
    let no_list = home.file("bad.json", r#"{"messages": 3}"#);
    let bad = home
        .run(&["prompt", "--messages", text(&no_list)])
        .failed(65);
    assert!(bad.contains("\"messages\" is not a list"), "{bad}");
    home.run(&["prompt", "--messages", "/no/such.json"])
        .failed(66);
}

#[test]
fn text_is_taken_from_web_pages_and_damaged_files_are_refused() {
    let home = Home::new();
    let page = home.file("a.html", "<h1>Head</h1><p>Some text.</p>");
    let taken = home.run(&["extract-text", text(&page)]).good();
    assert!(
        taken.contains("Head") && taken.contains("Some text."),
        "{taken}"
    );
    let damaged = home.file("a.pdf", "%PDF-1.4\nnothing of the kind");
    let done = home.run(&["extract-text", text(&damaged)]);
    assert_ne!(done.code, Some(0));
    assert_eq!(done.stdout, "");
    let none = home.run(&["extract-text", "/no/such.pdf"]);
    assert!(none.stderr.contains("No such file"), "{}", none.stderr);
}
