//! Which KV caches a new context takes over from the one before. Pure.

use std::cmp::Reverse;

/// A cache as far as the choice depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cache {
    /// Tokens in it.
    pub n_cached: usize,
    /// Whether a reply is being made from it.
    pub busy: bool,
    /// Grows with every use.
    pub last_used: u64,
}

/// What the new context holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub n_sequences: usize,
    /// Tokens of one sequence.
    pub n_ctx: usize,
    /// Whether that is the room of all together.
    pub shared: bool,
}

/// The place of a cache among those before, and whether the new context has room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub place: usize,
    pub fits: bool,
}

/// All caches, in the order in which they are to be taken over: those of replies first, then what
/// was used last.
pub(crate) fn carry(caches: &[Cache], capacity: Capacity) -> Vec<Carried> {
    let mut places: Vec<usize> = (0..caches.len()).collect();
    places.sort_by_key(|&place| (!caches[place].busy, Reverse(caches[place].last_used)));
    let mut left = capacity.n_ctx;
    let take = |(index, place): (usize, usize)| {
        let tokens = caches[place].n_cached;
        let fits = index < capacity.n_sequences && tokens <= left;
        if fits && capacity.shared {
            left -= tokens;
        }
        Carried { place, fits }
    };
    places.into_iter().enumerate().map(take).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cache(n_cached: usize, busy: bool, last_used: u64) -> Cache {
        Cache {
            n_cached,
            busy,
            last_used,
        }
    }

    fn fits(caches: &[Cache], capacity: Capacity) -> Vec<(usize, bool)> {
        let carried = carry(caches, capacity);
        carried.iter().map(|one| (one.place, one.fits)).collect()
    }

    #[test]
    fn replies_come_first_and_then_what_was_used_last() {
        let caches = [
            cache(2000, false, 1),
            cache(200, false, 3),
            cache(100, true, 2),
        ];
        let capacity = Capacity {
            n_sequences: 4,
            n_ctx: 2048,
            shared: true,
        };
        assert_eq!(
            fits(&caches, capacity),
            [(2, true), (1, true), (0, false)],
            "the oldest is too long beside the others"
        );
        let apart = Capacity {
            shared: false,
            ..capacity
        };
        assert_eq!(fits(&caches, apart), [(2, true), (1, true), (0, true)]);
        let fewer = Capacity {
            n_sequences: 1,
            ..apart
        };
        assert_eq!(fits(&caches, fewer), [(2, true), (1, false), (0, false)]);
    }

    proptest! {
        #[test]
        fn no_more_is_taken_over_than_there_is_room_for(
            caches in prop::collection::vec((0_usize..3000, any::<bool>(), 0_u64..9), 0..9),
            n_sequences in 1_usize..9,
            n_ctx in 1_usize..5000,
            shared in any::<bool>(),
        ) {
            let caches: Vec<Cache> = caches.into_iter().map(|(n, busy, used)| cache(n, busy, used)).collect();
            let carried = carry(&caches, Capacity { n_sequences, n_ctx, shared });
            let mut places: Vec<usize> = carried.iter().map(|one| one.place).collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..caches.len()).collect::<Vec<_>>(), "each once");
            let taken: Vec<usize> = carried.iter().filter(|one| one.fits).map(|one| caches[one.place].n_cached).collect();
            prop_assert!(taken.len() <= n_sequences);
            prop_assert!(taken.iter().all(|tokens| *tokens <= n_ctx));
            prop_assert!(!shared || taken.iter().sum::<usize>() <= n_ctx);
        }
    }
}
