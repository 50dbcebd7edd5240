//! `llmdeck compare`: columns from one prefill, as Markdown and as JSON lines.

use crate::{GUIDE, Home, text};

const ARGS: [&str; 12] = [
    "compare",
    "-m",
    GUIDE,
    "-p",
    "What does top-k do, and when is it better than top-p?",
    "-n",
    "8",
    "--ignore-eos",
    "-c",
    "512",
    "--seed",
    "5",
];

#[test]
fn columns_come_from_one_prefill() {
    let args = [
        &ARGS[..],
        &[
            "--presets",
            "greedy,creative:temp=1.9,creative,greedy",
            "--json",
        ],
    ];
    let json = Home::new().run(&args.concat()).json();
    assert!(json["prompt"].as_str().unwrap().starts_with("What does"));
    let columns = json["columns"].as_array().unwrap();
    let names: Vec<&str> = columns
        .iter()
        .map(|column| column["preset"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["greedy", "creative:temp=1.9", "creative", "greedy"]);
    let whole = columns[0]["timings"]["prompt_n"].as_u64().unwrap()
        + columns[0]["timings"]["cache_n"].as_u64().unwrap();
    assert_eq!(json["prefill"]["n"], whole + 3, "the prompt once: {json}");
    assert!(json["prefill"]["ms"].as_f64().unwrap() > 0.0);
    assert!(json["aggregate_per_second"].as_f64().unwrap() > 0.0);
    for column in columns {
        assert_eq!(column["stop_reason"], "max_tokens");
        assert_eq!(column["timings"]["predicted_n"], 8);
        assert_eq!(column["seed"], 5);
    }
    assert_eq!(columns[1]["params"]["temp"], "1.9");
    assert_eq!(columns[0]["text"], columns[3]["text"]);
    assert!(json.get("notes").is_none(), "{json}");
}

#[test]
fn a_value_with_a_comma_stands_in_quotes() {
    let column = r#"greedy:system="Be brief, and kind""#;
    let presets = format!("{column},greedy");
    let json = Home::new()
        .run(&[&ARGS[..], &["--presets", &presets, "--json"]].concat())
        .json();
    assert_eq!(json["columns"][0]["preset"], column);
    assert_eq!(json["columns"][0]["params"]["system"], "Be brief, and kind");
    assert!(json["columns"][1]["params"].get("system").is_none());
}

#[test]
fn a_column_that_fails_says_why_and_the_others_are_whole() {
    let presets = ["--presets", "greedy,greedy:grammar=nonsense", "--json"];
    let done = Home::new().run(&[&ARGS[..], &presets].concat());
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let [whole, failed] = &json["columns"].as_array().unwrap()[..] else {
        panic!("{json}")
    };
    assert_eq!(whole["stop_reason"], "max_tokens");
    assert!(whole.get("error").is_none(), "{whole}");
    assert_eq!(failed["stop_reason"], "failed");
    let why = failed["error"].as_str().unwrap();
    assert!(why.contains("grammar"), "{why}");
}

#[test]
fn markdown_names_what_differs() {
    let args = [&ARGS[..], &["--presets", "greedy,creative"]];
    let markdown = Home::new().run(&args.concat()).good();
    assert!(
        markdown.contains("| differs | greedy | creative |"),
        "{markdown}"
    );
    assert!(markdown.contains("| temp |"), "{markdown}");
    assert!(markdown.contains("## creative"), "{markdown}");
}

#[test]
fn a_file_of_prompts_gives_an_object_each() {
    let home = Home::new();
    let file = home.file(
        "prompts.jsonl",
        "{\"prompt\": \"One?\"}\n\"Two\\nthree?\"\n",
    );
    let args = [
        "compare",
        "-m",
        GUIDE,
        "--prompts",
        text(&file),
        "--presets",
        "greedy,creative",
        "-n",
        "2",
        "-c",
        "512",
        "--json",
    ];
    let done = home.run(&args);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(done.stderr, "prompt 1 of 2\nprompt 2 of 2\n");
    let prompts: Vec<String> = done
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["prompt"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(prompts, ["One?", "Two\nthree?"]);
}

#[test]
fn prompts_come_from_standard_input() {
    let args = [
        "compare",
        "-m",
        GUIDE,
        "--prompts",
        "-",
        "--presets",
        "greedy,greedy",
        "-n",
        "2",
        "-c",
        "512",
        "--json",
    ];
    let home = Home::new();
    let prompt_of = |input: &str| home.run_with_input(&args, input).json()["prompt"].clone();
    assert_eq!(prompt_of("One?\n\n"), "One?");
    assert_eq!(prompt_of("\u{feff}{\"prompt\": \"Two?\"}\n"), "Two?");
    let empty = home
        .run_with_input(&args, "{\"prompt\": \"\"}\n")
        .failed(65);
    assert!(empty.contains("the prompt of line 1 is empty"), "{empty}");
}

#[test]
fn columns_that_wait_are_told() {
    let args = [
        &ARGS[..],
        &[
            "--presets",
            "greedy,greedy,greedy",
            "--parallel",
            "2",
            "--json",
        ],
    ];
    let json = Home::new().run(&args.concat()).json();
    let note = json["notes"][0].as_str().unwrap();
    assert!(note.starts_with("2 of 3 columns go on at once"), "{note}");
    assert_eq!(json["columns"][2]["timings"]["predicted_n"], 8);
}

#[test]
fn what_cannot_be_compared_says_why() {
    let home = Home::new();
    let refused = |more: &[&str]| home.run(&[&ARGS[..], more].concat()).failed(64);
    assert!(refused(&[]).contains("no presets are given"));
    let unknown = refused(&["--presets", "greedy,creativ"]);
    assert!(unknown.contains("did you mean 'creative'?"), "{unknown}");
    assert!(refused(&["--presets", "greedy"]).contains("2 the fewest"));
    let load = refused(&["--presets", "greedy,greedy:ctx-size=512"]);
    assert!(load.contains("belongs to the model"), "{load}");
    let open = refused(&["--presets", "greedy,greedy:system=\"Be brief"]);
    assert!(open.contains("is not closed"), "{open}");
    let no_prompt = home
        .run(&["compare", "-m", GUIDE, "--presets", "a,b"])
        .failed(64);
    assert!(no_prompt.contains("there is no prompt"), "{no_prompt}");
    let empty = home.run(&["compare", "-m", GUIDE, "--presets", "a,b", "-p", " "]);
    assert!(empty.failed(64).contains("the prompt is empty"));
}

#[test]
fn answers_are_voted_on_later_without_their_names() {
    let home = Home::new();
    let answers = home
        .run(&[&ARGS[..], &["--presets", "greedy,creative", "--json"]].concat())
        .good();
    let file = home.file("answers.jsonl", &answers);
    let shown = home
        .run_with_input(&["compare", "vote", text(&file)], "1\n")
        .good();
    assert!(shown.contains("Prompt 1 of 1"), "{shown}");
    assert!(shown.contains("1 kept"), "{shown}");
    let again = home.run(&["compare", "vote", text(&file)]).good();
    assert!(again.contains("1 voted on before"), "{again}");
    let json = home.run(&["compare", "standings", "--json"]).json();
    assert_eq!(json["votes"], 1);
    let none = home.run(&["compare", "vote", "no-such-file"]).failed(66);
    assert!(none.contains("check the path"), "{none}");
}

#[test]
fn without_votes_there_is_no_standing() {
    let home = Home::new();
    let table = home.run(&["compare", "standings"]).good();
    assert!(table.starts_with("Nobody has voted yet."), "{table}");
    let json = home.run(&["compare", "standings", "--json"]).json();
    assert_eq!(
        (&json["votes"], &json["shows_anything"]),
        (&0.into(), &false.into())
    );
}
