//! Chance that can be repeated.

/// A generator of its own, so that the same seed gives the same order with every version:
/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `count`, each as likely as the others to one in 2^64 / `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.next()) * count as u128;
        (wide >> 64) as usize
    }

    /// A number above 0 and at most 1, in steps of 2^-53.
    pub(super) fn part(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
        let steps = ((self.next() >> 11) + 1) as f64;
        steps / 2.0_f64.powi(53)
    }
}

/// The numbers below `count` in an order that the seed decides, each order as likely as the others.
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut chance = Chance::new(seed);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, chance.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_order_comes_about_as_often_as_the_others() {
        let mut seen: BTreeMap<Vec<usize>, u32> = BTreeMap::new();
        for seed in 0..6000 {
            *seen.entry(shuffled(3, seed)).or_default() += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(
            seen.values().all(|&times| (850..1150).contains(&times)),
            "{seen:?}"
        );
        assert_eq!(shuffled(5, 9), shuffled(5, 9));
        assert_eq!(shuffled(0, 1), Vec::<usize>::new());
    }
}
