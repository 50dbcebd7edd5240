//! Results as text: llama-bench's table, JSON, JSON lines and CSV.

use super::plan::{Instance, test_name};
use super::record::Record;
use crate::params::{Param, find, spec};

/// A form of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Markdown,
    Json,
    JsonLines,
    Csv,
}

/// Prints results as they come. What it returns is to be written as it is.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    columns: Vec<Column>,
    rows: usize,
    /// Cores that others took most, where that held a test up, and all cores.
    held_up: Option<(f64, usize)>,
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Model,
    Size,
    Parameters,
    Backend,
    /// The value of a load parameter.
    Given(Param),
    Test,
    Rate,
    FirstToken,
}

/// Fields of a record in CSV, in this order; lists of samples do not fit into it.
const CSV: &[&str] = &[
    "build_commit",
    "llmdeck_version",
    "cpu_info",
    "gpu_info",
    "backends",
    "n_cores",
    "model_filename",
    "model_hash",
    "model_type",
    "model_size",
    "model_n_params",
    "n_batch",
    "n_ubatch",
    "n_threads",
    "n_threads_batch",
    "type_k",
    "type_v",
    "n_gpu_layers",
    "n_cpu_moe",
    "split_mode",
    "main_gpu",
    "no_kv_offload",
    "flash_attn",
    "devices",
    "tensor_split",
    "tensor_buft_overrides",
    "load_mode",
    "n_prompt",
    "n_gen",
    "n_depth",
    "test_time",
    "avg_ns",
    "stddev_ns",
    "avg_ts",
    "stddev_ts",
    "ttft_ms",
    "stddev_ttft_ms",
    "cores_taken",
];

impl Printer {
    /// A printer for the results of a plan on a machine with or without GPUs. The table has a
    /// column for each parameter that varies or is not at its default, as llama-bench's.
    pub fn new(format: Format, plan: &[Instance], has_gpu: bool) -> Self {
        let always = if has_gpu {
            Param::NGpuLayers
        } else {
            Param::Threads
        };
        let mut given: Vec<Param> = plan
            .iter()
            .flat_map(|instance| instance.given.keys())
            .filter_map(|name| find(name).map(|spec| spec.param))
            .chain([always])
            .collect();
        given.sort_unstable();
        given.dedup();
        let columns = [
            Column::Model,
            Column::Size,
            Column::Parameters,
            Column::Backend,
        ]
        .into_iter()
        .chain(given.into_iter().map(Column::Given))
        .chain([Column::Test, Column::Rate, Column::FirstToken]);
        Self {
            format,
            columns: columns.collect(),
            rows: 0,
            held_up: None,
        }
    }

    /// What comes before the first result.
    fn begin(&self) -> String {
        match self.format {
            Format::Markdown => {
                let heads = self.columns.iter().map(|column| {
                    let width = column.width();
                    let name = column.name();
                    if column.is_text() {
                        format!(" {name:<width$} |")
                    } else {
                        format!(" {name:>width$} |")
                    }
                });
                let rules = self.columns.iter().map(|column| {
                    let rule = "-".repeat(column.width() - usize::from(!column.is_text()));
                    if column.is_text() {
                        format!(" {rule} |")
                    } else {
                        format!(" {rule}: |")
                    }
                });
                format!(
                    "|{}\n|{}\n",
                    heads.collect::<String>(),
                    rules.collect::<String>()
                )
            }
            Format::Json => "[".into(),
            Format::JsonLines => String::new(),
            Format::Csv => format!("{}\n", CSV.join(",")),
        }
    }

    /// One result; before the first of them comes the head.
    ///
    /// # Errors
    /// Never in practice: a record is always JSON.
    pub fn row(&mut self, record: &Record) -> Result<String, serde_json::Error> {
        let head = match self.rows {
            0 => self.begin(),
            _ => String::new(),
        };
        self.rows += 1;
        self.held_up = most_held_up(self.held_up, record);
        let row = match self.format {
            Format::Markdown => {
                let cells = self.columns.iter().map(|column| {
                    let width = column.width();
                    let text = column.cell(record);
                    if column.is_text() {
                        format!(" {text:<width$} |")
                    } else {
                        format!(" {text:>width$} |")
                    }
                });
                format!("|{}\n", cells.collect::<String>())
            }
            Format::Json => {
                let json = serde_json::to_string_pretty(record)?.replace('\n', "\n  ");
                let comma = if self.rows > 1 { "," } else { "" };
                format!("{comma}\n  {json}")
            }
            Format::JsonLines => format!("{}\n", serde_json::to_string(record)?),
            Format::Csv => {
                let json = serde_json::to_value(record)?;
                let cells = CSV.iter().map(|name| match &json[*name] {
                    serde_json::Value::String(text) => quoted(text),
                    serde_json::Value::Null => quoted(""),
                    other => quoted(&other.to_string()),
                });
                format!("{}\n", cells.collect::<Vec<_>>().join(","))
            }
        };
        Ok(head + &row)
    }

