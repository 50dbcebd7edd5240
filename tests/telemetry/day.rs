//! A day with sensors that appear, vanish, stop answering and lie.

use std::time::{Duration, Instant};

use llmdeck::telemetry::history::{History, MarkKind, SPAN_MS, Series, Work, export};
use llmdeck::telemetry::{
    Busy, Done, EnergyMeter, GpuSample, Heat, Moment, Sample, Sources, Vendor,
};

use crate::tree::Tree;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Numbers that look random and are the same every time (xorshift64, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.next() as usize % all.len()]
    }
}

/// What drivers have been seen to say, and worse.
const NONSENSE: [&str; 16] = [
    "0",
    "1",
    "42",
    "100",
    "61000",
    "2400000",
    "-1",
    "-273150",
    "NaN",
    "1e30",
    "inf",
    "4294967295",
    "18446744073709551615",
    "99999999999999999999999999",
    "",
    "N/A",
];

const FILES: [&str; 26] = [
    "proc/stat",
    "proc/loadavg",
    "proc/meminfo",
    "proc/vmstat",
    "proc/self/stat",
    "proc/self/statm",
    "proc/self/io",
    "proc/self/cgroup",
    "sys/fs/cgroup/cpu.max",
    "sys/fs/cgroup/memory.max",
    "sys/fs/cgroup/memory.current",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "sys/class/hwmon/hwmon0/temp1_input",
    "sys/class/thermal/thermal_zone0/temp",
    "sys/class/powercap/intel-rapl:0/energy_uj",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj",
    "sys/class/drm/card0/device/gpu_busy_percent",
    "sys/class/drm/card0/device/mem_info_vram_total",
    "sys/class/drm/card0/device/mem_info_vram_used",
    "sys/class/drm/card0/device/hwmon/hwmon1/temp1_input",
    "sys/class/drm/card0/device/hwmon/hwmon1/power1_average",
    "sys/class/drm/card0/device/hwmon/hwmon1/freq1_input",
    "sys/class/drm/card1/gt_act_freq_mhz",
    "sys/class/drm/card1/power/rc6_residency_ms",
    "sys/class/drm/card1/device/hwmon/hwmon2/energy1_input",
    "sys/class/drm/card1/lmem_total_bytes",
];

/// Lines in which the nonsense stands where a number does.
fn line(file: &str, value: &str) -> String {
    match file {
        "proc/stat" => format!("cpu {value} 0 5 {value} 0 0 0 {value}\ncpu0 {value} 0 5 9 0 0 0 0"),
        "proc/meminfo" => format!(
            "MemTotal: {value} kB\nMemAvailable: 400 kB\nSwapTotal: {value} kB\nSwapFree: 7 kB"
        ),
        "proc/vmstat" => format!("pswpin {value}\npswpout {value}"),
        "proc/self/stat" => format!("1 (x) R 1 1 1 1 1 1 {value} 1 {value} 1 {value} {value} 1 1"),
        "proc/self/io" => format!("read_bytes: {value}"),
        "proc/self/cgroup" => format!("0::/{value}"),
        "sys/fs/cgroup/cpu.max" => format!("{value} 100000"),
        _ => value.to_owned(),
    }
}

/// Holds every reading to its unit: what is there is a number that can be.
fn check(sample: &Sample) {
    let within = |reading: Result<f32, &str>, most: f32| {
        if let Ok(value) = reading {
            assert!((0.0..=most).contains(&value), "{value} {sample:?}");
        }
    };
    let rate = |reading: Result<f64, &str>| {
        if let Ok(value) = reading {
            assert!((0.0..=1e14).contains(&value), "{value} {sample:?}");
        }
    };
    let share = |used: Result<u64, &str>, total: Result<u64, &str>| {
        if let (Ok(used), Ok(total)) = (used, total) {
            assert!(used <= total, "{sample:?}");
        }
    };
    let (cpu, memory, process) = (&sample.cpu, &sample.memory, &sample.process);
    for percent in [cpu.load, cpu.steal, cpu.held_back] {
        within(percent, 100.0);
    }
    cpu.cores.iter().for_each(|core| within(Ok(*core), 100.0));
    within(cpu.clock, 20_000.0);
    within(cpu.temperature, 150.0);
    within(cpu.power, 10_000.0);
    within(cpu.quota, 10_000.0);
    within(process.cpu, 1e6);
    rate(cpu.energy);
    for flow in [
        memory.swap_in,
        memory.swap_out,
        process.disk_read,
        process.major_faults,
        process.minor_faults,
    ] {
        rate(flow);
    }
    share(memory.used, memory.total);
    share(memory.swap_used, memory.swap_total);
    for zone in &sample.zones {
        within(zone.temperature, 150.0);
    }
    for gpu in sample.gpus.iter().flatten() {
        for percent in [gpu.load, gpu.fan] {
            within(percent, 100.0);
        }
        within(gpu.clock, 20_000.0);
        within(gpu.temperature, 150.0);
        within(gpu.power, 10_000.0);
        rate(gpu.energy);
        rate(gpu.pcie_sent);
        share(gpu.memory_used, gpu.memory_total);
    }
}

