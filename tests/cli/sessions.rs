//! `llmdeck sessions` on chats that were imported.

use crate::{Home, text};

const CHATS: &str = "{\"title\": \"Caches\", \"messages\": [{\"role\": \"user\", \"content\": \"What is a KV cache?\"}, {\"role\": \"assistant\", \"content\": \"It keeps keys\\u001b[31m and values.\"}]}\n{\"messages\": [{\"role\": \"user\", \"content\": \"Second \\u001b]0;evil\\u0007chat\"}]}\n";

/// A machine with two chats.
fn home() -> Home {
    let home = Home::new();
    let file = home.file("chats.jsonl", CHATS);
    let said = home.run(&["sessions", "import", text(&file)]).good();
    assert!(
        said.ends_with("chats.jsonl: 2 chats imported: 1, 2\n"),
        "{said}"
    );
    home
}

#[test]
fn chats_are_listed_shown_and_found_without_escape_sequences() {
    let home = home();
    let list = home.run(&["sessions"]).good();
    assert!(
        list.contains("1  Second chat\n") && list.contains("2  Caches\n"),
        "{list}"
    );
    let shown = home.run(&["sessions", "show", "1"]).good();
    assert!(shown.starts_with("Caches\n"), "{shown}");
    assert!(
        shown.ends_with(
            "--- user\nWhat is a KV cache?\n\n--- assistant\nIt keeps keys and values.\n"
        ),
        "{shown}"
    );
    let found = home.run(&["sessions", "search", "values"]).good();
    assert!(
        found.contains("Caches") && found.contains("It keeps keys and values."),
        "{found}"
    );
    assert_eq!(
        home.run(&["sessions", "search", "nowhere"]).good(),
        "nothing found\n"
    );
    for out in [&list, &shown, &found] {
        assert!(!out.contains('\u{1b}'));
    }
}

#[test]
fn programs_read_json() {
    let home = home();
    let list = home.run(&["sessions", "list", "--json"]).json();
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[0]["title"], "Second \u{1b}]0;evil\u{7}chat");
    assert_eq!(list[1]["messages"], 2);
    let found = home
        .run(&["sessions", "search", "--json", "--limit", "1", "cache"])
        .json();
    assert_eq!(
        (found.as_array().unwrap().len(), &found[0]["chat"]),
        (1, &1.into())
    );
    let shown = home.run(&["sessions", "show", "last", "--json"]).json();
    assert_eq!(shown["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn titles_pins_and_tags_are_given_by_hand() {
    let home = home();
    home.run(&["sessions", "rename", "2", "Renamed"]).good();
    home.run(&["sessions", "pin", "1"]).good();
    home.run(&["sessions", "tag", "1", "rust", "llm"]).good();
    let list = home.run(&["sessions", "list"]).good();
    let lines: Vec<&str> = list.lines().collect();
    assert!(
        lines[0].starts_with("1 * ") && lines[0].ends_with("Caches  [llm, rust]"),
        "{list}"
    );
    assert!(lines[1].ends_with("Renamed"), "{list}");
    let tagged = home.run(&["sessions", "list", "--tag", "rust"]).good();
    assert_eq!(tagged.lines().count(), 1);
    home.run(&["sessions", "pin", "1", "--off"]).good();
    assert!(!home.run(&["sessions"]).good().contains('*'));
}

#[test]
fn deleted_chats_come_back_until_they_are_purged() {
    let home = home();
    let done = home.run(&["sessions", "rm", "1"]);
    assert_eq!(done.code, Some(0));
    assert!(
        done.stderr
            .contains("`llmdeck sessions restore 1` brings it back"),
        "{}",
        done.stderr
    );
    assert!(!home.run(&["sessions"]).good().contains("Caches"));
    assert!(
        home.run(&["sessions", "list", "--deleted"])
            .good()
            .contains("Caches")
    );
    home.run(&["sessions", "restore", "1"]).good();
    assert!(home.run(&["sessions"]).good().contains("Caches"));
    home.run(&["sessions", "rm", "--purge", "1", "2"]).good();
    assert_eq!(home.run(&["sessions"]).good(), "no chats\n");
    let said = home.run(&["sessions", "show", "1"]).failed(66);
    assert!(said.contains("there is no conversation 1"), "{said}");
    let said = home.run(&["sessions", "show", "last"]).failed(66);
    assert!(said.contains("there is no chat yet"), "{said}");
}

#[test]
fn what_is_exported_can_be_imported() {
    let home = home();
    for name in ["all.json", "all.jsonl", "all.md"] {
        let file = home.path(name);
        home.run(&["sessions", "export", "-o", text(&file)]).good();
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(&file).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
        let said = home
            .run(&["sessions", "export", "--output", text(&file)])
            .failed(73);
        assert!(said.contains("name another file"), "{said}");
        let other = Home::new();
        let said = other.run(&["sessions", "import", text(&file)]).good();
        assert!(said.contains("2 chats imported: 1, 2"), "{said}");
        let shown = other.run(&["sessions", "show", "1"]).good();
        assert!(
            shown.contains("It keeps keys and values."),
            "{name}: {shown}"
        );
    }
    // A pipe gets every byte.
    let raw = home
        .run(&["sessions", "export", "1", "--format", "md"])
        .good();
    assert!(raw.contains("keys\u{1b}[31m and"), "{raw}");
    let piped = Home::new()
        .run_with_input(&["sessions", "import", "-"], &raw)
        .good();
    assert_eq!(piped, "-: 1 chat imported: 1\n");
}

#[test]
fn what_cannot_be_read_is_said_with_its_name() {
    let home = Home::new();
    let file = home.file("odd.json", "{\"a\": 1}");
    let said = home.run(&["sessions", "import", text(&file)]).failed(65);
    assert!(
        said.contains("odd.json") && said.contains("none of the known forms"),
        "{said}"
    );
    let said = home
        .run(&["sessions", "import", "/no/such/file"])
        .failed(66);
    assert!(said.contains("/no/such/file"), "{said}");
    let said = home.run(&["sessions", "show", "x"]).failed(64);
    assert!(
        said.contains("a number as `llmdeck sessions list` shows it"),
        "{said}"
    );
}

#[test]
fn a_damaged_store_is_salvaged_and_reported() {
    let home = home();
    let file = home.path("data/sessions/sessions.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..100].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let done = home.run(&["sessions", "list"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stderr.contains("Salvaged: 2 chats with 3 messages"),
        "{}",
        done.stderr
    );
    assert!(done.stdout.contains("Caches"));
    assert_eq!(home.run(&["sessions", "list"]).good(), done.stdout);
}
