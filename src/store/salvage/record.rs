//! Rows on a leaf page of a table, decoded without SQLite. Everything is checked: the page may be
//! anything.
//!
//! Formats: <https://www.sqlite.org/fileformat2.html>, "B-tree Pages" and "Record Format".

use super::pages::Pages;

/// The type of a page that holds rows.
const TABLE_LEAF: u8 = 0x0d;
/// Columns of the widest table, and some more: a greater number is no row of ours.
const MAX_COLUMNS: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    /// Bytes or a float: no column of ours.
    Other,
}

/// A row with its number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub id: i64,
    pub values: Vec<Value>,
}

/// The rows of a page, `None` for each that cannot be read. Nothing for other kinds of pages.
pub(super) fn rows(pages: &mut Pages, number: u32) -> Vec<Option<Row>> {
    let page = pages.get(number);
    let start = if number == 1 { 100 } else { 0 };
    if page.get(start) != Some(&TABLE_LEAF) {
        return Vec::new();
    }
    let cells = short(&page, start + 3).unwrap_or(0);
    (0..cells)
        .map(|cell| {
            let at = short(&page, start + 8 + 2 * cell)?;
            row(pages, &page, at)
        })
        .collect()
}

fn row(pages: &mut Pages, page: &[u8], at: usize) -> Option<Row> {
    let (length, at) = varint(page, at)?;
    let (id, at) = varint(page, at)?;
    let length = usize::try_from(length).ok()?;
    let payload = payload(pages, page, at, length)?;
    Some(Row {
        id: id as i64,
        values: values(&payload)?,
    })
}

/// The bytes of a row: on the page, and where it is long on a chain of others.
fn payload(pages: &mut Pages, page: &[u8], at: usize, length: usize) -> Option<Vec<u8>> {
    let usable = pages.size();
    if length > usable.checked_mul(pages.count() as usize)? {
        return None;
    }
    let most = usable - 35;
    if length <= most {
        return page.get(at..at + length).map(<[u8]>::to_vec);
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let fits = least + (length - least) % (usable - 4);
    let local = if fits <= most { fits } else { least };
    let mut bytes = page.get(at..at + local)?.to_vec();
    let mut next = long(page, at + local)?;
    // Each page of the chain brings something, so a circle ends with the length.
    while bytes.len() < length {
        if next == 0 || next > pages.count() {
            return None;
        }
        let page = pages.get(next);
        let take = (length - bytes.len()).min(usable - 4);
        bytes.extend_from_slice(&page[4..4 + take]);
        next = long(&page, 0)?;
    }
    Some(bytes)
}

fn values(record: &[u8]) -> Option<Vec<Value>> {
    let (header, mut at) = varint(record, 0)?;
    let header = usize::try_from(header).ok()?;
    let mut body = header;
    let mut values = Vec::new();
    while at < header {
        let (kind, after) = varint(record, at)?;
        at = after;
        let (value, length) = value(record, body, kind)?;
        body = body.checked_add(length)?;
        values.push(value);
        if values.len() > MAX_COLUMNS {
            return None;
        }
    }
    (at == header && body <= record.len()).then_some(values)
}

/// A value of a serial type, and how many bytes it takes.
fn value(record: &[u8], at: usize, kind: u64) -> Option<(Value, usize)> {
    let bytes = |length: usize| record.get(at..at.checked_add(length)?);
    let integer = |length: usize| -> Option<(Value, usize)> {
        let bytes = bytes(length)?;
        let sign = if bytes.first()? & 0x80 == 0 { 0 } else { -1 };
        let number = bytes
            .iter()
            .fold(sign, |number: i64, byte| (number << 8) | i64::from(*byte));
        Some((Value::Integer(number), length))
    };
    match kind {
        0 => Some((Value::Null, 0)),
        1..=4 => integer(kind as usize),
        5 => integer(6),
        6 => integer(8),
        7 => bytes(8).map(|_| (Value::Other, 8)),
        8 => Some((Value::Integer(0), 0)),
        9 => Some((Value::Integer(1), 0)),
        10 | 11 => None,
        _ => {
            let length = usize::try_from((kind - 12) / 2).ok()?;
            let bytes = bytes(length)?;
            let value = if kind.is_multiple_of(2) {
                Value::Other
            } else {
                // Some wrong bytes are no reason to lose the rest of a text.
                Value::Text(String::from_utf8_lossy(bytes).into_owned())
            };
            Some((value, length))
        }
    }
}

/// A number of one to nine bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0u64;
    for index in 0..8 {
        let byte = *bytes.get(at.checked_add(index)?)?;
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, at + index + 1));
        }
    }
    let last = *bytes.get(at.checked_add(8)?)?;
    Some(((number << 8) | u64::from(last), at + 9))
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_be_bytes([two[0], two[1]])))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_are_read_as_the_format_says() {
        // Header of 6 bytes: NULL, 1, a byte, two bytes, a text of 2 bytes.
        let record = [6, 0, 9, 1, 2, 17, 0xff, 0x01, 0x00, b'h', b'i'];
        let read = values(&record).unwrap();
        let text = Value::Text("hi".to_owned());
        let numbers = [1, -1, 256].map(Value::Integer);
        assert_eq!(read[0], Value::Null);
        assert_eq!(read[1..4], numbers);
        assert_eq!(read[4], text);
        assert_eq!(values(&record[..10]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80), at in 0usize..90) {
            let _ = values(&bytes);
            if let Some((_, after)) = varint(&bytes, at) {
                prop_assert!(after > at && after <= bytes.len());
            }
        }
    }
}
