//! Strengths by Bradley and Terry, and the bootstrap over them.
//!
//! They maximise the likelihood of the model (Biometrika 39, 1952), found by Hunter's algorithm
//! (Annals of Statistics 32, 2004). Who wins everything has no finite strength in it, so each
//! contender also has one [`Draw`] against a player of strength one, which counts less the more
//! votes there are.
//!
//! The bootstrap is Rubin's (Annals of Statistics 9, 1981): in each round every ballot counts with
//! a weight from the exponential distribution. The draw is weighed as well, and both halves of it
//! apart: without votes the share it gives follows Jeffreys's Beta(½, ½). So votes which all agree
//! are no certainty, as they would be where agreeing votes are only drawn again.

use std::f64::consts::PI;

use super::super::order::Chance;
use super::votes::Vote;

/// Times the votes are weighed again.
const ROUNDS: usize = 1000;
/// No half of a draw vanishes, for its logarithm is needed.
const LEAST: f64 = 1e-9;

/// What a contender has against a player of strength one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub won: f64,
    pub lost: f64,
}

/// The draw as it is.
pub(super) const HALVES: Draw = Draw {
    won: 0.5,
    lost: 0.5,
};

/// Points of each against each.
pub(super) struct Tally {
    pub size: usize,
    /// `[winner * size + loser]`; half a point to both for a tie.
    points: Vec<f64>,
}

impl Tally {
    pub(super) fn of(votes: &[Vote], size: usize) -> Self {
        Self::weighed(votes.iter().map(|vote| (vote, 1.0)), size)
    }

    fn weighed<'a>(votes: impl Iterator<Item = (&'a Vote, f64)>, size: usize) -> Self {
        let mut points = vec![0.0; size * size];
        for (vote, weight) in votes {
            for (at, &winner) in vote.best.iter().enumerate() {
                for &loser in vote.stood.iter().filter(|other| !vote.best.contains(other)) {
                    points[winner * size + loser] += weight;
                }
                for &other in &vote.best[at + 1..] {
                    points[winner * size + other] += 0.5 * weight;
                    points[other * size + winner] += 0.5 * weight;
                }
            }
        }
        Self { size, points }
    }

    pub(super) fn won(&self, who: usize) -> f64 {
        self.points[who * self.size..][..self.size].iter().sum()
    }

    pub(super) fn games(&self, one: usize, other: usize) -> f64 {
        self.points[one * self.size + other] + self.points[other * self.size + one]
    }
}

/// Logarithms of the strengths, their mean zero; a draw for each.
pub(super) fn strengths(tally: &Tally, draws: &[Draw]) -> Vec<f64> {
    let size = tally.size;
    let mut strength = vec![1.0_f64; size];
    for _ in 0..2000 {
        let mut moved = 0.0_f64;
        for who in 0..size {
            let own = strength[who];
            let Draw { won, lost } = draws[who];
            let met: f64 = (0..size)
                .filter(|other| *other != who)
                .map(|other| tally.games(who, other) / (own + strength[other]))
                .sum::<f64>()
                + (won + lost) / (own + 1.0);
            strength[who] = (tally.won(who) + won) / met;
            moved = moved.max((strength[who] / own).ln().abs());
        }
        let step = shift(&strength, draws);
        for own in &mut strength {
            *own *= step.exp();
        }
        if moved.max(step.abs()) < 1e-9 {
            break;
        }
    }
    let logs: Vec<f64> = strength.iter().map(|strength| strength.ln()).collect();
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let mean = logs.iter().sum::<f64>() / (size.max(1) as f64);
    logs.iter().map(|log| log - mean).collect()
}

/// Newton's step for what all have in common, which only the draws see: with many votes Hunter's
/// algorithm alone needs thousands of rounds for it.
fn shift(strength: &[f64], draws: &[Draw]) -> f64 {
    let (mut slope, mut bend) = (0.0, 0.0);
    for (own, draw) in strength.iter().zip(draws) {
        let games = draw.won + draw.lost;
        let expected = own / (own + 1.0);
        slope += draw.won - games * expected;
        bend += games * expected * (1.0 - expected);
    }
    (slope / bend.max(f64::MIN_POSITIVE)).clamp(-1.0, 1.0)
}

/// Strengths of each round of the bootstrap.
pub(super) fn samples(votes: &[Vote], size: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut chance = Chance::new(seed);
    (0..ROUNDS)
        .map(|_| {
            let weighed: Vec<_> = votes
                .iter()
                .map(|vote| (vote, exponential(&mut chance)))
                .collect();
            let draws: Vec<Draw> = (0..size).map(|_| draw(&mut chance)).collect();
            strengths(&Tally::weighed(weighed.into_iter(), size), &draws)
        })
        .collect()
}

fn exponential(chance: &mut Chance) -> f64 {
    -chance.part().ln()
}

/// Both halves follow the gamma distribution of shape ½: they are half the squares of two normal
/// numbers, made as by Box and Muller.
fn draw(chance: &mut Chance) -> Draw {
    let weight = exponential(chance);
    let share = (PI * chance.part()).cos().powi(2);
    Draw {
        won: (weight * share).max(LEAST),
        lost: (weight * (1.0 - share)).max(LEAST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By which the ends of intervals are right: mean and variance of Beta(½, ½) are ½ and 1/8.
    #[test]
    fn the_share_of_a_draw_is_jeffreys() {
        let mut chance = Chance::new(1);
        let shares: Vec<f64> = (0..20_000)
            .map(|_| draw(&mut chance))
            .map(|draw| draw.won / (draw.won + draw.lost))
            .collect();
        let mean = shares.iter().sum::<f64>() / 20_000.0;
        let variance = shares.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert!((variance - 0.125).abs() < 0.003, "{variance}");
    }
}
