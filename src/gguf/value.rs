//! Metadata values.

/// A value and the byte at which its key begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub value: Value,
    pub offset: u64,
}

/// A metadata value; integers and floats of all widths are one kind each.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Unsigned of 8 to 64 bits.
    Unsigned(u64),
    /// Signed of 8 to 64 bits.
    Signed(i64),
    /// Of 32 or 64 bits.
    Float(f64),
    Bool(bool),
    /// Bytes that are not UTF-8 are replaced.
    Text(String),
    Array(Array),
}

/// An array: where it lies, and its items if they are few numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    pub kind: ArrayKind,
    pub len: u64,
    /// Byte of the file at which the first item begins.
    pub offset: u64,
    /// Bytes of all items.
    pub bytes: u64,
    /// The items of an array of integers or booleans of at most 4,096 items, such as values per
    /// layer; empty for all others.
    pub integers: Vec<i64>,
}

/// What the items of an array are, by the numbers of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayKind(pub u32);

impl ArrayKind {
    pub const I32: Self = Self(5);
    pub const BOOL: Self = Self(7);
    pub const STRING: Self = Self(8);
    pub const ARRAY: Self = Self(9);

    /// Bytes of one item; `None` for strings, arrays and numbers that the format does not know.
    pub fn size(self) -> Option<u64> {
        match self.0 {
            0 | 1 | 7 => Some(1),
            2 | 3 => Some(2),
            4..=6 => Some(4),
            10..=12 => Some(8),
            _ => None,
        }
    }

    /// Reads one number of this kind from its little-endian bytes, filled up with zeros.
    pub(super) fn number(self, bytes: [u8; 8]) -> Option<Value> {
        let [a, b, c, d, ..] = bytes;
        Some(match self.0 {
            0 => Value::Unsigned(a.into()),
            1 => Value::Signed(i8::from_le_bytes([a]).into()),
            2 => Value::Unsigned(u16::from_le_bytes([a, b]).into()),
            3 => Value::Signed(i16::from_le_bytes([a, b]).into()),
            4 => Value::Unsigned(u32::from_le_bytes([a, b, c, d]).into()),
            5 => Value::Signed(i32::from_le_bytes([a, b, c, d]).into()),
            6 => Value::Float(f32::from_le_bytes([a, b, c, d]).into()),
            7 => Value::Bool(a != 0),
            10 => Value::Unsigned(u64::from_le_bytes(bytes)),
            11 => Value::Signed(i64::from_le_bytes(bytes)),
            12 => Value::Float(f64::from_le_bytes(bytes)),
            _ => return None,
        })
    }
}

impl Value {
    /// A whole number that is not negative.
    pub fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(n) => Some(*n),
            Self::Signed(n) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A whole number or a truth value, as far as it fits.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Unsigned(n) => i64::try_from(*n).ok(),
            Self::Signed(n) => Some(*n),
            Self::Bool(b) => Some((*b).into()),
            _ => None,
        }
    }
}
