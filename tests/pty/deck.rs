//! The deck as people use it: the real binary, the built-in model, a terminal.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;

use crate::harness::{Program, Session};

const CTRL_C: &str = "\x03";
const CTRL_Z: &str = "\x1a";

/// Its folders all lie in the HOME of the session. One thread decodes: tests run side by side, and
/// threads that wait for each other on too few cores wait long.
fn deck() -> Program {
    Program::new(env!("CARGO_BIN_EXE_llmdeck"))
        .argument("-t")
        .argument("1")
}

/// Waits until the built-in model is loaded.
fn ready(mut session: Session) -> Session {
    session.wait_for("Write a message");
    session.wait_for(" ready");
    session
}

/// Writes a question, and waits until the composer shows it.
fn write(session: &mut Session, question: &str) {
    session.send(question);
    session.wait_for(question);
}

/// Asks and waits for the figures below the finished reply.
fn ask(session: &mut Session, question: &str) {
    write(session, question);
    session.send("\r");
    session.wait_until("a finished reply", |screen| {
        screen.contents().contains("first after")
    });
}

fn quit(session: &mut Session) {
    session.send(CTRL_C);
    session.wait_for("again");
    session.send(CTRL_C);
}

#[test]
fn a_question_is_answered() {
    let mut session = ready(deck().start_in_shell());
    assert!(session.screen().alternate_screen());
    ask(&mut session, "What does temperature do?");
    quit(&mut session);
    session.wait_for_end(0);
}

#[test]
fn a_question_is_edited_and_the_old_one_is_an_arrow_away() {
    const CTRL_U: &str = "\x15";
    const LEFT: &str = "\x1b[D";
    let mut session = ready(deck().start_in_shell());
    ask(&mut session, "What is top-k?");
    session.send("\te");
    session.wait_for("Another version of the message");
    session.send(CTRL_U);
    write(&mut session, "What is top-p?");
    session.send("\r");
    session.wait_until("an answer to the second version", |screen| {
        let text = screen.contents();
        text.contains("2/2") && text.contains("first after") && !text.contains("What is top-k?")
    });
    session.send("\t");
    session.send(LEFT);
    session.wait_for("What is top-k?");
    session.wait_for("1/2");
    quit(&mut session);
    session.wait_for_end(0);
}

#[test]
fn ctrl_c_stops_a_reply() {
    let mut session = ready(deck().start());
    write(&mut session, "Tell me about sampling");
    // Both at once: the reply cannot be finished in between.
    session.send(format!("\r{CTRL_C}"));
    session.wait_for("stopped by you");
    assert!(
        session.screen().alternate_screen(),
        "one Ctrl-C does not quit"
    );
}

#[test]
fn signals_end_it_and_restore_the_terminal() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut session = ready(deck().start_in_shell());
        session.signal(signal);
        // As after Ctrl-C: it did not end because it was done.
        session.wait_for_end(130);
    }
}

