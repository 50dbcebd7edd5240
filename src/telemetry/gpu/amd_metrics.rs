//! amdgpu's table of metrics (Documentation/gpu/amdgpu/thermal.rst, "GPU SMU/PMFW metrics"; its
//! layouts are `gpu_metrics_v*` of kgd_pp_interface.h, the bits `SMU_THROTTLER_*` of amdgpu_smu.h).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::super::{Link, Reading, Throttle, check};
use super::amd::NOT_TOLD;

/// The longest layout has far fewer bytes.
const LONGEST: u64 = 4096;

/// The table as it was read.
#[derive(Debug)]
pub(super) struct Metrics {
    bytes: Vec<u8>,
}

impl Metrics {
    /// The table of a device; `None` where it has none.
    pub(super) fn read(device: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = File::open(device.join("gpu_metrics")).ok()?;
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        (bytes.len() >= 4).then_some(Self { bytes })
    }

    /// Whether it is the table of a GPU that is part of the CPU.
    pub(super) fn is_of_cpu(&self) -> bool {
        matches!(self.layout().0, 2 | 3)
    }

    /// What holds the clocks down, where the layout tells it in bits that mean the same on every GPU.
    pub(super) fn throttle(&self) -> Reading<Vec<Throttle>> {
        let at = match self.layout() {
            (1, 3) => 112,
            (2, 2..=4) => 120,
            _ => return Err(NOT_TOLD),
        };
        let bits = self
            .bytes
            .get(at..at + 8)
            .and_then(|bytes| bytes.try_into().ok());
        match bits.map(u64::from_le_bytes) {
            // The driver fills what it does not know with ones.
            None | Some(u64::MAX) => Err(NOT_TOLD),
            Some(bits) => Ok(reasons(bits)),
        }
    }

    /// The link as the card sees it: the files of its PCI device may be of a bridge on its board.
    pub(super) fn link(&self) -> Reading<Link> {
        let number = |at: usize| {
            let bytes = self.bytes.get(at..at + 2)?.try_into().ok()?;
            Some(u16::from_le_bytes(bytes)).filter(|number| *number != u16::MAX)
        };
        match (self.layout(), number(74), number(76)) {
            // In tenths.
            ((1, 1..=3), Some(lanes), Some(speed)) => {
                check::link(f32::from(speed) / 10.0, lanes.into())
            }
            _ => Err(NOT_TOLD),
        }
    }

    /// The revisions of format and content.
    fn layout(&self) -> (u8, u8) {
        (self.bytes[2], self.bytes[3])
    }
}

fn reasons(bits: u64) -> Vec<Throttle> {
    let any =
        |range: std::ops::RangeInclusive<u32>| range.into_iter().any(|bit| bits >> bit & 1 == 1);
    [
        // PPT, SPL, FPPT, SPPT
        (any(0..=15), Throttle::PowerLimit),
        // TDC, EDC, APCC
        (any(16..=31), Throttle::CurrentLimit),
        // The sensors of chip, memory, regulators and coolant.
        (any(32..=43), Throttle::Heat),
        // VRHOT, PROCHOT
        (any(44..=47), Throttle::Overheat),
        // PPM, FIT
        (any(56..=63), Throttle::Hardware),
    ]
    .into_iter()
    .filter_map(|(is_set, reason)| is_set.then_some(reason))
    .collect()
}
