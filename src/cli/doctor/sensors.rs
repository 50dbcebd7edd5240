//! The sensors of this machine: what each reads now, or why it is missing.

use serde::Serialize;

use crate::telemetry::{GpuSample, Missing, Reading, Sample};

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
    let memory = &sample.memory;
    let mut sensors = vec![
        sensor("CPU load", sample.cpu.load, percent),
        sensor("CPU temperature", sample.cpu.temperature, celsius),
        sensor("memory", pair(memory.used, memory.total), of),
        sensor("swap", pair(memory.swap_used, memory.swap_total), of),
        sensor("this process", memory.process, size),
    ];
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
    vec![
        Sensor {
            name: format!("GPU {}", gpu.index),
            value: Some(gpu.name.clone()),
            missing: None,
        },
        sensor(named("load"), gpu.load, percent),
        sensor(named("memory"), pair(gpu.memory_used, gpu.memory_total), of),
        sensor(named("temperature"), gpu.temperature, celsius),
        sensor(named("power"), gpu.power, watts),
        sensor(named("power limit"), gpu.power_limit, watts),
    ]
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

fn of((used, total): (u64, u64)) -> String {
    format!("{} of {}", size(used), size(total))
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
    use crate::telemetry::{CpuSample, MemorySample};

    #[test]
    fn missing_sensors_say_why_and_the_others_what_they_read() {
        let gpu = GpuSample {
            index: 0,
            name: "NVIDIA H200".to_owned(),
            load: Ok(97.0),
            memory_used: Ok(3 << 29),
            memory_total: Ok(140 << 30),
            temperature: Ok(61.0),
            power: Err("not reported by this GPU"),
            power_limit: Ok(700.0),
        };
        let sample = Sample {
            cpu: CpuSample {
                load: Ok(12.4),
                cores: vec![12.4],
                temperature: Err("no CPU sensor found"),
            },
            memory: MemorySample {
                total: Ok(32 << 30),
                used: Ok(8 << 30),
                swap_total: Err("none configured"),
                swap_used: Err("none configured"),
                process: Ok(50 << 20),
            },
            gpus: Ok(vec![gpu]),
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
        CPU temperature: missing: no CPU sensor found
        memory: 8.0 GiB of 32.0 GiB
        swap: missing: none configured
        this process: 50.0 MiB
        GPU 0: NVIDIA H200
        GPU 0 load: 97 %
        GPU 0 memory: 1.5 GiB of 140.0 GiB
        GPU 0 temperature: 61 °C
        GPU 0 power: missing: not reported by this GPU
        GPU 0 power limit: 700 W
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
