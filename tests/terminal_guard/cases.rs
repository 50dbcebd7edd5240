//! What must hold however the program ends.

use rustix::process::Signal;

use crate::harness::{Program, Session};

/// Every case with its name.
pub const ALL: &[(&str, fn())] = &[
    ("an_ordinary_end_restores", an_ordinary_end_restores),
    (
        "a_panic_restores_and_is_readable",
        a_panic_restores_and_is_readable,
    ),
    (
        "a_panic_elsewhere_goes_to_the_log",
        a_panic_elsewhere_goes_to_the_log,
    ),
    (
        "an_abort_restores_and_is_readable",
        an_abort_restores_and_is_readable,
    ),
    ("signals_end_it_and_restore", signals_end_it_and_restore),
    ("faults_restore_and_say_so", faults_restore_and_say_so),
    ("a_lost_terminal_ends_it", a_lost_terminal_ends_it),
    ("stderr_goes_to_the_log", stderr_goes_to_the_log),
    (
        "suspending_gives_the_terminal_to_the_shell",
        suspending_gives_the_terminal_to_the_shell,
    ),
    (
        "suspending_without_a_shell_goes_on",
        suspending_without_a_shell_goes_on,
    ),
    (
        "a_stop_from_outside_is_recovered",
        a_stop_from_outside_is_recovered,
    ),
    ("keys_and_sizes_arrive", keys_and_sizes_arrive),
    ("a_long_paste_is_one_event", a_long_paste_is_one_event),
    (
        "typed_text_arrives_to_its_end",
        typed_text_arrives_to_its_end,
    ),
    (
        "late_answers_of_the_terminal_are_no_keys",
        late_answers_of_the_terminal_are_no_keys,
    ),
    (
        "what_does_not_change_sends_nothing",
        what_does_not_change_sends_nothing,
    ),
    (
        "the_terminal_is_asked_nothing",
        the_terminal_is_asked_nothing,
    ),
    (
        "without_a_terminal_it_says_so",
        without_a_terminal_it_says_so,
    ),
];

fn program() -> Program {
    Program::new(std::env::current_exe().unwrap())
        .argument("--play")
        .argument("logs/play.log")
}

fn started(session: Session) -> Session {
    let mut session = session;
    session.wait_for("READY");
    assert!(session.screen().alternate_screen() && session.screen().bracketed_paste());
    session
}

fn log_of(session: &Session) -> String {
    std::fs::read_to_string(session.home().join("logs/play.log")).unwrap()
}

fn an_ordinary_end_restores() {
    let mut session = started(program().start_in_shell());
    session.send("q");
    session.wait_for_end(0);
}

fn a_panic_restores_and_is_readable() {
    let mut session = started(program().start_in_shell());
    session.send("p");
    session.wait_for_end(101);
    assert!(
        session
            .screen()
            .contents()
            .contains("a panic of the drawing thread")
    );
    assert!(
        !session.screen().contents().contains("READY"),
        "nothing of the frame is left"
    );
}

fn a_panic_elsewhere_goes_to_the_log() {
    let mut session = started(program().start_in_shell());
    session.send("P");
    session.wait_for("OTHER THREAD PANICKED: true");
    assert!(session.screen().alternate_screen());
    assert!(log_of(&session).contains("a panic elsewhere"));
    session.send("q");
    session.wait_for_end(0);
}

fn an_abort_restores_and_is_readable() {
    let mut session = started(program().start_in_shell());
    session.send("a");
    // 128 and SIGABRT.
    session.wait_for_end(134);
    assert!(
        session
            .screen()
            .contents()
            .contains("GGML_ASSERT( [31mfailed) of file name")
    );
}

fn signals_end_it_and_restore() {
    for (signal, said) in [
        (Signal::TERM, "Terminate"),
        (Signal::HUP, "HangUp"),
        (Signal::QUIT, "Quit"),
        (Signal::INT, "Interrupt"),
    ] {
        let mut session = started(program().start_in_shell());
        session.signal(signal);
        session.wait_for_end(0);
        assert!(
            session
                .screen()
                .contents()
                .contains(&format!("ended by {said}"))
        );
    }
}

fn faults_restore_and_say_so() {
    for (signal, name) in [
        (Signal::BUS, "SIGBUS"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::ILL, "SIGILL"),
        (Signal::FPE, "SIGFPE"),
        (Signal::ABORT, "SIGABRT"),
    ] {
        let mut session = started(program().start_in_shell());
        session.signal(signal);
        session.wait_for_end(128 + signal.as_raw());
        let said = session.screen().contents();
        assert!(
            said.contains(&format!("llmdeck was ended by {name}")),
            "{said}"
        );
    }
}

