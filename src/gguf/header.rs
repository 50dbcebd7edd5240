//! The header as a whole, and access to its metadata by key.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::parse::Vocabulary;
use super::{Entry, Facts, GgufError, Tensor, Value, check, parse};

/// Metadata and tensor list of a GGUF file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Of the format: 2 or 3.
    pub version: u32,
    pub metadata: BTreeMap<String, Entry>,
    /// In the order of the file.
    pub tensors: Vec<Tensor>,
    /// Bytes of the file.
    pub file_len: u64,
}

impl Header {
    /// Reads and validates the header of a file, against the file's length too.
    ///
    /// # Errors
    /// [`GgufError`] for anything that llama.cpp should not see.
    pub fn read(path: &Path) -> Result<Self, GgufError> {
        let (reader, file_len) = Self::open(path)?;
        Self::parse(reader, file_len)
    }

    /// Reads the header of a later file of a model in several: it describes tensors, not a model.
    ///
    /// # Errors
    /// [`GgufError`] when it is no GGUF file or shorter than its tensors.
    pub fn read_part(path: &Path) -> Result<Self, GgufError> {
        let (reader, file_len) = Self::open(path)?;
        parse::parse(reader, file_len, Vocabulary::Passed)
    }

    /// Reads what a file is, be it a model, an image part or an adapter: its structure is
    /// validated, its vocabulary is passed over, and [`Self::check`] says whether it is a model.
    ///
    /// # Errors
    /// [`GgufError`] when it is no GGUF file or shorter than its tensors.
    pub fn survey(path: &Path) -> Result<Self, GgufError> {
        Self::read_part(path)
    }

    /// Fails for what is no chat model, or would end the process inside llama.cpp.
    ///
    /// # Errors
    /// [`GgufError`] with the reason.
    pub fn check(&self) -> Result<(), GgufError> {
        check::check(self)
    }

    fn open(path: &Path) -> Result<(BufReader<File>, u64), GgufError> {
        let cannot = |error: std::io::Error| {
            GgufError::new(0, format!("cannot read {}: {error}", path.display()))
        };
        let file = File::open(path).map_err(cannot)?;
        let about = file.metadata().map_err(cannot)?;
        if !about.is_file() {
            return Err(GgufError::new(
                0,
                format!("{} is not a file", path.display()),
            ));
        }
        Ok((BufReader::with_capacity(1 << 16, file), about.len()))
    }

    /// Reads and validates a header from its first byte on; `file_len` is the whole file's length.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn parse(reader: impl BufRead, file_len: u64) -> Result<Self, GgufError> {
        let header = parse::parse(reader, file_len, Vocabulary::Compared)?;
        check::check(&header)?;
        Ok(header)
    }

    /// Adds the tensors of a later file of the same model, so that [`Self::facts`] are those of both.
    pub fn append(&mut self, part: Self) {
        self.tensors.extend(part.tensors);
        self.file_len = self.file_len.saturating_add(part.file_len);
    }

    /// What the header says about the model.
    pub fn facts(&self) -> Facts {
        Facts::new(self)
    }

    /// The architecture, such as `llama`; empty when the header does not say.
    pub fn arch(&self) -> &str {
        self.str("general.architecture").unwrap_or_default()
    }

    /// The key of a value of this architecture: `block_count` gives `llama.block_count`.
    pub fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.arch())
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key).map(|entry| &entry.value)
    }

    /// A whole number that fits, of whatever width the file has it.
    pub fn u32(&self, key: &str) -> Option<u32> {
        self.u64(key).and_then(|n| u32::try_from(n).ok())
    }

    /// As [`Self::u32`].
    pub fn u64(&self, key: &str) -> Option<u64> {
        self.get(key)?.unsigned()
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the values are f32 in most files"
    )]
    pub fn f32(&self, key: &str) -> Option<f32> {
        match self.get(key)? {
            Value::Float(x) => Some(*x as f32),
            _ => None,
        }
    }

    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn str(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How many items an array has.
    pub fn array_len(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            Value::Array(array) => Some(array.len),
            _ => None,
        }
    }

    /// A value that a file gives once for all layers or for each layer, as one number a layer.
    pub fn per_layer(&self, key: &str, layers: usize) -> Option<Vec<u32>> {
        match self.get(key)? {
            Value::Array(array) if array.integers.len() == layers => array
                .integers
                .iter()
                .map(|n| u32::try_from(*n).ok())
                .collect(),
            value => Some(vec![u32::try_from(value.unsigned()?).ok()?; layers]),
        }
    }

    /// The byte at which a key begins; 0 without it.
    pub(super) fn offset(&self, key: &str) -> u64 {
        self.metadata.get(key).map_or(0, |entry| entry.offset)
    }
}
