//! Everything that headers say, for people to read.

use std::path::Path;

use crate::gguf::{Array, ArrayKind, GgufError, Header, Tensor, Value};
use crate::units;

/// A text longer than this is cut; how long it is stands behind it.
const LONGEST_TEXT: usize = 400;
/// Arrays of more numbers are counted.
const LONGEST_ARRAY: usize = 64;

/// Metadata and tensors of a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// Keys with their values, by key.
    pub metadata: Vec<(String, String)>,
    /// In the order of the files.
    pub tensors: Vec<TensorRow>,
}

/// A tensor in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorRow {
    pub name: String,
    /// Of its elements, such as `Q4_K`.
    pub kind: &'static str,
    /// Elements per row, rows, and so on.
    pub dims: Vec<u64>,
    pub bytes: u64,
}

impl Contents {
    /// Reads the headers of a model's files, the first one first.
    ///
    /// # Errors
    /// When a file cannot be read or is no GGUF file.
    pub fn read(files: &[impl AsRef<Path>]) -> Result<Self, GgufError> {
        let mut contents = Self::default();
        for (number, file) in files.iter().enumerate() {
            let header = Header::survey(file.as_ref())?;
            // Later files say nothing of the model.
            if number == 0 {
                let metadata = header.metadata.iter();
                contents.metadata = metadata
                    .map(|(key, entry)| (key.clone(), written(&entry.value)))
                    .collect();
            }
            contents
                .tensors
                .extend(header.tensors.into_iter().map(TensorRow::from));
        }
        Ok(contents)
    }
}

impl From<Tensor> for TensorRow {
    fn from(tensor: Tensor) -> Self {
        Self {
            name: tensor.name,
            kind: tensor.kind.name,
            dims: tensor.dims,
            bytes: tensor.bytes,
        }
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(on) => on.to_string(),
        Value::Text(text) => cut(text),
        Value::Array(array) => array_written(array),
    }
}

fn cut(text: &str) -> String {
    let length = text.chars().count();
    if length <= LONGEST_TEXT {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST_TEXT).collect();
    format!("{head} … ({} characters)", units::count(length as u64))
}

fn array_written(array: &Array) -> String {
    if !array.integers.is_empty() && array.integers.len() <= LONGEST_ARRAY {
        let numbers: Vec<_> = array.integers.iter().map(i64::to_string).collect();
        return numbers.join(", ");
    }
    let items = match array.kind {
        ArrayKind::STRING => "texts",
        ArrayKind::ARRAY => "arrays",
        _ => "numbers",
    };
    format!("{} {items}", units::count(array.len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_in_one_line_each() {
        let numbers = Array {
            kind: ArrayKind::I32,
            len: 3,
            offset: 0,
            bytes: 12,
            integers: vec![1, -2, 3],
        };
        let texts = Array {
            kind: ArrayKind::STRING,
            len: 151_936,
            integers: vec![],
            ..numbers.clone()
        };
        assert_eq!(written(&Value::Array(numbers)), "1, -2, 3");
        assert_eq!(written(&Value::Array(texts)), "151,936 texts");
        assert_eq!(written(&Value::Float(0.5)), "0.5");
        let long = written(&Value::Text("ä".repeat(2_000)));
        assert!(long.ends_with("ä … (2,000 characters)"), "{long}");
    }
}
