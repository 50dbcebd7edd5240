//! The written forms of text parameters: lists with escapes, sampler chains, shares, patterns
//! and biases. Each reader says in its error what form it expected.

use super::near::nearest_word;
use super::{Param, SamplerKind};

/// What was wrong with a text: the end of the sentence "'…' is not …".
pub(super) type Expected = String;

/// Checks the text of a parameter and brings it into its usual spelling.
pub(super) fn normalise(param: Param, text: &str) -> Result<String, Expected> {
    match param {
        Param::Samplers => Ok(join_samplers(&samplers(text)?)),
        Param::Stop | Param::DrySequenceBreaker => list(text).map(|_| text.to_owned()),
        Param::TensorSplit => shares(text).map(|_| text.trim().to_owned()),
        Param::OverrideTensor => patterns(text).map(|_| text.trim().to_owned()),
        Param::LogitBias => biases(text).map(|_| text.trim().to_owned()),
        Param::JsonSchema => json(text).map(|()| text.to_owned()),
        Param::Device | Param::Mmproj => Ok(text.trim().to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// Reads strings with commas between. `\n`, `\r`, `\t`, `\,` and `\\` are escapes; spaces count;
/// empty items are left out.
pub(super) fn list(text: &str) -> Result<Vec<String>, Expected> {
    let mut items = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let next = match c {
            ',' => {
                items.push(String::new());
                continue;
            }
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(same @ (',' | '\\')) => same,
                other => {
                    let other = other.map(String::from).unwrap_or_default();
                    return Err(format!(
                        r"a list of strings: '\{other}' is no escape, write '\\' for a backslash"
                    ));
                }
            },
            plain => plain,
        };
        if let Some(item) = items.last_mut() {
            item.push(next);
        }
    }
    items.retain(|item| !item.is_empty());
    Ok(items)
}

/// Writes strings in the form that lists are read in.
pub fn join_list<S: AsRef<str>>(items: &[S]) -> String {
    let mut text = String::new();
    for item in items {
        if !text.is_empty() {
            text.push(',');
        }
        for c in item.as_ref().chars() {
            match c {
                '\n' => text.push_str(r"\n"),
                '\r' => text.push_str(r"\r"),
                '\t' => text.push_str(r"\t"),
                ',' | '\\' => text.extend(['\\', c]),
                plain => text.push(plain),
            }
        }
    }
    text
}

/// As [`list`], with `none` for no strings at all, as llama.cpp has it.
pub(super) fn breakers(text: &str) -> Result<Vec<String>, Expected> {
    if text.trim() == "none" {
        Ok(Vec::new())
    } else {
        list(text)
    }
}

/// Reads a chain: names with `;` (or `,`) between, or one letter a sampler.
pub(super) fn samplers(text: &str) -> Result<Vec<SamplerKind>, Expected> {
    let text = text.trim();
    let names = || {
        text.split([';', ','])
            .map(str::trim)
            .filter(|name| !name.is_empty())
    };
    let mut chain = Vec::new();
    for name in names() {
        match SamplerKind::from_name(name) {
            Some(kind) => chain.push(kind),
            None => {
                let letters: Option<Vec<_>> = text.chars().map(SamplerKind::from_letter).collect();
                return letters.ok_or_else(|| unknown_sampler(name));
            }
        }
    }
    Ok(chain)
}

fn unknown_sampler(given: &str) -> Expected {
    let known = SamplerKind::ALL.map(SamplerKind::name);
    let near = nearest_word(given, known)
        .map(|name| format!(" (did you mean '{name}'?)"))
        .unwrap_or_default();
    format!(
        "a chain of samplers: '{given}' is none{near}; known are {}",
        known.join(", ")
    )
}

/// Writes a chain as llama.cpp does: names with `;` between.
pub(super) fn join_samplers(chain: &[SamplerKind]) -> String {
    let names: Vec<_> = chain.iter().map(|kind| kind.name()).collect();
    names.join(";")
}

/// Reads one share a device, with `,` or `/` between.
pub(super) fn shares(text: &str) -> Result<Vec<f32>, Expected> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let shares: Option<Vec<f32>> = text
        .split([',', '/'])
        .map(|part| {
            part.trim()
                .parse()
                .ok()
                .filter(|share: &f32| share.is_finite() && *share >= 0.0)
        })
        .collect();
    shares
        .filter(|shares| shares.iter().any(|share| *share > 0.0))
        .ok_or_else(|| "one share a device, such as 3,1".to_owned())
}

