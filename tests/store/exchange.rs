//! Conversations as text and back: our own forms without loss, other programs' exports as they are.

use llmdeck::chat::Role;
use llmdeck::engine::Timings;
use llmdeck::store::exchange::{Archive, Format, read, write};
use llmdeck::store::{Ending, MessageId, MessageState, Omission, Said, Settings, ThoughtTimings};
use proptest::prelude::*;
use serde_json::json;

use crate::{Place, path, reply, talk};

/// What a person may do with a conversation; numbers choose among the messages there are.
#[derive(Clone, Debug)]
enum Operation {
    Say(usize, String, Role, String),
    Stream(usize, Vec<String>, bool),
    Choose(usize),
    Delete(usize),
    Restore(usize),
    Name(String),
    Tags(Vec<String>),
    Pin(bool),
    System(Option<String>),
    LeaveOut(usize, Option<String>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,20}",
        "[a-z#<!> `\n\r\\\\-]{0,30}",
        Just("<!-- llmdeck: user -->\n## User\n\n".to_owned()),
        Just("\\<!-- llmdeck: chat -->".to_owned()),
        Just("\n\n\0\u{1b}[31m\n".to_owned()),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let role = prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::System)];
    prop_oneof![
        4 => (any::<usize>(), text(), role, text()).prop_map(|(at, said, role, thought)| Operation::Say(at, said, role, thought)),
        2 => (any::<usize>(), prop::collection::vec(text(), 0..4), any::<bool>()).prop_map(|(at, pieces, ends)| Operation::Stream(at, pieces, ends)),
        1 => any::<usize>().prop_map(Operation::Choose),
        1 => any::<usize>().prop_map(Operation::Delete),
        1 => any::<usize>().prop_map(Operation::Restore),
        1 => text().prop_map(Operation::Name),
        1 => prop::collection::vec("[a-z]{1,3}", 0..3).prop_map(Operation::Tags),
        1 => any::<bool>().prop_map(Operation::Pin),
        1 => prop::option::of(text()).prop_map(Operation::System),
        2 => (any::<usize>(), prop::option::of(text())).prop_map(|(at, summary)| Operation::LeaveOut(at, summary)),
    ]
}

