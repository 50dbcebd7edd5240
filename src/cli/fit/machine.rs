//! The memory that a model is to fit: this machine's, or that of hardware by name or by size.

use std::ops::Range;

use crate::cli::{ExitCode, Failure};
use crate::engine::{Device, llama};
use crate::hardware::{self, Hardware, Kind};
use crate::params::{LoadParams, ModelParams, SplitMode, nearest_word};
use crate::plan::{self, Capacity, Peak, Room};
use crate::runtime::bandwidths;

/// The only name of a device with which no GPU gets layers.
const NO_DEVICE: &str = "none";

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
    /// Free bytes of swap; `None` = not known.
    pub swap: Option<u64>,
    /// What was asked of devices that are not part of it.
    pub notes: Vec<String>,
}

impl Machine {
    /// This one, as it is now, with the bandwidths that were measured before.
    ///
    /// # Errors
    /// When llama.cpp has no device of a name in the parameters, as a load would say.
    pub(super) fn here(params: &LoadParams, peaks: &[Peak]) -> Result<Self, Failure> {
        exist(&params.model.devices)?;
        let (devices, room) = llama::machine(params);
        let name = |device: &Device| match device.description.as_str() {
            "" => device.name.clone(),
            description => format!("{} ({description})", device.name),
        };
        Ok(Self {
            gpus: devices.iter().map(name).collect(),
            host: Some("system memory".into()),
            bandwidths: bandwidths(&devices, peaks),
            n_gpus: devices.len(),
            swap: free_swap(),
            notes: Vec::new(),
            room,
        })
    }

    /// Hardware that need not be here, with nothing in its memory, divided as the parameters say.
    ///
    /// # Errors
    /// When `main-gpu` is none of it.
    pub(super) fn of(parts: &[Hardware], model: &ModelParams) -> Result<Self, Failure> {
        let capacity = |part: &Hardware| Capacity {
            free: part.memory,
            total: part.memory,
        };
        let cards: Vec<&Hardware> = parts.iter().filter(|part| part.kind == Kind::Gpu).collect();
        // With cards beside it a memory shared with a small GPU is system memory.
        let memory = parts.iter().find(|part| part.kind != Kind::Gpu);
        let unknown = Capacity {
            free: u64::MAX,
            total: u64::MAX,
        };
        let unified = memory.is_some_and(|memory| memory.kind == Kind::Unified);
        let all = cards.len().max(usize::from(unified));
        let used = used(all, model)?;
        let gpus: Vec<&Hardware> = cards.get(used.clone()).unwrap_or_default().to_vec();
        let bandwidth = |part: &Hardware| part.bandwidth;
        Ok(Self {
            room: Room {
                host: memory.map_or(unknown, capacity),
                gpus: gpus.iter().map(|part| capacity(part)).collect(),
                shares: plan::given_shares(&model.tensor_split, gpus.len()),
                ..Room::default()
            },
            host: memory.map(|memory| memory.name.clone()),
            bandwidths: std::iter::once(memory.and_then(bandwidth))
                .chain(gpus.iter().map(|part| bandwidth(part)))
                .collect(),
            n_gpus: used.len(),
            gpus: gpus.iter().map(|part| part.name.clone()).collect(),
            swap: Some(0),
            notes: named_here(&model.devices).into_iter().collect(),
        })
    }

    /// Whether processor and GPU have one memory.
    pub(super) fn is_unified(&self) -> bool {
        self.gpus.is_empty() && self.n_gpus > 0
    }
}

fn exist(names: &[String]) -> Result<(), Failure> {
    if names.is_empty() || names == [NO_DEVICE] {
        return Ok(());
    }
    let known: Vec<String> = llama::devices().into_iter().map(|one| one.name).collect();
    let is_known = |name: &String| known.iter().any(|one| one.eq_ignore_ascii_case(name));
    match names.iter().find(|name| !is_known(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::new(
            ExitCode::Usage,
            format!("device {name}"),
            "llama.cpp has no such device here",
        )
        .hint(format!("it lists: {}", known.join(", ")))),
    }
}

/// Which of so many GPUs get layers, in their order.
///
/// # Errors
/// When the only one that is to get them does not exist.
fn used(n_gpus: usize, model: &ModelParams) -> Result<Range<usize>, Failure> {
    if model.devices == [NO_DEVICE] {
        return Ok(0..0);
    }
    if model.split_mode != SplitMode::None || n_gpus == 0 {
        return Ok(0..n_gpus);
    }
    match usize::try_from(model.main_gpu) {
        // As llama.cpp takes it: no GPU at all.
        Err(_) => Ok(0..0),
        Ok(main) if main < n_gpus => Ok(main..main + 1),
        Ok(main) => Err(Failure::new(
            ExitCode::Usage,
            format!("main-gpu {main}"),
            format!(
                "with split-mode none it is to get all layers, and the last GPU here is {}",
                n_gpus - 1
            ),
        )
        .hint("the first GPU is 0")),
    }
}

