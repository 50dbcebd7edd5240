//! Writing chats to files, and reading them back.

use std::fs;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use super::Sessions;
use super::args::{ExportArgs, ImportArgs};
use crate::cli::sanitise::{self, Sanitiser};
use crate::cli::{ExitCode, Failure, print, print_result};
use crate::store::Which;
use crate::store::exchange::{self, Archive};
use crate::units::counted;

/// Bytes at most of a file that is read.
const MOST: u64 = 1 << 30;

pub(super) fn export(sessions: &mut Sessions, args: &ExportArgs) -> Result<ExitCode, Failure> {
    let mut ids = Vec::new();
    for chat in &args.chats {
        ids.push(sessions.find(*chat)?);
    }
    if args.chats.is_empty() {
        let all = sessions.with("listing the chats", |store| {
            store.list(&Which::Kept, usize::MAX)
        })?;
        ids.extend(all.iter().map(|one| one.id));
        ids.sort();
    }
    let mut archives: Vec<Archive> = Vec::new();
    for id in ids {
        let what = format!("reading chat {}", id.0);
        archives.push(sessions.with(&what, |store| store.export(id))?);
    }
    let by_name = || exchange::Format::of_name(args.output.as_deref()?.to_str()?);
    let format = args.format.map(Into::into).or_else(by_name);
    let text = exchange::write(&archives, format.unwrap_or(exchange::Format::Markdown));
    match &args.output {
        Some(path) => write(path, &text),
        // As with a reply: a terminal shows text, a pipe gets every byte.
        None if io::stdout().is_terminal() => print(&Sanitiser::default().piece(&text)),
        None => print_result(io::stdout().write_all(text.as_bytes())).map(|()| ExitCode::Ok),
    }
}

/// Writes a file that nobody else can read, and that was not there before.
fn write(path: &Path, text: &str) -> Result<ExitCode, Failure> {
    let what = format!("writing {}", path.display());
    exchange::write_file(path, text).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AlreadyExists => "name another file, or remove this one",
            _ => "",
        };
        Failure::new(ExitCode::CantCreate, what, error).hint(hint)
    })?;
    Ok(ExitCode::Ok)
}

pub(super) fn import(sessions: &mut Sessions, args: &ImportArgs) -> Result<ExitCode, Failure> {
    for path in &args.files {
        let name = path.display().to_string();
        let text = read(path)?;
        let import = exchange::read(&text).map_err(|why| {
            Failure::new(ExitCode::Data, format!("reading chats from {name}"), why)
        })?;
        let mut numbers = Vec::new();
        for archive in &import.archives {
            let what = format!("importing {name}");
            let id = sessions.with(&what, |store| store.import(archive))?;
            numbers.push(id.0.to_string());
        }
        for left_out in &import.left_out {
            let _ = writeln!(io::stderr(), "note: left out: {}", sanitise::line(left_out));
        }
        print(&format!(
            "{}: {} imported: {}\n",
            sanitise::line(&name),
            counted(numbers.len(), "chat"),
            numbers.join(", ")
        ))?;
    }
    Ok(ExitCode::Ok)
}

fn read(path: &Path) -> Result<String, Failure> {
    let what = format!("reading {}", path.display());
    let failed = |error: io::Error| {
        let code = match error.kind() {
            io::ErrorKind::InvalidData => ExitCode::Data,
            _ => ExitCode::NoInput,
        };
        Failure::new(code, &what, error)
    };
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MOST + 1).read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text))
    };
    let bytes = read.map_err(failed)?;
    if bytes as u64 > MOST {
        return Err(
            Failure::new(ExitCode::Data, &what, "it is larger than 1 GiB")
                .hint("split it, for instance one chat a file"),
        );
    }
    Ok(text)
}
