//! `llmdeck completion`: the scripts in the shells that are here, and what they ask.

use std::io::ErrorKind;
use std::process::Stdio;

use crate::library::home;
use crate::{Done, GUIDE, Home, text};

/// What completes the last word.
fn completed(home: &Home, words: &[&str]) -> Vec<String> {
    let asked = [&["complete-words", "--", "llmdeck"], words].concat();
    let answer = home.run(&asked).good();
    let values = answer.lines().map(|line| line.split('\t').next().unwrap());
    values.map(str::to_owned).collect()
}

/// A home whose models were looked for before.
fn known() -> Home {
    let home = home();
    home.run(&["models"]).good();
    home
}

#[test]
fn every_shell_accepts_its_script() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completion", shell]).good();
        let file = home.file(shell, script);
        let mut check = home.other_command(shell, &["-n", text(&file)]);
        match check.stdin(Stdio::null()).output() {
            // Not every machine has every shell.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            checked => {
                let checked = Done::from(checked.unwrap());
                assert_eq!((checked.code, &*checked.stderr), (Some(0), ""), "{shell}");
            }
        }
    }
    home.run(&["completion", "tcsh"]).failed(64);
}

#[test]
fn models_are_completed_wherever_one_is_taken() {
    let home = known();
    for command in [
        &["-m"][..],
        &["run", "-m"],
        &["run", "-p", "hi", "--model"],
        &["bench", "-p", "8", "-m"],
        &["bench", "history", "-m"],
        &["tune"],
        &["tune", "-m"],
        &["compare", "-m"],
        &["doctor", "-m"],
        &["prompt", "-m"],
        &["replay", "1", "-m"],
        &["fit"],
        &["models", "info"],
        &["models", "path"],
        &["models", "rm", "--yes"],
    ] {
        let names = completed(&home, &[command, &["llama3.2:"]].concat());
        assert_eq!(names, ["llama3.2:3b"], "{command:?}");
        let files = completed(&home, &[command, &["repo-q"]].concat());
        assert_eq!(files, ["repo-Q4_K_M.gguf"], "{command:?}");
    }
    assert_eq!(completed(&home, &["-hf", ""]), ["org/repo-GGUF:Q4_K_M"]);
    assert_eq!(completed(&home, &["--model=gui"]), ["--model=guide"]);
    // What cannot be loaded is a file like any other.
    assert_eq!(completed(&home, &["-m", "broken"]), [""; 0]);
}

#[test]
fn names_of_a_models_preset_go_first() {
    let home = known();
    let file = home.file("p.ini", format!("[gulp]\nmodel = {GUIDE}\n"));
    let words = ["--models-preset", text(&file), "-m", "gu"];
    assert_eq!(completed(&home, &words), ["gulp", "guide"]);
    home.file(
        "config.toml",
        format!("models-preset = \"{}\"\n", text(&file)),
    );
    assert_eq!(completed(&home, &["-m", "gul"]), ["gulp"]);
    // A file that cannot be read completes nothing, and nothing is said.
    home.file("config.toml", "nonsense");
    assert_eq!(completed(&home, &["-m", "gul"]), [""; 0]);
}

#[test]
fn presets_themes_and_hardware_are_completed() {
    let home = Home::new();
    home.file("presets/minute.toml", "description = \"x\"\n");
    assert_eq!(
        completed(&home, &["run", "--preset", "min"]),
        ["min-p", "minute"]
    );
    let columns = |typed| completed(&home, &["compare", "--presets", typed]);
    assert_eq!(columns("greedy,pre"), ["greedy,precise"]);
    assert_eq!(columns("cur"), ["current"]);
    assert_eq!(completed(&home, &["--theme", "tokyo"]), ["tokyo-night"]);
    let cards = completed(&home, &["fit", "--hardware", "rtx-40"]);
    assert!(cards.contains(&"rtx-4090".to_owned()), "{cards:?}");
}

#[test]
fn nothing_is_looked_for() {
    let home = home();
    assert_eq!(completed(&home, &["-m", "llama"]), [""; 0]);
    assert!(!home.path("data").exists() && !home.path(".local").exists());
}

#[test]
fn bash_gets_what_it_replaces() {
    let home = known();
    let script = home.run(&["completion", "bash"]).good();
    let file = home.file("llmdeck.bash", script);
    let program = env!("CARGO_BIN_EXE_llmdeck");
    // Words as bash cuts them at ':' and '=', and the piece before the cursor.
    for (line, words, piece, expected) in [
        ("llmdeck -m lla", "llmdeck -m lla", "lla", "llama3.2:3b"),
        ("llmdeck -m llama3.2:", "llmdeck -m llama3.2 :", "", "3b"),
        (
            "llmdeck -m llama3.2:3",
            "llmdeck -m llama3.2 : 3",
            "3",
            "3b",
        ),
        (
            "llmdeck --model=gui",
            "llmdeck --model = gui",
            "gui",
            "guide",
        ),
        (
            "llmdeck run -p a: -m gui",
            "llmdeck run -p a : -m gui",
            "gui",
            "guide",
        ),
        (
            "llmdeck compare --presets greedy,pre",
            "llmdeck compare --presets greedy,pre",
            "greedy,pre",
            "greedy,precise",
        ),
    ] {
        let count = words.split(' ').count() - 1;
        let ask = format!(
            "source '{}'; COMP_LINE='{line}'; COMP_WORDS=({words}); COMP_CWORD={count}\n\
             _llmdeck '{program}' '{piece}' ''; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            text(&file)
        );
        let mut bash = home.other_command("bash", &["--norc", "-c", &ask]);
        let said = match bash.output() {
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            said => Done::from(said.unwrap()),
        };
        assert_eq!(said.good(), format!("{expected}\n"), "{line}");
    }
}
