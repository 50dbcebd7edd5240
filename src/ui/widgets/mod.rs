//! Small drawings that several panes use.

pub mod chart;
pub mod field;
pub mod gauge;
