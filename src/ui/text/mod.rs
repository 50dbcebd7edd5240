//! Text on its way to the screen: made harmless, wrapped, cut to fit, numbers with units.

pub mod fit;
pub mod markdown;
pub mod sanitise;
pub mod spans;
pub mod wrap;

pub use crate::units;
