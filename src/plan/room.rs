//! The memory a machine has, and what lacks in it.

use std::fmt;

/// Memory of one device, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    pub free: u64,
    pub total: u64,
}

/// The memory that a model may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// System memory.
    pub host: Capacity,
    /// Each GPU that may be used, in llama.cpp's order.
    pub gpus: Vec<Capacity>,
    /// By what the layers on GPUs are divided; empty = by what is free, as llama.cpp does.
    pub shares: Vec<u64>,
    pub weights: Weights,
}

/// Whether what is free was read before the weights were loaded or after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    #[default]
    ToLoad,
    /// Only cache and computation are to be placed.
    Loaded {
        /// Bytes of weights in the page cache, which counts as free memory; giving them up means
        /// reading them again for every token.
        mapped: u64,
    },
}

impl Room {
    /// By what layers are divided over the GPUs: one number for each.
    pub fn division(&self) -> Vec<u64> {
        if self.shares.len() == self.gpus.len() {
            return self.shares.clone();
        }
        self.gpus.iter().map(|gpu| gpu.free).collect()
    }

    /// The same machine with nothing in its memory.
    pub(super) fn emptied(&self) -> Self {
        let emptied = |device: &Capacity| Capacity {
            free: device.total,
            total: device.total,
        };
        Self {
            host: emptied(&self.host),
            gpus: self.gpus.iter().map(emptied).collect(),
            shares: self.shares.clone(),
            weights: Weights::ToLoad,
        }
    }

    /// Of a GPU by its index, or of the system.
    pub(super) fn capacity(&self, gpu: Option<usize>) -> Capacity {
        gpu.map_or(self.host, |gpu| {
            self.gpus.get(gpu).copied().unwrap_or_default()
        })
    }
}

/// The shares of `tensor-split` for so many GPUs, the last of them none where it has fewer numbers;
/// empty where it leaves the division to what is free.
pub fn given_shares(split: &[f32], n_gpus: usize) -> Vec<u64> {
    if split.iter().all(|share| *share <= 0.0) {
        return Vec::new();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "shares are checked not to be negative, and the cast saturates"
    )]
    let parts = |share: &f32| (f64::from(*share) * 1e6) as u64;
    let given = split.iter().map(parts).chain(std::iter::repeat(0));
    given.take(n_gpus).collect()
}

/// What a device cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    pub part: Part,
    /// The GPU by its index; `None` = system memory.
    pub gpu: Option<usize>,
    /// Bytes of that part alone.
    pub needs: u64,
    pub has: Capacity,
}

/// The parts of a model whose sizes are known before they are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Weights,
    /// Keys and values.
    Cache,
    /// Keys, values and what computing takes beside them.
    CacheAndBuffers,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.part {
            Part::Weights => "the weights take",
            Part::Cache => "the KV cache takes",
            Part::CacheAndBuffers => "the KV cache and the compute buffers take about",
        };
        let place = self.gpu.map_or("system memory".to_owned(), |gpu| {
            format!("memory on GPU {gpu}")
        });
        let (needs, free, total) = (size(self.needs), size(self.has.free), size(self.has.total));
        write!(
            f,
            "{part} {needs} of {place}; {free} of its {total} are free"
        )
    }
}

/// Bytes for a sentence.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn size(bytes: u64) -> String {
    const KIB: f64 = 1024.0;
    const MIB: f64 = 1024.0 * KIB;
    const GIB: f64 = 1024.0 * MIB;
    match bytes as f64 {
        b if b >= GIB => format!("{:.1} GiB", b / GIB),
        b if b >= MIB => format!("{:.0} MiB", b / MIB),
        b if b >= KIB => format!("{:.0} KiB", b / KIB),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_divided_by_what_is_given_or_by_what_is_free() {
        let card = |free| Capacity { free, total: 9 };
        let divided = |split: &[f32]| {
            let gpus = vec![card(1), card(3)];
            let shares = given_shares(split, gpus.len());
            let room = Room {
                gpus,
                shares,
                ..Room::default()
            };
            room.division()
        };
        assert_eq!(divided(&[]), [1, 3]);
        assert_eq!(divided(&[0.0, 0.0]), [1, 3]);
        assert_eq!(divided(&[0.5]), [500_000, 0]);
        assert_eq!(divided(&[3.0, 1.0, 7.0]), [3_000_000, 1_000_000]);
    }
}
