//! `llmdeck fit`: answers, reasons, exit codes, JSON.

use llmdeck::gguf::TensorType;
use llmdeck::gguf::write::HeaderWriter;

use crate::{Done, GUIDE, Home, text};

/// The object of an answer with this exit code.
fn answer(home: &Home, code: i32, args: &[&str]) -> serde_json::Value {
    let args: Vec<&str> = ["fit", "--json"].iter().chain(args).copied().collect();
    let done = home.run(&args);
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (Some(code), ""),
        "{args:?} {done:?}"
    );
    serde_json::from_str(&done.stdout).unwrap()
}

#[test]
fn the_built_in_model_fits_this_machine() {
    let home = Home::new();
    let said = home.run(&["fit"]).good();
    assert!(
        said.starts_with("fits\n") && said.contains("ctx-size"),
        "{said}"
    );
    let report = answer(&home, 0, &[GUIDE, "-c", "1024", "-ctk", "q8_0"]);
    assert_eq!(
        (&report["fits"], &report["n_ctx"]),
        (&true.into(), &1024.into())
    );
    let model = &report["model"];
    for key in ["arch", "n_params", "quant", "size_bytes", "n_layer"] {
        assert!(!model[key].is_null(), "{key}");
    }
    for key in ["weights_bytes", "kv_bytes", "compute_bytes", "max_ctx_size"] {
        assert!(report[key].as_u64().unwrap() > 0, "{key}");
    }
    let devices = report["devices"].as_array().unwrap();
    let host = devices.last().unwrap();
    for key in ["total", "free", "weights", "kv", "compute"] {
        assert!(host[key].as_u64().unwrap() > 0, "{key}");
    }
    assert!(report["tokens_per_second_ceiling"].is_null());
}

#[test]
fn a_large_model_fits_some_hardware_and_not_other() {
    let home = Home::new();
    let large = ["--params", "70B", "--quant", "Q4_K_M", "-c", "8192"];
    let on = |code, hardware: &[&str]| {
        let args: Vec<&str> = large.iter().chain(hardware).copied().collect();
        answer(&home, code, &args)
    };
    let report = on(1, &["--hardware", "rtx-5090"]);
    let reason = report["reasons"][0].as_str().unwrap();
    assert!(
        reason.contains("RTX 5090") && reason.contains("missing"),
        "{reason}"
    );
    assert!(report["max_n_gpu_layers"].as_u64().unwrap() < 81);
    for machine in ["dgx-spark", "strix-halo"] {
        let report = on(0, &["--hardware", machine]);
        let speed = report["tokens_per_second_ceiling"].as_f64().unwrap();
        assert!((5.0..8.0).contains(&speed), "{machine}: {speed}");
    }
    let two = on(0, &["--hardware", "rtx-5090", "--hardware", "rtx-5090"]);
    assert_eq!(two["devices"].as_array().unwrap().len(), 3);
    let sizes = on(
        0,
        &[
            "--device",
            "24GiB@1008GB/s",
            "--device",
            "24GiB@1008GB/s,24GiB@1008GB/s",
        ],
    );
    assert_eq!(sizes["devices"].as_array().unwrap().len(), 4);
    // Fewer layers on the card leave the rest to memory that is not known.
    assert_eq!(
        on(0, &["--hardware", "rtx-5090", "-ngl", "40"])["n_gpu_layers"],
        40
    );
    let deep = on(0, &["--hardware", "h200", "--depth", "8000"]);
    let shallow = on(0, &["--hardware", "h200"]);
    let speed = |report: &serde_json::Value| report["tokens_per_second_ceiling"].as_f64().unwrap();
    assert!(speed(&deep) < speed(&shallow));
    let sparse = on(0, &["--hardware", "h200", "--active-params", "3B"]);
    assert!(speed(&sparse) > 10.0 * speed(&shallow));
}

