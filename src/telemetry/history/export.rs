//! The history as text: CSV and JSON with every sample, and a table for logs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{GpuSeries, History, MOST_GPUS, Mark, Series};

/// How the history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A line a sample, a column a series that ever had a value; what is missing is empty.
    Csv,
    /// One object: times, a list a series, marks; what is missing is `null`.
    Json,
    /// A table of means for people and logs.
    Text,
}

impl Format {
    /// What file names end with.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Text => "txt",
        }
    }
}

/// Rows of the table.
const ROWS: usize = 60;

/// What of the history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Milliseconds since the sensors were started.
    pub from: u64,
    pub to: u64,
}

/// Writes what lies in the range.
pub fn write(history: &History, range: Range, format: Format) -> String {
    match format {
        Format::Csv => csv(history, range),
        Format::Json => json(history, range),
        Format::Text => text(history, range, ROWS),
    }
}

fn moments(history: &History, range: Range) -> impl Iterator<Item = u64> {
    history
        .moments()
        .filter(move |at| (range.from..range.to).contains(at))
}

fn shown(history: &History) -> Vec<Series> {
    Series::all()
        .filter(|series| history.has(*series))
        .collect()
}

fn csv(history: &History, range: Range) -> String {
    let series = shown(history);
    let mut out = String::from("time_unix_ms");
    for series in &series {
        let _ = write!(out, ",{}", series.name());
    }
    out += ",marks\n";
    let mut from = range.from;
    for at in moments(history, range) {
        let _ = write!(out, "{}", history.unix_ms(at));
        for series in &series {
            out.push(',');
            if let Some(value) = history.value(*series, at) {
                let _ = write!(out, "{value}");
            }
        }
        let marks: Vec<String> = history.marks(from, at + 1).map(in_words).collect();
        out.push(',');
        out += &quoted(&marks.join("; "));
        out.push('\n');
        from = at + 1;
    }
    out
}

/// RFC 4180: in quotes where a separator would be misread.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn in_words(mark: &Mark) -> String {
    format!("{}: {}", mark.kind.name(), mark.text)
}

fn json(history: &History, range: Range) -> String {
    let times: Vec<u64> = moments(history, range).collect();
    let mut series = serde_json::Map::new();
    for one in shown(history) {
        let values: Vec<Option<f32>> = times.iter().map(|at| history.value(one, *at)).collect();
        series.insert(one.name(), json!(values));
    }
    let marks = history.marks(range.from, range.to).map(|mark| {
        json!({
            "time_unix_ms": history.unix_ms(mark.at_ms),
            "kind": mark.kind.name(),
            "text": mark.text,
        })
    });
    let whole = json!({
        "time_unix_ms": times.iter().map(|at| history.unix_ms(*at)).collect::<Vec<_>>(),
        "series": series,
        "marks": marks.collect::<Vec<Value>>(),
    });
    format!("{whole}\n")
}

/// A column of the table.
struct Column {
    series: Series,
    head: String,
    /// What a value is divided by before it is shown.
    unit: f32,
    decimals: usize,
}

fn columns(history: &History) -> Vec<Column> {
    const GIB: f32 = 1_073_741_824.0;
    let machine = [
        (Series::Decode, "tok/s", 1.0, 1),
        (Series::Prompt, "prompt/s", 1.0, 0),
        (Series::Bandwidth, "GB/s", 1e9, 1),
        (Series::CpuLoad, "CPU %", 1.0, 0),
        (Series::CpuClock, "MHz", 1.0, 0),
        (Series::CpuTemperature, "C", 1.0, 0),
        (Series::CpuPower, "W", 1.0, 1),
        (Series::Memory, "RAM GiB", GIB, 2),
        (Series::Swap, "swap MB/s", 1e6, 1),
        (Series::MajorFaults, "faults/s", 1.0, 0),
        (Series::DiskRead, "disk MB/s", 1e6, 1),
    ];
    let machine = machine
        .into_iter()
        .map(|(series, head, unit, decimals)| (series, head.to_owned(), unit, decimals));
    let gpus = (0..MOST_GPUS).flat_map(|gpu| {
        GpuSeries::ALL.into_iter().map(move |of| {
            let (head, unit, decimals) = match of {
                GpuSeries::Load => ("%", 1.0, 0),
                GpuSeries::Clock => ("MHz", 1.0, 0),
                GpuSeries::Temperature => ("C", 1.0, 0),
                GpuSeries::Power => ("W", 1.0, 0),
                GpuSeries::Memory => ("GiB", GIB, 2),
            };
            (
                Series::Gpu(gpu, of),
                format!("GPU{gpu} {head}"),
                unit,
                decimals,
            )
        })
    });
    let all = machine.chain(gpus);
    all.filter(|(series, ..)| history.has(*series))
        .map(|(series, head, unit, decimals)| Column {
            series,
            head,
            unit,
            decimals,
        })
        .collect()
}

