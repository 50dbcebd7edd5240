//! The sensors of this machine: what each reads now, or why it is missing.

use serde::Serialize;

use crate::telemetry::{GpuSample, Missing, Reading, Sample, Vendor};

/// One sensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Sensor {
    pub name: String,
    /// As a person reads it; `None` when it is missing.
    pub value: Option<String>,
    /// Why it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// Every sensor of a sample.
pub(super) fn list(sample: &Sample) -> Vec<Sensor> {
    let (cpu, memory, process) = (&sample.cpu, &sample.memory, &sample.process);
    let mut sensors = vec![
        sensor("CPU load", cpu.load, percent),
        sensor("CPU quota", cpu.quota, cores),
        sensor("CPU steal", cpu.steal, percent),
        sensor("CPU clock", cpu.clock, megahertz),
        sensor("CPU temperature", cpu.temperature, celsius),
        sensor("CPU power", cpu.power, watts),
        sensor("memory", pair(memory.used, memory.total), of),
        sensor("swap", pair(memory.swap_used, memory.swap_total), of),
        sensor("swap read", memory.swap_in, rate),
        sensor("swap written", memory.swap_out, rate),
        sensor("this process", memory.process, size),
        sensor("page faults", process.major_faults, per_second),
        sensor("disk reads", process.disk_read, rate),
    ];
    if let Ok(pool) = memory.pool {
        sensors.push(sensor("shared pool", Ok((pool.used, pool.total)), of));
    }
    sensors.extend(
        sample
            .zones
            .iter()
            .map(|zone| sensor(format!("zone {}", zone.name), zone.temperature, celsius)),
    );
    match &sample.gpus {
        Ok(gpus) => sensors.extend(gpus.iter().flat_map(gpu)),
        Err(reason) => sensors.push(Sensor {
            name: "GPU".to_owned(),
            value: None,
            missing: Some(reason.clone()),
        }),
    }
    sensors
}

fn gpu(gpu: &GpuSample) -> Vec<Sensor> {
    let named = |what: &str| format!("GPU {} {what}", gpu.index);
    let reasons = gpu.throttle.as_ref().map_err(|reason| *reason).map(|all| {
        let all: Vec<&str> = all.iter().map(|reason| reason.what()).collect();
        all.join(", ")
    });
    let throttle = reasons.as_ref().map_err(|reason| *reason);
    let throttle = throttle.map(|reasons| match reasons.as_str() {
        "" => "nothing",
        reasons => reasons,
    });
    vec![
        Sensor {
            name: format!("GPU {}", gpu.index),
            value: Some(with_maker(gpu)),
            missing: None,
        },
        sensor(named("load"), gpu.load, percent),
        sensor(named("memory"), pair(gpu.memory_used, gpu.memory_total), of),
        sensor(named("this process"), gpu.memory_process, size),
        sensor(named("temperature"), gpu.temperature, celsius),
        sensor(named("power"), gpu.power, watts),
        sensor(named("power limit"), gpu.power_limit, watts),
        sensor(named("energy"), gpu.energy, kilojoules),
        sensor(named("clock"), gpu.clock, megahertz),
        sensor(named("memory clock"), gpu.memory_clock, megahertz),
        sensor(named("throttled by"), throttle, str::to_owned),
        sensor(named("PCIe from it"), gpu.pcie_sent, rate),
        sensor(named("PCIe to it"), gpu.pcie_received, rate),
        sensor(named("PCIe link"), gpu.link, |link| {
            format!("{} GT/s, {} lanes", link.gigatransfers, link.lanes)
        }),
        sensor(named("fan"), gpu.fan, percent),
    ]
}

/// The name, the maker first.
fn with_maker(gpu: &GpuSample) -> String {
    let maker = match gpu.vendor {
        Vendor::Nvidia => "NVIDIA",
        Vendor::Amd => "AMD",
        Vendor::Intel => "Intel",
        Vendor::Apple => "Apple",
    };
    if gpu.name.starts_with(maker) {
        gpu.name.clone()
    } else {
        format!("{maker} {}", gpu.name)
    }
}

fn sensor<T>(name: impl Into<String>, reading: Reading<T>, show: impl Fn(T) -> String) -> Sensor {
    let name = name.into();
    match reading {
        Ok(value) => Sensor {
            name,
            value: Some(show(value)),
            missing: None,
        },
        Err(reason) => Sensor {
            name,
            value: None,
            missing: Some(reason.to_owned()),
        },
    }
}