#[test]
fn cards_that_are_not_here_take_layers_as_cards_here_would() {
    let home = Home::new();
    let on = |more: &[&str]| {
        let model = ["--params", "8B", "-c", "8192", "-ngl", "all"];
        let cards = ["--device", "24GiB@1008GB/s", "--device", "24GiB@504GB/s"];
        let args: Vec<&str> = [&model[..], &cards, more].concat();
        answer(&home, 0, &args)
    };
    let weights = |report: &serde_json::Value| {
        let devices = report["devices"].as_array().unwrap();
        let each = devices.iter().map(|one| one["weights"].as_f64().unwrap());
        each.collect::<Vec<f64>>()
    };
    let speed = |report: &serde_json::Value| report["tokens_per_second_ceiling"].as_f64().unwrap();
    let even = on(&[]);
    let [first, second, _] = weights(&even)[..] else {
        panic!("{even}")
    };
    assert!((0.8..1.2).contains(&(first / second)), "{even}");
    let uneven = on(&["-ts", "3,1"]);
    let [first, second, _] = weights(&uneven)[..] else {
        panic!("{uneven}")
    };
    assert!((2.2..3.5).contains(&(first / second)), "{uneven}");
    assert!(speed(&uneven) > speed(&even), "more is on the faster card");
    let one = on(&["-sm", "none", "-mg", "1"]);
    assert_eq!(weights(&one).len(), 2);
    assert_eq!(one["devices"][0]["name"], "24GiB@504GB/s");
    let none = ["--params", "8B", "--hardware", "rtx-4090", "-dev", "none"];
    let none = answer(&home, 0, &none);
    assert_eq!(none["devices"].as_array().unwrap().len(), 1);
    let shared = ["--params", "8B", "--hardware", "dgx-spark", "-ngl"];
    for (asked, n_gpu_layers) in [("10", 10), ("99", 33), ("auto", 33)] {
        let report = answer(&home, 0, &[&shared[..], &[asked]].concat());
        assert_eq!(report["n_gpu_layers"], n_gpu_layers);
        assert_eq!(report["max_n_gpu_layers"], 33);
    }
    let wrong = ["fit", "--params", "8B", "--hardware", "rtx-4090"];
    let wrong = [&wrong[..], &["-sm", "none", "-mg", "1"]].concat();
    let error = home.run(&wrong).failed(64);
    assert!(error.contains("main-gpu 1"), "{error}");
}

