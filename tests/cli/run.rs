//! `llmdeck run`: replies as text and as JSON.

use crate::{GUIDE, Home};

#[test]
fn a_reply_is_streamed_to_standard_output() {
    let reply = Home::new()
        .run(&[
            "run",
            "-m",
            GUIDE,
            "-p",
            "What does top-k do?",
            "-n",
            "32",
            "--temp",
            "0",
        ])
        .good();
    assert!(!reply.trim().is_empty());
}

#[test]
fn without_a_model_the_built_in_guide_answers() {
    let home = Home::new();
    let json = home
        .run(&["run", "-p", "Hello", "-n", "4", "--json"])
        .json();
    let path = json["model_path"].as_str().unwrap();
    assert!(
        path.starts_with(home.path("data").to_str().unwrap()),
        "{path}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_model_path_that_is_not_text_still_gives_the_object() {
    use std::os::unix::ffi::OsStrExt;
    let home = Home::new();
    let path = home
        .folder
        .path()
        .join(std::ffi::OsStr::from_bytes(b"\xff.gguf"));
    std::fs::copy(GUIDE, &path).unwrap();
    let mut command = home.command(&["run", "-p", "Hello", "-n", "2", "--json", "-m"]);
    let json = crate::Done::from(command.arg(&path).output().unwrap()).json();
    let shown = json["model_path"].as_str().unwrap();
    assert!(shown.ends_with("\u{fffd}.gguf"), "{shown}");
}

#[test]
fn json_is_one_object_with_text_reason_and_timings() {
    let done = Home::new().run(&[
        "run",
        "-m",
        GUIDE,
        "-p",
        "Hello",
        "-n",
        "5",
        "--ignore-eos",
        "--seed",
        "7",
        "--json",
    ]);
    assert_eq!(done.stdout.trim_end().lines().count(), 1);
    let json = done.json();
    assert!(!json["text"].as_str().unwrap().is_empty());
    assert_eq!(json["stop_reason"], "max_tokens");
    assert_eq!(json["seed"], 7);
    assert_eq!(json["model_path"], GUIDE);
    assert!(!json["model"].as_str().unwrap().is_empty());
    let timings = &json["timings"];
    assert_eq!(timings["predicted_n"], 5);
    assert_eq!(timings["cache_n"], 0);
    assert!(timings["prompt_n"].as_u64().unwrap() > 0);
    for name in [
        "ttft_ms",
        "prompt_ms",
        "prompt_per_second",
        "predicted_ms",
        "predicted_per_second",
    ] {
        assert!(timings[name].as_f64().unwrap() > 0.0, "{name}: {timings}");
    }
    assert!(json["context_used"].as_u64().unwrap() <= json["n_ctx"].as_u64().unwrap());
}

#[test]
fn the_same_seed_gives_the_same_reply_and_no_seed_another_each_time() {
    let home = Home::new();
    let reply = |more: &[&str]| {
        let args = [
            "run",
            "-m",
            GUIDE,
            "-p",
            "Tell me something",
            "-n",
            "24",
            "--temp",
            "1.5",
            "--json",
        ];
        home.run(&[&args, more].concat()).json()
    };
    let (first, second) = (reply(&["--seed", "42"]), reply(&["-s", "42"]));
    assert_eq!(first["text"], second["text"]);
    assert_eq!((&first["seed"], &second["seed"]), (&42.into(), &42.into()));
    let (drawn, drawn_again) = (reply(&["--seed", "-1"]), reply(&[]));
    assert_ne!(drawn["seed"], drawn_again["seed"]);
    let repeated = reply(&["--seed", &drawn["seed"].to_string()]);
    assert_eq!(
        repeated["text"], drawn["text"],
        "the seed that was reported repeats the reply"
    );
}

#[test]
fn llama_cpp_spellings_are_understood() {
    let args = [
        "run", "-m", GUIDE, "-p", "Hello", "-n", "3", "-c", "512", "-ngl", "0", "-fa", "off", "-t",
        "1", "--json",
    ];
    let json = Home::new().run(&args).json();
    assert_eq!(json["n_ctx"], 512);
}

#[test]
fn presets_and_configuration_are_in_force() {
    let home = Home::new();
    home.file(
        "config.toml",
        "preset = 'mine'\n[params]\nthreads = 1\nctx-size = 512\nn-predict = 9\n",
    );
    home.file(
        "presets/mine.toml",
        "description = 'Mine'\n[params]\nn-predict = 2\n",
    );
    let run = |more: &[&str]| {
        let args = ["run", "-m", GUIDE, "-p", "Hello", "--ignore-eos", "--json"];
        home.run(&[&args, more].concat()).json()
    };
    let json = run(&[]);
    assert_eq!(
        (&json["n_ctx"], &json["timings"]["predicted_n"]),
        (&512.into(), &2.into())
    );
    assert_eq!(
        run(&["-n", "3"])["timings"]["predicted_n"],
        3,
        "the command line wins"
    );
}

#[test]
fn a_stop_string_ends_the_reply_and_is_named() {
    let home = Home::new();
    let args = [
        "run",
        "-m",
        GUIDE,
        "-p",
        "Hello",
        "-n",
        "12",
        "--temp",
        "0",
        "--ignore-eos",
        "--json",
    ];
    let whole = home.run(&args).json()["text"].as_str().unwrap().to_owned();
    let stop = whole
        .split_whitespace()
        .nth(1)
        .unwrap()
        .trim_matches([',', '\\'])
        .to_owned();
    let json = home.run(&[&args[..], &["--stop", &stop]].concat()).json();
    assert_eq!(
        (json["stop_reason"].as_str(), json["stop_string"].as_str()),
        (Some("stop_string"), Some(&*stop))
    );
    assert_eq!(json["text"], whole.split(&stop).next().unwrap());
}
