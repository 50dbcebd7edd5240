//! `llmdeck metrics` and `llmdeck costs`.

use crate::Home;

#[test]
fn metrics_are_a_table_or_one_object() {
    let home = Home::new();
    let text = home.run(&["metrics", "--seconds", "1"]).good();
    assert!(text.starts_with("UTC"), "{text}");
    assert!(text.contains("RAM GiB"), "{text}");
    let value = home.run(&["metrics", "--seconds", "1", "--json"]).json();
    let memory = &value["series"]["memory_used_bytes"][0];
    assert!(memory.as_f64().is_some_and(|bytes| bytes > 0.0), "{value}");
    home.run(&["metrics", "--csv"]).failed(64);
}

#[test]
fn costs_say_what_is_missing_and_reckon_with_what_is_there() {
    let home = Home::new();
    let text = home.run(&["costs"]).good();
    assert!(text.contains("[costs] electricity is not set"), "{text}");
    assert!(text.contains("formulas"), "{text}");

    home.file(
        "config.toml",
        "[costs]\nelectricity = 0.3\ncurrency = \"EUR\"\n",
    );
    let value = home.run(&["costs", "--json"]).json();
    assert_eq!(value["prices"]["electricity_per_kwh"], 0.3);
    assert_eq!(value["electricity_per_million"], serde_json::Value::Null);
    assert_eq!(value["use"]["replies"], 0);

    home.file("config.toml", "[costs]\nelectricity = -1\n");
    let why = home.run(&["costs"]).failed(78);
    assert!(why.contains("costs.electricity: -1 is outside"), "{why}");
}