/// Reads `pattern=buffer type` pairs with commas between.
pub(super) fn patterns(text: &str) -> Result<Vec<(String, String)>, Expected> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match part.rsplit_once('=') {
            Some((pattern, buffer)) if !pattern.is_empty() && !buffer.is_empty() => {
                Ok((pattern.to_owned(), buffer.to_owned()))
            }
            _ => Err(format!("a list of tensor pattern=buffer type ('{part}' lacks a part), such as ffn_.*_exps=CPU")),
        })
        .collect()
}

/// Reads token ids, each with its signed bias, with commas between.
pub(super) fn biases(text: &str) -> Result<Vec<(i32, f32)>, Expected> {
    let bias = |part: &str| -> Option<(i32, f32)> {
        let sign = part.find(['+', '-'])?;
        let token = part[..sign]
            .trim()
            .parse()
            .ok()
            .filter(|token| *token >= 0)?;
        let bias: f32 = part[sign..].trim().parse().ok()?;
        (!bias.is_nan()).then_some((token, bias))
    };
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            bias(part).ok_or_else(|| {
                format!("a list of token id and signed bias ('{part}' is wrong), such as 15043+1,29871-0.5")
            })
        })
        .collect()
}

/// Reads device names with commas between.
pub(super) fn devices(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn json(text: &str) -> Result<(), Expected> {
    if text.trim().is_empty() {
        return Ok(());
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_keep_spaces_and_know_escapes() {
        assert_eq!(
            list(r"User:, a\,b,\n\n,c\\d").unwrap(),
            ["User:", " a,b", "\n\n", r"c\d"]
        );
        assert_eq!(list("").unwrap(), Vec::<String>::new());
        assert!(list(r"a\q").unwrap_err().contains(r"'\q' is no escape"));
        assert!(list(r"a\").is_err());
    }

    #[test]
    fn none_means_no_breakers() {
        assert!(breakers("none").unwrap().is_empty());
        assert_eq!(breakers(r#"\n,:,",*"#).unwrap(), ["\n", ":", "\"", "*"]);
    }

    #[test]
    fn chains_are_read_by_name_or_letter() {
        let default = "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature";
        assert_eq!(join_samplers(&samplers("edskypmxt").unwrap()), default);
        assert_eq!(join_samplers(&samplers(default).unwrap()), default);
        assert_eq!(
            samplers("top-k; Temp").unwrap(),
            [SamplerKind::TopK, SamplerKind::Temperature]
        );
        assert_eq!(samplers("xtc").unwrap(), [SamplerKind::Xtc]);
        assert_eq!(samplers("").unwrap(), []);
    }

    #[test]
    fn a_wrong_sampler_gets_a_suggestion() {
        let error = samplers("top_k;tpo_p").unwrap_err();
        assert!(
            error.contains("'tpo_p' is none (did you mean 'top_p'?)"),
            "{error}"
        );
        assert!(error.contains("adaptive_p"), "{error}");
    }

    #[test]
    fn shares_are_positive_numbers() {
        assert_eq!(shares("3,1").unwrap(), [3.0, 1.0]);
        assert_eq!(shares("3/0").unwrap(), [3.0, 0.0]);
        assert!(shares("0,0").is_err());
        assert!(shares("3,-1").is_err());
        assert!(shares("3,,1").is_err());
    }

    #[test]
    fn patterns_may_hold_an_equals_sign() {
        assert_eq!(
            patterns("a=b=CPU").unwrap(),
            [("a=b".to_owned(), "CPU".to_owned())]
        );
        assert!(patterns("ffn").unwrap_err().contains("'ffn' lacks a part"));
    }

    #[test]
    fn biases_carry_their_sign() {
        assert_eq!(
            biases("15043+1, 29871-0.5").unwrap(),
            [(15043, 1.0), (29871, -0.5)]
        );
        assert_eq!(biases("7-inf").unwrap(), [(7, f32::NEG_INFINITY)]);
        assert!(biases("15043").is_err());
        assert!(biases("hello+1").is_err());
        assert!(biases("1+nan").is_err());
    }

    #[test]
    fn a_schema_must_be_json() {
        assert!(normalise(Param::JsonSchema, r#"{"type": "object"}"#).is_ok());
        assert!(
            normalise(Param::JsonSchema, "{")
                .unwrap_err()
                .starts_with("JSON: ")
        );
    }

    proptest! {
        #[test]
        fn lists_survive_being_written(items in prop::collection::vec("[a-z ,\\\\\n\t\"é]{1,6}", 0..5)) {
            prop_assert_eq!(list(&join_list(&items)).unwrap(), items);
        }

        #[test]
        fn readers_never_panic(text in ".{0,40}") {
            let _ = (list(&text), samplers(&text), shares(&text), patterns(&text), biases(&text), devices(&text));
        }
    }
}
