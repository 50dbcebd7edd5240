//! Text on its way to the screen: made harmless, wrapped, cut to fit, numbers with units.

mod fence;
pub mod fit;
pub mod sanitise;
pub mod spans;
pub mod units;
pub mod wrap;
