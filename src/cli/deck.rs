//! The deck itself: everything is prepared, the runtime takes over.

use std::path::Path;

use super::{ExitCode, Failure, General, Prepared};
use crate::app::Saving;
use crate::cli::logging::{Logging, PaneLines};
use crate::runtime::{self, Ended, Startup};

/// Refuses what is piped in: the deck reads keys from the terminal, so nobody would see the text.
///
/// # Errors
/// When standard input is a pipe or a file.
pub(super) fn refuse_piped() -> Result<(), Failure> {
    use rustix::fs::{FileType, fstat};
    let input = fstat(rustix::stdio::stdin()).map(|facts| FileType::from_raw_mode(facts.st_mode));
    match input {
        Ok(FileType::Fifo | FileType::RegularFile) => Err(Failure::new(
            ExitCode::Usage,
            "opening the deck",
            "standard input is a pipe or a file, and the deck reads keys from the terminal alone",
        )
        .hint("… | llmdeck run answers the text; llmdeck without a pipe opens the deck")),
        _ => Ok(()),
    }
}

/// Opens the deck and stays until it is closed.
///
/// # Errors
/// When the terminal cannot be used.
pub(super) fn run(
    prepared: Prepared,
    general: &General,
    logging: &Logging,
    pane: PaneLines,
    saving: Saving,
) -> Result<ExitCode, Failure> {
    let Prepared {
        folders,
        config,
        tuned,
        params,
        model,
        given,
        models,
        preset,
        theme,
        network,
        mut problems,
    } = prepared;
    let named = models.by_name(general, &folders, &config, &mut problems);
    let tuned = tuned.by_path(model.as_deref());
    let called = given.as_deref().and_then(Path::to_str).map(str::to_owned);
    // A named model is loaded by its name, which brings its parameters along.
    let by_name = given.filter(|given| models.find(given).is_some());
    let log_file = logging.file.clone().unwrap_or_else(|| "/dev/null".into());
    let startup = Startup {
        folders,
        config,
        params,
        tuned,
        named,
        model: by_name.or(model),
        called,
        preset,
        theme,
        network,
        saving,
        problems,
        log: pane.lines,
        log_file,
    };
    let ended = runtime::run(startup).map_err(|error| {
        Failure::new(ExitCode::Os, "opening the deck", error)
            .hint("it needs a terminal; `llmdeck run -p TEXT` works without one")
    })?;
    Ok(match ended {
        Ended::Quit => ExitCode::Ok,
        Ended::Signal => ExitCode::Interrupted,
    })
}
