//! The rendered prompt, cut into what the template wrote and what people or the model said.
//!
//! Only the template's own text may become control tokens: a typed `<|im_end|>` stays text.

/// A stretch of the prompt and who it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub kind: SegmentKind,
    pub text: String,
}

/// Where a stretch of the prompt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// Written by the template: tokenised with control tokens recognised.
    Template,
    /// Written by a person or a model: tokenised as plain text.
    Content,
}
