//! Arrow keys on a value.
//!
//! Numbers move over the multiples of their step (or powers of two, where the step is 0) between
//! the least and the greatest value. Words that name a number outside that range lie beyond its
//! ends: below 0 layers come `auto` and `all`.

use super::{Kind, Spec, Value};

/// More than any hand presses at once; bounds the work of one call.
const MOST_STEPS: u32 = 10_000;

impl Spec {
    /// The value some steps up or down, kept in range; choices and switches cycle, words take
    /// part, text stays.
    pub fn step(&self, value: &Value, steps: i32) -> Value {
        match (self.kind, value) {
            (
                Kind::Int {
                    min,
                    max,
                    step,
                    words,
                },
                Value::Int(number),
            ) => {
                let words: Vec<f64> = words.iter().map(|word| word.1 as f64).collect();
                let ladder = Ladder {
                    min: min as f64,
                    max: max as f64,
                    step: step as f64,
                    words: &words,
                };
                Value::Int(ladder.climb(*number as f64, steps) as i64)
            }
            (
                Kind::Float {
                    min,
                    max,
                    step,
                    words,
                },
                Value::Float(number),
            ) => {
                let words: Vec<f64> = words.iter().map(|word| word.1).collect();
                Value::Float(
                    Ladder {
                        min,
                        max,
                        step,
                        words: &words,
                    }
                    .climb(*number, steps),
                )
            }
            (Kind::Bool, Value::Bool(on)) => Value::Bool(*on ^ (steps % 2 != 0)),
            (Kind::Choice(choices), Value::Text(text)) => {
                let at = choices
                    .iter()
                    .position(|choice| choice == text)
                    .unwrap_or_default() as i64;
                let next = (at + i64::from(steps)).rem_euclid(choices.len() as i64);
                Value::Text(choices[next as usize].to_owned())
            }
            _ => value.clone(),
        }
    }
}

/// The numbers a value can step to. Whole numbers below 2^53 are exact here.
struct Ladder<'a> {
    min: f64,
    max: f64,
    /// 0 doubles and halves.
    step: f64,
    words: &'a [f64],
}

impl Ladder<'_> {
    fn climb(&self, from: f64, steps: i32) -> f64 {
        let mut at = from;
        for _ in 0..steps.unsigned_abs().min(MOST_STEPS) {
            let next = if steps > 0 {
                self.above(at)
            } else {
                self.below(at)
            };
            if next == at {
                break;
            }
            at = next;
        }
        at
    }

    fn above(&self, at: f64) -> f64 {
        let word = self
            .words
            .iter()
            .copied()
            .filter(|word| *word > at)
            .reduce(f64::min);
        if at < self.min {
            return word.unwrap_or(self.min).min(self.min);
        }
        if at >= self.max {
            return word.unwrap_or(at);
        }
        self.rung_above(at).min(self.max)
    }

    fn below(&self, at: f64) -> f64 {
        let word = self
            .words
            .iter()
            .copied()
            .filter(|word| *word < at)
            .reduce(f64::max);
        if at > self.max {
            return word.unwrap_or(self.max).max(self.max);
        }
        if at <= self.min {
            return word.unwrap_or(at);
        }
        self.rung_below(at).max(self.min)
    }

    fn rung_above(&self, at: f64) -> f64 {
        if self.step == 0.0 {
            let mut power = 1.0;
            while power <= at {
                power *= 2.0;
            }
            return power;
        }
        tidy(((at / self.step + TOLERANCE).floor() + 1.0) * self.step)
    }

    fn rung_below(&self, at: f64) -> f64 {
        if self.step == 0.0 {
            let mut power = 1.0;
            while power * 2.0 < at {
                power *= 2.0;
            }
            return power;
        }
        tidy(((at / self.step - TOLERANCE).ceil() - 1.0) * self.step)
    }
}

/// How far a number may lie beside a rung and still stand on it, in steps.
const TOLERANCE: f64 = 1e-6;

/// Takes away the noise of binary fractions: 0.8500000000000001 is 0.85.
fn tidy(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::value::tests::any_value;
    use crate::params::{Param, TABLE, spec};

    fn stepped(param: Param, from: &str, steps: i32) -> String {
        let row = spec(param);
        row.format(&row.step(&row.parse(from).unwrap(), steps))
    }

    #[test]
    fn numbers_walk_over_their_steps() {
        for (param, from, steps, to) in [
            (Param::Temp, "0.8", 1, "0.85"),
            (Param::Temp, "0.8", -1, "0.75"),
            (Param::Temp, "0.05", -1, "greedy"),
            (Param::Temp, "greedy", -1, "greedy"),
            (Param::Temp, "0.82", 1, "0.85"),
            (Param::Temp, "0.82", -1, "0.8"),
            (Param::TopP, "0.95", 9, "off"),
            (Param::CtxSize, "4096", 1, "8192"),
            (Param::CtxSize, "5000", 1, "8192"),
            (Param::CtxSize, "5000", -1, "4096"),
            (Param::CtxSize, "256", -1, "model"),
            (Param::CtxSize, "model", 1, "256"),
            (Param::NGpuLayers, "0", -1, "auto"),
            (Param::NGpuLayers, "0", -2, "all"),
            (Param::NGpuLayers, "all", -1, "all"),
            (Param::NGpuLayers, "auto", 3, "2"),
            (Param::XtcThreshold, "0.5", 1, "off"),
            (Param::XtcThreshold, "off", -1, "0.5"),
            (Param::Seed, "random", 1, "0"),
            (Param::Threads, "1", -1, "auto"),
            (Param::UbatchSize, "512", -1, "256"),
            (Param::UbatchSize, "1", -1, "1"),
        ] {
            assert_eq!(stepped(param, from, steps), to, "{param:?} {from} {steps}");
        }
    }

    #[test]
    fn choices_and_switches_cycle() {
        assert_eq!(stepped(Param::FlashAttn, "off", 1), "auto");
        assert_eq!(stepped(Param::FlashAttn, "auto", -1), "off");
        assert_eq!(stepped(Param::SwaFull, "off", 1), "on");
        assert_eq!(stepped(Param::SwaFull, "off", 2), "off");
        assert_eq!(
            stepped(Param::Grammar, "root ::= \"a\"", 1),
            "root ::= \"a\""
        );
    }

    proptest! {
        #[test]
        fn a_step_stays_allowed(pick: u64, steps in -40i32..40) {
            for row in TABLE {
                let Some(value) = any_value(row, pick, "") else { continue };
                let next = row.step(&value, steps);
                prop_assert_eq!(row.check(&next), Ok(()), "{} {:?} {}", row.name, value, steps);
                prop_assert_eq!(row.parse(&row.format(&next)), Ok(next), "{}", row.name);
            }
        }
    }
}