/// The head of the table and its rows, each the mean of its stretch of time; `-` = no reading.
pub fn text(history: &History, range: Range, rows: usize) -> String {
    let rows = rows.clamp(1, moments(history, range).count().max(1));
    let columns = columns(history);
    let figures: Vec<_> = columns
        .iter()
        .map(|column| history.stretches(column.series, range.from, range.to, rows))
        .collect();
    let mut out = head(&columns);
    let length = range.to.saturating_sub(range.from);
    for row in 0..rows {
        let edge = |row: usize| {
            let part = u128::from(length) * row as u128 / rows as u128;
            range
                .from
                .saturating_add(u64::try_from(part).unwrap_or(u64::MAX))
        };
        let _ = write!(out, "{:<10}", clock(history.unix_ms(edge(row))));
        for (column, figures) in columns.iter().zip(&figures) {
            let value = match figures[row] {
                Some(value) => format!("{:.*}", column.decimals, value.mean / column.unit),
                None => "-".to_owned(),
            };
            let _ = write!(out, "{value:>width$}", width = width(column));
        }
        for mark in history.marks(edge(row), edge(row + 1)) {
            let _ = write!(out, "  {}", in_words(mark));
        }
        out.push('\n');
    }
    out
}

fn head(columns: &[Column]) -> String {
    let mut out = format!("{:<10}", "UTC");
    for column in columns {
        let _ = write!(out, "{:>width$}", column.head, width = width(column));
    }
    out.push('\n');
    out
}

fn width(column: &Column) -> usize {
    column.head.len().max(6) + 2
}

/// `12:34:56`
fn clock(unix_ms: i64) -> String {
    let seconds = unix_ms.div_euclid(1000).rem_euclid(24 * 60 * 60);
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::{Moment, Sample};
    use super::super::{MarkKind, Work};
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for second in 0..4_u32 {
            let mut sample = Sample {
                at: Moment {
                    ms: u64::from(second) * 1000,
                    unix_ms: 1_700_000_000_000 + i64::from(second) * 1000,
                },
                ..Sample::default()
            };
            sample.cpu.load = Ok(10.0 * second as f32);
            let work = Work {
                decode: (second > 1).then_some(24.9),
                ..Work::default()
            };
            if second == 2 {
                history.mark(MarkKind::Parameter, "temp 0.8, then \"0.2\"");
            }
            history.record(&sample, &work);
        }
        history
    }

    const ALL: Range = Range { from: 0, to: 4000 };

    #[test]
    fn csv_has_a_line_a_sample_and_nothing_where_nothing_was_read() {
        insta::assert_snapshot!(write(&history(), ALL, Format::Csv), @r#"
        time_unix_ms,decode_tokens_per_second,cpu_load_percent,marks
        1700000000000,,0,
        1700000001000,,10,"parameter: temp 0.8, then ""0.2"""
        1700000002000,24.9,20,
        1700000003000,24.9,30,
        "#);
    }

    #[test]
    fn json_is_one_object() {
        let value: Value = serde_json::from_str(&write(&history(), ALL, Format::Json)).unwrap();
        assert_eq!(value["series"]["cpu_load_percent"][3], 30.0);
        assert_eq!(value["series"]["decode_tokens_per_second"][0], Value::Null);
        assert_eq!(value["marks"][0]["kind"], "parameter");
        assert_eq!(value["time_unix_ms"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn the_table_has_means_of_equal_stretches() {
        insta::assert_snapshot!(text(&history(), ALL, 2), @r#"
        UTC          tok/s   CPU %
        22:13:20         -       5  parameter: temp 0.8, then "0.2"
        22:13:22      24.9      25
        "#);
    }

    #[test]
    fn nothing_recorded_is_an_empty_table() {
        let empty = History::default();
        assert_eq!(write(&empty, ALL, Format::Csv), "time_unix_ms,marks\n");
        assert!(write(&empty, ALL, Format::Text).starts_with("UTC"));
        assert!(write(&empty, ALL, Format::Json).contains("\"marks\":[]"));
    }
}