/// Does the operations in a store, and takes the conversation out of it.
fn conversation(operations: &[Operation]) -> (Place, Archive) {
    let place = Place::new();
    let mut store = place.open();
    let id = store.create(&Settings::default()).unwrap();
    let mut messages: Vec<MessageId> = Vec::new();
    for operation in operations {
        let at = |number: usize| (!messages.is_empty()).then(|| messages[number % messages.len()]);
        match operation {
            Operation::Say(after, text, role, reasoning) => {
                let mut said = Said::new(*role, text.clone());
                said.reasoning.clone_from(reasoning);
                said.params = [("temp".to_owned(), text.clone())].into();
                messages.push(store.append(id, at(*after), &said).unwrap());
            }
            Operation::Stream(after, pieces, ends) => {
                let message = store.begin_reply(id, at(*after), &reply("")).unwrap();
                for piece in pieces {
                    store.add_piece(message, piece, "").unwrap();
                }
                if *ends {
                    let ending = Ending {
                        state: MessageState::Complete,
                        stop: "end of turn".into(),
                        seed: Some(7),
                        timings: Some(Timings {
                            ttft_ms: 0.1,
                            ..Timings::default()
                        }),
                        thought: Some(ThoughtTimings {
                            tokens: 3,
                            ms: 0.25,
                        }),
                    };
                    store.finish(message, &ending).unwrap();
                }
                messages.push(message);
            }
            Operation::Choose(number) => {
                let kept = store.tree(id).unwrap();
                let leaf = at(*number).filter(|leaf| kept.get(*leaf).is_some());
                store.choose(id, leaf).unwrap();
            }
            Operation::Delete(number) => at(*number)
                .into_iter()
                .for_each(|at| store.delete_message(at).unwrap()),
            Operation::Restore(number) => at(*number)
                .into_iter()
                .for_each(|at| store.restore_messages(at).unwrap()),
            Operation::Name(title) => store.rename(id, title).unwrap(),
            Operation::Tags(tags) => store.set_tags(id, tags).unwrap(),
            Operation::Pin(pinned) => store.set_pinned(id, *pinned).unwrap(),
            Operation::LeaveOut(before, summary) => {
                let kept = store.tree(id).unwrap();
                let before = at(*before).filter(|before| kept.get(*before).is_some());
                let omission = before.map(|before| Omission {
                    before,
                    summary: summary.clone(),
                });
                store.set_omission(id, omission.as_ref()).unwrap();
            }
            Operation::System(system) => {
                let settings = Settings {
                    system: system.clone(),
                    ..Settings::default()
                };
                store.set_settings(id, &settings).unwrap();
            }
        }
    }
    let archive = store.export(id).unwrap();
    (place, archive)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_conversation_survives_json_and_the_store(operations in prop::collection::vec(operation(), 0..14)) {
        let (place, archive) = conversation(&operations);
        for format in [Format::Json, Format::Jsonl] {
            let text = write(&[archive.clone(), archive.clone()], format);
            let import = read(&text).unwrap();
            prop_assert_eq!(&import.archives, &[archive.clone(), archive.clone()]);
            prop_assert!(import.left_out.is_empty());
        }
        let mut store = place.open();
        let id = store.import(&archive).unwrap();
        prop_assert_eq!(store.export(id).unwrap(), archive);
    }

    #[test]
    fn the_chosen_path_survives_markdown(operations in prop::collection::vec(operation(), 0..14)) {
        let (_place, archive) = conversation(&operations);
        let text = write(&[archive.clone(), archive.clone()], Format::Markdown);
        let import = read(&text).unwrap();
        prop_assert_eq!(import.archives.len(), 2);
        for read in import.archives {
            let said = |archive: &Archive| -> Vec<_> {
                let of = |said: &Said| (said.role, said.content.clone(), said.reasoning.clone());
                archive.path().iter().map(|node| of(&node.said)).collect()
            };
            prop_assert_eq!(said(&read), said(&archive));
            prop_assert_eq!(&read.settings.system, &archive.settings.system);
            let left_out = |archive: &Archive| {
                let omission = archive.omission.as_ref()?;
                let before = &archive.nodes[omission.before];
                let at = archive.path().iter().position(|node| std::ptr::eq(*node, before))?;
                Some((at, omission.summary.clone().filter(|summary| !summary.is_empty())))
            };
            prop_assert_eq!(left_out(&read), left_out(&archive));
            let title = |archive: &Archive| archive.title.as_ref().map(|title| title.replace(['\n', '\r'], " ").trim_start_matches('#').trim().to_owned());
            prop_assert_eq!(title(&read).unwrap_or_default(), title(&archive).unwrap_or_default());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![".{0,80}", "[\\[{]\\PC{0,40}"]) {
        let _ = read(&text);
    }
}

#[test]
fn json_has_the_messages_that_every_program_reads() {
    let place = Place::new();
    let mut store = place.open();
    let (id, asked, _) = talk(&mut store, "a?", "a!");
    store.append(id, Some(asked), &reply("again")).unwrap();
    let settings = Settings {
        system: Some("Be brief.".into()),
        ..Settings::default()
    };
    store.set_settings(id, &settings).unwrap();
    let value: serde_json::Value =
        serde_json::from_str(&write(&[store.export(id).unwrap()], Format::Json)).unwrap();
    assert_eq!(value["title"], "a?");
    assert_eq!(
        value["messages"],
        json!([
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "a?" },
            { "role": "assistant", "content": "again" },
        ])
    );
}

