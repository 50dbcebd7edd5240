//! llama.cpp's log: to `tracing`, and the last lines kept, because a failed load tells its
//! reason only there.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_void};
use std::sync::Once;

use llama_cpp_sys_2 as sys;

/// Lines kept; a load prints some hundred.
const KEPT: usize = 1024;

/// A line of llama.cpp's log, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub level: Level,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

#[derive(Default)]
struct Recent {
    lines: VecDeque<Line>,
    /// A line whose end has not come yet.
    open: Option<Line>,
    /// Lines of a call whose outcome decides how loud they are.
    held: Option<Vec<Line>>,
}

thread_local! {
    /// llama.cpp logs on the thread that called it, so every engine finds its own lines.
    static RECENT: RefCell<Recent> = RefCell::default();
}

/// Sends llama.cpp's log to `tracing` under the target `llama.cpp`; nothing goes to stderr any more.
pub fn install_logging() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: the callback is a plain function that lives as long as the program, and it
        // needs no user data.
        unsafe { sys::llama_log_set(Some(on_log), std::ptr::null_mut()) };
    });
}

/// Forgets the lines kept for this thread; call before what is to be observed.
pub(crate) fn clear() {
    RECENT.with_borrow_mut(|recent| recent.lines.clear());
}

/// Holds the lines of this thread back until [`release`].
pub(crate) fn hold() {
    RECENT.with_borrow_mut(|recent| recent.held = Some(Vec::new()));
}

/// Writes the lines held back, none louder than `loudest`.
pub(crate) fn release(loudest: Level) {
    let held = RECENT.with_borrow_mut(|recent| recent.held.take());
    for line in held.unwrap_or_default() {
        write(line.level.min(loudest), &line.text);
    }
}

/// The lines of this thread since [`clear`], oldest first.
pub(crate) fn lines() -> Vec<Line> {
    RECENT.with_borrow(|recent| recent.lines.iter().cloned().collect())
}

/// Why what was asked of llama.cpp on this thread since [`clear`] failed, as far as its log says.
pub(crate) fn failure_reason() -> Option<String> {
    reason(&lines())
}

unsafe extern "C" fn on_log(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: ggml passes a zero-terminated string that lives during this call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    // A panic must not cross into C; the log can do without a line.
    let _ = std::panic::catch_unwind(|| take(level, &text));
}

fn take(level: sys::ggml_log_level, text: &str) {
    // A thread that is ending has no list any more.
    let _ = RECENT.try_with(|recent| {
        let Ok(mut recent) = recent.try_borrow_mut() else {
            return;
        };
        recent.take(level, text);
    });
}

impl Recent {
    fn take(&mut self, level: sys::ggml_log_level, text: &str) {
        let level = match level {
            sys::GGML_LOG_LEVEL_ERROR => Level::Error,
            sys::GGML_LOG_LEVEL_WARN => Level::Warn,
            sys::GGML_LOG_LEVEL_CONT => self.open.as_ref().map_or(Level::Info, |line| line.level),
            sys::GGML_LOG_LEVEL_INFO => Level::Info,
            _ => Level::Debug,
        };
        for piece in text.split_inclusive('\n') {
            let line = self.open.get_or_insert_with(|| Line {
                level,
                text: String::new(),
            });
            line.text.push_str(piece.trim_end_matches('\n'));
            if piece.ends_with('\n')
                && let Some(line) = self.open.take()
            {
                self.finish(line);
            }
        }
    }

    fn finish(&mut self, line: Line) {
        let text = line.text.trim_end();
        if text.is_empty() {
            return;
        }
        match &mut self.held {
            Some(held) => held.push(Line {
                level: line.level,
                text: text.to_owned(),
            }),
            None => write(line.level, text),
        }
        if line.level > Level::Debug {
            if self.lines.len() == KEPT {
                self.lines.pop_front();
            }
            self.lines.push_back(Line {
                level: line.level,
                text: text.to_owned(),
            });
        }
    }
}

fn write(level: Level, text: &str) {
    match level {
        Level::Debug => tracing::debug!(target: "llama.cpp", "{text}"),
        Level::Info => tracing::info!(target: "llama.cpp", "{text}"),
        Level::Warn => tracing::warn!(target: "llama.cpp", "{text}"),
        Level::Error => tracing::error!(target: "llama.cpp", "{text}"),
    }
}

/// Why something failed, in llama.cpp's words: its first error, or else its last warning.
pub(crate) fn reason(lines: &[Line]) -> Option<String> {
    let errors: Vec<&str> = lines
        .iter()
        .filter(|line| line.level == Level::Error)
        .map(|line| without_function(&line.text))
        .collect();
    // The first error says what happened; those after it only that it made others fail.
    errors
        .first()
        .copied()
        .or_else(|| {
            lines
                .iter()
                .rev()
                .find(|line| line.level == Level::Warn)
                .map(|line| without_function(&line.text))
        })
        .map(str::to_owned)
}

/// Log lines begin with the function's name, which tells a user nothing.
fn without_function(line: &str) -> &str {
    match line.split_once(": ") {
        Some((function, rest)) if !function.contains(' ') => rest.trim_start(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut recent = Recent::default();
        recent.take(sys::GGML_LOG_LEVEL_INFO, "load: ");
        recent.take(sys::GGML_LOG_LEVEL_CONT, "done\nnext: line\n");
        let texts: Vec<&str> = recent.lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(texts, ["load: done", "next: line"]);
    }

    #[test]
    fn the_first_error_is_the_reason() {
        let line = |level, text: &str| Line {
            level,
            text: text.to_owned(),
        };
        let lines = [
            line(Level::Warn, "warning"),
            line(
                Level::Error,
                "llama_model_load: error loading model: missing tensor 'output.weight'",
            ),
            line(
                Level::Error,
                "llama_model_load_from_file_impl: failed to load model",
            ),
        ];
        assert_eq!(
            reason(&lines).as_deref(),
            Some("error loading model: missing tensor 'output.weight'")
        );
        assert_eq!(reason(&lines[..1]).as_deref(), Some("warning"));
        assert_eq!(reason(&[]), None);
    }
}
