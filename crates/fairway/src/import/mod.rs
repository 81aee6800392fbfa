//! Takes documents people kept by hand: nothing in them is lost, and what they contradict is said.

pub mod contradictions;
pub mod items;
pub mod matrix;
pub mod spec;
pub mod task;
