//! `llmdeck models`, and models by name wherever one is taken.

use std::fs;

use crate::{GUIDE, Home, text};

/// A home with a model of Ollama and one of the Hub, both the built-in one under other names.
pub(crate) fn home() -> Home {
    let home = Home::new();
    let digest = "a".repeat(64);
    let blob = home.path(&format!(".ollama/models/blobs/sha256-{digest}"));
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::copy(GUIDE, &blob).unwrap();
    let manifest = format!(
        r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{digest}"}}]}}"#
    );
    let library = ".ollama/models/manifests/registry.ollama.ai/library";
    home.file(&format!("{library}/llama3.2/3b"), manifest);
    let mut other = fs::read(GUIDE).unwrap();
    // Another model of the same size: the last bytes are weights.
    *other.last_mut().unwrap() ^= 1;
    let snapshot = ".cache/huggingface/hub/models--org--repo-GGUF/snapshots/c";
    home.file(&format!("{snapshot}/repo-Q4_K_M.gguf"), other);
    home.file("models/broken.gguf", "GGUF");
    let own = format!(
        "[params]\nthreads = 1\n[library]\nfolders = [\"{}\"]\n",
        text(&home.path("models"))
    );
    home.file("config.toml", own);
    home
}

#[test]
fn every_model_is_listed_once_with_what_it_is() {
    let home = home();
    let list = home.run(&["models", "list", "--json"]).json();
    let list = list.as_array().unwrap();
    let names: Vec<_> = list
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["broken", "guide", "org/repo-GGUF:Q4_K_M"]);
    for model in list {
        let fields: Vec<_> = model
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = [
            "name",
            "names",
            "path",
            "source",
            "arch",
            "quant",
            "size_bytes",
            "n_params",
            "ctx_train",
            "error",
            "measured_tokens_per_second",
            "last_used",
            "favourite",
        ];
        expected.sort_unstable();
        let mut fields = fields;
        fields.sort_unstable();
        assert_eq!(fields, expected);
    }
    let [broken, guide, hub] = list.as_slice() else {
        panic!("{list:?}")
    };
    assert_eq!(broken["source"], "folder");
    assert!(
        broken["error"].as_str().unwrap().starts_with("byte "),
        "{broken}"
    );
    assert_eq!(
        (&guide["source"], &guide["error"]),
        (&"built-in".into(), &().into())
    );
    assert_eq!(hub["source"], "huggingface");
    // The name lies: most of the built-in model is Q8_0.
    assert_eq!(hub["quant"], guide["quant"]);
    let shown = home.run(&["models"]).good();
    assert!(
        shown.contains("org/repo-GGUF:Q4_K_M") && shown.contains("! broken: byte "),
        "{shown}"
    );
    assert_eq!(
        home.run(&["models", "list", "--names"]).good(),
        "guide\nllama3.2:3b\norg/repo-GGUF:Q4_K_M\n"
    );
}

