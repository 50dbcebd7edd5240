//! The threads that read the sensors.
//!
//! The sampler thread reads what the kernel answers at once and publishes a sample a round. GPU
//! drivers can hang for seconds, so they are read on a thread of their own; the sampler takes the
//! latest answer and says so when it is too old.

use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{CpuSample, CpuSource, GpuSample, MemorySource, NvmlSource, Sample, ThermalSource};

/// Every GPU, or why none is shown.
pub type GpuReading = Result<Vec<GpuSample>, String>;

/// No source is read more often: it would cost more than anyone can see.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);
/// Rounds after which a GPU reading is too old to be shown.
const STALE_ROUNDS: u32 = 5;

/// Where the readings come from.
pub struct Sources {
    pub cpu: CpuSource,
    pub memory: MemorySource,
    pub thermal: ThermalSource,
    /// Given the time; may block.
    pub gpus: Box<dyn FnMut(Instant) -> GpuReading + Send>,
}

impl Sources {
    /// The sensors of this machine.
    pub fn system() -> Self {
        let mut nvml = NvmlSource::new(None);
        Self {
            cpu: CpuSource::new(),
            memory: MemorySource::new(Path::new("/")),
            thermal: ThermalSource::new(),
            gpus: Box::new(move |now| nvml.read(now)),
        }
    }

    /// One round of everything, on this thread.
    pub fn read(&mut self) -> Sample {
        let gpus = (self.gpus)(Instant::now());
        self.sample(gpus)
    }

    fn sample(&mut self, gpus: GpuReading) -> Sample {
        let (load, cores) = self.cpu.read();
        Sample {
            cpu: CpuSample {
                load,
                cores,
                temperature: self.thermal.read(),
            },
            memory: self.memory.read(),
            gpus,
        }
    }
}

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

/// The latest answer of the GPU thread and when it came.
type GpuSlot = Arc<Mutex<Option<(Instant, GpuReading)>>>;

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
        let slot = GpuSlot::default();
        let Sources { gpus, .. } = sources;
        let sources = Sources {
            gpus: Box::new(|_| Err(String::new())),
            ..sources
        };
        sampler.spawn("gpu-sensors", {
            let (stop, slot) = (Arc::clone(&sampler.stop), Arc::clone(&slot));
            move || watch_gpus(gpus, &slot, &stop, interval)
        })?;
        sampler.spawn("sensors", {
            let stop = Arc::clone(&sampler.stop);
            move || sample_rounds(sources, &slot, &publish, &stop, interval)
        })?;
        Ok((sampler, samples))
    }

    /// Ends the threads. One that still hangs in a driver after `patience` is left behind, because
    /// it holds nothing but its own reading; true when none was.
    pub fn join(mut self, patience: Duration) -> bool {
        self.stop.raise();
        let mut all_ended = true;
        for Thread { handle, ended } in std::mem::take(&mut self.threads) {
            let hangs = ended.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout);
            all_ended &= !hangs && handle.join().is_ok();
        }
        all_ended
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

fn watch_gpus(
    mut read: impl FnMut(Instant) -> GpuReading,
    slot: &GpuSlot,
    stop: &Stop,
    interval: Duration,
) {
    loop {
        let reading = read(Instant::now());
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), reading));
        if !stop.wait(interval) {
            return;
        }
    }
}

fn sample_rounds(
    mut sources: Sources,
    slot: &GpuSlot,
    publish: &watch::Sender<Option<Sample>>,
    stop: &Stop,
    interval: Duration,
) {
    loop {
        let latest = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sample = sources.sample(fresh(latest, Instant::now(), interval * STALE_ROUNDS));
        if publish.send(Some(sample)).is_err() || !stop.wait(interval) {
            return;
        }
    }
}

/// The GPU thread's answer, unless it is older than `limit`.
fn fresh(latest: Option<(Instant, GpuReading)>, now: Instant, limit: Duration) -> GpuReading {
    match latest {
        None => Err("the GPU driver has not answered yet".to_owned()),
        Some((at, _)) if now.duration_since(at) > limit => {
            Err("the GPU driver does not answer".to_owned())
        }
        Some((_, reading)) => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(gpus: impl FnMut(Instant) -> GpuReading + Send + 'static) -> Sources {
        Sources {
            gpus: Box::new(gpus),
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
        let answer = Some((now, Ok(Vec::new())));
        assert_eq!(fresh(answer.clone(), now + limit, limit), Ok(Vec::new()));
        assert_eq!(
            fresh(answer, now + limit * 2, limit),
            Err("the GPU driver does not answer".to_owned())
        );
    }
}
