//! Which characters the terminal can be trusted with.

/// The characters that lines, gauges, charts and marks are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GlyphSet {
    #[default]
    Unicode,
    /// For fonts and locales without box drawing.
    Ascii,
}
