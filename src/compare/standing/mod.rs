//! What votes show: strengths by Bradley and Terry, intervals by the bootstrap, and what is not
//! shown yet.
//!
//! ```text
//! ballots ─► votes (contenders by number) ─► groups that met ─► strengths, samples ─► rows, gaps
//! ```

mod gap;
mod strengths;
mod votes;

pub use gap::Gap;

use strengths::{HALVES, Tally, samples, strengths};
use votes::{Vote, groups, numbered};

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

/// What all votes come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub ballots: usize,
    /// Those with the most ballots first.
    pub groups: Vec<Group>,
}

/// Contenders that met, be it by way of others. Those of two groups cannot be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub ballots: usize,
    /// The strongest first.
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
    /// Strength in Elo's scale: 400 points more are ten times the odds; 0 is the group's average.
    pub score: f64,
    /// What holds 95 % of the bootstrap's scores; `None` below [`FEWEST_VOTES`], which tell nothing,
    /// and for one that met nobody.
    pub interval: Option<(f64, f64)>,
    /// Against the next one of the same model; `None` for the last one.
    pub next: Option<Gap>,
}

/// Votes that nobody casts: a difference that small is none.
pub const MOST_VOTES: u32 = 10_000;
/// Votes that can show a difference if they all agree: the sign test gives 2 / 2^6 for them.
pub const FEWEST_VOTES: u32 = 6;
/// The seed that tables are made with, so that the same votes give the same one everywhere.
pub const SEED: u64 = 1952;
/// Points of Elo's scale for a factor of e.
const POINTS: f64 = 400.0 / std::f64::consts::LN_10;

/// What the ballots show. Each group is looked at by itself, so votes on others change nothing in
/// it. The intervals come from giving whole ballots other weights with chance from `seed`: the same
/// ballots and seed give the same table.
pub fn standing(ballots: &[Ballot], seed: u64) -> Standing {
    let (contenders, votes) = numbered(ballots);
    let mut groups: Vec<Group> = groups(&votes, contenders.len())
        .into_iter()
        .map(|members| {
            let within: Vec<Vote> = votes
                .iter()
                .filter_map(|vote| vote.among(&members))
                .collect();
            let contenders = members.iter().map(|&who| &contenders[who]);
            group(&contenders.collect::<Vec<_>>(), &within, seed)
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.ballots));
    Standing {
        ballots: ballots.len(),
        groups,
    }
}

fn group(contenders: &[&Contender], votes: &[Vote], seed: u64) -> Group {
    let size = contenders.len();
    let scores = strengths(&Tally::of(votes, size), &vec![HALVES; size]);
    let samples = samples(votes, size, seed);
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    let rows = order.iter().enumerate().map(|(place, &who)| {
        let stood = votes.iter().filter(|vote| vote.stood.contains(&who));
        let won = stood.clone().filter(|vote| vote.best.contains(&who));
        let alone = won.clone().filter(|vote| vote.best.len() == 1).count();
        let ballots = count(stood.count());
        let (low, high) = middle(samples.iter().map(|sample| sample[who]).collect());
        let next = order[place + 1..]
            .iter()
            .find(|other| contenders[**other].model_hash == contenders[who].model_hash);
        Row {
            contender: contenders[who].clone(),
            ballots,
            wins: count(alone),
            ties: count(won.count() - alone),
            score: scores[who] * POINTS,
            interval: (size > 1 && ballots >= FEWEST_VOTES)
                .then_some((low * POINTS, high * POINTS)),
            next: next.map(|&other| gap::between(votes, &samples, who, other)),
        }
    });
    Group {
        ballots: votes.len(),
        rows: rows.collect(),
    }
}

impl Standing {
    /// All contenders, one group after the other.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.groups.iter().flat_map(|group| &group.rows)
    }

    /// Whether any two are told apart.
    pub fn shows_anything(&self) -> bool {
        self.rows()
            .any(|row| row.next.is_some_and(|gap| gap.is_shown))
    }
}

/// The ends of the middle 95 % of the values.
fn middle(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |per_mille: usize| {
        let last = values.len().saturating_sub(1);
        values.get(last * per_mille / 1000).copied().unwrap_or(0.0)
    };
    (at(25), at(975))
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
