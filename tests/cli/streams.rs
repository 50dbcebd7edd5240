//! Standard input, files, closed pipes and signals.

use std::io::Read;
use std::process::Child;

use crate::{Done, GUIDE, Home, text};

/// Greedy, so that equal prompts give equal replies.
const GREEDY: [&str; 8] = ["run", "-m", GUIDE, "-n", "12", "--temp", "0", "--json"];

#[test]
fn piped_text_follows_the_prompt_after_a_blank_line() {
    let home = Home::new();
    let whole = home
        .run(&[&GREEDY[..], &["-p", "What is this?\n\nA sampler."]].concat())
        .json();
    let piped = home
        .run_with_input(
            &[&GREEDY[..], &["-p", "What is this?"]].concat(),
            "A sampler.\n",
        )
        .json();
    assert_eq!(
        (&piped["text"], &piped["timings"]["prompt_n"]),
        (&whole["text"], &whole["timings"]["prompt_n"])
    );
    let only = home
        .run_with_input(&GREEDY, "What is this?\n\nA sampler.\n")
        .json();
    assert_eq!(only["timings"]["prompt_n"], whole["timings"]["prompt_n"]);
}

#[test]
fn a_file_holds_the_prompt() {
    let home = Home::new();
    let file = home.file("prompt.txt", "What is a token?\n");
    let read = home
        .run(&[&GREEDY[..], &["-f", text(&file)]].concat())
        .json();
    let given = home
        .run(&[&GREEDY[..], &["-p", "What is a token?"]].concat())
        .json();
    assert_eq!(
        (&read["text"], &read["timings"]["prompt_n"]),
        (&given["text"], &given["timings"]["prompt_n"])
    );
}

#[test]
fn text_and_json_say_the_same() {
    let home = Home::new();
    let args = [&GREEDY[..], &["-p", "Hello"]].concat();
    let json = home.run(&args).json();
    let text = home
        .run(
            &args
                .into_iter()
                .filter(|arg| *arg != "--json")
                .collect::<Vec<_>>(),
        )
        .good();
    assert_eq!(json["text"], text);
}

/// A reply without an end, of which the first byte has been read.
fn endless(home: &Home) -> (Child, impl Read + use<>) {
    let args = [
        "run",
        "-m",
        GUIDE,
        "-p",
        "Hello",
        "--ignore-eos",
        "--context-shift",
        "-c",
        "1024",
    ];
    let mut child = home.command(&args).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    (child, stdout)
}

#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    let home = Home::new();
    let (child, stdout) = endless(&home);
    drop(stdout);
    Done::from(child.wait_with_output().unwrap()).good();
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_reply_with_what_there_is() {
    use rustix::process::{Pid, Signal, kill_process};
    for signal in [Signal::INT, Signal::TERM] {
        let home = Home::new();
        let (child, mut stdout) = endless(&home);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        let done = Done::from(child.wait_with_output().unwrap());
        assert_eq!((done.code, done.stderr.as_str()), (Some(130), ""));
    }
}
