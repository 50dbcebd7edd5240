//! Whether the replies of a step are decoded all together or in groups. Pure.
//!
//! One batch reads the weights once for all, so together is faster, with one exception: from eight
//! tokens on llama.cpp multiplies k-quants and i-quants on the CPU by a kernel made for prompts
//! (`ggml_tiled_min_batch` in ggml-cpu/tiled/tiled.cpp), which unpacks the weights first. Measured
//! with Q6_K, 2,048 wide, on two cores with AVX2: eight tokens 311 ms, four 93. Where that pays and
//! where not depends on the processor, so steps of that width are tried both ways first.

use std::collections::BTreeMap;

/// Tokens that llama.cpp still multiplies as it does a single one.
const NARROW: usize = 7;
/// Steps of each way before one is chosen.
const TRIES: usize = 5;
/// Groups must take less than this share of the time: a tie goes to one batch.
const WORTH_IT: f64 = 0.9;

/// How the tokens of a step are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Together,
    InGroups,
}

impl Way {
    /// Tokens of one batch, of a step of `n_tokens`.
    pub(crate) fn batch(self, n_tokens: usize) -> usize {
        match self {
            Self::Together => n_tokens.max(1),
            Self::InGroups => n_tokens.div_ceil(n_tokens.div_ceil(NARROW).max(1)).max(1),
        }
    }
}

/// What was measured with the model that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    /// By tokens of the step and threads.
    trials: BTreeMap<(usize, u32), Trial>,
}

/// Seconds of the steps so far.
#[derive(Clone, Debug, Default)]
struct Trial {
    together: Vec<f64>,
    in_groups: Vec<f64>,
}

impl Groups {
    /// The way for the next step, of that many tokens of as many replies.
    pub(crate) fn way(&self, n_tokens: usize, n_threads: u32) -> Way {
        match self.trials.get(&(n_tokens, n_threads)) {
            _ if n_tokens <= NARROW => Way::Together,
            Some(trial) => trial.way(),
            None => Way::Together,
        }
    }

    /// Learns from a step.
    pub(crate) fn learn(&mut self, n_tokens: usize, n_threads: u32, way: Way, seconds: f64) {
        if n_tokens <= NARROW {
            return;
        }
        let trial = self.trials.entry((n_tokens, n_threads)).or_default();
        let tries = match way {
            Way::Together => &mut trial.together,
            Way::InGroups => &mut trial.in_groups,
        };
        if tries.len() < TRIES {
            tries.push(seconds);
        }
    }
}

impl Trial {
    /// In turn until both have been tried, so that both meet the same machine.
    fn way(&self) -> Way {
        if self.in_groups.len() < TRIES {
            return match self.in_groups.len() < self.together.len() {
                true => Way::InGroups,
                false => Way::Together,
            };
        }
        match median(&self.in_groups) < WORTH_IT * median(&self.together) {
            true => Way::InGroups,
            false => Way::Together,
        }
    }
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs steps that take that long, and returns the ways that were gone.
    fn run(groups: &mut Groups, n_tokens: usize, together: f64, in_groups: f64) -> Vec<Way> {
        let step = |_| {
            let way = groups.way(n_tokens, 2);
            let seconds = match way {
                Way::Together => together,
                Way::InGroups => in_groups,
            };
            groups.learn(n_tokens, 2, way, seconds);
            way
        };
        (0..40).map(step).collect()
    }

    #[test]
    fn few_replies_are_always_decoded_together() {
        let ways = run(&mut Groups::default(), NARROW, 1.0, 0.1);
        assert!(ways.iter().all(|way| *way == Way::Together));
    }

    #[test]
    fn both_ways_take_turns_and_then_the_faster_one_stays() {
        let ways = run(&mut Groups::default(), 8, 0.311, 0.186);
        assert_eq!(ways[..4], [Way::Together, Way::InGroups].repeat(2));
        assert!(ways[2 * TRIES..].iter().all(|way| *way == Way::InGroups));

        let ways = run(&mut Groups::default(), 8, 0.120, 0.143);
        assert!(ways[2 * TRIES..].iter().all(|way| *way == Way::Together));
    }

    #[test]
    fn a_tie_goes_to_one_batch() {
        let ways = run(&mut Groups::default(), 8, 0.100, 0.095);
        assert!(ways[2 * TRIES..].iter().all(|way| *way == Way::Together));
    }

    #[test]
    fn another_number_of_threads_is_tried_anew() {
        let mut groups = Groups::default();
        run(&mut groups, 8, 1.0, 0.1);
        assert_eq!(groups.way(8, 2), Way::InGroups);
        assert_eq!(groups.way(8, 1), Way::Together);
    }

    proptest! {
        #[test]
        fn groups_are_narrow_and_even(n_tokens in 1_usize..300) {
            prop_assert_eq!(Way::Together.batch(n_tokens), n_tokens);
            let batch = Way::InGroups.batch(n_tokens);
            prop_assert!((1..=NARROW).contains(&batch));
            prop_assert_eq!(n_tokens.div_ceil(batch), n_tokens.div_ceil(NARROW), "no group more than needed");
        }
    }
}
