//! GPUs, by vendor: NVIDIA through NVML, AMD and Intel through `/sys`, Apple by name.
//!
//! Each source answers for its own vendor and may block for as long as its driver does; the
//! sampler gives each a thread.

mod amd;
mod amd_metrics;
mod apple;
mod card;
mod intel;
mod nvidia;

use std::path::Path;
use std::time::Instant;

pub use amd::AmdSource;
pub use apple::AppleSource;
pub use intel::IntelSource;
pub use nvidia::NvmlSource;

use super::{GpuMemory, GpuReading, MemorySample, Missing, Pool};

const OWN_MEMORY: Missing = "the GPU has its own";

/// A source of GPUs with a name for its thread; given the time, it may block.
pub struct GpuSource {
    pub name: &'static str,
    pub read: Box<dyn FnMut(Instant) -> GpuReading + Send>,
}

/// Every vendor's source, on a tree that looks like `/`.
pub fn sources(root: &Path) -> Vec<GpuSource> {
    let mut nvidia = NvmlSource::new(None);
    let mut amd = AmdSource::new(root);
    let mut intel = IntelSource::new(root);
    let mut apple = AppleSource::new();
    let mut sources = vec![
        GpuSource {
            name: "nvidia",
            read: Box::new(move |now| nvidia.read(now)),
        },
        GpuSource {
            name: "amd",
            read: Box::new(move |now| amd.read(now)),
        },
        GpuSource {
            name: "intel",
            read: Box::new(move |now| intel.read(now)),
        },
    ];
    if cfg!(target_os = "macos") {
        sources.push(GpuSource {
            name: "apple",
            read: Box::new(move |_| apple.read()),
        });
    }
    sources
}

/// All vendors' answers as one list, numbered through. Where there is no GPU at all, the reasons
/// of those that have more to say than that.
pub(super) fn merge(answers: Vec<GpuReading>) -> GpuReading {
    let mut gpus = Vec::new();
    let mut reasons: Vec<String> = Vec::new();
    for answer in answers {
        match answer {
            Ok(found) => gpus.extend(found),
            Err(reason) => reasons.push(reason),
        }
    }
    for (index, gpu) in (0..).zip(&mut gpus) {
        gpu.index = index;
    }
    if gpus.is_empty() && !reasons.is_empty() {
        let notable = |reason: &String| !reason.starts_with("no ");
        let told: Vec<String> = match reasons.iter().any(notable) {
            true => reasons.into_iter().filter(notable).collect(),
            false => vec!["no GPU found".to_owned()],
        };
        return Err(told.join("; "));
    }
    Ok(gpus)
}

/// Shows memory that CPU and GPU share as one pool: what the firmware set aside for the GPU counts
/// to it, and a GPU that tells nothing of the memory has the machine's.
pub(super) fn pool(memory: &mut MemorySample, gpus: &mut GpuReading) {
    memory.pool = Err(OWN_MEMORY);
    let (Ok(used), Ok(total)) = (memory.used, memory.total) else {
        return;
    };
    let mut pool = Pool { used, total };
    let mut shared = false;
    for gpu in gpus.iter_mut().flatten() {
        if gpu.memory != GpuMemory::Shared {
            continue;
        }
        shared = true;
        if let Ok(aside) = gpu.set_aside {
            pool.used = pool.used.saturating_add(aside.used);
            pool.total = pool.total.saturating_add(aside.total);
        }
        if gpu.memory_total.is_err() {
            (gpu.memory_used, gpu.memory_total) = (memory.used, memory.total);
        }
    }
    if shared {
        memory.pool = Ok(pool);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{GpuSample, Vendor};
    use super::*;

    fn gpu(vendor: Vendor) -> GpuSample {
        GpuSample::silent(0, vendor, "GPU", "asleep")
    }

    #[test]
    fn vendors_are_numbered_through() {
        let both = merge(vec![
            Err("no NVIDIA driver found".into()),
            Ok(vec![gpu(Vendor::Amd)]),
            Ok(vec![gpu(Vendor::Intel), gpu(Vendor::Intel)]),
        ]);
        let indices: Vec<u32> = both.unwrap().iter().map(|gpu| gpu.index).collect();
        assert_eq!(indices, [0, 1, 2]);
    }

    #[test]
    fn without_a_gpu_the_reason_worth_telling_is_told() {
        let none = || Err("no AMD GPU found".to_owned());
        assert_eq!(merge(vec![none(), none()]), Err("no GPU found".to_owned()));
        let broken = Err("the GPU driver does not answer".to_owned());
        assert_eq!(merge(vec![none(), broken.clone()]), broken);
    }

    #[test]
    fn shared_memory_is_one_pool() {
        let mut memory = MemorySample::missing("not read yet");
        (memory.used, memory.total) = (Ok(40), Ok(96));
        let mut strix = gpu(Vendor::Amd);
        strix.memory = GpuMemory::Shared;
        strix.set_aside = Ok(Pool { used: 3, total: 32 });
        (strix.memory_used, strix.memory_total) = (Ok(23), Ok(110));
        let mut gpus = Ok(vec![strix]);
        pool(&mut memory, &mut gpus);
        assert_eq!(
            memory.pool,
            Ok(Pool {
                used: 43,
                total: 128
            })
        );
        assert_eq!(gpus.unwrap()[0].memory_total, Ok(110));

        let mut spark = gpu(Vendor::Nvidia);
        spark.memory = GpuMemory::Shared;
        let mut gpus = Ok(vec![spark]);
        pool(&mut memory, &mut gpus);
        assert_eq!(
            memory.pool,
            Ok(Pool {
                used: 40,
                total: 96
            })
        );
        assert_eq!(gpus.unwrap()[0].memory_total, Ok(96));
    }

    #[test]
    fn a_gpu_with_memory_of_its_own_makes_no_pool() {
        let mut memory = MemorySample::missing("not read yet");
        (memory.used, memory.total) = (Ok(40), Ok(96));
        pool(&mut memory, &mut Ok(vec![gpu(Vendor::Nvidia)]));
        assert_eq!(memory.pool, Err(OWN_MEMORY));
        pool(&mut memory, &mut Err("none".to_owned()));
        assert_eq!(memory.pool, Err(OWN_MEMORY));
    }
}