fn pair(used: Reading<u64>, total: Reading<u64>) -> Result<(u64, u64), Missing> {
    Ok((used?, total?))
}

fn percent(value: f32) -> String {
    format!("{value:.0} %")
}

fn celsius(value: f32) -> String {
    format!("{value:.0} °C")
}

fn watts(value: f32) -> String {
    format!("{value:.0} W")
}

fn cores(value: f32) -> String {
    format!("{value:.1} cores")
}

fn megahertz(value: f32) -> String {
    format!("{value:.0} MHz")
}

fn per_second(value: f64) -> String {
    format!("{value:.1} per second")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are checked to be positive and small"
)]
fn rate(bytes: f64) -> String {
    format!("{}/s", size(bytes as u64))
}

fn kilojoules(joules: f64) -> String {
    format!("{:.1} kJ", joules / 1000.0)
}

fn of((used, total): (u64, u64)) -> String {
    format!("{} of {} used", size(used), size(total))
}

/// Bytes in the unit that fits: `1.5 GiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, bits)| bytes >> bits > 0) {
        Some((unit, bits)) => format!("{:.1} {unit}", bytes as f64 / f64::from(1u32 << bits)),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{CpuSample, Link, MemorySample, Throttle};

    #[test]
    fn missing_sensors_say_why_and_the_others_what_they_read() {
        let gpu = GpuSample {
            load: Ok(97.0),
            memory_used: Ok(3 << 29),
            memory_total: Ok(140 << 30),
            temperature: Ok(61.0),
            power_limit: Ok(700.0),
            throttle: Ok(vec![Throttle::PowerLimit, Throttle::Heat]),
            pcie_sent: Ok(3e9),
            link: Ok(Link {
                gigatransfers: 16.0,
                lanes: 8,
            }),
            ..GpuSample::silent(0, Vendor::Nvidia, "NVIDIA H200", "not reported by this GPU")
        };
        let sample = Sample {
            cpu: CpuSample {
                load: Ok(12.4),
                cores: vec![12.4],
                temperature: Err("no CPU sensor found"),
                quota: Err("no limit"),
                clock: Ok(3200.0),
                ..CpuSample::missing("not reported by this system")
            },
            memory: MemorySample {
                total: Ok(32 << 30),
                used: Ok(8 << 30),
                swap_total: Err("none configured"),
                swap_used: Err("none configured"),
                process: Ok(50 << 20),
                swap_in: Ok(0.0),
                ..MemorySample::missing("not reported by this system")
            },
            gpus: Ok(vec![gpu]),
            ..Sample::default()
        };
        let lines: Vec<String> = list(&sample)
            .into_iter()
            .map(|sensor| {
                let text = sensor
                    .value
                    .or(sensor.missing.map(|reason| format!("missing: {reason}")));
                format!("{}: {}", sensor.name, text.unwrap())
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        CPU load: 12 %
        CPU quota: missing: no limit
        CPU steal: missing: not reported by this system
        CPU clock: 3200 MHz
        CPU temperature: missing: no CPU sensor found
        CPU power: missing: not reported by this system
        memory: 8.0 GiB of 32.0 GiB used
        swap: missing: none configured
        swap read: 0 B/s
        swap written: missing: not reported by this system
        this process: 50.0 MiB
        page faults: missing: not read yet
        disk reads: missing: not read yet
        GPU 0: NVIDIA H200
        GPU 0 load: 97 %
        GPU 0 memory: 1.5 GiB of 140.0 GiB used
        GPU 0 this process: missing: not reported by this GPU
        GPU 0 temperature: 61 °C
        GPU 0 power: missing: not reported by this GPU
        GPU 0 power limit: 700 W
        GPU 0 energy: missing: not reported by this GPU
        GPU 0 clock: missing: not reported by this GPU
        GPU 0 memory clock: missing: not reported by this GPU
        GPU 0 throttled by: power limit, hot
        GPU 0 PCIe from it: 2.8 GiB/s
        GPU 0 PCIe to it: missing: not reported by this GPU
        GPU 0 PCIe link: 16 GT/s, 8 lanes
        GPU 0 fan: missing: not reported by this GPU
        ");
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(
            [512, 2048, 3 << 20, 5 << 29].map(size),
            ["512 B", "2.0 KiB", "3.0 MiB", "2.5 GiB"]
        );
    }
}