    /// What comes after the last result: in a table whether other processes held tests up. Without
    /// any result an array is empty, and a table is not there.
    pub fn end(&self) -> String {
        match self.format {
            Format::Json if self.rows == 0 => "[]\n".into(),
            Format::Json => "\n]\n".into(),
            Format::Markdown => self
                .held_up
                .map_or_else(String::new, |held_up| format!("\n{}\n", in_words(held_up))),
            Format::JsonLines | Format::Csv => String::new(),
        }
    }
}

/// That other processes took cores which these tests had threads for; `None` where they did not.
pub fn held_up<'a>(records: impl IntoIterator<Item = &'a Record>) -> Option<String> {
    records.into_iter().fold(None, most_held_up).map(in_words)
}

fn most_held_up(so_far: Option<(f64, usize)>, record: &Record) -> Option<(f64, usize)> {
    let taken = record.held_up_by().map(|taken| (taken, record.n_cores));
    match (so_far, taken) {
        (Some(one), Some(other)) if other.0 <= one.0 => Some(one),
        (one, other) => other.or(one),
    }
}

fn in_words((taken, n_cores): (f64, usize)) -> String {
    format!("Others took up to {taken:.1} of {n_cores} cores: alone it may be faster.")
}

impl Column {
    fn name(self) -> String {
        match self {
            Column::Model => "model".into(),
            Column::Size => "size".into(),
            Column::Parameters => "params".into(),
            Column::Backend => "backend".into(),
            Column::Given(param) => short(param).into(),
            Column::Test => "test".into(),
            Column::Rate => "t/s".into(),
            Column::FirstToken => "ttft ms".into(),
        }
    }

    /// llama-bench's widths.
    fn width(self) -> usize {
        match self {
            Column::Model => 30,
            Column::Size | Column::Parameters | Column::Backend => 10,
            Column::Given(param) => short(param).len().max(3),
            Column::Test => 15,
            Column::Rate => 20,
            Column::FirstToken => 18,
        }
    }

    /// Text stands on the left, figures on the right.
    fn is_text(self) -> bool {
        matches!(self, Column::Model | Column::Backend)
    }

    fn cell(self, record: &Record) -> String {
        match self {
            Column::Model => record.model_type.clone(),
            Column::Size => size(record.model_size),
            Column::Parameters => parameters(record.model_n_params),
            Column::Backend => record.backends.clone(),
            Column::Given(Param::Threads) => threads(record),
            Column::Given(Param::NGpuLayers) => record.n_gpu_layers.to_string(),
            Column::Given(param) => {
                let spec = spec(param);
                let given = record.params.get(spec.name).cloned();
                given.unwrap_or_else(|| spec.format(&spec.default_value()))
            }
            Column::Test => test_name(record.test()),
            Column::Rate => format!("{:.2} ± {:.2}", record.avg_ts, record.stddev_ts),
            Column::FirstToken => format!("{:.2} ± {:.2}", record.ttft_ms, record.stddev_ttft_ms),
        }
    }
}

/// The threads that computed the test: a prompt has its own number; where both kinds were at work and
/// the numbers differ, that of the prompt comes first, as in the test's name.
fn threads(record: &Record) -> String {
    let (prompt, reply) = (record.n_threads_batch, record.n_threads);
    match (record.n_prompt > 0, record.n_gen > 0) {
        (true, true) if prompt != reply => format!("{prompt}+{reply}"),
        (true, false) => prompt.to_string(),
        _ => reply.to_string(),
    }
}

