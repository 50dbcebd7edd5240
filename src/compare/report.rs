//! A comparison as a document: one JSON object, or Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::Column;
use super::differ::differences;
use crate::engine::{StopReason, Timings};
use crate::params::Params;
use crate::units::counted;

/// What came of one prompt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub prompt: String,
    /// The model's name.
    pub model: String,
    /// `gguf::fingerprint` of its file; empty where that is not known.
    pub model_hash: String,
    /// `None` = no column began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefill: Option<Prefill>,
    pub columns: Vec<ColumnReport>,
    /// Tokens of all columns together, from the first one's first token to the last one's last:
    /// the first tokens are prefill's and do not count, as in `predicted_per_second`. `None` = there
    /// were too few to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate_per_second: Option<f64>,
    /// What has to be known about it: columns that had to wait, prompts that were not shared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The work on the prompt, of all columns together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Prefill {
    /// Tokens computed: those of the prompt once, where columns share it, and then one for each
    /// further column.
    pub n: u32,
    /// Milliseconds from the first of them until the prompts of all columns were in the KV cache.
    pub ms: f64,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnReport {
    /// As it was asked for: a preset, with its changes after colons.
    pub preset: String,
    /// [`Column::hash`]
    pub preset_hash: String,
    /// The values that are not the defaults.
    pub params: BTreeMap<String, String>,
    /// The one in use; `None` = the engine never took the column up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    pub text: String,
    /// `end_of_turn`, `stop_string`, `max_tokens`, `context_full`, `cancelled` or `failed`;
    /// `None` = it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<&'static str>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `None` = it never began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timings: Option<Timings>,
    #[serde(skip)]
    pub all_params: Params,
}

impl ColumnReport {
    /// A column before its reply.
    pub fn new(column: &Column) -> Self {
        Self {
            preset: column.name.clone(),
            preset_hash: column.hash(),
            params: column.snapshot(),
            seed: None,
            text: String::new(),
            stop_reason: None,
            error: None,
            timings: None,
            all_params: column.params.clone(),
        }
    }

    /// What is known of the reply, in words.
    fn facts(&self) -> Vec<String> {
        let seed = self.seed.map(|seed| format!("seed {seed}"));
        let tokens = self
            .timings
            .map(|timings| counted(timings.predicted_n, "token"));
        let rate = self.timings.map(|timings| timings.predicted_per_second);
        let rate = rate.filter(|rate| *rate > 0.0);
        let rate = rate.map(|rate| format!("{rate:.1} tokens per second"));
        let stop = self
            .stop_reason
            .unwrap_or("still running")
            .replace('_', " ");
        let facts = [seed, tokens, rate, Some(stop)];
        facts.into_iter().flatten().collect()
    }
}

impl Report {
    /// Puts the columns of one prompt together; all were asked for at the same time. `model` is its
    /// name and fingerprint.
    pub fn new(
        prompt: String,
        (model, model_hash): (String, String),
        columns: Vec<ColumnReport>,
        notes: Vec<String>,
    ) -> Self {
        let timings: Vec<Timings> = columns.iter().filter_map(|column| column.timings).collect();
        Self {
            prompt,
            model,
            model_hash,
            prefill: prefill(&timings),
            aggregate_per_second: aggregate(&timings),
            columns,
            notes,
        }
    }

    /// As Markdown; texts stand as they are, in quotes of their own lines.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_markdown(&mut out);
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# Comparison\n\nModel: {}\n", line(&self.model))?;
        quote(out, &self.prompt)?;
        let prefill = self.prefill.map(|Prefill { n, ms }| {
            let tokens = counted(n, "token");
            format!("Prefill: {tokens} in {ms:.0} ms.")
        });
        let together = self
            .aggregate_per_second
            .map(|rate| format!("All columns together: {rate:.1} tokens per second."));
        let figures: Vec<String> = prefill.into_iter().chain(together).collect();
        if !figures.is_empty() {
            writeln!(out, "\n{}", figures.join(" "))?;
        }
        for note in &self.notes {
            writeln!(out, "\nNote: {}.", line(note))?;
        }
        let names = |out: &mut String, first: &str| -> std::fmt::Result {
            write!(out, "\n| {first} |")?;
            for column in &self.columns {
                write!(out, " {} |", cell(&column.preset))?;
            }
            write!(out, "\n| --- |")?;
            for _ in &self.columns {
                write!(out, " --- |")?;
            }
            writeln!(out)
        };
        let all: Vec<&Params> = self
            .columns
            .iter()
            .map(|column| &column.all_params)
            .collect();
        names(out, "differs")?;
        for difference in differences(&all) {
            write!(out, "| {} |", difference.name)?;
            for value in &difference.values {
                write!(out, " {} |", cell(value))?;
            }
            writeln!(out)?;
        }
        for column in &self.columns {
            let facts = column.facts().join(", ");
            writeln!(out, "\n## {}\n\n{facts}\n", line(&column.preset))?;
            if let Some(error) = &column.error {
                writeln!(out, "Failed: {}\n", line(error))?;
            }
            quote(out, &column.text)?;
        }
        Ok(())
    }
}

/// The name of a reason in JSON.
pub fn stop_name(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::EndOfTurn => "end_of_turn",
        StopReason::StopString(_) => "stop_string",
        StopReason::MaxTokens(_) => "max_tokens",
        StopReason::ContextFull { .. } => "context_full",
        StopReason::Cancelled => "cancelled",
    }
}

