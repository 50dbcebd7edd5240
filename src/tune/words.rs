//! A search in words: what it tries, what it found, what came out.

use super::{Candidate, Fate, Finding, Outcome};
use crate::bench::stats::Interval;
use crate::engine::BenchTest;
use crate::params::{Overrides, spec};
use crate::units::counted;

/// `pp256+tg64, 4 parameters to try, at most 120 s`
pub fn began(test: BenchTest, axes: usize, budget_s: u64) -> String {
    let name = crate::bench::test_name(test);
    let axes = counted(axes, "parameter");
    format!("Measuring {name}; {axes} to try, at most {budget_s} s.\n")
}

/// A line for the axis and one for each candidate.
pub fn finding(finding: &Finding) -> String {
    let mut text = format!("{}\n", finding.axis);
    for (index, candidate) in finding.candidates.iter().enumerate() {
        let mark = if index == finding.winner { "*" } else { " " };
        let name = if index == 0 {
            "as it was".to_owned()
        } else {
            values(&candidate.values)
        };
        text.push_str(&format!("  {mark} {name:<24} {}\n", figures(candidate)));
    }
    text
}

/// What came out, in lines: the last comparison, and what follows from it.
pub fn outcome(outcome: &Outcome) -> String {
    let last = outcome.last.as_ref().map(finding).unwrap_or_default();
    last + &verdict(outcome)
}

/// What follows from a search, in lines.
pub fn verdict(outcome: &Outcome) -> String {
    let mut text = String::new();
    text.push_str(match (outcome.values.is_empty(), &outcome.last) {
        (true, _) if outcome.cancelled => "Stopped; nothing was changed.\n",
        (true, None) if outcome.out_of_time && outcome.is_empty() => return nothing(outcome),
        (true, None) if outcome.out_of_time => {
            "The time was up before anything was certain; a longer --budget may find more.\n"
        }
        (true, None) => "Nothing is certainly faster than what is in force.\n",
        (true, Some(_)) => {
            "All together it is not certainly faster than what is in force, so nothing was changed.\n"
        }
        (false, _) => "",
    });
    if !outcome.values.is_empty() {
        text.push_str(&format!(
            "Faster: {}; {}.\n",
            values(&outcome.values),
            gain(outcome)
        ));
        if outcome.out_of_time {
            text.push_str(
                "The time was up before everything was tried; a longer --budget may find more.\n",
            );
        }
    }
    text
}

/// That nothing could be compared, and what would do.
fn nothing(outcome: &Outcome) -> String {
    let advice = match outcome.would_do {
        Some(time) => format!(
            "an estimate of what would do: --budget {}s",
            time.as_secs().saturating_add(1)
        ),
        None => "give a longer --budget".to_owned(),
    };
    format!("No other value was measured, the time was up before; {advice}.\n")
}

/// The gain: `1.12 times as fast (1.09 to 1.15)`; empty where nothing was gained.
pub fn gain(outcome: &Outcome) -> String {
    let ratio = outcome
        .last
        .as_ref()
        .and_then(|last| last.candidates.get(1)?.ratio);
    ratio.map_or_else(String::new, |Interval { low, middle, high }| {
        format!("{middle:.2} times as fast ({low:.2} to {high:.2})")
    })
}

/// Values as one types them: `threads=2 flash-attn=off`.
pub fn values(values: &Overrides) -> String {
    let all = values
        .iter()
        .map(|(param, value)| format!("{}={}", spec(*param).name, spec(*param).format(value)));
    all.collect::<Vec<_>>().join(" ")
}