#[test]
fn what_changes_nothing_is_said() {
    let home = Home::new();
    let reasons = |code, args: &str| {
        let args: Vec<&str> = args.split(' ').collect();
        let report = answer(&home, code, &args);
        report["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .fold(String::new(), |all, one| all + one.as_str().unwrap() + "\n")
    };
    let said = |code, args: &str, what: &str| {
        let reasons = reasons(code, args);
        assert!(reasons.contains(what), "{args}: {reasons}");
    };
    let sparse = "--params 30B --active-params 3B --hardware ddr5-64gb";
    said(0, &format!("{sparse} --cpu-moe"), "cpu-moe: without a file");
    said(
        0,
        &format!("{sparse} --n-cpu-moe 3"),
        "n-cpu-moe: without a file",
    );
    assert!(!reasons(0, sparse).contains("cpu-moe"));
    let small = "--params 8B -c 4096 --hardware ddr5-64gb";
    said(0, &format!("{small} -ngl 10"), "n-gpu-layers: 10 asked for");
    said(
        0,
        &format!("{small} --depth 5000"),
        "depth: a context of 4096 tokens",
    );
    assert!(!reasons(0, &format!("{small} --depth 4096")).contains("depth: "));
    // Neither the card nor what is beside it holds the model, however it is divided.
    let large = "--params 235B --hardware rtx-4090 --hardware ddr5-96gb";
    said(1, large, "n-gpu-layers: it fits with no number of them");
    assert!(!reasons(1, large).contains("at most 0"));
    let args: Vec<&str> = large.split(' ').collect();
    assert_eq!(answer(&home, 1, &args)["max_n_gpu_layers"], 0);
}

#[test]
fn a_user_adds_hardware() {
    let home = Home::new();
    home.file(
        "hardware.toml",
        "[tiny]\nmemory = '1GiB'\nbandwidth = '10GB/s'\n",
    );
    let list = home.run(&["fit", "--list-hardware"]).good();
    assert!(list.lines().any(|line| line.starts_with("tiny ")), "{list}");
    assert!(
        list.contains("rtx-4090") && list.contains("https://"),
        "{list}"
    );
    let report = answer(&home, 1, &["--params", "7B", "--hardware", "tiny"]);
    assert_eq!(report["devices"][0]["fits"], false);
    home.file("hardware.toml", "[tiny]\nspeed = 1\n");
    let error = home.run(&["fit", "--hardware", "tiny"]).failed(78);
    assert!(
        error.contains("hardware.toml") && error.contains("speed"),
        "{error}"
    );
}

#[test]
fn wrong_input_is_told_with_its_exit_code() {
    let home = Home::new();
    let fails = |code, args: &[&str], says: &str| {
        let args: Vec<&str> = ["fit"].iter().chain(args).copied().collect();
        let error = home.run(&args).failed(code);
        assert!(error.contains(says), "{args:?}: {error}");
    };
    fails(64, &[GUIDE, "-c", "0"], "ctx-size 0");
    // The word for the model's own context is what is chosen without the flag.
    let own = answer(&home, 0, &[GUIDE, "-c", "model"]);
    assert_eq!(own["n_ctx"], answer(&home, 0, &[GUIDE])["n_ctx"]);
    fails(64, &[GUIDE, "-ctk", "q9_9"], "q9_9");
    fails(64, &[GUIDE, "--quant", "Q8_0"], "--params");
    fails(64, &[GUIDE, "--device", "24GiB@0GB/s"], "bandwidth");
    fails(64, &[GUIDE, "--device", "foo"], "device foo");
    let more = ["--params", "30B", "--active-params", "40B"];
    fails(64, &more, "--active-params 40B");
    fails(64, &["--params", "70B", "--quant", "Q4_KM"], "Q4_K_M");
    fails(64, &["--params", "much"], "70B");
    fails(64, &["--quant", "Q4_K_M"], "--params");
    fails(64, &[GUIDE, "--hardware", "rtx-4900"], "rtx-4090");
    fails(64, &[GUIDE, "--device", "24@fast"], "24GiB@1008GB/s");
    fails(64, &[GUIDE, "-ot", "(=CPU"], "override-tensor");
    fails(66, &["/no/such.gguf"], "/no/such.gguf");
    let lying = home.path("lying.gguf");
    let mut header = HeaderWriter::default();
    header
        .text("general.architecture", "llama")
        .u32("llama.block_count", 1)
        .u32("llama.context_length", 64)
        .u32("llama.embedding_length", 32)
        .u32("llama.attention.head_count", 4)
        .text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", ["a", "b"])
        .tensor("token_embd.weight", &[32, 2], TensorType::F32)
        .tensor("blk.0.ffn_up.weight", &[32, 1 << 40], TensorType::F32);
    std::fs::write(&lying, header.header()).unwrap();
    fails(65, &[text(&lying)], "lying.gguf");
    // A context beyond memory is no mistake, but it does not fit.
    let report = answer(&home, 1, &[GUIDE, "-c", "16777216"]);
    assert!(report["reasons"][0].as_str().unwrap().contains("missing"));
    assert!(report["max_ctx_size"].as_u64().unwrap() > 0);
}

#[test]
fn parts_that_are_missing_are_estimated() {
    let home = Home::new();
    let guide = std::fs::read(GUIDE).unwrap();
    let first = home.file("guide-00001-of-00002.gguf", &guide);
    let Done { code, stdout, .. } = home.run(&["fit", text(&first)]);
    assert_eq!(code, Some(0));
    assert!(
        stdout.contains("missing: 1 of the model's 2 files"),
        "{stdout}"
    );
}