#[test]
fn readers_survive_a_day_of_nonsense() {
    let mut chance = Chance(0x1234_5678_9abc_def1);
    let tree = Tree::new(&[
        ("sys/class/hwmon/hwmon0/name", "k10temp"),
        ("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp"),
        ("sys/class/powercap/intel-rapl:0/name", "package-0"),
        ("sys/class/drm/card0/device/vendor", "0x1002"),
        ("sys/class/drm/card1/device/vendor", "0x8086"),
        ("sys/class/drm/card1/device/hwmon/hwmon2/name", "i915"),
    ]);
    let mut sources = Sources::of(tree.root());
    sources.gpus.retain(|source| source.name != "nvidia");
    let start = Instant::now();
    let mut readings = 0;
    for minute in 0..DAY_MS / 60_000 {
        for _ in 0..6 {
            let file = chance.one_of(&FILES);
            match chance.next() % 8 {
                0 => tree.remove(file),
                // A folder where a file should be cannot be read.
                1 => {
                    tree.remove(file);
                    std::fs::create_dir_all(tree.path(file)).unwrap();
                }
                2 => {
                    tree.remove(file);
                    tree.write_bytes(file, &chance.next().to_le_bytes());
                }
                _ => {
                    tree.remove(file);
                    tree.write(file, &line(file, chance.one_of(&NONSENSE)));
                }
            }
        }
        let sample = sources.read(start + Duration::from_secs(minute * 60));
        readings += usize::from(sample.cpu.temperature.is_ok());
        check(&sample);
    }
    assert!(readings > 0, "not everything was nonsense");
}

/// A sample in which anything may be missing, at any number that passed the checks of its reader.
fn any(chance: &mut Chance, ms: u64, blocked: bool) -> Sample {
    let mut sample = Sample {
        at: Moment {
            ms,
            unix_ms: 1_700_000_000_000,
        },
        ..Sample::default()
    };
    let mut reading = |most: f32| match chance.next() % 5 {
        0 => Err("gone"),
        _ => Ok((chance.next() % 1000) as f32 / 1000.0 * most),
    };
    sample.cpu.load = reading(100.0);
    sample.cpu.power = reading(10_000.0);
    sample.cpu.temperature = reading(150.0);
    let heat = Heat::missing("the sensors do not answer");
    if blocked {
        (sample.cpu.temperature, sample.cpu.power) = (heat.temperature, heat.power);
    }
    let gpus = chance.next() % 12;
    let gpu = |index: u64| {
        let mut gpu = GpuSample::silent(index as u32, Vendor::Nvidia, "GPU", "gone");
        gpu.load = Ok((index * 7 % 100) as f32);
        gpu.power = Ok(50.0);
        gpu.energy = Ok((ms % 100_000) as f64);
        gpu
    };
    sample.gpus = match blocked {
        true => Err("the GPU driver does not answer".to_owned()),
        false => Ok((0..gpus).map(gpu).collect()),
    };
    sample
}

#[test]
fn a_day_is_kept_as_an_hour_in_fixed_memory() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let (mut history, mut meter) = (History::default(), EnergyMeter::default());
    let mut done = Done::default();
    let mut most = 0;
    let mut ms = 0;
    let mut step = 0_u64;
    while ms < DAY_MS {
        step += 1;
        ms += 500 + chance.next() % 3;
        let blocked = step % 1000 > 900;
        let sample = any(&mut chance, ms, blocked);
        let works = step % 200 < 120;
        if works {
            done.decode_ms += 480.0;
            done.decode_n += 12;
        }
        let work = Work {
            decode: works.then_some(25.0),
            prompt: None,
            bandwidth: works.then_some(f64::NAN),
        };
        history.record(&sample, &work);
        meter.take(&sample, done, if works { Busy::Yes } else { Busy::No });
        if step.is_multiple_of(50) {
            history.mark(MarkKind::Reply, "a reply began, 1,234 prompt tokens");
        }
        if step.is_multiple_of(1000) {
            most = most.max(history.bytes());
            let energy = meter.total();
            assert!(energy.decode.joules.is_finite() && energy.decode.joules >= 0.0);
        }
    }
    assert!(most < 4 << 20, "{most} bytes");
    let (oldest, latest) = (history.oldest_ms().unwrap(), history.latest_ms().unwrap());
    assert!(latest - oldest <= SPAN_MS);
    assert!(latest - oldest > SPAN_MS - 60_000, "a whole hour is there");
    assert!(!history.has(Series::Bandwidth), "NaN is no reading");
    let whole = export::Range {
        from: 0,
        to: u64::MAX,
    };
    let csv = export::write(&history, whole, export::Format::Csv);
    assert_eq!(csv.lines().count(), history.moments().count() + 1);
    assert!(!csv.contains("NaN") && !csv.contains("inf"));
}
