//! A model that stays in memory beside the one that runs.

use std::fmt;

use super::{ContextInfo, DeviceMemory, ModelInfo};
use crate::params::LoadParams;

/// The model that ran before, with its KV caches. A load of the same file with the same parameters
/// lets it run again.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldModel {
    pub model: ModelInfo,
    pub context: ContextInfo,
    /// The parameters it was asked for with.
    pub asked: LoadParams,
    /// Tokens of all conversations in its KV cache.
    pub tokens: u32,
}

impl HeldModel {
    /// Bytes it takes on all devices, its weights in the page cache among them.
    pub fn bytes(&self) -> u64 {
        let devices = self.context.devices.iter();
        devices
            .map(DeviceMemory::total)
            .fold(0, u64::saturating_add)
    }

    /// Whether a load with these parameters would need no other weights and no other context.
    pub fn is_what(&self, params: &LoadParams) -> bool {
        self.asked.is_same_load(params)
    }
}

/// Why a model is not held any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetGo {
    Asked,
    /// Something else needs its memory.
    Memory,
    /// Another model is held in its place.
    Replaced,
    /// It is loaded again: with other parameters, or because its file has changed.
    LoadedAgain,
    /// `models-max` allows one model.
    OneAtMost,
}

impl fmt::Display for LetGo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "its memory is free now",
            Self::Memory => "its memory is needed",
            Self::Replaced => "another model is held in its place",
            Self::LoadedAgain => "it is loaded again",
            Self::OneAtMost => "models-max is 1",
        })
    }
}
