//! The harness itself, with programs that every system has.

use rustix::process::Signal;

use crate::harness::Program;

fn shell(script: &str) -> Program {
    Program::new("sh").argument("-c").argument(script)
}

#[test]
fn keys_reach_the_program_and_its_output_the_screen() {
    let mut session = Program::new("cat").start();
    session.send("hello\r");
    session.wait_until("the line twice: echoed and printed", |screen| {
        screen.contents().matches("hello").count() == 2
    });
    assert!(session.raw().starts_with(b"hello\r\n"));
}

#[test]
fn a_paste_is_bracketed() {
    let mut session = Program::new("cat").argument("-v").start();
    session.paste("two words");
    session.send("\r");
    session.wait_for("\n^[[200~two words^[[201~");
}

#[test]
fn the_environment_is_the_one_given() {
    let mut session = shell("echo \"[$TERM|$COLORTERM|$SSH_TTY|$EXTRA]\"")
        .variable("EXTRA", "yes")
        .start();
    session.wait_for("[xterm-256color|||yes]");
}

#[test]
fn the_size_is_the_one_given_and_changes() {
    let mut session = shell("trap 'stty size' WINCH; stty size; while :; do read -r line; done")
        .size(90, 20)
        .start();
    session.wait_for("20 90");
    session.resize(70, 12);
    session.wait_for("12 70");
}

#[test]
fn the_end_is_reported_with_its_code() {
    shell("exit 7").start_in_shell().wait_for_end(7);
}

#[test]
#[should_panic(expected = "the terminal's settings differ")]
fn settings_left_changed_are_noticed() {
    shell("stty -echo").start_in_shell().wait_for_end(0);
}

#[test]
#[should_panic(expected = "still on the alternate screen")]
fn an_alternate_screen_left_on_is_noticed() {
    shell(r"printf '\033[?1049h'")
        .start_in_shell()
        .wait_for_end(0);
}

#[test]
#[should_panic(expected = "before the end of the program: something else")]
fn waiting_in_vain_ends_with_the_program() {
    shell("echo hello").start().wait_for("something else");
}

#[test]
fn signals_reach_the_program_inside_the_shell() {
    let script = "trap 'exit 9' TERM; echo READY; while :; do read -r line; done";
    let mut session = shell(script).start_in_shell();
    session.wait_for("READY");
    session.signal(Signal::TERM);
    session.wait_for_end(9);
}

#[test]
fn a_program_that_lost_its_terminal_is_seen_to_end() {
    let mut session = shell("echo READY; exec cat").start_in_shell();
    session.wait_for("READY");
    session.hang_up();
    session.wait_until_gone();
}

#[test]
fn a_job_stops_and_goes_on() {
    let mut session = shell("echo READY; read -r line; echo \"GOT-$line\"").start_as_job();
    session.wait_for("READY");
    session.send("\x1a");
    session.wait_for("STOPPED");
    session.send("\r");
    session.send("text\r");
    session.wait_for("GOT-text");
    session.wait_for("ENDED-0.");
}
