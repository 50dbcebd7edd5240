//! `llmdeck bench history`: earlier results, and how speed changed between them.

use std::io::{self, Write};
use std::path::PathBuf;

use super::args::HistoryArgs;
use super::{history_failure, unreadable};
use crate::bench::history::{self, Compared};
use crate::bench::{Format, Printer, Record, test_name};
use crate::cli::named::NamedModels;
use crate::cli::{ExitCode, Failure, General, print, sanitise};
use crate::config::{Config, Folders};
use crate::gguf;

/// Prints the results kept, of one model where one is given.
///
/// # Errors
/// When the file or the model cannot be read, or the report not written.
pub(in crate::cli) fn run(
    args: &HistoryArgs,
    general: &General,
    folders: &Folders,
) -> Result<ExitCode, Failure> {
    let path = history::file(&folders.data_dir);
    let history =
        history::read(&path).map_err(|error| history_failure(&path, ExitCode::NoInput, error))?;
    for note in &history.damaged {
        let _ = writeln!(io::stderr(), "note: {}", sanitise::line(note));
    }
    // A configuration that cannot be read names no folders; the file may be found without.
    let config = Config::load(folders).unwrap_or_default();
    // Of the values in a models preset nothing counts here, and so nothing that is wrong with them.
    let models = NamedModels::read(general, &config, &mut vec![])?;
    let hash = |path: PathBuf| gguf::fingerprint(&path).map_err(|error| unreadable(&path, error));
    let wanted = models
        .asked(general, folders, &config)?
        .map(hash)
        .transpose()?;
    let records = history.records.iter().filter(|record| {
        wanted
            .as_ref()
            .is_none_or(|hash| *hash == record.model_hash)
    });
    match args.output.into() {
        Format::Markdown => print(&table(&history::compare(records))),
        format => print(&listed(format, records)?),
    }
}

fn listed<'a>(
    format: Format,
    records: impl Iterator<Item = &'a Record>,
) -> Result<String, Failure> {
    let mut printer = Printer::new(format, &[], false);
    let mut text = String::new();
    for record in records {
        text.push_str(&printer.row(record).map_err(|error| {
            Failure::new(ExitCode::Software, "writing a result as JSON", error)
        })?);
    }
    Ok(text + &printer.end())
}

/// A row a result. The file is text that anybody may have written to, so cells are made safe.
fn table(compared: &[Compared<'_>]) -> String {
    if compared.is_empty() {
        return "No results are kept; llmdeck bench makes some.\n".to_owned();
    }
    let mut rows = vec![
        [
            "when",
            "llama.cpp",
            "model",
            "machine",
            "parameters",
            "test",
            "t/s",
            "change",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    rows.extend(compared.iter().map(row));
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|at| {
            let cells = rows.iter().map(|row| row[at].chars().count());
            cells.max().unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!(" {cell:<width$} |"));
        format!("|{}\n", cells.collect::<String>())
    };
    let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    let mut text = line(&rows[0]) + &line(&rule);
    rows[1..].iter().for_each(|row| text.push_str(&line(row)));
    let held_up = |one: &Compared<'_>| one.record.held_up_by().is_some();
    if compared.iter().any(held_up) {
        text.push_str("\n* other processes took cores that the test had threads for\n");
    }
    text
}

/// The rate, with a star where other processes held the test up.
fn speed(record: &Record) -> String {
    let star = record.held_up_by().map_or("", |_| " *");
    format!("{:.2} ± {:.2}{star}", record.avg_ts, record.stddev_ts)
}

fn row(compared: &Compared<'_>) -> Vec<String> {
    let record = compared.record;
    let params: Vec<String> = record
        .params
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let machine = if record.gpu_info.is_empty() {
        &record.cpu_info
    } else {
        &record.gpu_info
    };
    [
        record.test_time.clone(),
        record.build_commit.clone(),
        record.model_type.clone(),
        machine.clone(),
        params.join(" "),
        test_name(record.test()),
        speed(record),
        compared
            .change
            .map(history::change_in_words)
            .unwrap_or_default(),
    ]
    .iter()
    .map(|cell| sanitise::line(cell).replace('|', "/"))
    .collect()
}
