//! What votes show: strengths by Bradley and Terry, intervals by the bootstrap, and what is not
//! shown yet.

use std::collections::BTreeMap;
use std::fmt;

use statrs::distribution::{Binomial, DiscreteCDF};

use super::order::Chance;

/// Settings that answered, under one model. Two are the same when both hashes are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contender {
    /// The model's name, and [`crate::gguf::fingerprint`] of its file.
    pub model: String,
    pub model_hash: String,
    /// The column's name, and [`super::Column::hash`].
    pub preset: String,
    pub preset_hash: String,
}

/// One vote: some answers to the same prompt, and those of them that were liked best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    pub contenders: Vec<Contender>,
    /// Indices into `contenders`; several are a tie. Between those that did not win, nothing is
    /// known.
    pub best: Vec<usize>,
}

/// What all votes come to, the strongest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub ballots: usize,
    pub rows: Vec<Row>,
}

/// One contender.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub contender: Contender,
    /// Ballots it stood on, and was alone or together with others the best on.
    pub ballots: u32,
    pub wins: u32,
    pub ties: u32,
    /// Strength in Elo's scale: 400 points more are ten times the odds; 0 is the average.
    pub score: f64,
    /// Ends of the interval that holds 95 % of the bootstrap's scores.
    pub low: f64,
    pub high: f64,
    /// Against the next one of the same model; `None` for the last one.
    pub next: Option<Gap>,
}

/// How far two are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Votes that preferred one of the two to the other.
    pub votes: u32,
    /// Whether the stronger one is, by all that is known: the bootstrap's 95 % leave no doubt, and
    /// the votes between the two could come about by chance less than once in twenty times.
    pub is_shown: bool,
    /// Votes between the two that are still needed if they go on as they did; `None` when they are
    /// even so far, or when it takes more than [`MOST_VOTES`].
    pub more: Option<u32>,
}

/// Votes that nobody casts: a difference that small is none.
pub const MOST_VOTES: u32 = 10_000;
/// The seed that tables are made with, so that the same votes give the same one everywhere.
pub const SEED: u64 = 1952;
/// Times the votes are drawn again.
const ROUNDS: usize = 1000;
/// The quantile of the normal distribution for an interval of 95 %.
const Z: f64 = 1.959_964;
/// Points of Elo's scale for a factor of e.
const POINTS: f64 = 400.0 / std::f64::consts::LN_10;

/// What the ballots show. The intervals come from drawing whole ballots again with chance from
/// `seed`: the same ballots and seed give the same table.
///
/// The strengths maximise the likelihood of Bradley and Terry's model (Biometrika 39, 1952), found
/// by Hunter's algorithm (Annals of Statistics 32, 2004). Who wins everything has no finite
/// strength in it, so each contender also has one draw against a player of strength one, which
/// counts less the more votes there are. In each round of the bootstrap chance gives half of that
/// draw to one side, so that votes which all agree are no certainty.
pub fn standing(ballots: &[Ballot], seed: u64) -> Standing {
    let (contenders, votes) = numbered(ballots);
    let tally = Tally::of(&votes, contenders.len());
    let scores = strengths(&tally, &vec![0.5; contenders.len()]);
    let mut chance = Chance::new(seed);
    let rounds = if votes.is_empty() { 0 } else { ROUNDS };
    let samples: Vec<Vec<f64>> = (0..rounds)
        .map(|_| {
            let drawn: Vec<Vote> = (0..votes.len())
                .map(|_| votes[chance.below(votes.len())].clone())
                .collect();
            let halves: Vec<f64> = contenders
                .iter()
                .map(|_| [0.25, 0.75][chance.below(2)])
                .collect();
            strengths(&Tally::of(&drawn, contenders.len()), &halves)
        })
        .collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let rows = order.iter().enumerate().map(|(place, &who)| {
        let (low, high) = interval(samples.iter().map(|sample| sample[who]).collect());
        let stood = votes.iter().filter(|vote| vote.stood.contains(&who));
        let won = stood.clone().filter(|vote| vote.best.contains(&who));
        let alone = won.clone().filter(|vote| vote.best.len() == 1).count();
        let model = &contenders[who].model_hash;
        let next = order[place + 1..]
            .iter()
            .find(|other| contenders[**other].model_hash == *model);
        Row {
            contender: contenders[who].clone(),
            ballots: count(stood.count()),
            wins: count(alone),
            ties: count(won.count() - alone),
            score: scores[who] * POINTS,
            low: low * POINTS,
            high: high * POINTS,
            next: next.map(|&other| gap(&tally, &samples, who, other)),
        }
    });
    Standing {
        ballots: ballots.len(),
        rows: rows.collect(),
    }
}

impl Standing {
    /// Whether any two are told apart.
    pub fn shows_anything(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.next.is_some_and(|gap| gap.is_shown))
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_shown, self.more) {
            (true, _) => write!(f, "told apart"),
            (false, Some(more)) => write!(f, "about {more} more"),
            (false, None) => write!(f, "even so far"),
        }
    }
}

/// A ballot with contenders by number.
#[derive(Clone, Debug)]
struct Vote {
    stood: Vec<usize>,
    best: Vec<usize>,
}

