//! What the sensors cost: processor time of a round of every source, and of the view of metrics.
//!
//! `cargo bench --bench sensors`; the first line is what the target is about: every source of this
//! machine at 2 Hz, in percent of one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use llmdeck::app::{State, View};
use llmdeck::telemetry::history::{History, Work};
use llmdeck::telemetry::{GpuSample, Moment, Sample, Sources, Vendor};
use llmdeck::theme::Theme;
use llmdeck::ui::{self, TranscriptCache};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const ROUNDS: u32 = 500;
const FRAMES: u32 = 200;

fn main() {
    sampling();
    recording();
    view();
}

/// Processor time of the whole process, which is what other threads of a source take as well.
fn processor_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(used.tv_sec).unwrap_or(0),
        u32::try_from(used.tv_nsec).unwrap_or(0),
    )
}

fn sampling() {
    let mut sources = Sources::system();
    // Sensors are looked for once.
    black_box(sources.read(Instant::now()));
    let before = processor_time();
    for _ in 0..ROUNDS {
        black_box(sources.read(Instant::now()));
    }
    let each = (processor_time() - before) / ROUNDS;
    let share = each.as_secs_f64() * 2.0 * 100.0;
    println!("a round of every source: {each:?} of a core; at 2 Hz {share:.3} % (target 0.5 %)");
}

fn full_hour() -> History {
    let mut history = History::default();
    for half in 0..7200_u64 {
        let mut sample = Sample {
            at: Moment {
                ms: half * 500,
                unix_ms: 0,
            },
            ..Sample::default()
        };
        let value = (half % 100) as f32;
        sample.cpu.load = Ok(value);
        sample.cpu.power = Ok(value);
        sample.cpu.temperature = Ok(value);
        sample.memory.used = Ok(half << 20);
        let mut gpu = GpuSample::silent(0, Vendor::Nvidia, "GPU", "not told");
        gpu.load = Ok(value);
        gpu.power = Ok(value);
        gpu.clock = Ok(value);
        gpu.temperature = Ok(value);
        gpu.memory_used = Ok(half << 20);
        sample.gpus = Ok(vec![gpu; 8]);
        let work = Work {
            decode: Some(f64::from(value)),
            prompt: Some(f64::from(value)),
            bandwidth: Some(f64::from(value)),
        };
        history.record(&sample, &work);
    }
    history
}

fn recording() {
    let before = processor_time();
    let history = full_hour();
    let each = (processor_time() - before) / 7200;
    let size = history.bytes() as f64 / 1e6;
    println!("a sample into the history: {each:?}; an hour of 8 GPUs: {size:.2} MB (target 4 MB)");
}

fn view() {
    let mut state = State::new((200, 60));
    state.view = View::Metrics;
    state.metrics.history = full_hour();
    let sample = Sample {
        gpus: Ok(vec![
            GpuSample::silent(0, Vendor::Nvidia, "GPU", "not told");
            8
        ]),
        ..Sample::default()
    };
    state.gauges.latest = Some(sample);
    for zoom in ["5 min", "60 min"] {
        let mut terminal = match Terminal::new(TestBackend::new(200, 60)) {
            Ok(terminal) => terminal,
            Err(error) => match error {},
        };
        let (theme, mut cache) = (Theme::default(), TranscriptCache::default());
        let mut times: Vec<Duration> = (0..FRAMES)
            .map(|_| {
                let began = Instant::now();
                let drawn = terminal.draw(|frame| {
                    ui::draw(frame, &state, &theme, &mut cache);
                });
                match drawn {
                    Ok(_) => began.elapsed(),
                    Err(error) => match error {},
                }
            })
            .collect();
        times.sort_unstable();
        let median = times[times.len() / 2];
        println!("the view of metrics, 200x60, {zoom}: {median:?} (target 4 ms)");
        state.metrics.window = state.metrics.window.widest();
    }
}
