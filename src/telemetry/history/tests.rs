use proptest::prelude::*;

use super::*;

fn sample(ms: u64, load: Option<f32>) -> Sample {
    let mut sample = Sample {
        at: Moment {
            ms,
            unix_ms: 1_000_000 + ms as i64,
        },
        ..Sample::default()
    };
    sample.cpu.load = load.ok_or("asleep");
    sample
}

fn recorded(samples: &[(u64, Option<f32>)]) -> History {
    let mut history = History::default();
    for (ms, load) in samples {
        history.record(&sample(*ms, *load), &Work::default());
    }
    history
}

#[test]
fn stretches_are_means_and_gaps_stay_gaps() {
    let history = recorded(&[
        (0, Some(10.0)),
        (500, Some(30.0)),
        (1000, None),
        (1500, Some(50.0)),
        (9000, Some(70.0)),
    ]);
    let loads = history.stretches(Series::CpuLoad, 0, 10_000, 10);
    let means: Vec<Option<f32>> = loads.iter().map(|one| one.map(|one| one.mean)).collect();
    let held = [Some(20.0), Some(50.0), Some(50.0)];
    assert_eq!(means[..3], held);
    assert_eq!(means[3..9], [None; 6]);
    assert_eq!(means[9], Some(70.0));
    let first = loads[0].unwrap();
    assert_eq!((first.least, first.most), (10.0, 30.0));
    assert_eq!(history.value(Series::CpuLoad, 600), Some(30.0));
    assert_eq!(history.value(Series::CpuLoad, 1200), None);
    assert_eq!(history.value(Series::CpuLoad, 8000), None);
    assert_eq!(history.stretches(Series::CpuPower, 0, 10, 2), [None, None]);
}

#[test]
fn columns_finer_than_the_samples_have_no_holes() {
    let samples: Vec<_> = (0..20).map(|n| (n * 503, Some(1.0))).collect();
    let history = recorded(&samples);
    let fine = history.stretches(Series::CpuLoad, 1000, 9000, 60);
    assert!(fine.iter().all(Option::is_some), "{fine:?}");
}

#[test]
fn an_hour_is_kept_and_not_more() {
    let history = recorded(
        &(0..20_000)
            .map(|n| (n * 500, Some((n % 100) as f32)))
            .collect::<Vec<_>>(),
    );
    let latest = 19_999 * 500;
    assert_eq!(history.latest_ms(), Some(latest));
    assert_eq!(history.oldest_ms(), Some(latest - SPAN_MS + 500));
    assert_eq!(history.moments().count(), 7200);
    assert_eq!(history.value(Series::CpuLoad, 500), None);
    // After a pause what is older than an hour is not shown, though it is still in the ring.
    let mut history = recorded(&[(0, Some(1.0)), (1000, Some(2.0))]);
    history.record(&sample(SPAN_MS + 1000, Some(3.0)), &Work::default());
    assert_eq!(
        history.moments().collect::<Vec<_>>(),
        [1000, SPAN_MS + 1000]
    );
}

#[test]
fn time_does_not_go_back() {
    let history = recorded(&[(5000, Some(1.0)), (100, Some(9.0)), (5100, Some(2.0))]);
    assert_eq!(history.moments().collect::<Vec<_>>(), [5000]);
    assert_eq!(history.value(Series::CpuLoad, 5000), Some(2.0));
    assert_eq!(history.unix_ms(5000), 1_005_000);
}

#[test]
fn marks_are_bounded_and_lie_where_they_happened() {
    let mut history = recorded(&[(1000, None)]);
    history.mark(MarkKind::Model, &"é".repeat(1000));
    history.record(&sample(2000, None), &Work::default());
    history.mark(MarkKind::Reply, "a question");
    let texts: Vec<usize> = history.marks(0, 3000).map(|mark| mark.text.len()).collect();
    assert_eq!(texts, [120, 10]);
    assert_eq!(history.marks(1500, 3000).count(), 1);
    for _ in 0..2 * MOST_MARKS {
        history.mark(MarkKind::Parameter, "temp 1");
    }
    assert_eq!(history.marks(0, 3000).count(), MOST_MARKS);
}

proptest! {
    #[test]
    fn whatever_comes_is_kept_in_order_and_within_its_range(
        steps in prop::collection::vec((0u64..3_000_000, prop::option::of(0f32..100.0)), 1..300),
        from in 0u64..10_000_000, length in 0u64..10_000_000, columns in 0usize..300,
    ) {
        let mut at = 0;
        let mut history = History::default();
        for (step, load) in steps {
            at += step;
            history.record(&sample(at, load), &Work::default());
        }
        let moments: Vec<u64> = history.moments().collect();
        prop_assert!(moments.is_sorted());
        prop_assert!(moments.last().is_some_and(|last| last - moments[0] <= SPAN_MS));
        let stretches = history.stretches(Series::CpuLoad, from, from + length, columns);
        prop_assert_eq!(stretches.len(), columns);
        for stretch in stretches.into_iter().flatten() {
            prop_assert!(0.0 <= stretch.least && stretch.least <= stretch.mean);
            prop_assert!(stretch.mean <= stretch.most && stretch.most <= 100.0);
        }
    }
}
