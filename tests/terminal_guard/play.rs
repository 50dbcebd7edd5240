//! A small program on top of the terminal module. Keys make it end in every way there is:
//! `q` returns, `p` panics, `P` panics on another thread, `a` aborts as llama.cpp does, `e` writes to
//! stderr, `z` suspends, `n` draws without a change. It shows the last event it saw.

use std::path::Path;
use std::process::ExitCode;
use std::{io, process, thread};

use llmdeck::app::Event;
use llmdeck::engine::llama::set_abort_hook;
use llmdeck::keymap::{Key, KeyCode};
use llmdeck::terminal::{Guard, Input, Signal, Signals, Terminal, restore_for_abort};
use tokio_stream::StreamExt;

/// Runs until a key or a signal ends it; stderr goes to `log` meanwhile.
pub fn run(log: &Path) -> ExitCode {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(events(log)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn events(log: &Path) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    set_abort_hook(restore_for_abort)?;
    let (mut guard, mut terminal) = Guard::enter(log)?;
    let mut input = Input::from_terminal()?;
    let mut typed = 0;
    loop {
        let event = tokio::select! {
            event = input.next() => event,
            signal = signals.next() => match signal {
                Signal::Continue => {
                    guard.resume(&mut terminal)?;
                    show(&mut terminal, "CONTINUED")?;
                    continue;
                }
                signal => {
                    drop(guard);
                    println!("ended by {signal:?}");
                    return Ok(());
                }
            },
        };
        match event {
            Some(Event::Key(Key {
                code: KeyCode::Char(c),
                ctrl: false,
                ..
            })) => match c {
                'q' => return Ok(()),
                'p' => panic!("a panic of the drawing thread"),
                'P' => {
                    let ended = thread::spawn(|| panic!("a panic elsewhere")).join();
                    show(
                        &mut terminal,
                        &format!("OTHER THREAD PANICKED: {}", ended.is_err()),
                    )?;
                }
                'a' => {
                    restore_for_abort("GGML_ASSERT(\x1b[31mfailed) of file\x07name");
                    process::abort();
                }
                'e' => {
                    eprintln!("a line for stderr");
                    show(&mut terminal, "WRITTEN TO STDERR")?;
                }
                'z' => {
                    guard.suspend(&mut terminal).await?;
                    show(&mut terminal, "BACK")?;
                }
                'n' => {
                    show(&mut terminal, "SAME")?;
                    let drawn = terminal.bytes_written();
                    show(&mut terminal, "SAME")?;
                    let attributes_set = terminal.bytes_written();
                    show(&mut terminal, "SAME")?;
                    show(&mut terminal, "SAME")?;
                    let text = format!(
                        "BYTES {} THEN {}",
                        attributes_set - drawn,
                        terminal.bytes_written() - attributes_set
                    );
                    show(&mut terminal, &text)?;
                }
                other => show(&mut terminal, &format!("KEY {other}"))?,
            },
            Some(Event::Key(key)) => show(
                &mut terminal,
                &format!("{:?} {} {}", key.code, key.ctrl, key.shift),
            )?,
            Some(Event::Typed(text)) => {
                typed += text.len();
                show(&mut terminal, &format!("TYPED {typed} BYTES"))?;
            }
            Some(Event::Paste(text)) => {
                let lines = text.lines().count();
                show(
                    &mut terminal,
                    &format!("PASTE {} BYTES {lines} LINES", text.len()),
                )?;
            }
            Some(Event::Resize { width, height }) => {
                show(&mut terminal, &format!("READY {width}x{height}"))?
            }
            _ => return Ok(()),
        }
    }
}

fn show(terminal: &mut Terminal, text: &str) -> io::Result<()> {
    terminal.draw(|frame| frame.render_widget(text, frame.area()))
}