/// From the clocks of replies that were asked for at the same time.
fn prefill(columns: &[Timings]) -> Option<Prefill> {
    let began = least(columns.iter().map(|timings| timings.queue_ms));
    let done = columns
        .iter()
        .map(|timings| timings.queue_ms + timings.prompt_ms);
    (!columns.is_empty()).then(|| Prefill {
        n: columns.iter().map(|timings| timings.prompt_n).sum(),
        ms: (done.fold(0.0, f64::max) - began).max(0.0),
    })
}

/// Tokens that came after the first one, over the time that they took. A column that shares its prompt
/// speaks a step later than the one that computed it, so that its first token counts, too.
fn aggregate(columns: &[Timings]) -> Option<f64> {
    let spoke = || columns.iter().filter(|timings| timings.predicted_n > 0);
    let began = least(spoke().map(|timings| timings.ttft_ms));
    let ended = spoke()
        .map(|timings| timings.ttft_ms + timings.predicted_ms)
        .fold(0.0, f64::max);
    let tokens: u32 = spoke()
        .map(|timings| {
            let steps = f64::from(timings.predicted_n - 1).max(1.0);
            let at_once = timings.ttft_ms - began <= timings.predicted_ms / steps / 2.0;
            timings.predicted_n - u32::from(at_once)
        })
        .sum();
    (tokens > 0 && ended > began).then(|| f64::from(tokens) * 1000.0 / (ended - began))
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.reduce(f64::min).unwrap_or(0.0)
}

fn quote(out: &mut String, text: &str) -> std::fmt::Result {
    for line in text.lines() {
        writeln!(out, "{}", format!("> {line}").trim_end())?;
    }
    Ok(())
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A cell of a table.
fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare;

    fn timings(prompt_n: u32, queue_ms: f64, ttft_ms: f64, predicted_n: u32) -> Timings {
        Timings {
            queue_ms,
            ttft_ms,
            prompt_n,
            prompt_ms: ttft_ms - queue_ms,
            predicted_n,
            predicted_ms: 1000.0,
            predicted_per_second: f64::from(predicted_n - 1),
            ..Timings::default()
        }
    }

    fn report() -> Report {
        let presets = [("cold".to_owned(), crate::params::Overrides::new())];
        let column = |name: &str, text: &str, timings| ColumnReport {
            seed: Some(7),
            text: text.into(),
            stop_reason: Some("max_tokens"),
            timings: Some(timings),
            ..ColumnReport::new(&compare::parse(name, &Params::default(), &presets).unwrap())
        };
        let columns = vec![
            column("cold", "One\n\ntwo", timings(100, 0.0, 500.0, 21)),
            column(
                "cold:temp=0.1",
                "Three | four",
                timings(1, 500.0, 520.0, 11),
            ),
        ];
        Report::new(
            "Count\nto four".into(),
            ("guide".into(), "f00d".into()),
            columns,
            vec!["a note".into()],
        )
    }

    #[test]
    fn figures_of_all_columns_are_put_together() {
        let report = report();
        assert_eq!(report.prefill, Some(Prefill { n: 101, ms: 520.0 }));
        // Twenty and ten tokens in 1,020 ms.
        assert!((report.aggregate_per_second.unwrap() - 30.0 / 1.02).abs() < 1e-9);
        // The second one's first token came a step after the first one's.
        let columns = [timings(100, 0.0, 500.0, 21), timings(1, 500.0, 550.0, 20)];
        assert!((aggregate(&columns).unwrap() - 40.0 / 1.05).abs() < 1e-9);
        assert_eq!((aggregate(&[]), prefill(&[])), (None, None));
        // A single token takes no time that could be measured.
        let one = Timings {
            predicted_ms: 0.0,
            ..timings(100, 0.0, 500.0, 1)
        };
        assert_eq!(aggregate(&[one]), None);
    }

    #[test]
    fn the_object_has_these_names() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["prefill"]["n"], 101);
        let column = &json["columns"][1];
        assert_eq!(column["preset"], "cold:temp=0.1");
        assert_eq!(json["model_hash"], "f00d");
        assert_eq!(column["preset_hash"].as_str().map(str::len), Some(16));
        assert_eq!(column["params"]["temp"], "0.1");
        assert_eq!(column["stop_reason"], "max_tokens");
        assert_eq!(column["timings"]["predicted_n"], 11);
        assert!(column.get("error").is_none() && column.get("all_params").is_none());
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let column = compare::parse("current", &Params::default(), &[]).unwrap();
        let waiting = ColumnReport::new(&column);
        let failed = ColumnReport {
            stop_reason: Some("failed"),
            error: Some("no memory".into()),
            ..waiting.clone()
        };
        let columns = vec![waiting, failed];
        let report = Report::new("a?".into(), Default::default(), columns, Vec::new());
        let json = serde_json::to_value(&report).unwrap();
        for name in ["prefill", "aggregate_per_second"] {
            assert!(json.get(name).is_none(), "{name}");
        }
        for name in ["seed", "timings", "stop_reason"] {
            assert!(json["columns"][0].get(name).is_none(), "{name}");
        }
        assert_eq!(json["columns"][1]["stop_reason"], "failed");
        let markdown = report.markdown();
        assert!(markdown.contains("\n## current\n\nstill running\n"));
        assert!(markdown.contains("\n## current\n\nfailed\n\nFailed: no memory\n"));
        assert!(!markdown.contains("tokens"), "{markdown}");
    }

    #[test]
    fn markdown_is_for_reading() {
        insta::assert_snapshot!(report().markdown());
    }
}