#[test]
fn a_lost_terminal_ends_it() {
    let mut session = ready(deck().start_in_shell());
    session.hang_up();
    session.wait_until_gone();
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_brings_the_deck_back() {
    let mut session = ready(deck().start_as_job());
    write(&mut session, "half a question");
    session.send(CTRL_Z);
    session.wait_for("STOPPED");
    session.assert_screen_restored();
    assert!(session.screen().contents().contains("SETTINGS-RESTORED"));
    session.send("\n");
    session.wait_until("the deck again, with what was written", |screen| {
        screen.alternate_screen() && screen.contents().contains("half a question")
    });
    quit(&mut session);
    session.wait_for("ENDED-0.");
    session.assert_screen_restored();
}

/// The deck with a shell script for an editor.
fn with_editor(script: &str) -> Program {
    deck().variable("VISUAL", format!("f() {{ {script}; }}; f"))
}

#[test]
fn the_message_is_written_in_the_users_editor() {
    let script = r#"printf 'EDITING '; read -r line; printf ', %s' "$line" >> "$1""#;
    let mut session = ready(with_editor(script).start_in_shell());
    write(&mut session, "half a message");
    session.send("\x07");
    session.wait_for("EDITING");
    assert!(
        !session.screen().alternate_screen(),
        "the terminal is the editor's"
    );
    // Typed into the editor, and by no means into the deck.
    session.send("and the rest\r");
    session.wait_until("the deck with the whole message", |screen| {
        screen.alternate_screen() && screen.contents().contains("and the rest")
    });
    session.send(" typed");
    session.wait_for("and the rest typed");
    quit(&mut session);
    session.wait_for_end(0);
}

#[test]
fn an_editor_that_dies_leaves_the_message_and_the_terminal() {
    for (script, why) in [
        ("kill -KILL $$", "was killed"),
        ("stty raw -echo; exit 3", "ended with status 3"),
        ("/no/such/editor", "was not found"),
    ] {
        let mut session = ready(with_editor(script).size(120, 30).start_in_shell());
        write(&mut session, "half a message");
        session.send("\x07");
        session.wait_for(why);
        session.send(" goes on");
        session.wait_for("half a message goes on");
        quit(&mut session);
        session.wait_for_end(0);
    }
}

#[test]
fn ctrl_c_in_the_editor_is_not_for_the_deck() {
    let script = "trap 'printf CAUGHT' INT; printf EDITING; read -r line; read -r line";
    let mut session = ready(with_editor(script).start());
    write(&mut session, "half a message");
    session.send("\x07");
    session.wait_for("EDITING");
    session.send(CTRL_C);
    session.wait_for("CAUGHT");
    session.send("\r\r");
    session.wait_until("the deck again", |screen| {
        screen.alternate_screen() && screen.contents().contains("half a message")
    });
}

#[test]
fn every_size_shows_what_fits() {
    let mut session = ready(deck().size(100, 30).start());
    session.resize(160, 45);
    session.wait_for("Parameters");
    session.resize(40, 10);
    session.wait_for("60x18 needed, 40x10 here; Ctrl+C twice");
    session.resize(80, 24);
    session.wait_for("Write a message");
    // Smaller than any layout, down to a single cell, and back.
    session.resize(1, 1);
    session.resize(100, 30);
    session.wait_for("Write a message");
}

#[test]
fn a_paste_of_100_kilobytes_is_taken_at_once() {
    let mut session = ready(deck().start());
    session.paste(&format!(
        "{}the last words",
        "0123456789 abcdef\r".repeat(6_000)
    ));
    session.wait_for("the last words");
    session.send("!");
    session.wait_for("the last words!");
}

#[test]
fn typed_text_of_100_kilobytes_is_taken_without_a_key_after_it() {
    let mut session = ready(deck().start_in_shell());
    session.send(format!("{}thelastword", "0123456789 abcdef ".repeat(6_000)));
    session.wait_for("thelastword");
    session.signal(Signal::TERM);
    session.wait_for_end(130);
}

#[test]
fn no_color_means_no_colour() {
    let mut session = ready(deck().variable("NO_COLOR", "1").start_in_shell());
    ask(&mut session, "What is a token?");
    quit(&mut session);
    session.wait_for_end(0);
    let colours = colours(session.raw());
    assert!(colours.is_empty(), "{colours:?}");
}

#[test]
fn a_terminal_of_16_colours_gets_no_others() {
    let mut session = ready(deck().variable("TERM", "xterm").start_in_shell());
    ask(&mut session, "What is a token?");
    quit(&mut session);
    session.wait_for_end(0);
    let colours = colours(session.raw());
    assert!(!colours.is_empty());
    for colour in colours {
        assert!(is_one_of_16(&colour), "{colour:?}");
    }
}

#[test]
fn escape_sequences_in_a_file_name_do_not_reach_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let model: PathBuf = folder
        .path()
        .join("evil\x1b]0;owned\x07\x1b[31m\u{9b}32mname.gguf");
    fs::write(&model, "no model").unwrap();
    let mut session = deck().argument("--model").argument(&model).start();
    session.wait_until("the failure", |screen| {
        screen.contents().contains("name.gguf") && screen.contents().contains("load failed")
    });
    let raw = String::from_utf8_lossy(session.raw()).into_owned();
    assert!(!raw.contains("\x1b]0;"), "a title was set");
    assert!(!raw.contains("\x07"), "a bell rang");
    assert!(!raw.contains('\u{9b}'), "a C1 control character was sent");
    assert!(!raw.contains("\x1b[31mname"), "the name set a colour");
}

#[test]
fn the_terminal_is_asked_nothing() {
    let mut session = ready(deck().start_in_shell());
    session.resize(120, 40);
    session.wait_for("Parameters");
    quit(&mut session);
    session.wait_for_end(0);
    let raw = String::from_utf8_lossy(session.raw()).into_owned();
    for question in [
        "\x1b[6n", "\x1b[c", "\x1b[0c", "\x1b[>", "\x1b[?u", "\x1b[5n", "\x1bP", "\x1b]10;",
        "\x1b]11;",
    ] {
        assert!(!raw.contains(question), "{question:?} was sent");
    }
}

/// The colours that were set, as the numbers of their SGR sequences; the default colours are none.
fn colours(raw: &[u8]) -> Vec<Vec<u16>> {
    let text = String::from_utf8_lossy(raw);
    let sequences = text
        .split("\x1b[")
        .skip(1)
        .filter_map(|rest| rest.split_once('m').map(|(numbers, _)| numbers));
    sequences
        .filter_map(|numbers| {
            numbers
                .split([';', ':'])
                .map(|number| number.parse().ok())
                .collect::<Option<Vec<u16>>>()
        })
        .filter(|numbers| {
            numbers
                .iter()
                .any(|number| matches!(number, 30..=38 | 40..=48 | 90..=107))
        })
        .collect()
}

/// One sequence can set the colours of letters and ground, each as a number of its own or as `38;5;N`.
fn is_one_of_16(numbers: &[u16]) -> bool {
    match numbers {
        [] => true,
        [38 | 48, 5, index, rest @ ..] => *index < 16 && is_one_of_16(rest),
        [38 | 48, ..] => false,
        [_, rest @ ..] => is_one_of_16(rest),
    }
}
