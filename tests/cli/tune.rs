//! `llmdeck tune`: a profile found, applied and taken back.

use crate::{GUIDE, Home, text};

/// What the home's folder of profiles holds.
fn profiles(home: &Home) -> Vec<std::path::PathBuf> {
    let folder = std::fs::read_dir(home.path("data/tuned"));
    folder.map_or_else(
        |_| Vec::new(),
        |entries| entries.map(|entry| entry.unwrap().path()).collect(),
    )
}

/// The threads a reply is made with, as the history of a measurement tells them.
fn threads_and_params(home: &Home) -> (u64, serde_json::Value) {
    let args = [
        "bench", "-m", GUIDE, "-p", "8", "-n", "0", "-r", "1", "-o", "json",
    ];
    let done = home.run(&args);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    (
        json[0]["n_threads"].as_u64().unwrap(),
        json[0]["params"].clone(),
    )
}

#[test]
fn a_search_measures_within_its_budget_and_says_what_it_found() {
    let home = Home::new();
    let output = home
        .run(&[
            "tune",
            GUIDE,
            "--for",
            "decode",
            "--budget",
            "3s",
            "--dry-run",
        ])
        .good();
    assert!(output.starts_with("Measuring tg"), "{output}");
    assert!(output.contains("at most 3 s"), "{output}");
    assert_eq!(profiles(&home), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_profile_is_applied_at_load_until_it_is_taken_back() {
    let home = Home::new();
    let there = "There is no profile";
    let undo = || home.run(&["tune", "--undo", "-m", GUIDE]).good();
    assert!(undo().starts_with(there));
    // Whether a search finds anything depends on the machine, so the file is written here; its
    // name and its machine come from the program.
    home.run(&["bench", "-m", GUIDE, "-p", "8", "-n", "0", "-r", "1"])
        .good();
    let record = home.run(&["bench", "history", "-o", "json"]).json()[0].clone();
    let field = |name: &str| record[name].as_str().unwrap().to_owned();
    let gpu = match field("gpu_info") {
        none if none.is_empty() => none,
        some => format!(", {some}"),
    };
    let machine = format!(
        "{}, {} cores, {}{gpu}",
        field("cpu_info"),
        record["n_cores"],
        field("backends")
    );
    let profile = |machine: &str| {
        format!(
            "model = {:?}\nmodel_bytes = {}\nmodel_hash = {:?}\nmachine = {machine:?}\n[params]\nbatch-size = \"32\"\nthreads = \"9\"\n",
            GUIDE,
            std::fs::metadata(GUIDE).unwrap().len(),
            field("model_hash"),
        )
    };
    home.file("data/tuned/x.toml", profile("another machine"));
    let (threads, params) = threads_and_params(&home);
    assert_eq!((threads, params.get("batch-size")), (1, None));
    home.file("data/tuned/x.toml", profile(&machine));
    let (threads, params) = threads_and_params(&home);
    assert_eq!(params["batch-size"], "32");
    assert_eq!(threads, 1, "the configuration lies above it");
    let done = home.run(&["bench", "-m", GUIDE, "-p", "8", "-n", "0", "-r", "1"]);
    let said = "values found by tuning are in force: batch-size=32; `llmdeck tune --undo";
    assert!(done.stderr.contains(said), "{}", done.stderr);

    let damaged = home.file("data/tuned/y.toml", "nonsense");
    let message = home
        .run(&["bench", "-m", GUIDE, "-p", "8", "-n", "0"])
        .failed(78);
    assert!(message.contains("y.toml"), "{message}");
    std::fs::remove_file(damaged).unwrap();
}

#[test]
fn mistakes_are_named() {
    let home = Home::new();
    for (flags, code, part) in [
        (&["tune", "--budget", "soon"][..], 64, "such as 120s or 5m"),
        (
            &["tune", "--for", "everything"],
            64,
            "possible values: decode, prefill, balanced",
        ),
        (&["tune", "/no/such.gguf"], 66, "No such file"),
        (&["tune", "--undo", "--dry-run"], 64, "cannot be used with"),
    ] {
        let message = home.run(flags).failed(code);
        assert!(message.contains(part), "{flags:?}: {message}");
    }
    let broken = home.file("broken.gguf", "no model");
    let message = home.run(&["tune", text(&broken)]).failed(65);
    assert!(message.contains("broken.gguf"), "{message}");
}
