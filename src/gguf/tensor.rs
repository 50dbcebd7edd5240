//! Tensors and the types of their elements.

/// A tensor as the header describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub name: String,
    /// Elements per row, rows, …: as many as the file names, at most four.
    pub dims: Vec<u64>,
    pub kind: TensorType,
    /// First byte in the file.
    pub offset: u64,
    /// Bytes of the data.
    pub bytes: u64,
}

impl Tensor {
    /// How many weights it has.
    pub fn elements(&self) -> u64 {
        self.dims
            .iter()
            .fold(1, |product, dim| product.saturating_mul(*dim))
    }

    /// The layer of a tensor called `blk.N.…`.
    pub fn layer(&self) -> Option<u32> {
        let (layer, _) = self.name.strip_prefix("blk.")?.split_once('.')?;
        layer.parse().ok()
    }
}

/// How the elements of a tensor are stored: in blocks of a fixed size.
///
/// From `enum ggml_type` in `ggml.h` and the block structures of `ggml-common.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorType {
    /// The number in the file.
    pub id: u32,
    pub name: &'static str,
    /// Elements of a block.
    pub block: u64,
    /// Bytes of a block.
    pub bytes: u64,
}

impl TensorType {
    pub const F32: Self = Self::new(0, "F32", 1, 4);
    pub const F16: Self = Self::new(1, "F16", 1, 2);
    pub const Q8_0: Self = Self::new(8, "Q8_0", 32, 34);

    /// All types that weights may have; ggml uses some more inside computations.
    const ALL: [Self; 33] = [
        Self::F32,
        Self::F16,
        Self::new(2, "Q4_0", 32, 18),
        Self::new(3, "Q4_1", 32, 20),
        Self::new(6, "Q5_0", 32, 22),
        Self::new(7, "Q5_1", 32, 24),
        Self::Q8_0,
        Self::new(10, "Q2_K", 256, 84),
        Self::new(11, "Q3_K", 256, 110),
        Self::new(12, "Q4_K", 256, 144),
        Self::new(13, "Q5_K", 256, 176),
        Self::new(14, "Q6_K", 256, 210),
        Self::new(16, "IQ2_XXS", 256, 66),
        Self::new(17, "IQ2_XS", 256, 74),
        Self::new(18, "IQ3_XXS", 256, 98),
        Self::new(19, "IQ1_S", 256, 50),
        Self::new(20, "IQ4_NL", 32, 18),
        Self::new(21, "IQ3_S", 256, 110),
        Self::new(22, "IQ2_S", 256, 82),
        Self::new(23, "IQ4_XS", 256, 136),
        Self::new(24, "I8", 1, 1),
        Self::new(25, "I16", 1, 2),
        Self::new(26, "I32", 1, 4),
        Self::new(27, "I64", 1, 8),
        Self::new(28, "F64", 1, 8),
        Self::new(29, "IQ1_M", 256, 56),
        Self::new(30, "BF16", 1, 2),
        Self::new(34, "TQ1_0", 256, 54),
        Self::new(35, "TQ2_0", 256, 66),
        Self::new(39, "MXFP4", 32, 17),
        Self::new(40, "NVFP4", 64, 36),
        Self::new(41, "Q1_0", 128, 18),
        Self::new(42, "Q2_0", 64, 18),
    ];

    const fn new(id: u32, name: &'static str, block: u64, bytes: u64) -> Self {
        Self {
            id,
            name,
            block,
            bytes,
        }
    }

    /// The type with this number in the file.
    pub fn from_id(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id == id)
    }

    /// The type with this name, such as `q8_0`, in small or capital letters.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name.eq_ignore_ascii_case(name))
    }

    /// Whether multiplications take it; the others hold indices and the like.
    pub fn is_weight(self) -> bool {
        !matches!(self.id, 24..=28)
    }

    /// Bytes that hold this many elements, rounded up to whole blocks.
    pub fn bytes_for(self, elements: u64) -> u64 {
        elements.div_ceil(self.block).saturating_mul(self.bytes)
    }
}
