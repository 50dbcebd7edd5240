//! When to draw: on request, requests merged, never faster than the rate.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Link;

/// Says when the next frame is due. Draws nothing itself.
#[derive(Debug)]
pub struct FramePacer {
    interval: Duration,
    /// When the oldest request not drawn yet was made.
    requested: Option<Instant>,
    drawn: Option<Instant>,
}

impl FramePacer {
    /// At most `frames_per_second` frames; zero counts as one.
    pub fn new(frames_per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / frames_per_second.max(1),
            requested: None,
            drawn: None,
        }
    }

    /// 60 frames a second, 30 where every byte crosses a network.
    pub fn for_link(link: Link) -> Self {
        Self::new(match link {
            Link::Local => 60,
            Link::Remote => 30,
        })
    }

    /// The least time between two frames.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Something on the screen has changed.
    pub fn request(&mut self) {
        self.requested.get_or_insert_with(Instant::now);
    }

    /// When to draw; `None` when nothing was requested since the last frame.
    pub fn due(&self) -> Option<Instant> {
        let requested = self.requested?;
        Some(
            self.drawn
                .map_or(requested, |drawn| requested.max(drawn + self.interval)),
        )
    }

    /// A frame was drawn: the requests so far are met.
    pub fn drawn(&mut self) {
        self.requested = None;
        self.drawn = Some(Instant::now());
    }

    /// Waits until a frame is due, for ever when none was requested. May be dropped and called again.
    pub async fn wait(&self) {
        match self.due() {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn nothing_requested_nothing_due() {
        let mut pacer = FramePacer::new(60);
        assert_eq!(pacer.due(), None);
        assert!(
            timeout(Duration::from_secs(3600), pacer.wait())
                .await
                .is_err()
        );
        pacer.request();
        pacer.drawn();
        assert_eq!(pacer.due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_is_due_at_once() {
        let mut pacer = FramePacer::new(60);
        pacer.request();
        assert_eq!(pacer.due(), Some(Instant::now()));
        assert!(timeout(Duration::ZERO, pacer.wait()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_after_a_pause_does_not_wait() {
        let mut pacer = FramePacer::new(10);
        pacer.drawn();
        advance(Duration::from_secs(5)).await;
        pacer.request();
        assert_eq!(pacer.due(), Some(Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_merge_and_the_rate_holds() {
        for (frames_per_second, link) in [(60, Link::Local), (30, Link::Remote)] {
            let mut pacer = FramePacer::for_link(link);
            let end = Instant::now() + Duration::from_secs(1);
            let mut frames = 0;
            while Instant::now() < end {
                pacer.request();
                pacer.request();
                if pacer.due().is_some_and(|due| due <= Instant::now()) {
                    pacer.drawn();
                    frames += 1;
                }
                advance(MILLISECOND / 4).await;
            }
            assert!(
                frames <= frames_per_second,
                "{frames} frames, at most {frames_per_second}"
            );
            assert!(
                frames * 10 >= frames_per_second * 9,
                "{frames} frames of {frames_per_second}"
            );
        }
    }
}
