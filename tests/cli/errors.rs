//! What goes wrong has an exit code and says what, why and what to try.

use crate::{Done, GUIDE, Home, text};

#[test]
fn an_unknown_flag_names_the_nearest() {
    let stderr = Home::new().run(&["run", "--top-qq", "3"]).failed(64);
    assert!(
        stderr.contains("'--top-qq'") && stderr.contains("'--top-"),
        "{stderr}"
    );
    let stderr = Home::new().run(&["run", "-nql", "3"]).failed(64);
    assert!(stderr.contains("--ngl"), "{stderr}");
}

#[test]
fn a_value_out_of_range_says_the_range() {
    let stderr = Home::new().run(&["--top-p", "3"]).failed(64);
    assert!(stderr.contains("3.0 is outside 0.0 to 1.0"), "{stderr}");
}

#[test]
fn a_parameter_of_a_later_version_says_so() {
    let stderr = Home::new().run(&["--mmproj", "a.gguf"]).failed(64);
    assert!(stderr.contains("known but cannot be set"), "{stderr}");
}

#[test]
fn no_prompt_is_a_mistake_of_usage() {
    let stderr = Home::new().run(&["run", "-m", GUIDE]).failed(64);
    assert!(stderr.contains("--prompt TEXT"), "{stderr}");
}

#[test]
fn a_missing_model_names_the_file_and_a_way_out() {
    let home = Home::new();
    home.file("models/other.gguf", "");
    let path = home.path("models/missing.gguf");
    let stderr = home
        .run(&["run", "-p", "Hello", "-m", text(&path)])
        .failed(66);
    assert!(
        stderr.contains(text(&path)) && stderr.contains("other.gguf"),
        "{stderr}"
    );
    let stderr = home
        .run(&["run", "-p", "Hello", "-m", text(&home.path("models"))])
        .failed(66);
    assert!(stderr.contains("it is a folder"), "{stderr}");
}

#[test]
fn a_name_that_no_model_has_is_not_taken_for_a_path() {
    let home = Home::new();
    home.run(&["run", "-p", "Hello", "-n", "1"]).good();
    let fails = |args: &[&str]| {
        let mut command = home.command(args);
        // Files of the folder we are in say nothing about a name.
        Done::from(command.current_dir(home.path("")).output().unwrap()).failed(66)
    };
    home.file("other.gguf", "");
    for args in [
        &["run", "-p", "Hello", "-m", "llama3.2:3b"][..],
        &["models", "info", "llama3.2:3b"],
        &["bench", "history", "-m", "llama3.2:3b"],
    ] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(fails(args), @"
            error: finding the model 'llama3.2:3b'
              why: no file and no model on this machine has this name
              try: llmdeck models lists those that are here; llmdeck models search llama3.2 finds others to download
            ");
        }
    }
    let of_hub = fails(&["run", "-p", "Hello", "-m", "org/repo:Q4_K_M"]);
    assert!(
        of_hub.contains("llmdeck models pull org/repo:Q4_K_M"),
        "{of_hub}"
    );
    let near = fails(&["run", "-p", "Hello", "-m", "guid"]);
    assert!(near.contains("did you mean guide?"), "{near}");
    let file = fails(&["run", "-p", "Hello", "-m", "missing.gguf"]);
    assert!(file.contains("in . there is other.gguf"), "{file}");
    home.file("config.toml", "model = 'nonesuch:7b'\n");
    let configured = fails(&["run", "-p", "Hello"]);
    assert!(
        configured.contains("nonesuch:7b") && configured.contains("no model on this machine"),
        "{configured}"
    );
}

#[test]
fn a_configured_model_is_looked_at_too() {
    let home = Home::new();
    home.file("config.toml", "model = '/no/such/model.gguf'\n");
    let stderr = home.run(&["run", "-p", "Hello"]).failed(66);
    assert!(stderr.contains("/no/such/model.gguf"), "{stderr}");
}

#[test]
fn damaged_models_are_damaged_data() {
    let home = Home::new();
    let guide = std::fs::read(GUIDE).unwrap();
    let mut flipped = guide.clone();
    flipped[4..8].copy_from_slice(&999u32.to_le_bytes());
    let files = [
        home.file("text.gguf", "This is no model.\n".repeat(100)),
        home.file("empty.gguf", ""),
        home.file("header-cut.gguf", &guide[..1000]),
        home.file("weights-cut.gguf", &guide[..guide.len() - 1000]),
        home.file("version.gguf", flipped),
    ];
    for file in files {
        let stderr = home
            .run(&["run", "-p", "Hello", "-m", text(&file)])
            .failed(65);
        assert!(
            stderr.contains(text(&file)) && stderr.contains("why: "),
            "{stderr}"
        );
    }
}

#[test]
fn a_prompt_longer_than_the_context_is_told() {
    let prompt = "one two three ".repeat(400);
    let stderr = Home::new()
        .run(&["run", "-m", GUIDE, "-c", "256", "-p", &prompt])
        .failed(65);
    assert!(stderr.contains("256"), "{stderr}");
}

#[test]
fn a_broken_configuration_stops_run_and_names_the_line() {
    let home = Home::new();
    home.file("config.toml", "[params]\ntempreture = 1\n");
    let stderr = home.run(&["run", "-p", "Hello"]).failed(78);
    assert!(
        stderr.contains("line 2") && stderr.contains("did you mean 'temp'"),
        "{stderr}"
    );
}

