//! How far two are apart, and how many votes would tell.

use std::fmt;

use statrs::distribution::{Binomial, DiscreteCDF};

use super::votes::Vote;
use super::{FEWEST_VOTES, MOST_VOTES, count, middle};

/// The quantile of the normal distribution for an interval of 95 %.
const Z: f64 = 1.959_964;

/// How far two are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Ballots that both stood on.
    pub met: u32,
    /// Votes that preferred one of the two to the other.
    pub votes: u32,
    /// Whether the stronger one is, by all that is known: the bootstrap's 95 % leave no doubt, and
    /// the votes between the two could come about by chance less than once in twenty times.
    pub is_shown: bool,
    /// Votes between the two that are still needed if they go on as they did; `None` when they are
    /// even so far, when it takes more votes than anybody gives, or when none was between them.
    pub more: Option<u32>,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_shown, self.more) {
            _ if self.met == 0 => write!(f, "never met"),
            (true, _) => write!(f, "told apart"),
            (false, Some(more)) => write!(f, "about {more} more"),
            (false, None) => write!(f, "even so far"),
        }
    }
}

pub(super) fn between(votes: &[Vote], samples: &[Vec<f64>], stronger: usize, other: usize) -> Gap {
    let met = |vote: &&Vote| vote.stood.contains(&stronger) && vote.stood.contains(&other);
    let prefers = |winner: usize, loser: usize| {
        let votes = votes.iter().filter(met);
        count(
            votes
                .filter(|vote| vote.best.contains(&winner) && !vote.best.contains(&loser))
                .count(),
        )
    };
    let (won, lost) = (prefers(stronger, other), prefers(other, stronger));
    let differences = samples
        .iter()
        .map(|sample| sample[stronger] - sample[other]);
    let (low, _) = middle(differences.collect());
    let is_shown = low > 0.0 && won > lost && by_chance(won, lost) < 0.05;
    Gap {
        met: count(votes.iter().filter(met).count()),
        votes: won + lost,
        is_shown,
        more: if is_shown {
            Some(0)
        } else {
            still_needed(won, lost)
        },
    }
}

/// How likely votes are at least that uneven when both are as good: the exact sign test.
fn by_chance(won: u32, lost: u32) -> f64 {
    let votes = u64::from(won) + u64::from(lost);
    let Ok(even) = Binomial::new(0.5, votes) else {
        return 1.0;
    };
    let most = u64::from(won.max(lost));
    if most == 0 {
        return 1.0;
    }
    (2.0 * (1.0 - even.cdf(most - 1))).min(1.0)
}

/// Votes until an interval of 95 % around the share of wins leaves out one half, if the share stays
/// what it is: n = z² q (1 − q) / (q − ½)², with q = (won + ½) / (votes + 1), so that few votes
/// promise little; never fewer than [`FEWEST_VOTES`].
fn still_needed(won: u32, lost: u32) -> Option<u32> {
    if won <= lost {
        return None;
    }
    let votes = f64::from(won + lost);
    let share = (f64::from(won) + 0.5) / (votes + 1.0);
    let needed = (Z * Z * share * (1.0 - share) / (share - 0.5).powi(2)).ceil();
    let more = needed.max(f64::from(FEWEST_VOTES)) - votes;
    (more <= f64::from(MOST_VOTES)).then(|| (more as u32).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_test_is_exact() {
        // 2 * (1/2)^6, and 2 * (1 + 10) / 2^10.
        assert!((by_chance(6, 0) - 0.03125).abs() < 1e-12);
        assert!((by_chance(9, 1) - 22.0 / 1024.0).abs() < 1e-12);
        assert!((by_chance(3, 3) - 1.0).abs() < 1e-12);
        assert!((by_chance(0, 0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn how_many_more_follows_its_formula() {
        // q = 6.5 / 11, n = 3.8415 * 0.2417 / 0.00826 = 112.3
        assert_eq!(still_needed(6, 4), Some(113 - 10));
        assert_eq!(still_needed(4, 6), None);
        // q = 3/4, n = 3.8415 * 3 = 11.5
        assert_eq!(still_needed(1, 0), Some(12 - 1));
        assert_eq!(still_needed(50_001, 50_000), None);
    }

    #[test]
    fn who_never_met_is_not_called_even() {
        let vote = |stood: [usize; 2]| Vote {
            stood: stood.to_vec(),
            best: vec![stood[0]],
        };
        let gap = between(&[vote([0, 1]), vote([1, 2])], &[], 0, 2);
        assert_eq!((gap.met, gap.to_string().as_str()), (0, "never met"));
        let even = between(&[vote([0, 1]), vote([1, 0])], &[], 0, 1);
        assert_eq!((even.met, even.to_string().as_str()), (2, "even so far"));
    }
}
