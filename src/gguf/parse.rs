//! From bytes to metadata and tensors: the structure of a file, whatever it means.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::io::BufRead;

use super::source::Source;
use super::{Array, ArrayKind, Entry, GgufError, Header, Tensor, TensorType, Value};

const MAX_KEY: u64 = 65_535;
const MAX_TEXT: u64 = 16 << 20;
/// llama.cpp keeps names in 64 bytes with an end mark.
const MAX_TENSOR_NAME: usize = 63;
const MAX_TENSORS: u64 = 1 << 17;
const MAX_TOKENS: u64 = 1 << 21;
/// Arrays of numbers up to this length keep their items.
const MAX_INTEGERS: u64 = 4096;
/// About what an entry and a tensor take in memory beside their text.
const ENTRY_MEMORY: u64 = 200;
const DEFAULT_ALIGNMENT: u64 = 32;
const TOKENS: &str = "tokenizer.ggml.tokens";

/// What is done with the tokens of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vocabulary {
    /// No two may be the same, or llama.cpp ends the process.
    Compared,
    /// Nobody loads the file yet.
    Passed,
}

/// Reads the header from the beginning of a file of that length.
pub fn parse(
    reader: impl BufRead,
    file_len: u64,
    vocabulary: Vocabulary,
) -> Result<Header, GgufError> {
    let mut source = Source::new(reader, file_len);
    let version = version(&mut source)?;
    let tensors = count(&mut source, "number of tensors", 24, MAX_TENSORS)?;
    let entries = count(&mut source, "number of metadata entries", 13, MAX_TENSORS)?;
    let mut metadata = BTreeMap::new();
    for _ in 0..entries {
        let (key, entry) = entry(&mut source, vocabulary)?;
        let offset = entry.offset;
        if metadata.insert(key.clone(), entry).is_some() {
            return Err(GgufError::new(
                offset,
                format!("the key {key:?} is there twice"),
            ));
        }
    }
    let alignment = alignment(&metadata)?;
    let mut list = Vec::new();
    let mut names = HashSet::new();
    let mut data = 0;
    for _ in 0..tensors {
        let at = source.offset();
        let tensor = tensor(&mut source, data)?;
        if !names.insert(tensor.name.clone()) {
            return Err(GgufError::new(
                at,
                format!("the tensor {:?} is there twice", tensor.name),
            ));
        }
        data = tensor
            .bytes
            .checked_next_multiple_of(alignment)
            .and_then(|bytes| data.checked_add(bytes))
            .ok_or_else(|| {
                GgufError::new(
                    at,
                    format!("the tensor {:?} is larger than any file", tensor.name),
                )
            })?;
        list.push(tensor);
    }
    let start = source.offset().next_multiple_of(alignment);
    place(&mut list, start, file_len)?;
    Ok(Header {
        version,
        metadata,
        tensors: list,
        file_len,
    })
}

fn version(source: &mut Source<impl BufRead>) -> Result<u32, GgufError> {
    let magic: [u8; 4] = source.bytes("file mark")?;
    if &magic != b"GGUF" {
        let reason = format!(
            "this is not a GGUF file: it begins with \"{}\" instead of \"GGUF\"",
            magic.escape_ascii()
        );
        return Err(GgufError::new(0, reason));
    }
    match source.u32("version")? {
        version @ (2 | 3) => Ok(version),
        1 => Err(GgufError::new(
            4,
            "GGUF version 1 is no longer supported: convert or download the model again",
        )),
        version if version.trailing_zeros() >= 16 => Err(GgufError::new(
            4,
            "this is a big-endian GGUF file, for other processors: download the little-endian one",
        )),
        version => Err(GgufError::new(
            4,
            format!("GGUF version {version} is unknown; versions 2 and 3 are supported"),
        )),
    }
}