#[test]
fn plain_openai_messages_are_read() {
    let messages = json!([
        { "role": "developer", "content": "Be brief." },
        { "role": "user", "content": [{ "type": "text", "text": "Look:" }, { "type": "image_url", "image_url": {} }] },
        { "role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [] },
        { "role": "tool", "content": "4" },
        { "role": "assistant", "content": "4" },
    ]);
    for text in [
        json!({ "messages": messages }).to_string(),
        messages.to_string(),
        messages
            .as_array()
            .unwrap()
            .iter()
            .map(|line| format!("{line}\n"))
            .collect(),
    ] {
        let import = read(&text).unwrap();
        let [archive] = import.archives.as_slice() else {
            panic!("{text}")
        };
        assert_eq!(archive.settings.system.as_deref(), Some("Be brief."));
        let said: Vec<_> = archive
            .path()
            .iter()
            .map(|node| node.said.content.clone())
            .collect();
        assert_eq!(said, ["Look:", "", "4"]);
        assert_eq!(archive.nodes[1].said.reasoning, "hm");
        assert_eq!(
            import.left_out,
            ["1 messages of tools", "1 parts that are no text"]
        );
    }
    assert!(
        read("{\"a\": 1}")
            .unwrap_err()
            .contains("none of the known forms")
    );
    assert!(read("{\"messages\": [").unwrap_err().contains("EOF"));
    assert!(read("just words").unwrap_err().contains("no chat"));
}

#[test]
fn an_export_of_llama_cpps_web_ui_is_read_with_its_branches() {
    let message = |id: &str, parent: &str, role: &str, content: &str, time: i64| {
        json!({ "id": id, "convId": "c", "type": if role == "root" { "root" } else { "text" }, "timestamp": time,
            "role": if role == "root" { "system" } else { role }, "content": content, "parent": parent, "thinking": "", "children": [] })
    };
    // Children before their parents, and two answers to one question.
    let export = json!([{
        "conv": { "id": "c", "name": "Sky", "lastModified": 9000, "currNode": "m3" },
        "messages": [
            message("m4", "m1", "assistant", "It scatters.", 4000),
            message("m3", "m1", "assistant", "Rayleigh.", 3000),
            message("m1", "r", "user", "Why blue?", 2000),
            message("r", "-1", "root", "", 1000),
        ],
    }]);
    let import = read(&export.to_string()).unwrap();
    let archive = &import.archives[0];
    assert_eq!(
        (archive.title.as_deref(), archive.changed_ms),
        (Some("Sky"), 9000)
    );
    assert_eq!(archive.nodes.len(), 3);
    let place = Place::new();
    let mut store = place.open();
    let id = store.import(archive).unwrap();
    assert_eq!(path(&store, id), ["Why blue?", "Rayleigh."]);
    let tree = store.tree(id).unwrap();
    assert_eq!(tree.children(None).len(), 1);
    assert_eq!(tree.children(tree.children(None).first().copied()).len(), 2);
    assert_eq!(tree.messages()[0].said.created_ms, 2000);
    assert!(import.left_out.is_empty());
}

#[test]
fn an_export_of_open_webui_is_read_with_its_branches() {
    let message = |id: &str, parent: Option<&str>, role: &str, content: &str| {
        json!({ "id": id, "parentId": parent, "childrenIds": [], "role": role, "content": content,
            "timestamp": 1_700_000_000, "model": "qwen3" })
    };
    let export = json!([{
        "id": "x", "user_id": "u", "title": "Sky", "pinned": true, "archived": false,
        "created_at": 1_700_000_000, "updated_at": 1_700_000_009, "meta": { "tags": ["science"] },
        "chat": { "title": "Sky", "system": "Be brief.", "history": {
            "currentId": "b",
            "messages": {
                "a": message("a", Some("q"), "assistant", "Rayleigh."),
                "b": message("b", Some("q"), "assistant", "It scatters."),
                "q": message("q", None, "user", "Why blue?"),
            },
        } },
    }]);
    let import = read(&export.to_string()).unwrap();
    let archive = &import.archives[0];
    assert_eq!(
        (archive.pinned, archive.tags.as_slice()),
        (true, ["science".to_owned()].as_slice())
    );
    assert_eq!(archive.settings.system.as_deref(), Some("Be brief."));
    assert_eq!(archive.created_ms, 1_700_000_000_000);
    let said: Vec<_> = archive
        .path()
        .iter()
        .map(|node| node.said.content.as_str())
        .collect();
    assert_eq!(said, ["Why blue?", "It scatters."]);
    assert_eq!(
        (archive.nodes.len(), archive.nodes[1].said.model.as_str()),
        (3, "qwen3")
    );
}

#[test]
fn what_open_webui_folds_is_what_was_thought() {
    let folded = "<details type=\"reasoning\" done=\"true\" duration=\"3\">\n<summary>Thought for 3 seconds</summary>\n&gt; Is 1 &lt; 2?\n&gt; Yes.\n</details>\nIt is.";
    let export = json!([{ "title": "T", "chat": { "history": { "currentId": "b", "messages": {
        "a": { "id": "a", "parentId": null, "role": "user", "content": "1 < 2?" },
        "b": { "id": "b", "parentId": "a", "role": "assistant", "content": folded },
    } } } }]);
    let import = read(&export.to_string()).unwrap();
    let said = &import.archives[0].path()[1].said;
    assert_eq!(
        (said.reasoning.as_str(), said.content.as_str()),
        ("Is 1 < 2?\nYes.", "It is.")
    );
}

#[test]
fn circles_and_lost_parents_of_an_export_are_survived() {
    let export = json!({ "conv": { "currNode": "gone" }, "messages": [
        { "id": "a", "parent": "b", "role": "user", "content": "1" },
        { "id": "b", "parent": "a", "role": "assistant", "content": "2" },
        { "id": "c", "parent": "nowhere", "role": "user", "content": "3" },
        { "id": "t", "parent": "t", "role": "tool", "content": "4" },
        { "id": "d", "parent": "t", "role": "user", "content": "5" },
    ] });
    let import = read(&export.to_string()).unwrap();
    assert_eq!(import.archives[0].nodes.len(), 4);
    let place = Place::new();
    let mut store = place.open();
    let id = store.import(&import.archives[0]).unwrap();
    assert_eq!(store.tree(id).unwrap().messages().len(), 4);
}

#[test]
fn markdown_by_hand_is_read_by_its_headings() {
    let text = "# Notes\n\n## System\nBe brief.\n\n## User\n\nWhy?\n```\n## Assistant\n```\n\n## Assistant\n\nBecause.\n";
    let import = read(text).unwrap();
    let archive = &import.archives[0];
    assert_eq!(archive.title.as_deref(), Some("Notes"));
    let said: Vec<_> = archive
        .path()
        .iter()
        .map(|node| node.said.content.as_str())
        .collect();
    assert_eq!(said, ["Why?\n```\n## Assistant\n```", "Because."]);
    assert_eq!(write(&[], Format::Markdown), "");
}
