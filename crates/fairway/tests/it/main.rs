//! What is caught, and what is taken over.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop aloud"
)]

#[path = "../common/mod.rs"]
mod common;
mod lies;
mod merges;
mod seed;
