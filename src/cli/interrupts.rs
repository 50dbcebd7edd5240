//! Ctrl-C and requests to end, while a reply is made.

use std::io;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::ExitCode;

/// How long the engine may take to answer a wish to stop. It looks for one between steps, of which
/// most take less than a second; but reading a file from a network that hangs takes forever.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message for the first wish to stop. Closing the receiver answers it; without an answer, or
/// after a second wish, the process ends at once, even while a write or the engine hangs.
pub(super) fn listen() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    // Without handlers a signal keeps its usual effect, which is to end the process. They are in
    // place before anything else starts.
    if let Ok(signals) = Signals::new() {
        tokio::spawn(async move {
            let wishes = stream::unfold(signals, async |mut signals| {
                signals.next().await;
                Some(((), signals))
            });
            until_urgent(sender, pin!(wishes)).await;
            std::process::exit(ExitCode::Interrupted as i32);
        });
    }
    receiver
}

/// Passes on the first wish, and returns when the process has to end.
async fn until_urgent(sender: mpsc::Sender<()>, mut wishes: impl Stream<Item = ()> + Unpin) {
    wishes.next().await;
    // Nobody listening means that the reply is already over.
    let _ = sender.send(()).await;
    tokio::select! {
        _ = wishes.next() => return,
        () = sleep(PATIENCE) => {
            eprintln!("note: a step of the model takes long; ending without waiting for it");
            return;
        }
        () = sender.closed() => {}
    }
    wishes.next().await;
}

/// Requests from outside to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{Instant, timeout};
    use tokio_stream::wrappers::ReceiverStream;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn one_wish_without_an_answer_is_enough() {
        let (wishes, wished) = mpsc::channel(2);
        let (sender, mut receiver) = mpsc::channel(1);
        wishes.send(()).await.unwrap();
        let started = Instant::now();
        until_urgent(sender, ReceiverStream::new(wished)).await;
        assert_eq!(started.elapsed(), PATIENCE, "on the clock of the test");
        assert_eq!(receiver.recv().await, Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_wish_does_not_wait() {
        let (wishes, wished) = mpsc::channel(2);
        let (sender, _receiver) = mpsc::channel(1);
        wishes.send(()).await.unwrap();
        wishes.send(()).await.unwrap();
        let started = Instant::now();
        until_urgent(sender, ReceiverStream::new(wished)).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_answer_only_another_wish_is_urgent() {
        let (wishes, wished) = mpsc::channel(2);
        let (sender, receiver) = mpsc::channel(1);
        wishes.send(()).await.unwrap();
        drop(receiver);
        let waiting = until_urgent(sender, ReceiverStream::new(wished));
        tokio::pin!(waiting);
        assert!(timeout(LONG, &mut waiting).await.is_err());
        wishes.send(()).await.unwrap();
        waiting.await;
    }
}
