//! Text from standard input and from files.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{ExitCode, Failure};

/// After this long without input someone may not know what is being waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads standard input to its end; says so where that takes long.
///
/// # Errors
/// When it cannot be read, or is no text.
pub(super) fn standard() -> Result<String, Failure> {
    let what = || "reading standard input".to_owned();
    let (sender, receiver) = mpsc::channel();
    let reader = move || {
        let mut bytes = Vec::new();
        // The receiver waits; only a program that ends does not listen.
        let _ = sender.send(io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes));
    };
    thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(reader)
        .map_err(|error| Failure::new(ExitCode::Os, what(), error))?;
    let read = receiver.recv_timeout(PATIENCE).or_else(|_| {
        eprintln!(
            "reading standard input; end it with Ctrl-D, or start with </dev/null to use none"
        );
        receiver.recv()
    });
    match read {
        Ok(Ok(bytes)) => text(bytes, what),
        Ok(Err(error)) => Err(Failure::new(ExitCode::Io, what(), error)),
        Err(error) => Err(Failure::new(ExitCode::Software, what(), error)),
    }
}

/// The text that bytes are; `what` was being done with them.
///
/// # Errors
/// When they are not UTF-8.
pub(super) fn text(bytes: Vec<u8>, what: impl Fn() -> String) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|error| {
        let why = format!(
            "byte {} is not UTF-8 text",
            error.utf8_error().valid_up_to()
        );
        Failure::new(ExitCode::Data, what(), why).hint("convert it, for example with iconv")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_is_told_with_its_place() {
        let failure = text(vec![b'a', 0xff], || "reading x".to_owned()).unwrap_err();
        assert_eq!(
            (failure.code, failure.why.as_str()),
            (ExitCode::Data, "byte 1 is not UTF-8 text")
        );
    }
}
