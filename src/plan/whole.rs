//! Models that lie in several files.

use crate::gguf::Facts;

/// The facts of a whole model, from those of its first file and the bytes of all its files: what
/// the other files hold is spread evenly over the layers. A model in one file stays as it is.
pub fn whole(facts: Facts, file_bytes: u64) -> Facts {
    let layers = facts.layer_bytes.len() as u64;
    if facts.shard.is_none() || layers == 0 {
        return facts;
    }
    // The headers of the files are a hundredth of a percent, and counted as weights here.
    let rest = file_bytes.saturating_sub(facts.tensor_bytes);
    let known: u64 = facts.layer_bytes.iter().sum();
    let in_layers = known.saturating_add(rest);
    Facts {
        tensor_bytes: facts.tensor_bytes.saturating_add(rest),
        layer_bytes: vec![in_layers.div_ceil(layers); facts.layer_bytes.len()],
        ..facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::Shard;

    #[test]
    fn the_other_files_are_spread_over_the_layers() {
        let first = Facts {
            layer_bytes: vec![100, 100, 0, 0],
            input_bytes: 50,
            tensor_bytes: 250,
            shard: Some(Shard {
                number: 0,
                count: 2,
            }),
            ..Facts::default()
        };
        let all = whole(first.clone(), 450);
        assert_eq!(
            (all.layer_bytes, all.input_bytes, all.tensor_bytes),
            (vec![100; 4], 50, 450)
        );
        let alone = Facts {
            shard: None,
            ..first
        };
        assert_eq!(whole(alone.clone(), 450), alone);
    }
}
