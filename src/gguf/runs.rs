//! Lists whose neighbours are mostly equal, serialised as `[count, item]`: values of layers.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longer than any list of layers: what is read is not believed blindly.
const LONGEST: usize = 1 << 12;

pub(super) fn serialize<S, T>(items: &[T], serializer: S) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: Serialize + PartialEq,
{
    let runs = items.chunk_by(|a, b| a == b);
    serializer.collect_seq(runs.map(|run| (run.len(), &run[0])))
}

pub(super) fn deserialize<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Clone,
{
    let runs = Vec::<(usize, T)>::deserialize(deserializer)?;
    let mut items = Vec::new();
    for (count, item) in runs {
        if items.len().saturating_add(count) > LONGEST {
            return Err(serde::de::Error::custom("a list of layers is too long"));
        }
        items.resize(items.len() + count, item);
    }
    Ok(items)
}