#[test]
fn an_unknown_preset_names_the_nearest() {
    let stderr = Home::new()
        .run(&["run", "-p", "Hello", "--preset", "creativ"])
        .failed(64);
    assert!(stderr.contains("did you mean 'creative'?"), "{stderr}");
}

#[test]
fn a_preset_that_cannot_be_used_names_the_place_in_its_file() {
    let home = Home::new();
    home.file("presets/brief.toml", "[params]\ntempreture = 1\n");
    for args in [
        &["run", "-p", "Hello", "--preset", "brief"][..],
        &["--preset", "brief"],
        &["run", "-p", "Hello"],
    ] {
        let stderr = home.run(args).failed(78);
        assert!(
            stderr.contains("presets/brief.toml line 2, column 1")
                && stderr.contains("did you mean 'temp'"),
            "{stderr}"
        );
        assert!(!stderr.contains("--config"), "{stderr}");
    }
}

#[test]
fn an_unknown_theme_is_told() {
    let home = Home::new();
    let given = ["run", "-p", "Hello", "--theme", "drak"];
    let stderr = home.run(&given).failed(64);
    assert!(stderr.contains("did you mean 'dark'?"), "{stderr}");
    home.file("themes/mine.toml", "nonsense");
    let stderr = home
        .run(&["run", "-p", "Hello", "--theme", "mine"])
        .failed(78);
    assert!(stderr.contains("mine.toml"), "{stderr}");
    home.file("config.toml", "theme = 'drak'\n");
    let stderr = home.run(&["run", "-p", "Hello"]).failed(78);
    assert!(
        stderr.contains("config.toml: theme 'drak'") && stderr.contains("'dark'"),
        "{stderr}"
    );
}

#[test]
fn files_that_are_named_and_missing_are_missing_files() {
    let home = Home::new();
    let stderr = home
        .run(&["--config", "/no/such.toml", "run", "-p", "Hello"])
        .failed(66);
    assert!(stderr.contains("/no/such.toml"), "{stderr}");
    let template = ["--chat-template-file", "/no/such.jinja"];
    let stderr = home
        .run(&[&template[..], &["run", "-p", "Hello"]].concat())
        .failed(66);
    assert!(stderr.contains("/no/such.jinja"), "{stderr}");
}

#[test]
fn a_folder_that_cannot_be_written_cannot_hold_the_guide() {
    let home = Home::new();
    let file = home.file("file", "");
    let done = home.run(&["run", "-p", "Hello", "--data-dir", text(&file)]);
    assert_eq!(done.code, Some(73), "{done:?}");
    assert!(done.stderr.contains("--data-dir"), "{}", done.stderr);
}

#[test]
fn old_flags_work_with_a_word_about_it() {
    let done = Home::new().run(&[
        "run",
        "-m",
        GUIDE,
        "-p",
        "Hello",
        "-n",
        "2",
        "-dt",
        "0.1",
        "--no-mmap",
    ]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    insta::assert_snapshot!(done.stderr, @"
    note: --defrag-thold is left out: llama.cpp no longer needs it
    note: --no-mmap means --load-mode=none
    ");
}

#[test]
fn flags_this_version_cannot_follow_are_refused_with_the_reason() {
    for (flag, reason) in [
        ("-mu", "fetched only when that is asked for"),
        ("--lora", "LoRA adapters are not part of this version"),
    ] {
        let stderr = Home::new()
            .run(&["run", "-m", GUIDE, "-p", "Hello", flag, "x"])
            .failed(64);
        assert!(stderr.contains(reason), "{stderr}");
    }
}

#[test]
fn text_for_the_deck_is_not_dropped_without_a_word() {
    let stderr = Home::new().run_with_input(&[], "hello").failed(64);
    assert!(stderr.contains("llmdeck run"), "{stderr}");
}

#[test]
fn what_comes_to_nothing_is_noted() {
    let done = Home::new().run(&[
        "run", "-m", GUIDE, "-p", "Hello", "-n", "2", "-c", "8192", "-ngl", "99",
    ]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let trained = "note: ctx-size: the model was trained for 1024 tokens";
    assert!(done.stderr.contains(trained), "{}", done.stderr);
    if Home::new().run(&["doctor", "--json"]).json()["devices"]
        .as_array()
        .unwrap()
        .len()
        == 1
    {
        let layers = "note: n-gpu-layers: 99 asked for, but there is no GPU";
        assert!(done.stderr.contains(layers), "{}", done.stderr);
    }
}

#[test]
fn commands_and_flags_of_other_programs_get_a_tip() {
    for (args, tip) in [
        (&["pull", "x"][..], "llmdeck models pull NAME"),
        (&["list"], "llmdeck models lists"),
        (&["models", "show", "guide"], "llmdeck models info MODEL"),
        (&["-p", "hello"], "llmdeck run -p TEXT"),
        (&["bench", "-c", "512"], "it follows from the test"),
    ] {
        let stderr = Home::new().run(args).failed(64);
        assert!(
            stderr.contains(tip) && !stderr.contains("similar"),
            "{stderr}"
        );
    }
}

#[test]
fn a_prompt_without_its_flag_gets_a_tip() {
    let stderr = Home::new().run(&["run", "hi"]).failed(64);
    assert!(
        stderr.contains("tip: a prompt is given with -p"),
        "{stderr}"
    );
}
