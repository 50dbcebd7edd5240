//! The parts of the screen, one file each: functions from the state to a rectangle.

pub mod chat;
pub mod composer;
mod forecast;
pub mod gauges;
pub mod log;
pub mod params;
mod preview;
mod reply;
pub mod speed;
mod welcome;
