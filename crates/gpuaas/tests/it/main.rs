//! The real program as real processes: killed in the middle, looked at from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests stop aloud and watch real time"
)]

mod editors;
mod gpus;
mod killed;
mod network;
mod processes;
mod replicas;
mod runbook;
mod service;
mod shells;
mod site;
mod ssh;
mod strangers;
