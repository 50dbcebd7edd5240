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
    assert_eq!(
        (standing.groups.len(), standing.shows_anything()),
        (0, false)
    );
}

#[test]
fn few_votes_show_nothing_however_they_agree() {
    for won in 1..6 {
        let standing = standing(&votes(won, 0), 1);
        assert!(!standing.shows_anything(), "{won}");
        assert!(standing.rows().all(|row| row.interval.is_none()), "{won}");
        let gap = standing.groups[0].rows[0].next.unwrap();
        assert!(gap.more.is_some_and(|more| more > 0), "{gap:?}");
    }
    let clear = standing(&votes(12, 1), 1);
    assert!(clear.shows_anything());
    let rows = &clear.groups[0].rows;
    assert_eq!(rows[0].contender.preset, "a");
    assert_eq!((rows[0].wins, rows[0].ballots), (12, 13));
    assert_eq!(rows[0].next.unwrap().more, Some(0));
    assert_eq!(rows[1].next, None);
}

#[test]
fn the_fewest_votes_that_can_show_something_do_and_agreeing_ones_are_no_certainty() {
    let six = standing(&votes(6, 0), 1);
    assert!(six.shows_anything());
    let (low, high) = six.groups[0].rows[0].interval.unwrap();
    assert!(low > 0.0 && high - low > 400.0, "{low} to {high}");
    let (low, high) = standing(&votes(5, 1), 1).groups[0].rows[0]
        .interval
        .unwrap();
    assert!(low < 0.0 && high > 0.0, "{low} to {high}");
}

#[test]
fn even_votes_cannot_be_told_apart() {
    let even = standing(&votes(9, 9), 1);
    let rows = &even.groups[0].rows;
    let gap = rows[0].next.unwrap();
    assert_eq!((gap.is_shown, gap.more, gap.votes), (false, None, 18));
    assert!(rows[0].score.abs() < 1e-6);
}

#[test]
fn ties_are_half_a_win_to_both_and_decide_nothing() {
    let tied = standing(&vec![ballot(&["a", "b", "c"], &[0, 1]); 8], 1);
    let row = |name: &str| {
        tied.rows()
            .find(|row| row.contender.preset == name)
            .unwrap()
    };
    assert_eq!((row("a").wins, row("a").ties), (0, 8));
    assert!((row("a").score - row("b").score).abs() < 1e-6);
    assert!(row("a").score > row("c").score);
    assert_eq!(row("c").wins + row("c").ties, 0);
}

/// The same votes on another model.
fn of_another(ballots: Vec<Ballot>) -> Vec<Ballot> {
    let other = |mut ballot: Ballot| {
        for contender in &mut ballot.contenders {
            contender.model_hash = "n".into();
        }
        ballot
    };
    ballots.into_iter().map(other).collect()
}

#[test]
fn votes_on_one_model_change_nothing_of_another() {
    let alone = standing(&votes(27, 13), 1);
    let mut ballots = of_another(votes(4, 2));
    ballots.extend(votes(27, 13));
    let both = standing(&ballots, 1);
    assert_eq!(both.groups.len(), 2);
    assert_eq!(both.groups[0], alone.groups[0]);
    assert_eq!(both.groups[1].ballots, 6);
    // What is told apart has intervals that say so.
    let rows = &both.groups[0].rows;
    assert!(rows[0].next.unwrap().is_shown);
    assert!(rows[0].interval.unwrap().0 > rows[1].interval.unwrap().1);
}

#[test]
fn contenders_that_met_by_way_of_others_are_compared() {
    let mut ballots = vec![ballot(&["a", "b"], &[0]); 3];
    ballots.extend(vec![ballot(&["c", "b"], &[0]); 9]);
    let standing = standing(&ballots, 1);
    let rows = &standing.groups[0].rows;
    assert_eq!((standing.groups.len(), rows.len()), (1, 3));
    assert_eq!(rows[0].contender.preset, "c");
    assert_eq!(rows[0].next.unwrap().to_string(), "never met");
    // The one with three votes has no interval yet, those with more have.
    let known: Vec<bool> = rows.iter().map(|row| row.interval.is_some()).collect();
    assert_eq!(known, [true, false, true]);
}

fn ballots() -> impl Strategy<Value = Vec<Ballot>> {
    let names = ["a", "b", "c", "d"];
    let one = (prop::collection::btree_set(0_usize..4, 2..=4), any::<u64>()).prop_map(
        move |(who, best)| {
            let stood: Vec<&str> = who.iter().map(|at| names[*at]).collect();
            let mut liked: Vec<usize> = (0..stood.len()).filter(|at| best >> at & 1 == 1).collect();
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
        let logs = strengths(&tally, &vec![HALVES; contenders.len()]);
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
        for (one, other) in forwards.rows().zip(backwards.rows()) {
            prop_assert!((one.score - other.score).abs() < 1e-3);
        }
        for row in forwards.rows() {
            prop_assert!(row.interval.is_none_or(|(low, high)| low <= high) && row.wins + row.ties <= row.ballots);
        }
    }
}
