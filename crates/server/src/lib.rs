//! The product: all domains, web, wiring.
//!
//! The folder names are the domains; each `mod.rs` says what its domain promises. Levels and the
//! direction of dependencies stand in `ARCHITECTURE.md` and are kept by a test.

pub mod access;
pub mod allocations;
pub mod billing;
pub mod catalog;
pub mod config;
pub mod evidence;
pub mod fleet;
pub mod identity;
mod migrations;
pub mod notices;
pub mod onboarding;
pub mod operations;
pub mod placement;
pub mod recordings;
pub mod serve;
pub mod ssh_keys;
pub mod tenancy;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod up;
pub mod user;
pub mod web;
pub mod wire;

pub use migrations::MIGRATIONS;
