//! `llmdeck bench`: tests, forms of output and history.

use serde_json::Value;

use crate::{GUIDE, Home, text};

/// A prompt and some tokens, small enough for a test.
fn bench(home: &Home, more: &[&str]) -> crate::Done {
    both(home, "4", more)
}

/// Only a prompt.
fn prefill(home: &Home, more: &[&str]) -> crate::Done {
    both(home, "0", more)
}

fn both(home: &Home, n_gen: &str, more: &[&str]) -> crate::Done {
    let args = ["bench", "-m", GUIDE, "-p", "16", "-n", n_gen, "-r", "2"];
    home.run(&[&args, more].concat())
}

/// The lines of a table, without what stands below it where the machine was busy.
fn rows(table: &str) -> Vec<&str> {
    table.lines().take_while(|line| !line.is_empty()).collect()
}

#[test]
fn json_has_llama_benchs_fields_for_every_combination() {
    let home = Home::new();
    let json = bench(
        &home,
        &["-t", "1,2", "-pg", "16,2", "-d", "0,32", "-o", "json"],
    )
    .json();
    let tests = json.as_array().unwrap();
    let tests: Vec<[u64; 4]> = tests
        .iter()
        .map(|one| {
            ["n_threads", "n_prompt", "n_gen", "n_depth"].map(|name| one[name].as_u64().unwrap())
        })
        .collect();
    let once = |threads| {
        [
            (16, 0, 0),
            (0, 4, 0),
            (16, 2, 0),
            (16, 0, 32),
            (0, 4, 32),
            (16, 2, 32),
        ]
        .map(|(prompt, generated, depth)| [threads, prompt, generated, depth])
    };
    assert_eq!(tests, [once(1), once(2)].concat());
    let one = &json[0];
    for name in [
        "avg_ts",
        "avg_ns",
        "ttft_ms",
        "model_size",
        "model_n_params",
    ] {
        assert!(one[name].as_f64().unwrap() > 0.0, "{name}: {one}");
    }
    assert!(one["stddev_ts"].is_number());
    assert_eq!(one["samples_ts"].as_array().unwrap().len(), 2);
    assert_eq!(one["model_hash"].as_str().unwrap().len(), 64);
    assert_eq!(
        (&one["n_gpu_layers"], &one["type_k"]),
        (&0.into(), &"f16".into())
    );
    assert_eq!(one["model_filename"], GUIDE);
    assert!(!one["model_type"].as_str().unwrap().is_empty());
    let ms = one["avg_ns"].as_f64().unwrap() / 1e6;
    let ttft = one["ttft_ms"].as_f64().unwrap();
    assert!(
        ttft <= ms * 1.001,
        "a prompt's first token comes with its end: {ttft} {ms}"
    );
}

#[test]
fn the_table_names_tests_as_llama_bench() {
    let table = bench(&Home::new(), &["-d", "8", "-fa", "0,1"]).good();
    let lines = rows(&table);
    assert_eq!(lines.len(), 6, "{table}");
    assert!(
        lines[0].contains("| flash-attn |") || lines[0].contains("|  fa |"),
        "{table}"
    );
    assert!(
        lines[2].contains("pp16 @ d8 |") && lines[2].contains(" off |"),
        "{table}"
    );
    assert!(
        lines[5].contains("tg4 @ d8 |") && lines[5].contains(" on |"),
        "{table}"
    );
}

#[test]
fn csv_and_lines_have_a_row_a_test() {
    let home = Home::new();
    let csv = bench(&home, &["-o", "csv"]).good();
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.starts_with("build_commit,"), "{csv}");
    let both = bench(&home, &["-o", "jsonl", "-oe", "md", "--no-warmup"]);
    assert_eq!(both.code, Some(0), "{}", both.stderr);
    assert_eq!(rows(&both.stderr).len(), 4, "{}", both.stderr);
    for line in both.stdout.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn results_are_kept_and_compared() {
    let home = Home::new();
    assert_eq!(
        home.run(&["bench", "history"]).good(),
        "No results are kept; llmdeck bench makes some.\n"
    );
    prefill(&home, &[]).good();
    prefill(&home, &[]).good();
    prefill(&home, &["--no-history"]).good();
    let table = home.run(&["bench", "history"]).good();
    let rows = &rows(&table)[2..];
    assert_eq!(rows.len(), 2, "{table}");
    let change = |row: &str| {
        row.trim_end_matches(" |")
            .rsplit("| ")
            .next()
            .unwrap()
            .trim()
            .to_owned()
    };
    assert_eq!(change(rows[0]), "", "{table}");
    assert_ne!(change(rows[1]), "", "{table}");
    let json = home
        .run(&["bench", "history", "-m", GUIDE, "-o", "json"])
        .json();
    assert_eq!(json.as_array().unwrap().len(), 2);

    let path = home.path("data/bench/history.jsonl");
    let kept = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{kept}nonsense\n")).unwrap();
    let done = home.run(&["bench", "history", "-o", "jsonl"]);
    let times = |text: &str| -> Vec<Value> {
        let lines = text.lines();
        let records = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.map(|record| record["samples_ns"].clone()).collect()
    };
    assert_eq!((done.code, times(&done.stdout)), (Some(0), times(&kept)));
    assert!(done.stderr.contains("line 3 is damaged"), "{}", done.stderr);
}

#[test]
fn mistakes_in_lists_name_the_part() {
    let home = Home::new();
    for (flags, part) in [
        (&["-p", "8-4"][..], "'8-4' ends before it begins"),
        (&["-n", "many"], "'many' is not a whole number"),
        (&["-t", "1,0"], "threads: 0 is outside"),
        (&["-ctk", "q9"], "cache-type-k"),
        (&["--temp", "1"], "unexpected argument '--temp'"),
        (&["-p", "0", "-n", "0"], "there is nothing to measure"),
    ] {
        let args = [&["bench", "-m", GUIDE], flags].concat();
        let message = home.run(&args).failed(64);
        assert!(message.contains(part), "{flags:?}: {message}");
    }
}

#[test]
fn a_test_that_cannot_be_made_does_not_stop_the_others() {
    let home = Home::new();
    let done = prefill(
        &home,
        &["-ctk", "q4_0,f16", "-fa", "off", "-ctv", "q8_0,f16"],
    );
    // A quantised V cache needs flash attention.
    assert_ne!(done.code, Some(0));
    assert_eq!(done.stderr.matches("skipped").count(), 2, "{}", done.stderr);
    assert_eq!(rows(&done.stdout).len(), 4, "{}", done.stdout);
    let broken = home.file("broken.gguf", "no model");
    let message = home.run(&["bench", "-m", text(&broken)]);
    assert_eq!(message.code, Some(65), "{}", message.stderr);
    assert_eq!(message.stdout, "", "no table without a result");
    let times = message.stderr.matches("broken.gguf").count();
    assert_eq!(times, 1, "{}", message.stderr);
    let message = home.run(&["bench", "-m", text(&broken), "-o", "json"]);
    assert_eq!((message.code, message.stdout.as_str()), (Some(65), "[]\n"));
}
