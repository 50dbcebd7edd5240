//! llama-bench's lists and ranges: `1,2,4`, `1-4`, `1-8+2`, `1-16*2`.

use crate::params::{Kind, Param, Spec, Value};

/// More values than this in one list are a typing error.
const MOST: usize = 1024;

/// What is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{item}' {why}")]
pub struct ListError {
    /// The part of the list that is meant.
    pub item: String,
    pub why: String,
}

/// A list of whole numbers and ranges.
///
/// # Errors
/// When a part is neither, or the list is longer than anybody means.
pub fn counts(text: &str) -> Result<Vec<u32>, ListError> {
    let mut all = Vec::new();
    for item in text.split(',') {
        match range(item)? {
            Some(numbers) => all.extend(numbers),
            None => all.push(number(item)?),
        }
        bounded(&all, text)?;
    }
    Ok(all)
}

/// `512,128`: a prompt and the tokens generated after it.
///
/// # Errors
/// When it is not two whole numbers.
pub fn pair(text: &str) -> Result<(u32, u32), ListError> {
    let (prompt, generated) = text.split_once(',').ok_or_else(|| {
        error(
            text,
            "is not a prompt and tokens to generate, as in 512,128",
        )
    })?;
    Ok((number(prompt)?, number(generated)?))
}

/// A list of values of a parameter. Where the values themselves have commas, llama-bench's other
/// signs stand for them: `/` in tensor-split and device, `;` in override-tensor.
///
/// # Errors
/// When a part is no value of the parameter, or the list is longer than anybody means.
pub fn values(spec: &Spec, text: &str) -> Result<Vec<Value>, ListError> {
    let mut all = Vec::new();
    for item in text.split(',') {
        let numbers = match spec.kind {
            Kind::Int { .. } => range(item)?,
            _ => None,
        };
        match numbers {
            Some(numbers) => {
                for number in numbers {
                    all.push(parse(spec, &number.to_string())?);
                }
            }
            None => all.push(parse(spec, &spelling(spec, item))?),
        }
        bounded(&all, text)?;
    }
    Ok(all)
}

/// What this program calls a value of llama-bench.
fn spelling(spec: &Spec, item: &str) -> String {
    let item = item.trim();
    match (spec.param, spec.kind, item) {
        (Param::TensorSplit | Param::Device, ..) => item.replace('/', ","),
        (Param::OverrideTensor, ..) => item.replace(';', ","),
        (Param::FlashAttn, _, "0") | (_, Kind::Bool, "0") => "off".to_owned(),
        (Param::FlashAttn, _, "1") | (_, Kind::Bool, "1") => "on".to_owned(),
        _ => item.to_owned(),
    }
}

fn parse(spec: &Spec, item: &str) -> Result<Value, ListError> {
    spec.parse(item).map_err(|why| ListError {
        item: item.to_owned(),
        why: format!("cannot be used: {why}"),
    })
}

/// `first-last`, `first-last+step` or `first-last*factor`; `None` for anything else.
fn range(item: &str) -> Result<Option<Vec<u32>>, ListError> {
    let Some((first, rest)) = item.trim().split_once('-') else {
        return Ok(None);
    };
    // `-1` is a number, and a name may have a dash.
    if first.is_empty() || !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let (last, step) = match rest.find(['+', '*']) {
        Some(at) => (&rest[..at], Some((&rest[at..=at], &rest[at + 1..]))),
        None => (rest, None),
    };
    let (first, last) = (number(first)?, number(last)?);
    let next: Box<dyn Fn(u32) -> Option<u32>> = match step {
        None => Box::new(|at| at.checked_add(1)),
        Some(("+", step)) => {
            let step = number(step)?;
            if step == 0 {
                return Err(error(item, "never gets further: the step is 0"));
            }
            Box::new(move |at| at.checked_add(step))
        }
        Some((_, factor)) => {
            let factor = number(factor)?;
            if factor < 2 || first == 0 {
                return Err(error(
                    item,
                    "never gets further: it multiplies by 1 or from 0",
                ));
            }
            Box::new(move |at| at.checked_mul(factor))
        }
    };
    if last < first {
        return Err(error(item, "ends before it begins"));
    }
    let numbers = std::iter::successors(Some(first), |&at| next(at).filter(|&at| at <= last));
    let numbers: Vec<u32> = numbers.take(MOST + 1).collect();
    bounded(&numbers, item)?;
    Ok(Some(numbers))
}

