//! The memory that a model is to fit: this machine's, or that of hardware by name or by size.

use crate::cli::{ExitCode, Failure};
use crate::engine::{Device, llama};
use crate::hardware::{self, Hardware, Kind};
use crate::params::{LoadParams, nearest_word};
use crate::plan::{Capacity, Peak, Room};
use crate::runtime::bandwidths;

/// Devices with their memory.
pub(super) struct Machine {
    pub room: Room,
    /// Names of the GPUs, in the room's order.
    pub gpus: Vec<String>,
    /// What system memory is called; `None` = not known, so nothing is asked of it.
    pub host: Option<String>,
    /// Bytes per second, of system memory first, then of the GPUs.
    pub bandwidths: Vec<Option<u64>>,
    /// GPUs to choose parameters by: a machine with one memory for all has one.
    pub n_gpus: usize,
    /// Free bytes of swap.
    pub swap: u64,
}

impl Machine {
    /// This one, as it is now, with the bandwidths that were measured before.
    pub(super) fn here(params: &LoadParams, peaks: &[Peak]) -> Self {
        let (devices, room) = llama::machine(params);
        let name = |device: &Device| match device.description.as_str() {
            "" => device.name.clone(),
            description => format!("{} ({description})", device.name),
        };
        Self {
            gpus: devices.iter().map(name).collect(),
            host: Some("system memory".into()),
            bandwidths: bandwidths(&devices, peaks),
            n_gpus: devices.len(),
            swap: free_swap(),
            room,
        }
    }

    /// Hardware that need not be here, with nothing in its memory.
    pub(super) fn of(parts: &[Hardware]) -> Self {
        let capacity = |part: &Hardware| Capacity {
            free: part.memory,
            total: part.memory,
        };
        let cards = parts.iter().filter(|part| part.kind == Kind::Gpu);
        // With cards beside it a memory shared with a small GPU is system memory.
        let memory = parts.iter().find(|part| part.kind != Kind::Gpu);
        let unknown = Capacity {
            free: u64::MAX,
            total: u64::MAX,
        };
        let gpus: Vec<&Hardware> = cards.collect();
        let bandwidth = |part: &Hardware| part.bandwidth;
        let unified = memory.is_some_and(|memory| memory.kind == Kind::Unified);
        Self {
            room: Room {
                host: memory.map_or(unknown, capacity),
                gpus: gpus.iter().map(|part| capacity(part)).collect(),
                ..Room::default()
            },
            host: memory.map(|memory| memory.name.clone()),
            bandwidths: std::iter::once(memory.and_then(bandwidth))
                .chain(gpus.iter().map(|part| bandwidth(part)))
                .collect(),
            n_gpus: gpus.len().max(usize::from(unified)),
            gpus: gpus.iter().map(|part| part.name.clone()).collect(),
            swap: 0,
        }
    }

    /// Whether processor and GPU have one memory.
    pub(super) fn is_unified(&self) -> bool {
        self.gpus.is_empty() && self.n_gpus > 0
    }
}

/// Takes the devices that are sizes out of a list of names: `24GiB@1008GB/s`, or without a rate.
///
/// # Errors
/// When such a device cannot be read.
pub(super) fn described(names: &mut Vec<String>) -> Result<Vec<Hardware>, Failure> {
    let is_size = |name: &String| name.starts_with(|c: char| c.is_ascii_digit());
    let sizes: Vec<String> = names.iter().filter(|name| is_size(name)).cloned().collect();
    names.retain(|name| !is_size(name));
    sizes.iter().map(|text| device(text)).collect()
}

fn device(text: &str) -> Result<Hardware, Failure> {
    let wrong = |why: String| {
        Failure::new(ExitCode::Usage, format!("--device {text}"), why)
            .hint("give memory and bandwidth, as in 24GiB@1008GB/s")
    };
    let (memory, rate) = match text.split_once('@') {
        Some((memory, rate)) => (memory, Some(rate)),
        None => (text, None),
    };
    let bandwidth = match rate {
        Some(rate) => Some(hardware::bandwidth(rate).map_err(wrong)?),
        None => None,
    };
    Ok(Hardware {
        id: text.to_owned(),
        name: text.to_owned(),
        kind: Kind::Gpu,
        memory: hardware::bytes(memory).map_err(wrong)?,
        bandwidth,
        source: String::new(),
    })
}

/// Hardware of the catalogue.
///
/// # Errors
/// When there is none of this id: the message names the nearest.
pub(super) fn known(catalogue: &[Hardware], id: &str) -> Result<Hardware, Failure> {
    let wanted = id.to_lowercase();
    let found = catalogue.iter().find(|hardware| hardware.id == wanted);
    found.cloned().ok_or_else(|| {
        let ids = catalogue.iter().map(|hardware| hardware.id.as_str());
        let hint = match nearest_word(&wanted, ids) {
            Some(near) => format!("did you mean {near}?"),
            None => "llmdeck fit --list-hardware has them all".to_owned(),
        };
        Failure::new(
            ExitCode::Usage,
            format!("--hardware {id}"),
            "the catalogue has none of this id",
        )
        .hint(hint)
    })
}

fn free_swap() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else {
        return 0;
    };
    system.refresh_memory();
    system.free_swap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_may_be_sizes() {
        let mut names = vec!["CUDA0".to_owned(), "24GiB@1008GB/s".into(), "8GiB".into()];
        let sizes = described(&mut names).expect("readable");
        assert_eq!(names, ["CUDA0"]);
        assert_eq!(
            (sizes[0].memory, sizes[0].bandwidth),
            (24 << 30, Some(1_008_000_000_000))
        );
        assert_eq!((sizes[1].memory, sizes[1].bandwidth), (8 << 30, None));
        for wrong in ["24@1008GB/s", "24GiB@fast", "0GiB"] {
            assert!(described(&mut vec![wrong.into()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_memory_for_all_is_system_memory_with_a_gpu() {
        let part = |kind| Hardware {
            id: String::new(),
            name: "x".into(),
            kind,
            memory: 10,
            bandwidth: Some(1),
            source: String::new(),
        };
        let unified = Machine::of(&[part(Kind::Unified)]);
        assert!(unified.is_unified() && unified.room.host.free == 10);
        let card = Machine::of(&[part(Kind::Gpu)]);
        assert!(!card.is_unified() && card.host.is_none());
        let both = Machine::of(&[part(Kind::Ram), part(Kind::Gpu)]);
        assert_eq!((both.n_gpus, both.room.host.free), (1, 10));
    }
}
