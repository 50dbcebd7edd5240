//! Sensors on machines that are brought along: recorded trees of `/proc` and `/sys`, a stand-in for
//! NVIDIA's library, and a day of nonsense.

mod amd;
mod day;
mod intel;
mod nvidia;
mod tree;
