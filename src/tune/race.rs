//! Candidates measured in turn until it is certain which is faster.
//!
//! Every round measures each candidate that is still in, one after the other, so that what changes
//! with time (heat, other programs) meets all of them. What is compared are the differences within
//! rounds: d = ln(time of the one) - ln(time of the other), whose mean m over n rounds has the
//! interval m ± t(1 - e/2, n - 1) · s/√n (Student's paired interval: "The probable error of a
//! mean", Biometrika 6, 1908). ln makes it a ratio of speeds. The race looks several times and
//! compares every pair, so the error e of one look at one pair is the race's error divided by looks
//! and pairs (Bonferroni's inequality: the chance that any of them errs is at most the sum). Where
//! the differences are normally distributed, the chance of a wrong choice is at most the race's
//! error, whenever it ends.

use crate::bench::stats::{self, Interval};

/// Rounds after which the race looks; the last one ends it.
const LOOKS: [usize; 7] = [3, 4, 6, 8, 12, 16, 24];
/// Rounds from which on there are bounds: the spread of two says next to nothing.
pub(super) const FEWEST: usize = LOOKS[0];
/// A candidate that is certainly not faster by this ratio is not worth further rounds.
const WORTH: f64 = 1.01;

/// Candidates, simplest first; the first is what is in force and stays unless another is certainly
/// faster.
#[derive(Clone, Debug)]
pub struct Race {
    arms: Vec<Arm>,
    /// The chance of a wrong choice.
    error: f64,
    round: usize,
    /// Arms left to measure in this round.
    turn: Vec<usize>,
    over: bool,
}

/// A candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arm {
    /// ln of seconds, one for each round it was in.
    logs: Vec<f64>,
    pub fate: Fate,
}

/// What became of a candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fate {
    #[default]
    In,
    /// It is certainly not worth it, or certainly slower than another.
    Slower,
    /// It cannot be used, and why.
    Refused(String),
}

/// The mean of figures of rounds with its bounds; `None` of fewer than [`FEWEST`].
pub(super) fn certain(figures: &[f64], error: f64) -> Option<Interval> {
    let enough = figures.len() >= FEWEST;
    enough.then(|| stats::mean_interval(figures, error))?
}

impl Race {
    /// A race of that many candidates whose choice is wrong with a chance of at most `error`.
    pub fn new(arms: usize, error: f64) -> Self {
        let mut race = Self {
            arms: vec![Arm::default(); arms.max(1)],
            error,
            round: 0,
            turn: Vec::new(),
            over: arms < 2,
        };
        race.begin_round();
        race
    }

    /// The candidate to measure next; `None` when the race is over.
    pub fn next(&self) -> Option<usize> {
        self.turn.last().copied().filter(|_| !self.over)
    }

    /// Takes what a candidate took; it must be the one that [`Self::next`] names.
    pub fn record(&mut self, arm: usize, seconds: f64) {
        if self.next() != Some(arm) {
            return;
        }
        self.turn.pop();
        self.arms[arm].logs.push(seconds.max(1e-9).ln());
        self.end_turn();
    }

    /// Takes a candidate out that cannot be used. The first one stays: it runs already.
    pub fn refuse(&mut self, arm: usize, why: String) {
        self.take_out(arm, Fate::Refused(why));
    }

    /// Takes a candidate out that is far too slow to be measured to the end.
    pub fn drop_out(&mut self, arm: usize) {
        self.take_out(arm, Fate::Slower);
    }

    fn take_out(&mut self, arm: usize, fate: Fate) {
        if arm == 0 || arm >= self.arms.len() {
            return;
        }
        self.arms[arm].fate = fate;
        self.turn.retain(|&other| other != arm);
        self.over |= self.challengers().is_empty();
        self.end_turn();
    }

    /// Ends the race with what is certain by now.
    pub fn stop(&mut self) {
        self.over = true;
    }

    pub fn arms(&self) -> &[Arm] {
        &self.arms
    }

    /// The simplest of those that are certainly faster than the first and not certainly slower
    /// than another; the first where there is none.
    pub fn winner(&self) -> usize {
        let faster = |arm: &usize| {
            self.gain(0, *arm, self.look_error())
                .is_some_and(|gain| gain.low > 0.0)
        };
        self.challengers()
            .into_iter()
            .find(faster)
            .unwrap_or_default()
    }