/// The contenders in the order of their hashes, under the names they had last, and the votes.
fn numbered(ballots: &[Ballot]) -> (Vec<Contender>, Vec<Vote>) {
    let key = |contender: &Contender| (contender.model_hash.clone(), contender.preset_hash.clone());
    let mut known = BTreeMap::new();
    for contender in ballots.iter().flat_map(|ballot| &ballot.contenders) {
        known.insert(key(contender), contender.clone());
    }
    let numbers: BTreeMap<_, usize> = known.keys().cloned().zip(0..).collect();
    let votes = ballots.iter().map(|ballot| {
        let number = |contender: &Contender| numbers.get(&key(contender)).copied();
        let mut stood: Vec<usize> = ballot.contenders.iter().filter_map(number).collect();
        let best = ballot
            .best
            .iter()
            .filter_map(|at| ballot.contenders.get(*at));
        let mut best: Vec<usize> = best.filter_map(number).collect();
        // The same settings in two columns are one contender.
        for list in [&mut stood, &mut best] {
            list.sort_unstable();
            list.dedup();
        }
        Vote { stood, best }
    });
    (known.values().cloned().collect(), votes.collect())
}

/// Points of each against each.
struct Tally {
    size: usize,
    /// `[winner * size + loser]`; half a point to both for a tie.
    points: Vec<f64>,
    /// Decided votes, ties left out.
    decided: Vec<u32>,
}

impl Tally {
    fn of(votes: &[Vote], size: usize) -> Self {
        let mut tally = Self {
            size,
            points: vec![0.0; size * size],
            decided: vec![0; size * size],
        };
        for vote in votes {
            for (at, &winner) in vote.best.iter().enumerate() {
                for &loser in vote.stood.iter().filter(|other| !vote.best.contains(other)) {
                    tally.points[winner * size + loser] += 1.0;
                    tally.decided[winner * size + loser] += 1;
                }
                for &other in &vote.best[at + 1..] {
                    tally.points[winner * size + other] += 0.5;
                    tally.points[other * size + winner] += 0.5;
                }
            }
        }
        tally
    }

    fn won(&self, who: usize) -> f64 {
        self.points[who * self.size..][..self.size].iter().sum()
    }

    fn games(&self, one: usize, other: usize) -> f64 {
        self.points[one * self.size + other] + self.points[other * self.size + one]
    }
}

/// Logarithms of the strengths, their mean zero; `drawn` = each one's points of the draw.
fn strengths(tally: &Tally, drawn: &[f64]) -> Vec<f64> {
    let size = tally.size;
    let mut strength = vec![1.0_f64; size];
    for _ in 0..2000 {
        let mut moved = 0.0_f64;
        for who in 0..size {
            let own = strength[who];
            let won = tally.won(who) + drawn[who];
            let met: f64 = (0..size)
                .filter(|other| *other != who)
                .map(|other| tally.games(who, other) / (own + strength[other]))
                .sum::<f64>()
                + 1.0 / (own + 1.0);
            strength[who] = won / met;
            moved = moved.max((strength[who] / own).ln().abs());
        }
        if moved < 1e-9 {
            break;
        }
    }
    let logs: Vec<f64> = strength.iter().map(|strength| strength.ln()).collect();
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let mean = logs.iter().sum::<f64>() / (size.max(1) as f64);
    logs.iter().map(|log| log - mean).collect()
}

/// The middle 95 % of the values.
fn interval(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |per_mille: usize| {
        let last = values.len().saturating_sub(1);
        values.get(last * per_mille / 1000).copied().unwrap_or(0.0)
    };
    (at(25), at(975))
}

