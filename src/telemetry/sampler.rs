//! The threads that read the sensors.
//!
//! The sampler thread reads what the kernel answers at once and publishes a sample a round. What
//! asks a chip can hang for seconds: heat and power, and each vendor's GPUs, have a thread of
//! their own; the sampler takes their latest answer and says so when it is too old.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::gpu::GpuSource;
use super::sources::{Heat, KernelSource, Sources};
use super::{GpuReading, Missing, Sample};

/// No source is read more often: it would cost more than anyone can see.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);
/// Rounds after which a reading of another thread is too old to be shown.
const STALE_ROUNDS: u32 = 5;

const SILENT: Missing = "the sensors do not answer";
const NOT_YET: Missing = "not read yet";

/// The running threads; dropping it asks them to end, [`Self::join`] waits for them.
pub struct Sampler {
    stop: Arc<Stop>,
    threads: Vec<Thread>,
}

/// A thread, and a channel that is closed when it has ended.
struct Thread {
    handle: JoinHandle<()>,
    ended: mpsc::Receiver<()>,
}

#[derive(Default)]
struct Stop {
    raised: Mutex<bool>,
    changed: Condvar,
}

/// The latest answer of another thread and when it came.
struct Slot<T>(Arc<Mutex<Option<(Instant, T)>>>);

impl Sampler {
    /// Starts sampling; the channel holds `None` until the first sample.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        sources: Sources,
        interval: Duration,
    ) -> io::Result<(Self, watch::Receiver<Option<Sample>>)> {
        let interval = interval.max(SHORTEST_INTERVAL);
        let (publish, samples) = watch::channel(None);
        let mut sampler = Self {
            stop: Arc::default(),
            threads: Vec::new(),
        };
        let Sources {
            mut kernel,
            mut heat,
            gpus,
        } = sources;
        let heat_slot = Slot::empty();
        sampler.watch("heat", &heat_slot, interval, move |now| heat.read(now))?;
        let mut gpu_slots = Vec::new();
        for GpuSource { name, read } in gpus {
            let slot = Slot::empty();
            sampler.watch(&format!("gpu-{name}"), &slot, interval, read)?;
            gpu_slots.push(slot);
        }
        let stop = Arc::clone(&sampler.stop);
        sampler.spawn("sensors", move || {
            loop {
                let sample = take(&mut kernel, &heat_slot, &gpu_slots, interval);
                if publish.send(Some(sample)).is_err() || !stop.wait(interval) {
                    return;
                }
            }
        })?;
        Ok((sampler, samples))
    }

    /// Ends the threads. One that still hangs in a driver after `patience` is left behind, because
    /// it holds nothing but its own reading; true when none was.
    pub fn join(mut self, patience: Duration) -> bool {
        self.stop.raise();
        let until = Instant::now() + patience;
        let mut all_ended = true;
        for Thread { handle, ended } in std::mem::take(&mut self.threads) {
            let left = until.saturating_duration_since(Instant::now());
            let hangs = ended.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Timeout);
            all_ended &= !hangs && handle.join().is_ok();
        }
        all_ended
    }

    /// A thread that reads one source again and again.
    fn watch<T: Clone + Send + 'static>(
        &mut self,
        name: &str,
        slot: &Slot<T>,
        interval: Duration,
        mut read: impl FnMut(Instant) -> T + Send + 'static,
    ) -> io::Result<()> {
        let (slot, stop) = (Slot(Arc::clone(&slot.0)), Arc::clone(&self.stop));
        self.spawn(name, move || {
            loop {
                let answer = read(Instant::now());
                slot.put(Instant::now(), answer);
                if !stop.wait(interval) {
                    return;
                }
            }
        })
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let (running, ended) = mpsc::channel();
        let handle = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                work();
                drop(running);
            })?;
        self.threads.push(Thread { handle, ended });
        Ok(())
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.raise();
    }
}

impl Stop {
    fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits for the next round; false when it is time to end.
    fn wait(&self, interval: Duration) -> bool {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(raised, interval, |raised| !*raised);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// One sample: what the kernel says now and what the other threads read last.
fn take(
    kernel: &mut KernelSource,
    heat: &Slot<Heat>,
    gpus: &[Slot<GpuReading>],
    interval: Duration,
) -> Sample {
    let now = Instant::now();
    let limit = interval * STALE_ROUNDS;
    let heat = heat.fresh(now, limit).unwrap_or_else(Heat::missing);
    let gpu = |slot: &Slot<GpuReading>| match slot.fresh(now, limit) {
        Ok(reading) => reading,
        Err(NOT_YET) => Err("the GPU driver has not answered yet".to_owned()),
        Err(_) => Err("the GPU driver does not answer".to_owned()),
    };
    kernel.sample(now, heat, gpus.iter().map(gpu).collect())
}

impl<T: Clone> Slot<T> {
    fn empty() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn put(&self, now: Instant, answer: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, answer));
    }

    /// The other thread's answer, unless there is none or it is older than `limit`.
    fn fresh(&self, now: Instant, limit: Duration) -> Result<T, Missing> {
        let latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            None => Err(NOT_YET),
            Some((at, _)) if now.saturating_duration_since(*at) > limit => Err(SILENT),
            Some((_, answer)) => Ok(answer.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(gpus: impl FnMut(Instant) -> GpuReading + Send + 'static) -> Sources {
        Sources {
            gpus: vec![GpuSource {
                name: "test",
                read: Box::new(gpus),
            }],
            ..Sources::system()
        }
    }

    async fn next(samples: &mut watch::Receiver<Option<Sample>>) -> Sample {
        samples
            .wait_for(Option::is_some)
            .await
            .unwrap()
            .clone()
            .unwrap()
    }

    #[tokio::test]
    async fn samples_arrive_and_the_threads_end() {
        let (sampler, mut samples) =
            Sampler::start(sources(|_| Err("none".to_owned())), Duration::ZERO).unwrap();
        let sample = next(&mut samples).await;
        assert!(sample.memory.total.is_ok());
        assert!(sampler.join(Duration::from_secs(10)));
        samples.mark_unchanged();
        assert!(
            samples.changed().await.is_err(),
            "the sender is gone with its thread"
        );
    }

    #[tokio::test]
    async fn a_driver_that_hangs_holds_up_nothing_else() {
        let (release, hang) = mpsc::channel::<()>();
        let gpus = sources(move |_| {
            let _ = hang.recv();
            Err("awake".to_owned())
        });
        let (sampler, mut samples) = Sampler::start(gpus, Duration::ZERO).unwrap();
        let sample = next(&mut samples).await;
        assert_eq!(
            sample.gpus,
            Err("the GPU driver has not answered yet".to_owned())
        );
        assert!(sample.memory.process.is_ok());
        assert!(
            !sampler.join(Duration::ZERO),
            "the hanging thread is left behind"
        );
        drop(release);
    }

    #[test]
    fn an_old_answer_is_not_shown_as_present() {
        let now = Instant::now();
        let limit = Duration::from_secs(5);
        let slot = Slot::empty();
        assert_eq!(slot.fresh(now, limit), Err(NOT_YET));
        slot.put(now, 7);
        assert_eq!(slot.fresh(now + limit, limit), Ok(7));
        assert_eq!(slot.fresh(now + limit * 2, limit), Err(SILENT));
    }
}