    /// How much faster a candidate is than the first, as a ratio, with bounds that hold it with a
    /// chance of 1 - `error`; `None` before the first look.
    pub fn ratio(&self, arm: usize, error: f64) -> Option<Interval> {
        self.gain(0, arm, error).map(|gain| gain.map(f64::exp))
    }

    /// Seconds of each round of a candidate.
    pub fn seconds(&self, arm: usize) -> Vec<f64> {
        let logs = self.arms.get(arm).map_or(&[][..], |arm| &arm.logs);
        logs.iter().map(|log| log.exp()).collect()
    }

    /// Seconds of the first and of a candidate in the rounds that both were in: those that
    /// [`Self::ratio`] compares.
    pub fn shared(&self, arm: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut first, mut own) = (self.seconds(0), self.seconds(arm));
        let rounds = first.len().min(own.len());
        first.truncate(rounds);
        own.truncate(rounds);
        (first, own)
    }

    /// Others than the first that are still in, simplest first.
    fn challengers(&self) -> Vec<usize> {
        (1..self.arms.len())
            .filter(|&arm| self.arms[arm].fate == Fate::In)
            .collect()
    }

    /// ln of the ratio of speeds, over the rounds that both were in: those are the first ones.
    /// `None` while they are fewer than [`FEWEST`].
    fn gain(&self, of: usize, to: usize, error: f64) -> Option<Interval> {
        let (of, to) = (&self.arms.get(of)?.logs, &self.arms.get(to)?.logs);
        let differences: Vec<f64> = of.iter().zip(to).map(|(of, to)| of - to).collect();
        certain(&differences, error)
    }

    /// The error of one look at one pair.
    fn look_error(&self) -> f64 {
        let arms = self.arms.len();
        let pairs = arms * (arms - 1) / 2;
        #[expect(clippy::cast_precision_loss, reason = "a few candidates")]
        // One more than planned, for a race that is stopped.
        let looks = ((LOOKS.len() + 1) * pairs.max(1)) as f64;
        self.error / looks
    }

    fn begin_round(&mut self) {
        // Taken from its end: the first candidate begins, so that its time is known before any
        // other is measured. The order turns round by round, so that none always follows the same.
        let mut turn = self.challengers();
        turn.reverse();
        turn.push(0);
        let n = turn.len();
        turn.rotate_left(self.round % n);
        if self.round % 2 == 1 {
            turn.reverse();
        }
        self.turn = turn;
    }

    fn end_turn(&mut self) {
        if !self.turn.is_empty() || self.over {
            return;
        }
        self.round += 1;
        if LOOKS.contains(&self.round) {
            self.look();
        }
        if !self.over {
            self.begin_round();
        }
    }

    fn look(&mut self) {
        let error = self.look_error();
        for arm in self.challengers() {
            let worth = self.gain(0, arm, error);
            if worth.is_some_and(|gain| gain.high < WORTH.ln()) {
                self.arms[arm].fate = Fate::Slower;
            }
        }
        for arm in self.challengers() {
            // One that is slower than another, which is faster than the first, cannot win.
            let beaten = self.challengers().into_iter().any(|other| {
                other != arm
                    && self
                        .gain(0, other, error)
                        .is_some_and(|gain| gain.low > 0.0)
                    && self
                        .gain(arm, other, error)
                        .is_some_and(|gain| gain.low > 0.0)
            });
            if beaten {
                self.arms[arm].fate = Fate::Slower;
            }
        }
        let left = self.challengers();
        let decided = match left.as_slice() {
            [] => true,
            [one] => self.winner() == *one,
            _ => false,
        };
        self.over = decided || Some(&self.round) == LOOKS.last();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A generator of normally distributed numbers (Box and Muller, 1958).
    struct Noise(u64);

    impl Noise {
        fn uniform(&mut self) -> f64 {
            // SplitMix64 (Steele, Lea, Flood, 2014).
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            let radius = (-2.0 * self.uniform().max(1e-300).ln()).sqrt();
            radius * (std::f64::consts::TAU * self.uniform()).cos()
        }
    }

    /// Runs a race of candidates with those true times; the machine also drifts.
    fn raced(times: &[f64], spread: f64, error: f64, seed: u64) -> Race {
        let mut noise = Noise(seed);
        let mut race = Race::new(times.len(), error);
        let mut drift = 0.0;
        let mut measured = 0;
        while let Some(arm) = race.next() {
            drift += 0.001 * noise.normal();
            race.record(arm, times[arm] * (drift + spread * noise.normal()).exp());
            measured += 1;
            assert!(measured < 10_000, "it ends");
        }
        race
    }

    #[test]
    fn a_clear_winner_is_found_early_and_a_clear_loser_dropped() {
        let race = raced(&[1.0, 0.5, 3.0], 0.01, 0.05, 1);
        assert_eq!(race.winner(), 1);
        assert_eq!(race.arms()[2].fate, Fate::Slower);
        assert!(race.seconds(1).len() <= 6);
        let gain = race.ratio(1, 0.05).unwrap();
        assert!(gain.low < 2.0 && 2.0 < gain.high, "{gain:?}");
    }

    #[test]
    fn equals_keep_the_simpler_one() {
        for seed in 0..50 {
            assert_eq!(raced(&[1.0, 1.0, 1.0], 0.03, 0.05, seed).winner(), 0);
        }
        // Two that are equally faster: the simpler of them.
        let wins = (0..50)
            .filter(|&seed| raced(&[1.0, 0.7, 0.7], 0.01, 0.05, seed).winner() == 1)
            .count();
        assert!(wins >= 49, "{wins}");
    }

    #[test]
    fn a_refused_candidate_never_wins_and_one_alone_needs_no_race() {
        assert_eq!(Race::new(1, 0.05).next(), None);
        let mut race = Race::new(2, 0.05);
        race.refuse(1, "it does not fit".into());
        assert_eq!((race.next(), race.winner()), (None, 0));
        let mut race = Race::new(3, 0.05);
        while let Some(arm) = race.next() {
            if arm == 2 {
                race.refuse(2, "no".into());
            } else {
                race.record(arm, if arm == 0 { 1.0 } else { 0.5 });
            }
        }
        assert_eq!(race.winner(), 1);
    }

    #[test]
    fn a_race_that_is_stopped_early_decides_nothing_uncertain() {
        let mut race = Race::new(2, 0.05);
        race.record(race.next().unwrap(), 1.0);
        race.record(race.next().unwrap(), 1.0);
        race.stop();
        assert_eq!((race.next(), race.winner()), (None, 0));
    }

    #[test]
    fn two_rounds_are_too_few_to_say_anything() {
        let mut race = Race::new(2, 0.05);
        for round in 0..3 {
            assert_eq!((race.ratio(1, 0.05), race.winner()), (None, 0), "{round}");
            for _ in 0..2 {
                let arm = race.next().unwrap();
                race.record(arm, if arm == 0 { 1.0 } else { 0.5 });
            }
        }
        assert!(race.ratio(1, 0.05).is_some());
        assert_eq!(race.winner(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        /// With a stated error of 5 %, two hundred races may go wrong ten times on average; more
        /// than 22 would happen by chance less than once in two thousand (binomial).
        #[test]
        fn a_worse_candidate_wins_no_more_often_than_stated(
            others in prop::collection::vec(0.9_f64..1.15, 1..5),
            spread in 0.002_f64..0.08,
            seed: u64,
        ) {
            let times: Vec<f64> = std::iter::once(1.0).chain(others).collect();
            let wrong = (0..200_u64)
                .filter(|run| {
                    let race = raced(&times, spread, 0.05, seed ^ (run << 32));
                    // Chosen although it is slower than what was in force.
                    times[race.winner()] > 1.0
                })
                .count();
            prop_assert!(wrong <= 22, "{wrong} of 200: {times:?} {spread}");
        }

        #[test]
        fn a_much_faster_candidate_is_found(place in 1_usize..5, spread in 0.001_f64..0.03, seed: u64) {
            let mut times = vec![1.0; 5];
            times[place] = 0.6;
            prop_assert_eq!(raced(&times, spread, 0.05, seed).winner(), place);
        }
    }
}
