//! What a million tokens cost on this machine, against the price of an API.
//!
//! Nothing is invented: a price that nobody gave leaves out what depends on it, and so does power
//! that nobody measured. A million tokens are of the user's own mix of prompt and reply.
//!
//! ```text
//! share of prompt   p = prompt tokens / all tokens, as an API would bill them
//! API               a = p x api-input + (1 - p) x api-output              per million tokens
//! energy            e = joules above idle / tokens, over the user's replies
//! electricity       h = e x 1,000,000 / 3,600,000 x electricity           per million tokens
//! saved             s = tokens so far / 1,000,000 x (a - h)
//! break-even        v = hardware / (a - h)                                million tokens
//! date              today + (hardware - s) / (tokens a day / 1,000,000 x (a - h)) days
//! ```

/// Prices of the configuration, in one currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices {
    /// As it is shown: `EUR`.
    pub currency: Option<String>,
    /// Of a kilowatt-hour.
    pub electricity: Option<f64>,
    /// Of the machine, or of what was bought for the models.
    pub hardware: Option<f64>,
    /// Of a million prompt tokens.
    pub api_input: Option<f64>,
    /// Of a million tokens of replies.
    pub api_output: Option<f64>,
    /// Watts above idle while a model computes, by a meter of the user's: used where no sensor
    /// tells.
    pub watts: Option<f64>,
}

/// The user's replies so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Use {
    pub replies: u64,
    /// Prompt tokens, those found in a cache included: an API bills them again.
    pub prompt_n: u64,
    /// Prompt tokens that were computed here.
    pub computed_n: u64,
    pub predicted_n: u64,
    /// Milliseconds of computing.
    pub prompt_ms: f64,
    pub predicted_ms: f64,
    /// Days from the first reply until now. Less than one tells nothing of the use a day.
    pub days: f64,
}

/// Joules above idle that were measured for some of the replies, and for how many tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    pub prompt_joules: f64,
    pub prompt_n: u64,
    pub predicted_joules: f64,
    pub predicted_n: u64,
}

/// Where the energy of a token is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Sensors of the CPU or the GPU.
    Sensors,
    /// `watts` of the configuration and the time the engine measured.
    Watts,
}

/// What follows; `None` = a price or a measurement is missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Costs {
    /// Of the tokens an API would bill, those of prompts.
    pub prompt_share: Option<f64>,
    pub tokens: u64,
    pub tokens_per_day: Option<f64>,
    /// For a token of the mix, above idle.
    pub joules_per_token: Option<f64>,
    pub origin: Option<Origin>,
    /// Per million tokens.
    pub electricity: Option<f64>,
    pub api: Option<f64>,
    /// Below 0: this machine costs more.
    pub saved: Option<f64>,
    pub break_even: Option<BreakEven>,
}

/// When the hardware has paid for itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BreakEven {
    /// Every token costs more here than the API asks.
    Never,
    At {
        /// Millions of tokens in all.
        million_tokens: f64,
        /// From today; below 0 = it has. `None` when nothing is known of the use a day.
        days: Option<f64>,
    },
}

const MILLION: f64 = 1e6;
/// Joules of a kilowatt-hour.
const KILOWATT_HOUR: f64 = 3.6e6;

/// Works out what can be known.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn costs(prices: &Prices, used: &Use, measured: &Measured) -> Costs {
    let tokens = used.prompt_n + used.predicted_n;
    let all = tokens as f64;
    let prompt_share = (tokens > 0).then(|| used.prompt_n as f64 / all);
    let energy = energy(prices, used, measured);
    let joules_per_token = energy
        .map(|(joules, _)| joules / all)
        .filter(|_| tokens > 0);
    let electricity = joules_per_token
        .zip(prices.electricity)
        .map(|(joules, price)| joules * MILLION / KILOWATT_HOUR * price);
    let api = prompt_share
        .zip(prices.api_input.zip(prices.api_output))
        .map(|(share, (input, output))| share * input + (1.0 - share) * output);
    let gain = api.zip(electricity).map(|(api, here)| api - here);
    let saved = gain.map(|gain| all / MILLION * gain);
    let tokens_per_day = (tokens > 0 && used.days >= 1.0).then(|| all / used.days);
    let break_even = gain.zip(prices.hardware).map(|(gain, hardware)| {
        if gain <= 0.0 {
            return BreakEven::Never;
        }
        let left = hardware - all / MILLION * gain;
        BreakEven::At {
            million_tokens: hardware / gain,
            days: tokens_per_day.map(|tokens| left / (tokens / MILLION * gain)),
        }
    });
    Costs {
        prompt_share,
        tokens,
        tokens_per_day,
        joules_per_token,
        origin: energy.map(|(_, origin)| origin),
        electricity,
        api,
        saved,
        break_even,
    }
}

