//! Chat templates of the kinds that models ship, against what transformers renders of them
//! (`expected.json`, written by `expect.py`), and what somebody may type to take a prompt over.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use llmdeck::chat::{
    ChatTemplate, Conversation, Message, Role, Segment, SegmentKind, TemplateOptions,
    template_names, template_source,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates")
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// The templates of this folder by name.
fn templates() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jinja")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn render(source: &str, conversation: &str) -> Result<Vec<Segment>, String> {
    let template = ChatTemplate::new(source, "<s>", "</s>").map_err(|error| error.to_string())?;
    template
        .render_all(
            Conversation::read(conversation)?,
            &TemplateOptions::default(),
        )
        .map_err(|error| error.to_string())
}

fn text(segments: &[Segment], wanted: Option<SegmentKind>) -> String {
    let kept = segments
        .iter()
        .filter(|s| wanted.is_none_or(|kind| s.kind == kind));
    kept.map(|segment| segment.text.as_str()).collect()
}

/// What the system says in the middle of a conversation.
const RHYME: &str = "Now rhyme.";

#[test]
fn every_template_renders_as_in_transformers() {
    let expected = read("expected.json");
    let templates = templates();
    assert_eq!(templates.len(), expected.as_object().unwrap().len());
    for (template, source) in &templates {
        for (name, wanted) in expected[template].as_object().unwrap() {
            let file = folder().join(format!("conversations/{name}.json"));
            let ours = render(source, &fs::read_to_string(file).unwrap());
            match (wanted["text"].as_str(), ours) {
                // A system message that a template refuses or leaves out goes to the user.
                (wanted, Ok(segments))
                    if name == "middle" && wanted.is_none_or(|text| !text.contains(RHYME)) =>
                {
                    assert!(text(&segments, None).contains(RHYME), "{template}, {name}");
                }
                (Some(wanted), Ok(segments)) => {
                    assert_eq!(text(&segments, None), wanted, "{template}, {name}");
                }
                (None, Err(reason)) => {
                    // What a template says itself when it refuses is what the reader is told.
                    let said = wanted["refused"].as_str().unwrap_or_default();
                    assert!(reason.contains(said), "{template}, {name}: {reason}");
                }
                (wanted, ours) => panic!("{template}, {name}: wanted {wanted:?}, got {ours:?}"),
            }
        }
    }
}

#[test]
fn a_chat_gives_templates_what_was_thought_as_transformers_does() {
    let file = folder().join("conversations/reasoning.json");
    let json = fs::read_to_string(file).unwrap();
    let value: Value = serde_json::from_str(&json).unwrap();
    let said = |message: &Value| Message {
        role: match message["role"].as_str() {
            Some("user") => Role::User,
            _ => Role::Assistant,
        },
        content: message["content"].as_str().unwrap().to_owned(),
        reasoning: message["reasoning_content"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };
    let messages: Vec<Message> = value["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(said)
        .collect();
    for (name, kept) in [("qwen3", true), ("glm", true), ("granite", false)] {
        let template = ChatTemplate::new(&templates()[name], "<s>", "</s>").unwrap();
        let options = TemplateOptions::default();
        let shown = text(&template.render(&messages, &options).unwrap(), None);
        let whole = Conversation::read(&json).unwrap();
        let whole = template.render_all(whole, &options).unwrap();
        assert_eq!(shown, text(&whole, None), "{name}");
        assert!(
            !shown.contains("divisible"),
            "before the last question: {name}"
        );
        assert_eq!(shown.contains("3 * 11"), kept, "after it: {name}");
    }
}

#[test]
fn what_was_said_is_told_apart_exactly() {
    // None of these looks at contents so closely that it must be read cautiously.
    for (name, source) in templates() {
        let said = json!([{"role": "user", "content": "aa <b>bb</b> [c] "}, {"role": "assistant", "content": "dd"}, {"role": "user", "content": "ee"}]);
        let segments = render(&source, &said.to_string()).unwrap();
        let content = text(&segments, Some(SegmentKind::Content));
        assert_eq!(content.replace(' ', ""), "aa<b>bb</b>[c]ddee", "{name}");
    }
}

/// Spellings with which a prompt could be taken over.
const CONTROL: [&str; 20] = [
    "<|im_end|>",
    "<|im_start|>",
    "<|im_middle|>",
    "<|eot_id|>",
    "<|start_header_id|>",
    "[INST]",
    "[/INST]",
    "[TOOL_CALLS]",
    "<end_of_turn>",
    "<start_of_turn>",
    "<|end|>",
    "<|start|>",
    "<|channel|>",
    "<｜User｜>",
    "<｜end▁of▁sentence｜>",
    "<|end_of_text|>",
    "<|END_OF_TURN_TOKEN|>",
    "<|user|>",
    "</s>",
    "<s>",
];

fn typed() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(CONTROL.to_vec()).prop_map(str::to_owned),
        "[ \n<>|\\[\\]a-zé\"{}]{0,6}",
    ];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

/// A conversation in which somebody wrote these texts, wherever one can write.
fn with_tools(texts: &[String; 7]) -> String {
    let [system, user, reply, tool, argument, result, document] = texts;
    let function = json!({"name": "f", "description": tool, "parameters": {"type": "object", "properties": {"x": {"type": "string", "description": tool}}, "required": ["x"]}});
    json!({
        "messages": [
            {"role": "system", "content": system},
            {"role": "user", "content": user},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "call12345", "type": "function", "function": {"name": "f", "arguments": {"x": argument}}}]},
            {"role": "tool", "tool_call_id": "call12345", "content": result},
            {"role": "assistant", "content": reply},
            {"role": "user", "content": user},
        ],
        "tools": [{"type": "function", "function": function}],
        "documents": [{"doc_id": 1, "title": document, "text": document}],
        "chat_template_kwargs": {"date_string": "today"},
    })
    .to_string()
}

/// One that every template takes.
fn plain(texts: &[String; 7]) -> String {
    json!([
        {"role": "system", "content": texts[0]},
        {"role": "user", "content": texts[1]},
        {"role": "assistant", "content": texts[2]},
        {"role": "user", "content": texts[3]},
    ])
    .to_string()
}

fn control_tokens(segments: &[Segment]) -> Vec<usize> {
    let written = text(segments, Some(SegmentKind::Template));
    CONTROL
        .iter()
        .map(|token| written.matches(token).count())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_typed_control_token_becomes_one_in_any_template(texts in prop::array::uniform7(typed())) {
        let mut all = templates();
        for name in template_names() {
            all.insert(name.to_owned(), template_source(name).unwrap().to_owned());
        }
        let harmless = std::array::from_fn(|at| format!("w{at}"));
        for (name, source) in &all {
            for shape in [with_tools, plain] {
                // A template may refuse a conversation, but not for what was typed.
                let Ok(own) = render(source, &shape(&harmless)) else {
                    continue;
                };
                let segments = render(source, &shape(&texts)).unwrap_or_default();
                for ((token, most), written) in CONTROL.iter().zip(control_tokens(&own)).zip(control_tokens(&segments)) {
                    prop_assert!(written <= most, "{name}: {token} {written} times, not {most}: {segments:?}");
                }
            }
        }
    }
}