/// llama-bench's name of a parameter's column, or ours.
fn short(param: Param) -> &'static str {
    match param {
        Param::NGpuLayers => "ngl",
        Param::BatchSize => "n_batch",
        Param::UbatchSize => "n_ubatch",
        Param::CacheTypeK => "type_k",
        Param::CacheTypeV => "type_v",
        Param::SplitMode => "sm",
        Param::FlashAttn => "fa",
        Param::TensorSplit => "ts",
        Param::OverrideTensor => "ot",
        other => spec(other).name,
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn size(bytes: u64) -> String {
    let mib = bytes as f64 / 1024.0 / 1024.0;
    if mib < 1024.0 {
        format!("{mib:.2} MiB")
    } else {
        format!("{:.2} GiB", mib / 1024.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn parameters(count: u64) -> String {
    let millions = count as f64 / 1e6;
    if millions < 1000.0 {
        format!("{millions:.2} M")
    } else {
        format!("{:.2} B", millions / 1000.0)
    }
}

/// RFC 4180: quotes are doubled. A file's name can hold what a terminal obeys; here it cannot.
fn quoted(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{pp512, record};
    use super::*;
    use crate::bench::plan;
    use crate::params::{Params, Value};

    fn printed(format: Format) -> String {
        let swept = [(Param::Threads, vec![Value::Int(1), Value::Int(2)])];
        let plan = plan(&Params::default(), &swept, &pp512()).unwrap();
        let mut printer = Printer::new(format, &plan, false);
        let mut text = String::new();
        for threads in [1, 2] {
            let record = record(&pp512(), threads, &[100, 110]);
            text.push_str(&printer.row(&record).unwrap());
        }
        text + &printer.end()
    }

    #[test]
    fn the_table_is_llama_benchs() {
        insta::assert_snapshot!(printed(Format::Markdown), @"
        | model                          |       size |     params | backend    | threads |            test |                  t/s |            ttft ms |
        | ------------------------------ | ---------: | ---------: | ---------- | ------: | --------------: | -------------------: | -----------------: |
        | llama 7B Q4_0                  |   3.56 GiB |     6.74 B | CPU        |       1 |           pp512 |     4887.27 ± 329.13 |       52.50 ± 3.54 |
        | llama 7B Q4_0                  |   3.56 GiB |     6.74 B | CPU        |       2 |           pp512 |     4887.27 ± 329.13 |       52.50 ± 3.54 |
        ");
    }

    #[test]
    fn json_is_one_array_and_lines_are_objects() {
        let array: Vec<Record> = serde_json::from_str(&printed(Format::Json)).unwrap();
        let lines: Vec<Record> = printed(Format::JsonLines)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(array, lines);
        assert_eq!(array[1].n_threads, 2);
    }

    #[test]
    fn without_a_result_there_is_no_table() {
        let empty = |format| Printer::new(format, &[], false).end();
        assert_eq!(empty(Format::Json), "[]\n");
        assert_eq!(empty(Format::Markdown), "");
        assert_eq!(empty(Format::Csv), "");
    }

    #[test]
    fn a_table_says_when_others_held_it_up() {
        let beside = |cores_taken| Record {
            cores_taken: Some(cores_taken),
            ..record(&pp512(), 2, &[100])
        };
        let mut printer = Printer::new(Format::Markdown, &[], false);
        for cores_taken in [0.1, 1.2, 0.9] {
            printer.row(&beside(cores_taken)).unwrap();
        }
        let said = "Others took up to 1.2 of 2 cores: alone it may be faster.";
        assert_eq!(printer.end(), format!("\n{said}\n"));
        assert_eq!(held_up(&[beside(1.2), beside(0.9)]).as_deref(), Some(said));
        assert_eq!(held_up(&[beside(0.1)]), None);
    }

    #[test]
    fn the_threads_shown_are_those_that_computed_the_test() {
        let shown = |n_prompt, n_gen, n_threads_batch| {
            threads(&Record {
                n_prompt,
                n_gen,
                n_threads: 2,
                n_threads_batch,
                ..record(&pp512(), 1, &[100])
            })
        };
        assert_eq!(shown(512, 0, 8), "8");
        assert_eq!(shown(0, 128, 8), "2");
        assert_eq!(shown(512, 128, 8), "8+2");
        assert_eq!(shown(512, 128, 2), "2");
    }

    #[test]
    fn csv_has_every_field_that_is_one_value() {
        let json = serde_json::to_value(record(&pp512(), 1, &[1, 2])).unwrap();
        let mut single: Vec<&str> = json
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_array() && !value.is_object())
            .map(|(name, _)| name.as_str())
            .collect();
        let mut columns = CSV.to_vec();
        columns.sort_unstable();
        single.sort_unstable();
        assert_eq!(columns, single);
        let text = printed(Format::Csv);
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("\"/models/a,b \"\"c\"\".gguf\""), "{text}");
    }
}