/// Joules above idle of all replies: what was measured for some, taken for all of them.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn energy(prices: &Prices, used: &Use, measured: &Measured) -> Option<(f64, Origin)> {
    let each =
        |joules: f64, tokens: u64| (tokens > 0 && joules > 0.0).then(|| joules / tokens as f64);
    let decode = each(measured.predicted_joules, measured.predicted_n);
    // A prompt may always have come from the cache: then it cost nothing.
    let prompt = each(measured.prompt_joules, measured.prompt_n);
    let known = match (prompt, decode) {
        (Some(prompt), Some(decode)) => Some((prompt, decode)),
        (None, Some(decode)) if used.computed_n == 0 => Some((0.0, decode)),
        _ => None,
    };
    if let Some((prompt, decode)) = known {
        let joules = prompt * used.computed_n as f64 + decode * used.predicted_n as f64;
        return Some((joules, Origin::Sensors));
    }
    let seconds = (used.prompt_ms + used.predicted_ms) / 1000.0;
    let watts = prices.watts.filter(|_| seconds > 0.0)?;
    Some((watts * seconds, Origin::Watts))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices() -> Prices {
        Prices {
            currency: Some("EUR".to_owned()),
            electricity: Some(0.36),
            hardware: Some(2000.0),
            api_input: Some(1.0),
            api_output: Some(5.0),
            watts: None,
        }
    }

    fn used() -> Use {
        Use {
            replies: 10,
            prompt_n: 3_000_000,
            computed_n: 1_000_000,
            predicted_n: 1_000_000,
            prompt_ms: 1e6,
            predicted_ms: 4e7,
            days: 10.0,
        }
    }

    fn measured() -> Measured {
        Measured {
            prompt_joules: 100.0,
            prompt_n: 1000,
            predicted_joules: 3900.0,
            predicted_n: 1000,
        }
    }

    fn near(one: Option<f64>, other: f64) {
        assert!(
            one.is_some_and(|one| (one - other).abs() < 1e-9),
            "{one:?} {other}"
        );
    }

    #[test]
    fn the_formulas_are_those_of_the_text() {
        let costs = costs(&prices(), &used(), &measured());
        near(costs.prompt_share, 0.75);
        near(costs.api, 2.0);
        // 0.1 J x 1 M + 3.9 J x 1 M over 4 M tokens.
        near(costs.joules_per_token, 1.0);
        near(costs.electricity, 0.1);
        near(costs.saved, 7.6);
        near(costs.tokens_per_day, 400_000.0);
        let Some(BreakEven::At {
            million_tokens,
            days,
        }) = costs.break_even
        else {
            panic!("{costs:?}")
        };
        near(Some(million_tokens), 2000.0 / 1.9);
        near(days, (2000.0 - 7.6) / (0.4 * 1.9));
        assert_eq!(costs.origin, Some(Origin::Sensors));
    }

    #[test]
    fn what_nobody_gave_is_not_shown() {
        let none = costs(&Prices::default(), &used(), &Measured::default());
        assert_eq!((none.electricity, none.api, none.saved), (None, None, None));
        assert_eq!((none.break_even, none.joules_per_token), (None, None));
        let unused = costs(&prices(), &Use::default(), &measured());
        assert_eq!((unused.api, unused.prompt_share), (None, None));
        let only_output = Prices {
            api_input: None,
            ..prices()
        };
        assert_eq!(costs(&only_output, &used(), &measured()).api, None);
    }

    #[test]
    fn a_meter_stands_in_for_sensors() {
        let with = Prices {
            watts: Some(100.0),
            ..prices()
        };
        let costs = costs(&with, &used(), &Measured::default());
        assert_eq!(costs.origin, Some(Origin::Watts));
        near(costs.joules_per_token, 100.0 * 41_000.0 / 4e6);
    }

    #[test]
    fn a_machine_that_costs_more_never_breaks_even() {
        let dear = Prices {
            electricity: Some(100.0),
            ..prices()
        };
        let costs = costs(&dear, &used(), &measured());
        assert_eq!(costs.break_even, Some(BreakEven::Never));
        assert!(costs.saved.is_some_and(|saved| saved < 0.0));
    }

    proptest! {
        #[test]
        fn whatever_is_known_is_a_number(
            prompt in 0u64..1 << 40, computed in 0u64..1 << 40, predicted in 0u64..1 << 40,
            joules in 0f64..1e12, tokens in 0u64..1 << 40, days in 0f64..1e4,
        ) {
            let used = Use { replies: 1, prompt_n: prompt, computed_n: computed, predicted_n: predicted, prompt_ms: 1.0, predicted_ms: 1.0, days };
            let measured = Measured { prompt_joules: joules, prompt_n: tokens, predicted_joules: joules, predicted_n: tokens };
            let costs = costs(&prices(), &used, &measured);
            for figure in [costs.prompt_share, costs.electricity, costs.api, costs.saved, costs.joules_per_token] {
                prop_assert!(figure.is_none_or(f64::is_finite), "{costs:?}");
            }
            if let Some(BreakEven::At { million_tokens, days }) = costs.break_even {
                prop_assert!(million_tokens.is_finite() && days.is_none_or(f64::is_finite));
            }
        }
    }
}