fn gap(tally: &Tally, samples: &[Vec<f64>], stronger: usize, other: usize) -> Gap {
    let won = tally.decided[stronger * tally.size + other];
    let lost = tally.decided[other * tally.size + stronger];
    let differences = samples
        .iter()
        .map(|sample| sample[stronger] - sample[other]);
    let (low, _) = interval(differences.collect());
    let is_shown = low > 0.0 && won > lost && by_chance(won, lost) < 0.05;
    Gap {
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
/// promise little; never fewer than six, which is what the sign test takes when all agree.
fn still_needed(won: u32, lost: u32) -> Option<u32> {
    if won <= lost {
        return None;
    }
    let votes = f64::from(won + lost);
    let share = (f64::from(won) + 0.5) / (votes + 1.0);
    let needed = (Z * Z * share * (1.0 - share) / (share - 0.5).powi(2)).ceil();
    let more = needed.max(6.0) - votes;
    (more <= f64::from(MOST_VOTES)).then(|| (more as u32).max(1))
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contender(name: &str) -> Contender {
        Contender {
            model: "m".into(),
            model_hash: "m".into(),
            preset: name.into(),
            preset_hash: name.into(),
        }
    }

    fn ballot(names: &[&str], best: &[usize]) -> Ballot {
        Ballot {
            contenders: names.iter().map(|name| contender(name)).collect(),
            best: best.to_vec(),
        }
    }

    fn votes(won: usize, lost: usize) -> Vec<Ballot> {
        let mut all = vec![ballot(&["a", "b"], &[0]); won];
        all.extend(vec![ballot(&["b", "a"], &[0]); lost]);
        all
    }

    #[test]
    fn no_votes_show_nothing() {
        let standing = standing(&[], 1);
        assert_eq!((standing.rows.len(), standing.shows_anything()), (0, false));
    }

    #[test]
    fn few_votes_show_nothing_however_they_agree() {
        for won in 1..6 {
            let standing = standing(&votes(won, 0), 1);
            assert!(!standing.shows_anything(), "{won}");
            assert!(standing.rows[0].high - standing.rows[0].low > 20.0, "{won}");
            let gap = standing.rows[0].next.unwrap();
            assert!(gap.more.is_some_and(|more| more > 0), "{gap:?}");
        }
        let clear = standing(&votes(12, 1), 1);
        assert!(clear.shows_anything());
        assert_eq!(clear.rows[0].contender.preset, "a");
        assert_eq!((clear.rows[0].wins, clear.rows[0].ballots), (12, 13));
        assert_eq!(clear.rows[0].next.unwrap().more, Some(0));
        assert_eq!(clear.rows[1].next, None);
    }

    #[test]
    fn even_votes_cannot_be_told_apart() {
        let even = standing(&votes(9, 9), 1);
        let gap = even.rows[0].next.unwrap();
        assert_eq!((gap.is_shown, gap.more, gap.votes), (false, None, 18));
        assert!(even.rows[0].score.abs() < 1e-6);
    }

    #[test]
    fn ties_are_half_a_win_to_both_and_decide_nothing() {
        let tied = standing(&vec![ballot(&["a", "b", "c"], &[0, 1]); 8], 1);
        let row = |name: &str| {
            tied.rows
                .iter()
                .find(|row| row.contender.preset == name)
                .unwrap()
        };
        assert_eq!((row("a").wins, row("a").ties), (0, 8));
        assert!((row("a").score - row("b").score).abs() < 1e-6);
        assert!(row("a").score > row("c").score);
        assert_eq!(row("c").wins + row("c").ties, 0);
    }

    #[test]
    fn models_are_not_mixed() {
        let mut other = ballot(&["a", "b"], &[0]);
        for contender in &mut other.contenders {
            contender.model_hash = "n".into();
        }
        let mut ballots = votes(8, 0);
        ballots.extend(vec![other; 8]);
        let all = standing(&ballots, 1);
        assert_eq!(all.rows.len(), 4);
        assert!(all.rows.iter().all(|row| row.ballots == 8));
    }

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

    fn ballots() -> impl Strategy<Value = Vec<Ballot>> {
        let names = ["a", "b", "c", "d"];
        let one = (prop::collection::btree_set(0_usize..4, 2..=4), any::<u64>()).prop_map(
            move |(who, best)| {
                let stood: Vec<&str> = who.iter().map(|at| names[*at]).collect();
                let mut liked: Vec<usize> =
                    (0..stood.len()).filter(|at| best >> at & 1 == 1).collect();
                if liked.is_empty() {
                    liked.push(0);
                }
                ballot(&stood, &liked)
            },
        );
        prop::collection::vec(one, 1..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// At the likelihood's maximum its slope is zero: points won equal points expected.
        #[test]
        fn the_strengths_are_the_likeliest(ballots in ballots()) {
            let (contenders, votes) = numbered(&ballots);
            let tally = Tally::of(&votes, contenders.len());
            let logs = strengths(&tally, &vec![0.5; contenders.len()]);
            // The mean was taken out; the draw with strength one says where it was.
            let slope = |shift: f64| -> Vec<f64> {
                (0..tally.size).map(|who| {
                    let expected: f64 = (0..tally.size).filter(|other| *other != who)
                        .map(|other| tally.games(who, other) / (1.0 + (logs[other] - logs[who]).exp())).sum();
                    tally.won(who) + 0.5 - expected - 1.0 / (1.0 + (-(logs[who] + shift)).exp())
                }).collect()
            };
            // The sum of the slopes falls with the shift; where it is zero, each must be.
            let (mut low, mut high) = (-50.0, 50.0);
            for _ in 0..200 {
                let middle = (low + high) / 2.0;
                if slope(middle).iter().sum::<f64>() > 0.0 { low = middle } else { high = middle }
            }
            for value in slope(low) { prop_assert!(value.abs() < 1e-4, "{value}"); }
        }

        #[test]
        fn the_order_of_votes_does_not_matter_but_for_chance(ballots in ballots(), seed in any::<u64>()) {
            let forwards = standing(&ballots, seed);
            prop_assert_eq!(&forwards, &standing(&ballots, seed));
            let mut reversed = ballots.clone();
            reversed.reverse();
            let backwards = standing(&reversed, seed);
            for (one, other) in forwards.rows.iter().zip(&backwards.rows) {
                prop_assert!((one.score - other.score).abs() < 1e-3);
            }
            for row in &forwards.rows {
                prop_assert!(row.low <= row.high && row.wins + row.ties <= row.ballots);
            }
        }
    }
}