fn number(text: &str) -> Result<u32, ListError> {
    text.trim()
        .parse()
        .ok()
        .filter(|&number: &u32| i32::try_from(number).is_ok())
        .ok_or_else(|| error(text, "is not a whole number"))
}

fn bounded<T>(all: &[T], text: &str) -> Result<(), ListError> {
    if all.len() > MOST {
        return Err(error(text, &format!("has more than {MOST} values")));
    }
    Ok(())
}

fn error(item: &str, why: &str) -> ListError {
    ListError {
        item: item.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::params::spec;

    #[test]
    fn lists_and_ranges_are_llama_benchs() {
        assert_eq!(counts("1,2,4").unwrap(), [1, 2, 4]);
        assert_eq!(counts("1-4").unwrap(), [1, 2, 3, 4]);
        assert_eq!(counts("1-8+2").unwrap(), [1, 3, 5, 7]);
        assert_eq!(counts("1-16*2").unwrap(), [1, 2, 4, 8, 16]);
        assert_eq!(counts("0,5-6,9").unwrap(), [0, 5, 6, 9]);
        assert_eq!(pair("512,128").unwrap(), (512, 128));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("1,x", "'x' is not a whole number"),
            ("", "'' is not"),
            ("8-4", "'8-4' ends before it begins"),
            ("1-4+0", "the step is 0"),
            ("0-4*2", "never gets further"),
            ("1-4*1", "never gets further"),
            ("1-9999", "more than 1024 values"),
            ("99999999999", "is not a whole number"),
            ("1-4+", "'' is not"),
        ] {
            let message = counts(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
        }
        assert!(pair("512").is_err());
    }

    #[test]
    fn values_are_the_parameters_own() {
        let list = |param, text| values(spec(param), text).unwrap();
        assert_eq!(
            list(Param::NGpuLayers, "0,12-14,auto,-1"),
            [0, 12, 13, 14, -1, -1].map(Value::Int)
        );
        let text = |text: &str| Value::Text(text.into());
        assert_eq!(
            list(Param::FlashAttn, "0,1,auto"),
            ["off", "on", "auto"].map(text)
        );
        assert_eq!(
            list(Param::KvOffload, "1,off"),
            [true, false].map(Value::Bool)
        );
        assert_eq!(
            list(Param::TensorSplit, "3/1,1/1"),
            ["3,1", "1,1"].map(text)
        );
        assert_eq!(
            list(Param::CacheTypeK, "f16,q8_0"),
            ["f16", "q8_0"].map(text)
        );
        assert!(values(spec(Param::CacheTypeK), "q9").is_err());
        assert!(values(spec(Param::Threads), "0").is_err());
    }

    proptest! {
        #[test]
        fn no_text_takes_long_or_panics(text in "[0-9,+*x-]{0,12}") {
            if let Ok(numbers) = counts(&text) {
                prop_assert!(!numbers.is_empty() && numbers.len() <= MOST);
            }
            let _ = values(spec(Param::Threads), &text);
        }

        #[test]
        fn a_range_with_a_step_is_what_counting_gives(first in 0_u32..50, more in 0_u32..50, step in 1_u32..9) {
            let last = first + more;
            let expected: Vec<u32> = (first..=last).step_by(step as usize).collect();
            prop_assert_eq!(counts(&format!("{first}-{last}+{step}")).unwrap(), expected);
        }
    }
}
