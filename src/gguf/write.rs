//! Writing headers: for tests, benchmarks and the random-weight models of `xtask`.

use super::{ArrayKind, TensorType};

/// Bytes that every tensor's data is aligned to.
pub const ALIGNMENT: u64 = 32;

/// Collects metadata and tensors, and gives the bytes of a header of version 3.
#[derive(Clone, Debug, Default)]
pub struct HeaderWriter {
    entries: u64,
    metadata: Vec<u8>,
    tensors: u64,
    infos: Vec<u8>,
    data: u64,
}

impl HeaderWriter {
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key, 8);
        string(&mut self.metadata, value.as_bytes());
        self
    }

    pub fn u32(&mut self, key: &str, value: u32) -> &mut Self {
        self.key(key, 4);
        self.metadata.extend(value.to_le_bytes());
        self
    }

    pub fn f32(&mut self, key: &str, value: f32) -> &mut Self {
        self.key(key, 6);
        self.metadata.extend(value.to_le_bytes());
        self
    }

    pub fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key, ArrayKind::BOOL.0);
        self.metadata.push(value.into());
        self
    }

    pub fn texts<T: AsRef<[u8]>>(
        &mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let mut bytes = Vec::new();
        let mut len = 0;
        for value in values {
            string(&mut bytes, value.as_ref());
            len += 1;
        }
        self.array(key, ArrayKind::STRING, len, &bytes)
    }

    pub fn i32s(&mut self, key: &str, values: impl IntoIterator<Item = i32>) -> &mut Self {
        let bytes: Vec<u8> = values.into_iter().flat_map(i32::to_le_bytes).collect();
        self.array(key, ArrayKind::I32, bytes.len() as u64 / 4, &bytes)
    }

    /// An array whose items are in their bytes already.
    pub fn array(&mut self, key: &str, kind: ArrayKind, len: u64, bytes: &[u8]) -> &mut Self {
        self.key(key, ArrayKind::ARRAY.0);
        self.metadata.extend(kind.0.to_le_bytes());
        self.metadata.extend(len.to_le_bytes());
        self.metadata.extend(bytes);
        self
    }

    /// A tensor; its data follow that of the one before, padded with [`padding`].
    pub fn tensor(&mut self, name: &str, dims: &[u64], kind: TensorType) -> &mut Self {
        string(&mut self.infos, name.as_bytes());
        self.infos.extend((dims.len() as u32).to_le_bytes());
        self.infos
            .extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
        self.infos.extend(kind.id.to_le_bytes());
        self.infos.extend(self.data.to_le_bytes());
        let bytes = kind.bytes_for(dims.iter().product());
        self.data += bytes + padding(bytes);
        self.tensors += 1;
        self
    }

    /// Bytes of the data that belong behind the header.
    pub fn data_len(&self) -> u64 {
        self.data
    }

    /// The header, up to where the data begin.
    pub fn header(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend(self.tensors.to_le_bytes());
        out.extend(self.entries.to_le_bytes());
        out.extend(&self.metadata);
        out.extend(&self.infos);
        out.resize(out.len() + padding(out.len() as u64) as usize, 0);
        out
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.entries += 1;
        string(&mut self.metadata, key.as_bytes());
        self.metadata.extend(kind.to_le_bytes());
    }
}

/// Zeros to write after so many bytes of data.
pub fn padding(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNMENT) - bytes
}

fn string(out: &mut Vec<u8>, text: &[u8]) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text);
}