/// What was measured of a candidate, with its bounds, or why nothing was.
pub fn figures(candidate: &Candidate) -> String {
    let rate = candidate
        .rate
        .map(|Interval { low, middle, high }| format!("{middle:.1} t/s ({low:.1} to {high:.1})"));
    let of = candidate.first.map_or(String::new(), |first| {
        let rounds = counted(candidate.rounds, "round");
        format!(" of {first:.1} in the same {rounds}")
    });
    let ratio = candidate
        .ratio
        .map(|Interval { low, middle, high }| format!("x {middle:.3} ({low:.3} to {high:.3}){of}"));
    let fate = match &candidate.fate {
        Fate::Refused(why) => Some(format!("not possible: {why}")),
        Fate::Slower if rate.is_none() => Some("far slower".to_owned()),
        Fate::In | Fate::Slower => None,
    };
    let parts: Vec<String> = [rate, ratio, fate].into_iter().flatten().collect();
    match (parts.as_slice(), candidate.rounds) {
        ([], 0) => "no time to measure it".to_owned(),
        ([], rounds) => format!("too few rounds to tell: {rounds}"),
        _ => parts.join("  "),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::params::{Param, Value};

    #[test]
    fn every_figure_has_its_interval() {
        let interval = |low, middle, high| Some(Interval { low, middle, high });
        let two = Overrides::from([(Param::Threads, Value::Int(2))]);
        let found = Finding {
            axis: "threads",
            winner: 1,
            candidates: vec![
                Candidate {
                    values: Overrides::new(),
                    fate: Fate::In,
                    rounds: 4,
                    rate: interval(99.0, 100.0, 101.0),
                    ratio: None,
                    first: None,
                },
                Candidate {
                    values: two.clone(),
                    fate: Fate::In,
                    rounds: 4,
                    rate: interval(118.0, 120.0, 122.0),
                    ratio: interval(1.18, 1.2, 1.22),
                    first: None,
                },
                Candidate {
                    values: Overrides::from([(Param::Threads, Value::Int(1))]),
                    fate: Fate::Slower,
                    rounds: 3,
                    rate: interval(102.0, 104.0, 106.0),
                    ratio: interval(0.87, 0.89, 0.91),
                    first: Some(116.9),
                },
                Candidate {
                    values: Overrides::from([(Param::Threads, Value::Int(4))]),
                    fate: Fate::In,
                    rounds: 2,
                    rate: None,
                    ratio: None,
                    first: None,
                },
                Candidate {
                    values: Overrides::from([(Param::Threads, Value::Int(8))]),
                    fate: Fate::Refused("it does not fit".into()),
                    rounds: 0,
                    rate: None,
                    ratio: None,
                    first: None,
                },
            ],
        };
        let ended = Outcome {
            test: BenchTest::default(),
            findings: vec![found.clone()],
            values: two,
            last: Some(found),
            cancelled: false,
            out_of_time: true,
            would_do: None,
        };
        insta::assert_snapshot!(outcome(&ended), @"
        threads
            as it was                100.0 t/s (99.0 to 101.0)
          * threads=2                120.0 t/s (118.0 to 122.0)  x 1.200 (1.180 to 1.220)
            threads=1                104.0 t/s (102.0 to 106.0)  x 0.890 (0.870 to 0.910) of 116.9 in the same 3 rounds
            threads=4                too few rounds to tell: 2
            threads=8                not possible: it does not fit
        Faster: threads=2; 1.20 times as fast (1.18 to 1.22).
        The time was up before everything was tried; a longer --budget may find more.
        ");
    }

    #[test]
    fn a_search_without_any_comparison_says_so_and_what_would_do() {
        let mut ended = Outcome {
            test: BenchTest::default(),
            findings: vec![],
            values: Overrides::new(),
            last: None,
            cancelled: false,
            out_of_time: true,
            would_do: Some(Duration::from_millis(94_200)),
        };
        assert_eq!(
            verdict(&ended),
            "No other value was measured, the time was up before; an estimate of what would do: --budget 95s.\n"
        );
        ended.would_do = None;
        assert_eq!(
            verdict(&ended),
            "No other value was measured, the time was up before; give a longer --budget.\n"
        );
    }
}