/// A count of things that take at least `size` bytes each.
fn count(
    source: &mut Source<impl BufRead>,
    what: &str,
    size: u64,
    most: u64,
) -> Result<u64, GgufError> {
    let at = source.offset();
    let count = source.u64(what)?;
    if count > most || count.saturating_mul(size) > source.left() {
        let reason = format!(
            "the {what} is {count}, more than the {} bytes that follow can hold",
            source.left()
        );
        return Err(GgufError::new(at, reason));
    }
    source.reserve(count * ENTRY_MEMORY, what)?;
    Ok(count)
}

fn entry(
    source: &mut Source<impl BufRead>,
    vocabulary: Vocabulary,
) -> Result<(String, Entry), GgufError> {
    let offset = source.offset();
    let key = source.string(MAX_KEY, "key")?;
    let key = String::from_utf8(key).map_err(|_| GgufError::new(offset, "a key is not text"))?;
    if key.is_empty() || key.contains('\0') {
        return Err(GgufError::new(offset, "a key is empty or has a zero byte"));
    }
    let kind = ArrayKind(source.u32(&key)?);
    let value = match kind {
        ArrayKind::STRING => Value::Text(text(&source.string(MAX_TEXT, &key)?)),
        ArrayKind::ARRAY => Value::Array(array(source, &key, vocabulary)?),
        _ => number(source, kind, &key)?,
    };
    Ok((key, Entry { value, offset }))
}

/// Text as llama.cpp sees it, which takes a zero byte for its end.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(until_zero(bytes)).into_owned()
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn number(
    source: &mut Source<impl BufRead>,
    kind: ArrayKind,
    key: &str,
) -> Result<Value, GgufError> {
    let at = source.offset();
    let unknown = || GgufError::new(at, format!("{key} has the unknown value type {}", kind.0));
    let mut bytes = [0; 8];
    for byte in bytes
        .iter_mut()
        .take(kind.size().map_or(0, |size| size as usize))
    {
        *byte = source.u8(key)?;
    }
    kind.number(bytes).ok_or_else(unknown)
}

fn array(
    source: &mut Source<impl BufRead>,
    key: &str,
    vocabulary: Vocabulary,
) -> Result<Array, GgufError> {
    let at = source.offset();
    let kind = ArrayKind(source.u32(key)?);
    let len = source.u64(key)?;
    let offset = source.offset();
    let mut integers = Vec::new();
    if kind == ArrayKind::STRING {
        strings(source, key, len, vocabulary)?;
    } else if let Some(size) = kind.size() {
        let bytes = len
            .checked_mul(size)
            .ok_or_else(|| GgufError::new(at, format!("{key} has {len} items")))?;
        source.room(bytes, key)?;
        if len <= MAX_INTEGERS {
            source.reserve(len * 8, key)?;
            for _ in 0..len {
                integers.extend(number(source, kind, key)?.integer());
            }
        } else {
            source.skip(bytes, key)?;
        }
    } else {
        return Err(GgufError::new(
            at,
            format!("{key} is an array of the unsupported type {}", kind.0),
        ));
    }
    Ok(Array {
        kind,
        len,
        offset,
        bytes: source.offset() - offset,
        integers,
    })
}

/// Passes over strings. Two tokens with one text end the process inside llama.cpp, so those of the
/// vocabulary are compared, by their hashes.
fn strings(
    source: &mut Source<impl BufRead>,
    key: &str,
    len: u64,
    vocabulary: Vocabulary,
) -> Result<(), GgufError> {
    let at = source.offset();
    source.room(len.saturating_mul(8), key)?;
    if key != TOKENS {
        return source.skip_strings(len, key);
    }
    if len > MAX_TOKENS {
        return Err(GgufError::new(
            at,
            format!("a vocabulary of {len} tokens is not believed"),
        ));
    }
    if vocabulary == Vocabulary::Passed {
        return source.skip_strings(len, key);
    }
    source.reserve(len * 8, key)?;
    let mut hashes = Vec::new();
    for index in 0..len {
        let token = source.string(MAX_KEY, key)?;
        source.release(token.len() as u64);
        let mut hasher = DefaultHasher::new();
        match until_zero(&token) {
            // llama.cpp renames empty tokens like this.
            [] => format!("[EMPTY_{index}]").as_bytes().hash(&mut hasher),
            text => text.hash(&mut hasher),
        }
        hashes.push(hasher.finish());
    }
    hashes.sort_unstable();
    if hashes.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(GgufError::new(
            at,
            "two tokens of the vocabulary have the same text",
        ));
    }
    Ok(())
}

