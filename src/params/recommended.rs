//! The sampling that a model file recommends under `general.sampling.*`.

use super::{Overrides, Param, spec};

/// The metadata keys that llama.cpp knows (`llama-arch.cpp`) and what they set.
const KEYS: [(&str, Param); 12] = [
    ("general.sampling.sequence", Param::Samplers),
    ("general.sampling.top_k", Param::TopK),
    ("general.sampling.top_p", Param::TopP),
    ("general.sampling.min_p", Param::MinP),
    ("general.sampling.xtc_probability", Param::XtcProbability),
    ("general.sampling.xtc_threshold", Param::XtcThreshold),
    ("general.sampling.temp", Param::Temp),
    ("general.sampling.penalty_last_n", Param::RepeatLastN),
    ("general.sampling.penalty_repeat", Param::RepeatPenalty),
    ("general.sampling.mirostat", Param::Mirostat),
    ("general.sampling.mirostat_tau", Param::MirostatEnt),
    ("general.sampling.mirostat_eta", Param::MirostatLr),
];

/// Reads the recommended sampling from a model's metadata, given as text by key. Values that
/// are missing or not allowed are left out.
pub fn recommended(meta: impl Fn(&str) -> Option<String>) -> Overrides {
    KEYS.into_iter()
        .filter_map(|(key, param)| Some((param, spec(param).parse(&meta(key)?).ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Value;

    #[test]
    fn known_keys_are_read_and_nonsense_is_left_out() {
        let meta = |key: &str| {
            let text = match key {
                "general.sampling.temp" => "0.600000",
                "general.sampling.top_k" => "20",
                "general.sampling.top_p" => "7.5",
                "general.sampling.min_p" => "none",
                "general.sampling.sequence" => "top_k;top_p;temperature",
                "general.sampling.penalty_last_n" => "-3",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let expected = Overrides::from([
            (Param::Temp, Value::Float(0.6)),
            (Param::TopK, Value::Int(20)),
            (
                Param::Samplers,
                Value::Text("top_k;top_p;temperature".to_owned()),
            ),
        ]);
        assert_eq!(recommended(meta), expected);
    }
}