#[test]
fn details_name_every_place() {
    let home = home();
    let info = home
        .run(&["models", "info", "llama3.2:3b", "--json"])
        .json();
    let sources: Vec<_> = info["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| place["source"].as_str().unwrap())
        .collect();
    assert_eq!(sources, ["built-in", "ollama"]);
    assert_eq!(info["fit"]["fits"], true);
    assert!(
        home.run(&["models", "info", "guide"])
            .good()
            .contains("fits here")
    );
}

#[test]
fn a_model_may_be_named_wherever_one_is_taken() {
    let home = home();
    let path = home.run(&["models", "path", "org/repo-GGUF"]).good();
    assert!(
        path.trim_end().ends_with("snapshots/c/repo-Q4_K_M.gguf"),
        "{path}"
    );
    let json = home
        .run(&["models", "path", "org/repo-GGUF", "--json"])
        .json();
    assert_eq!(json["path"], path.trim_end());
    assert!(json["name"].as_str().unwrap().starts_with("org/repo"));
    assert!(
        home.run(&["fit", "llama3.2:3b"])
            .good()
            .starts_with("fits\n")
    );
    let said = home.run(&["run", "-m", "repo-Q4_K_M", "-p", "hi", "-n", "1"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let talk = home.file("talk.json", r#"[{"role":"user","content":"hi"}]"#);
    for command in [
        &["run", "-p", "hi", "-m"][..],
        &["bench", "-m"],
        &["bench", "history", "-m"],
        &["tune"],
        &["compare", "--presets", "greedy,precise", "-p", "hi", "-m"],
        &["prompt", "--messages", text(&talk), "-m"],
        &["replay", "1", "-m"],
        &["doctor", "--measure", "-m"],
        &["fit"],
        &["models", "info"],
        &["models", "path"],
        &["models", "rm"],
    ] {
        let wrong = home.run(&[command, &["llama3.2:3c"]].concat()).failed(66);
        assert!(
            wrong.contains("did you mean llama3.2:3b"),
            "{command:?}: {wrong}"
        );
    }
    let doctor = home.run(&["doctor", "--json", "-m", "llama3.2:3c"]);
    assert_eq!((doctor.code, &*doctor.stderr), (Some(66), ""));
    let report: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
    let error = report["model"]["error"].as_str().unwrap();
    assert!(error.contains("did you mean llama3.2:3b"), "{error}");
    let hub = home
        .run(&["run", "-p", "hi", "-hf", "org/repo-GUFF"])
        .failed(66);
    assert!(
        hub.contains("did you mean org/repo-GGUF:Q4_K_M, which is here?"),
        "{hub}"
    );
    let list = home.run(&["models", "list", "lama3.2:3c", "--names"]);
    assert_eq!((list.code, &*list.stdout), (Some(0), ""));
    assert!(
        list.stderr.contains("did you mean llama3.2:3b?"),
        "{}",
        list.stderr
    );
}

/// As [`home`], with the same weights once more under a name that has parameters, a system prompt and
/// a template.
pub(crate) fn home_of_ollama() -> Home {
    let home = home();
    let digest = |digit: char| digit.to_string().repeat(64);
    let layer = |kind: &str, digit: char| {
        let digest = digest(digit);
        format!(
            r#"{{"mediaType":"application/vnd.ollama.image.{kind}","digest":"sha256:{digest}"}}"#
        )
    };
    let blob = |digit: char| format!(".ollama/models/blobs/sha256-{}", digest(digit));
    home.file(&blob('b'), r#"{"num_ctx":512,"num_keep":4}"#);
    home.file(&blob('c'), "{{ .Prompt }}");
    home.file(&blob('d'), "Be brief.\n");
    let jinja =
        "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}";
    home.file(&blob('e'), jinja);
    let library = ".ollama/models/manifests/registry.ollama.ai/library";
    for (name, template) in [("mine", 'c'), ("mine-jinja", 'e')] {
        let layers = [
            layer("model", 'a'),
            layer("params", 'b'),
            layer("system", 'd'),
            layer("template", template),
        ];
        let manifest = format!(r#"{{"layers":[{}]}}"#, layers.join(","));
        home.file(&format!("{library}/{name}/latest"), manifest);
    }
    home
}

#[test]
fn a_model_of_ollama_brings_its_parameters_along() {
    let home = home_of_ollama();
    let n_ctx = |arguments: &[&str]| {
        let run = ["run", "-p", "hi", "-n", "1", "--json"];
        home.run(&[&run[..], arguments].concat()).json()["n_ctx"].clone()
    };
    assert_eq!(n_ctx(&["-m", "mine"]), 512);
    assert_ne!(n_ctx(&["-m", "llama3.2:3b"]), 512);
    assert_eq!(n_ctx(&["-m", "mine", "-c", "256"]), 256);
    let info = home.run(&["models", "info", "mine"]).good();
    assert!(info.contains("ollama       ctx-size 512"), "{info}");
    assert!(
        info.contains("left out     the template is written in the language of Go"),
        "{info}"
    );
}

#[test]
fn what_ollama_keeps_counts_without_a_load_too() {
    let home = home_of_ollama();
    let fit = |more: &[&str]| {
        home.run(&[&["fit", "mine", "--json"], more].concat())
            .json()
    };
    assert_eq!(fit(&[])["n_ctx"], 512);
    assert_eq!(fit(&["--hardware", "rtx-4090"])["n_ctx"], 512);
    assert_eq!(fit(&["-c", "256"])["n_ctx"], 256);

    let talk = home.file("talk.json", r#"[{"role":"user","content":"hi"}]"#);
    let prompt = |arguments: &[&str]| {
        let prompt = ["prompt", "--json", "--messages", text(&talk)];
        home.run(&[&prompt[..], arguments].concat()).json()["text"].clone()
    };
    assert_eq!(prompt(&["-m", "mine-jinja"]), "<system>Be brief.<user>hi");
    let own = prompt(&["-m", "mine-jinja", "--system", "Be long."]);
    assert_eq!(own, "<system>Be long.<user>hi");
    // A template of Go is not translated; the system prompt counts.
    let guide = prompt(&["-m", "mine"]);
    assert!(
        guide.as_str().unwrap().contains("system\nBe brief."),
        "{guide}"
    );
}

#[test]
fn a_models_preset_names_models_with_their_parameters() {
    let home = home();
    let preset = format!(
        "version = 1\n[*]\nctx-size = 512\n[small]\nmodel = {GUIDE}\n\
         [org/repo-GGUF:Q4_K_M]\nc = 256\n[gone]\nm = /nowhere/x.gguf\n"
    );
    home.file("presets.ini", preset);
    let file = home.path("presets.ini");
    let file = text(&file);
    let run = |model: &str, more: &[&str]| {
        let arguments = [
            "run",
            "-p",
            "hi",
            "-n",
            "1",
            "--json",
            "--models-preset",
            file,
            "-m",
            model,
        ];
        home.run(&[&arguments[..], more].concat())
    };
    let n_ctx = |model: &str, more: &[&str]| run(model, more).json()["n_ctx"].clone();
    assert_eq!(n_ctx("small", &[]), 512);
    assert_eq!(n_ctx("org/repo-GGUF:Q4_K_M", &[]), 256);
    assert_eq!(n_ctx("small", &["-c", "768"]), 768);
    let gone = run("gone", &[]).failed(66);
    assert!(gone.contains("/nowhere/x.gguf"), "{gone}");

    // Also where a command takes the model itself, and from the configuration.
    let fit = home
        .run(&["fit", "small", "--models-preset", file, "--json"])
        .json();
    assert_eq!(fit["n_ctx"], 512, "{fit}");
    home.file(
        "config.toml",
        format!("models-preset = \"{file}\"\nmodel = \"small\"\n"),
    );
    let configured = home.run(&["run", "-p", "hi", "-n", "1", "--json"]).json();
    assert_eq!(configured["n_ctx"], 512);
    let missing = ["run", "-p", "hi", "--models-preset", "/nowhere.ini"];
    let missing = home.run(&missing).failed(66);
    assert!(missing.contains("reading the models preset"), "{missing}");

    // What is not known is told and no reason to fail.
    home.file(
        "presets.ini",
        format!("[small]\nm = {GUIDE}\nload-on-startup = true\n"),
    );
    let told = home.run(&["run", "-p", "hi", "-n", "1"]);
    assert_eq!(told.code, Some(0));
    let expected = "presets.ini line 3: unknown parameter 'load-on-startup'; left out\n";
    assert!(told.stderr.ends_with(expected), "{}", told.stderr);
}

#[test]
fn the_commands_for_models_know_the_names_of_a_models_preset() {
    let home = home();
    let elsewhere = home.file("elsewhere/big.gguf", std::fs::read(GUIDE).unwrap());
    let preset = format!(
        "[small]\nmodel = {GUIDE}\nctx-size = 512\n[far]\nmodel = {}\n\
         [org/repo-GGUF:Q4_K_M]\nc = 256\n",
        text(&elsewhere)
    );
    let preset = home.file("presets.ini", preset);
    home.file(
        "config.toml",
        format!(
            "models-preset = \"{}\"\n[params]\nthreads = 1\n",
            text(&preset)
        ),
    );
    assert_eq!(
        home.run(&["models", "path", "small"]).good(),
        format!("{GUIDE}\n")
    );
    let info = home.run(&["models", "info", "small", "--json"]).json();
    let named = serde_json::json!({"name": "small", "sets": {"ctx-size": "512"}});
    assert_eq!(info["models_preset"], named);
    assert_eq!(info["fit"]["n_ctx"], 512);
    let shown = home.run(&["models", "info", "small"]).good();
    assert!(
        shown.contains("preset       small, of the models preset"),
        "{shown}"
    );
    assert!(shown.contains("sets         ctx-size 512"), "{shown}");
    let own = home.run(&["models", "info", GUIDE, "--json"]).json();
    assert_eq!(own["models_preset"], serde_json::Value::Null);

    // A file that only the preset names is among the models, wherever it lies.
    let listed = home.run(&["models", "list", "--json"]).json();
    let mut places = listed.as_array().unwrap().iter();
    assert!(places.any(|model| model["name"] == "guide"), "{listed}");
    let far = home.run(&["models", "info", "far", "--json"]).json();
    let spots = far["places"].as_array().unwrap();
    assert!(spots.iter().any(|spot| spot["name"] == "big"), "{far}");

    // A name is no file: nothing is removed by it, unless it is the model's own.
    let kept = home.run(&["models", "rm", "far", "--yes"]).failed(1);
    assert!(
        kept.contains("far is only a name that the models preset gives to"),
        "{kept}"
    );
    assert!(elsewhere.exists());
    let own = home
        .run(&["models", "rm", "org/repo-GGUF:Q4_K_M", "--yes"])
        .failed(1);
    assert!(own.contains("was not downloaded by llmdeck"), "{own}");

    let measured = [
        "bench", "-m", "small", "-p", "8", "-n", "0", "-r", "1", "-o", "json",
    ];
    home.run(&measured).json();
    let history = |model: &str| {
        let history = ["bench", "history", "-o", "json", "-m", model];
        home.run(&history).json().as_array().unwrap().len()
    };
    assert_eq!((history("small"), history("org/repo-GGUF")), (1, 0));
    for command in [
        &["models", "info", "smal"][..],
        &["bench", "history", "-m", "smal"],
        &["fit", "smal"],
        &["run", "-p", "x", "-m", "smal"],
    ] {
        let near = home.run(command).failed(66);
        assert!(
            near.contains("did you mean small, of the models preset?"),
            "{near}"
        );
    }
}

#[test]
fn only_what_was_downloaded_can_be_removed() {
    let home = home();
    for name in ["guide", "org/repo-GGUF"] {
        let done = home.run(&["models", "rm", name, "--yes"]);
        assert_eq!(done.code, Some(1), "{}", done.stderr);
    }
    let file =
        home.path(".cache/huggingface/hub/models--org--repo-GGUF/snapshots/c/repo-Q4_K_M.gguf");
    assert!(file.exists());
    let line = format!(
        r#"{{"path": "{}", "name": "x", "bytes": 1, "sha256": "", "at_ms": 9000000000000}}"#,
        text(&file)
    );
    home.file("data/downloads.jsonl", line);
    home.run(&["models", "rm", "org/repo-GGUF"]).failed(1);
    assert!(file.exists(), "nobody was there to answer");
    home.run(&["models", "rm", "org/repo-GGUF", "--yes"]).good();
    assert!(!file.exists());
}