fn a_lost_terminal_ends_it() {
    let mut session = started(program().start_in_shell());
    session.hang_up();
    session.wait_until_gone();
}

fn stderr_goes_to_the_log() {
    let mut session = started(program().start_in_shell());
    session.send("e");
    session.wait_for("WRITTEN TO STDERR");
    session.send("q");
    session.wait_for_end(0);
    assert_eq!(log_of(&session), "a line for stderr\n");
    assert!(!session.screen().contents().contains("a line for stderr"));
}

fn suspending_gives_the_terminal_to_the_shell() {
    let mut session = started(program().start_as_job());
    session.send("z");
    session.wait_for("STOPPED");
    session.assert_screen_restored();
    assert!(session.screen().contents().contains("SETTINGS-RESTORED"));
    session.send("\n");
    session.wait_until("the screen again", |screen| {
        screen.alternate_screen()
            && screen.bracketed_paste()
            && screen.contents().contains("CONTINUED")
    });
    session.send("x");
    session.wait_for("KEY x");
    session.send("q");
    session.wait_for("ENDED-0.");
    session.assert_screen_restored();
}

fn suspending_without_a_shell_goes_on() {
    let mut session = started(program().start());
    session.send("z");
    session.wait_for("BACK");
    session.send("x");
    session.wait_for("KEY x");
}

fn a_stop_from_outside_is_recovered() {
    let mut session = started(program().start_as_job());
    session.signal(Signal::STOP);
    session.wait_until("the shell again", |screen| {
        screen.contents().contains("STOPPED")
    });
    session.send("\n");
    session.wait_for("CONTINUED");
    session.send("q");
    session.wait_for("ENDED-0.");
    session.assert_screen_restored();
}

fn keys_and_sizes_arrive() {
    let mut session = started(program().start());
    for (keys, shown) in [
        ("x", "KEY x"),
        ("\x1b[A", "Up false false"),
        ("\x1b[Z", "Tab false true"),
        ("\x03", "Char('c') true false"),
        ("\n", "Char('j') true false"),
        ("\r", "Enter false false"),
        ("\x08", "Backspace false false"),
        ("\x1b", "Escape false false"),
    ] {
        session.send(keys);
        session.wait_for(shown);
    }
    session.resize(60, 10);
    session.wait_for("READY 60x10");
}

fn a_long_paste_is_one_event() {
    let mut session = started(program().start());
    let line = "0123456789 escape \x1b[31m bell \x07 tab \t end";
    let clean = line.replace(['\x1b', '\x07'], "");
    let count = 100_000 / clean.len() + 1;
    session.paste(&format!("{line}\r").repeat(count));
    session.wait_for(&format!(
        "PASTE {} BYTES {count} LINES",
        (clean.len() + 1) * count
    ));
}

fn typed_text_arrives_to_its_end() {
    let mut session = started(program().start());
    let text = "0123456789".repeat(3_003);
    session.send(&text);
    session.wait_for(&format!("TYPED {} BYTES", text.len()));
}

fn late_answers_of_the_terminal_are_no_keys() {
    let mut session = started(program().start());
    for (number, answer) in [
        "\x1b[?2026;2$y",
        "\x1b]11;rgb:0000/0000/0000\x1b\\",
        "\x1bP>|xterm(390)\x1b\\",
    ]
    .into_iter()
    .enumerate()
    {
        session.send(answer);
        let letter = char::from(b'A' + u8::try_from(number).unwrap());
        session.send(letter.to_string());
        session.wait_for(&format!("KEY {letter}"));
    }
    // One whose end never comes.
    session.send("\x1b[?2026;2");
    session.send("\x03");
    session.wait_for("Char('c') true false");
}

fn what_does_not_change_sends_nothing() {
    let mut session = started(program().start());
    session.send("n");
    session.wait_until("BYTES of a frame without change", |screen| {
        screen.contents().contains("BYTES")
    });
    let shown = session.screen().contents();
    assert!(shown.ends_with("THEN 0"), "{shown}");
}

fn the_terminal_is_asked_nothing() {
    let mut session = started(program().start_in_shell());
    session.resize(60, 10);
    session.wait_for("READY 60x10");
    session.send("z");
    session.wait_for("BACK");
    session.send("q");
    session.wait_for_end(0);
    let raw = String::from_utf8_lossy(session.raw()).into_owned();
    for question in [
        "\x1b[6n", "\x1b[c", "\x1b[0c", "\x1b[>", "\x1b[?u", "\x1b[5n", "\x1bP", "\x1b]10;",
        "\x1b]11;",
    ] {
        assert!(!raw.contains(question), "{question:?} was sent");
    }
}

fn without_a_terminal_it_says_so() {
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--play", "/dev/null"])
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(ended.stdout, b"");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("standard output is not a terminal"), "{said}");
}