fn alignment(metadata: &BTreeMap<String, Entry>) -> Result<u64, GgufError> {
    let Some(entry) = metadata.get("general.alignment") else {
        return Ok(DEFAULT_ALIGNMENT);
    };
    match entry.value {
        Value::Unsigned(n) if n.is_power_of_two() && n <= u32::MAX.into() => Ok(n),
        _ => Err(GgufError::new(
            entry.offset,
            "general.alignment should be a power of two, as a u32",
        )),
    }
}

/// Reads one tensor, which must begin `data` bytes into the data.
fn tensor(source: &mut Source<impl BufRead>, data: u64) -> Result<Tensor, GgufError> {
    let at = source.offset();
    let raw = source.string(MAX_KEY, "tensor name")?;
    let name = text(&raw);
    let bad = |reason: String| GgufError::new(at, format!("the tensor {name:?} {reason}"));
    if raw.len() > MAX_TENSOR_NAME || raw.contains(&0) {
        return Err(bad(format!(
            "has a name longer than {MAX_TENSOR_NAME} bytes, or with a zero byte"
        )));
    }
    let axes = source.u32(&name)?;
    if !(1..=4).contains(&axes) {
        return Err(bad(format!("has {axes} dimensions; 1 to 4 are possible")));
    }
    let mut dims = Vec::new();
    for _ in 0..axes {
        dims.push(source.u64(&name)?);
    }
    let id = source.u32(&name)?;
    let kind = TensorType::from_id(id)
        .ok_or_else(|| bad(format!("has the unknown or withdrawn type {id}")))?;
    let elements = dims
        .iter()
        .try_fold(1u64, |product, dim| product.checked_mul(*dim));
    let elements = elements.filter(|n| (1..=i64::MAX as u64).contains(n));
    let elements = elements.ok_or_else(|| bad(format!("has the impossible shape {dims:?}")))?;
    if !dims[0].is_multiple_of(kind.block) {
        return Err(bad(format!(
            "has rows of {}, not a multiple of the {} of a {} block",
            dims[0], kind.block, kind.name
        )));
    }
    let bytes = (elements / kind.block).checked_mul(kind.bytes);
    let bytes = bytes.ok_or_else(|| bad(format!("has the impossible shape {dims:?}")))?;
    let offset = source.u64(&name)?;
    if offset != data {
        return Err(bad(format!(
            "should begin {data} bytes into the data, but the header says {offset}"
        )));
    }
    Ok(Tensor {
        name,
        dims,
        kind,
        offset,
        bytes,
    })
}

/// Turns offsets into the data into offsets into the file, which must hold them all.
fn place(tensors: &mut [Tensor], start: u64, file_len: u64) -> Result<(), GgufError> {
    let end = tensors.last().map_or(0, |last| {
        start.saturating_add(last.offset).saturating_add(last.bytes)
    });
    for tensor in tensors {
        tensor.offset = tensor.offset.saturating_add(start);
        if tensor.offset.saturating_add(tensor.bytes) > file_len {
            let reason = format!(
                "the file ends at byte {file_len}, inside the tensor {:?}; {} bytes are missing: the download may be incomplete",
                tensor.name,
                end - file_len
            );
            return Err(GgufError::new(file_len, reason));
        }
    }
    Ok(())
}
