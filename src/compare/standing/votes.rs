//! Ballots with contenders by number, and which of them met.

use std::collections::BTreeMap;

use super::{Ballot, Contender};

/// A ballot with contenders by number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Vote {
    pub stood: Vec<usize>,
    pub best: Vec<usize>,
}

impl Vote {
    /// The vote with its contenders' places among `members`; `None` where they are others.
    pub(super) fn among(&self, members: &[usize]) -> Option<Self> {
        let places = |list: &[usize]| -> Option<Vec<usize>> {
            list.iter()
                .map(|who| members.binary_search(who).ok())
                .collect()
        };
        Some(Self {
            stood: places(&self.stood).filter(|stood| !stood.is_empty())?,
            best: places(&self.best)?,
        })
    }
}

/// The contenders in the order of their hashes, under the names they had last, and the votes.
pub(super) fn numbered(ballots: &[Ballot]) -> (Vec<Contender>, Vec<Vote>) {
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

/// The contenders of each group that met, be it by way of others; in their order.
pub(super) fn groups(votes: &[Vote], size: usize) -> Vec<Vec<usize>> {
    // Each one's group by the least number in it.
    let mut group: Vec<usize> = (0..size).collect();
    for vote in votes {
        let met: Vec<usize> = vote.stood.iter().map(|who| group[*who]).collect();
        let Some(least) = met.iter().copied().min() else {
            continue;
        };
        for own in group.iter_mut().filter(|own| met.contains(own)) {
            *own = least;
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (who, least) in group.into_iter().enumerate() {
        groups.entry(least).or_default().push(who);
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_met_by_way_of_others_is_of_one_group() {
        let vote = |stood: &[usize]| Vote {
            stood: stood.to_vec(),
            best: vec![stood[0]],
        };
        let votes = [vote(&[3, 4]), vote(&[0, 2]), vote(&[4, 0])];
        assert_eq!(groups(&votes, 6), [vec![0, 2, 3, 4], vec![1], vec![5]]);
        assert_eq!(votes[0].among(&[0, 2, 3, 4]), Some(vote(&[2, 3])));
        assert_eq!(votes[0].among(&[1]), None);
    }
}
