//! Where results go: standard output, standard error, the history.

use std::io::{self, Write};
use std::path::PathBuf;

use super::args::BenchArgs;
use super::history_failure;
use crate::bench::{self, Instance, Printer, Record};
use crate::cli::{ExitCode, Failure, print_result};

/// Takes each result as soon as it is there.
pub(super) struct Results {
    printers: Vec<(Stream, Printer)>,
    /// The history file, unless results are kept out of it.
    store: Option<PathBuf>,
}

#[derive(Clone, Copy)]
enum Stream {
    Output,
    Error,
}

impl Results {
    pub(super) fn new(
        args: &BenchArgs,
        plan: &[Instance],
        has_gpu: bool,
        store: Option<PathBuf>,
    ) -> Self {
        let printer = |format| Printer::new(format, plan, has_gpu);
        let also = args
            .output_err
            .map(|form| (Stream::Error, printer(form.into())));
        Self {
            printers: std::iter::once((Stream::Output, printer(args.output.into())))
                .chain(also)
                .collect(),
            store,
        }
    }

    /// Prints a result and keeps it.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), Failure> {
        if let Some(path) = &self.store {
            bench::history::append(path, record)
                .map_err(|error| history_failure(path, ExitCode::CantCreate, error))?;
        }
        for (stream, printer) in &mut self.printers {
            let row = printer.row(record).map_err(|error| {
                Failure::new(ExitCode::Software, "writing a result as JSON", error)
            })?;
            stream.write(&row)?;
        }
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), Failure> {
        self.printers
            .iter()
            .try_for_each(|(stream, printer)| stream.write(&printer.end()))
    }
}

impl Stream {
    fn write(self, text: &str) -> Result<(), Failure> {
        let write = |out: &mut dyn Write| {
            out.write_all(text.as_bytes())?;
            out.flush()
        };
        print_result(match self {
            Self::Output => write(&mut io::stdout()),
            Self::Error => write(&mut io::stderr()),
        })
    }
}