/// What is to be known of devices of this machine that other hardware takes the place of.
fn named_here(names: &[String]) -> Option<String> {
    (!names.is_empty() && names != [NO_DEVICE]).then(|| {
        format!(
            "device: {} would be of this machine, which the hardware given takes the place of",
            names.join(", ")
        )
    })
}

/// Takes the devices that are sizes out of a list of names: `24GiB@1008GB/s`, or without a rate.
///
/// # Errors
/// When such a device cannot be read, or stands beside the word for no device.
pub(super) fn described(names: &mut Vec<String>) -> Result<Vec<Hardware>, Failure> {
    let is_size = |name: &String| name.starts_with(|c: char| c.is_ascii_digit());
    let sizes: Vec<String> = names.iter().filter(|name| is_size(name)).cloned().collect();
    names.retain(|name| !is_size(name));
    if let Some(size) = sizes
        .first()
        .filter(|_| names.iter().any(|name| name == NO_DEVICE))
    {
        return Err(Failure::new(
            ExitCode::Usage,
            format!("--device {size},{NO_DEVICE}"),
            format!("{NO_DEVICE} leaves no device to put layers on"),
        )
        .hint("give one or the other"));
    }
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

/// Free bytes of swap, 0 where none is configured; `None` where the system tells of no memory at all.
fn free_swap() -> Option<u64> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    (system.total_memory() > 0).then(|| system.free_swap())
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

    fn part(kind: Kind, name: &str) -> Hardware {
        Hardware {
            id: String::new(),
            name: name.into(),
            kind,
            memory: 10,
            bandwidth: Some(1),
            source: String::new(),
        }
    }

    fn machine(parts: &[Hardware], change: impl Fn(&mut ModelParams)) -> Result<Machine, Failure> {
        let mut model = LoadParams::default().model;
        change(&mut model);
        Machine::of(parts, &model)
    }

    #[test]
    fn one_memory_for_all_is_system_memory_with_a_gpu() {
        let of = |kinds: &[Kind]| {
            let parts: Vec<Hardware> = kinds.iter().map(|kind| part(*kind, "x")).collect();
            machine(&parts, |_| ()).expect("usable")
        };
        let unified = of(&[Kind::Unified]);
        assert!(unified.is_unified() && unified.room.host.free == 10);
        let card = of(&[Kind::Gpu]);
        assert!(!card.is_unified() && card.host.is_none());
        let both = of(&[Kind::Ram, Kind::Gpu]);
        assert_eq!((both.n_gpus, both.room.host.free), (1, 10));
    }

    #[test]
    fn layers_go_to_the_cards_that_the_parameters_name() {
        let cards = ["A", "B"].map(|name| part(Kind::Gpu, name));
        let gpus = |change: fn(&mut ModelParams)| machine(&cards, change).map(|one| one.gpus);
        assert_eq!(gpus(|_| ()), Ok(vec!["A".to_owned(), "B".into()]));
        let one = |main_gpu| {
            let only = |model: &mut ModelParams| {
                (model.split_mode, model.main_gpu) = (SplitMode::None, main_gpu);
            };
            machine(&cards, only).map(|one| (one.gpus, one.room.gpus.len(), one.bandwidths.len()))
        };
        assert_eq!(one(1), Ok((vec!["B".to_owned()], 1, 2)));
        assert_eq!(one(-1), Ok((Vec::new(), 0, 1)));
        assert!(one(2).is_err_and(|error| error.what == "main-gpu 2"));
        assert_eq!(
            gpus(|model| model.devices = vec!["none".into()]),
            Ok(Vec::new())
        );
        let split = machine(&cards, |model| model.tensor_split = vec![3.0, 1.0]);
        let division = split.map(|one| one.room.division());
        assert_eq!(division, Ok(vec![3_000_000, 1_000_000]));
        let shared = machine(&[part(Kind::Unified, "C")], |model| {
            model.devices = vec!["none".into()];
        });
        assert_eq!(
            shared.map(|one| (one.n_gpus, one.is_unified())),
            Ok((0, false))
        );
        let here = machine(&cards, |model| model.devices = vec!["CUDA0".into()]).expect("usable");
        assert!(here.n_gpus == 2 && here.notes[0].contains("CUDA0"));
    }

    #[test]
    fn no_device_and_a_size_contradict_each_other() {
        let mut names = vec!["24GiB".to_owned(), "none".into()];
        assert!(described(&mut names).is_err());
    }
}
