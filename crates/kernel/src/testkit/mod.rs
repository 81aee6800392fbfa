//! Tools tests are built from. Only with the feature `testkit`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up stops aloud")]

mod database;
pub mod power;

pub use database::{Engine, TestDb};
pub use tempfile::TempDir;
