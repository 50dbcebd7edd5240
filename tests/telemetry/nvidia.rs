//! NVIDIA's driver: a stand-in for its library, compiled here.

use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use llmdeck::telemetry::{
    GpuMemory, GpuReading, GpuSource, NvmlSource, Sampler, Sources, Throttle,
};

use crate::tree::Tree;

/// A driver that behaves as the test says.
pub struct Driver {
    tree: Tree,
    pub library: PathBuf,
}

impl Driver {
    /// Compiles the stand-in; what builds llama.cpp builds this as well.
    pub fn new(state: &str) -> Self {
        let tree = Tree::new(&[("state", state)]);
        let library = tree.path("libnvidia-ml.so.1");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/telemetry/nvml.c");
        let state = format!("-DSTATE=\"{}\"", tree.path("state").display());
        let built = Command::new(&compiler)
            .args(["-shared", "-fPIC", "-O1", &state, "-o"])
            .arg(&library)
            .arg(source)
            .output()
            .unwrap_or_else(|error| panic!("starting {compiler}: {error}"));
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        Self { tree, library }
    }

    pub fn becomes(&self, state: &str) {
        // In one step: the stand-in reads it at every call.
        self.tree.write("next", state);
        std::fs::rename(self.tree.path("next"), self.tree.path("state")).unwrap();
    }

    fn source(&self) -> NvmlSource {
        NvmlSource::new(Some(self.library.clone()))
    }

    fn read(&self) -> GpuReading {
        self.source().read(Instant::now())
    }
}

#[test]
fn several_gpus_tell_everything() {
    let gpus = Driver::new("ok").read().unwrap();
    let [card, spark] = gpus.as_slice() else {
        panic!("{gpus:?}")
    };
    assert_eq!(
        (card.name.as_str(), card.id.as_str()),
        ("NVIDIA Stand-in 24GB", "GPU-0")
    );
    assert_eq!((card.load, card.temperature), (Ok(63.0), Ok(58.0)));
    assert_eq!(
        (card.memory_used, card.memory_total),
        (Ok(6 << 30), Ok(24 << 30))
    );
    assert_eq!(card.memory_process, Ok(5 << 30));
    assert_eq!((card.power, card.power_limit), (Ok(61.4), Ok(72.0)));
    assert_eq!(card.energy, Ok(5000.0));
    assert_eq!((card.clock, card.clock_max), (Ok(2040.0), Ok(2100.0)));
    assert_eq!((card.memory_clock, card.fan), (Ok(6250.0), Ok(40.0)));
    assert_eq!((card.pcie_sent, card.pcie_received), (Ok(1.5e6), Ok(2.5e6)));
    assert_eq!(
        card.throttle,
        Ok(vec![Throttle::PowerLimit, Throttle::Heat])
    );
    assert_eq!(
        (card.memory, spark.memory),
        (GpuMemory::Own, GpuMemory::Shared)
    );
    assert_eq!(spark.memory_total, Err("not reported by this GPU"));
    assert_eq!(spark.memory_process, Err("this process does not use it"));
    assert_eq!(spark.fan, Err("not reported by this GPU"));
}

#[test]
fn a_gpu_in_the_machines_memory_is_one_pool_with_it() {
    let driver = Driver::new("ok");
    let mut nvml = driver.source();
    let mut sources = Sources::system();
    sources.gpus = vec![GpuSource {
        name: "nvidia",
        read: Box::new(move |now| nvml.read(now)),
    }];
    let sample = sources.read(Instant::now());
    let spark = &sample.gpus.unwrap()[1];
    assert_eq!(spark.memory_total, sample.memory.total);
    assert_eq!(
        sample.memory.pool.unwrap().total,
        sample.memory.total.unwrap()
    );
}

#[test]
fn instances_of_mig_are_gpus_with_a_memory_each() {
    let gpus = Driver::new("mig").read().unwrap();
    let named: Vec<_> = gpus
        .iter()
        .map(|gpu| (gpu.name.as_str(), gpu.id.as_str()))
        .collect();
    assert_eq!(
        named,
        [
            ("NVIDIA Stand-in MIG 1g.12gb", "MIG-4"),
            ("NVIDIA Stand-in MIG 2g.24gb", "MIG-5")
        ]
    );
    assert_eq!(
        (gpus[0].memory_used, gpus[0].memory_total),
        (Ok(1 << 30), Ok(12 << 30))
    );
    assert_eq!(gpus[0].power, Ok(61.4));
    assert!(gpus[1].power.is_err(), "power of a board counts once");
    assert_eq!(gpus[1].temperature, Ok(58.0));
}

#[test]
fn a_driver_without_a_gpu_says_so() {
    let none = Driver::new("none").read();
    assert_eq!(none, Err("no NVIDIA GPU found".to_owned()));
}

#[test]
fn nonsense_is_missing() {
    let gpu = Driver::new("lies").read().unwrap().remove(0);
    for reading in [gpu.load, gpu.temperature, gpu.power, gpu.clock] {
        assert_eq!(reading, Err("nonsense reading"));
    }
    assert_eq!(gpu.memory_used, Err("nonsense reading"));
    assert_eq!(gpu.energy, Err("nonsense reading"));
    assert_eq!(gpu.memory_total, Ok(24 << 30));
}

#[test]
fn a_driver_that_dies_is_told_and_found_again() {
    let driver = Driver::new("ok");
    let mut source = driver.source();
    let start = Instant::now();
    assert_eq!(source.read(start).unwrap().len(), 2);
    driver.becomes("lost");
    let dead = source.read(start).unwrap_err();
    assert!(dead.starts_with("NVML: "), "{dead}");
    driver.becomes("ok");
    assert_eq!(
        source.read(start),
        Err(dead),
        "it is left alone for a while"
    );
    let later = start + Duration::from_secs(30);
    assert_eq!(source.read(later).unwrap().len(), 2);
}

#[tokio::test]
async fn a_driver_that_hangs_holds_up_nothing() {
    let driver = Driver::new("hang");
    let mut nvml = driver.source();
    let (answered, answer) = mpsc::channel();
    let mut sources = Sources::system();
    sources.gpus = vec![GpuSource {
        name: "nvidia",
        read: Box::new(move |now| {
            let reading = nvml.read(now);
            let _ = answered.send(());
            reading
        }),
    }];
    let (sampler, mut samples) = Sampler::start(sources, Duration::ZERO).unwrap();
    let mut next = async || {
        samples.changed().await.unwrap();
        samples.borrow_and_update().clone().unwrap()
    };
    let sample = next().await;
    assert_eq!(
        sample.gpus,
        Err("the GPU driver has not answered yet".to_owned())
    );
    assert!(sample.memory.process.is_ok());
    driver.becomes("ok");
    answer.recv_timeout(Duration::from_secs(60)).unwrap();
    // The answer is in the sample after it.
    let gpus = loop {
        if let Ok(gpus) = next().await.gpus {
            break gpus;
        }
    };
    assert_eq!(gpus.len(), 2);
    assert!(sampler.join(Duration::from_secs(60)));
}
