//! Tests of the product through its doors, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop aloud"
)]

mod allocations;
mod assertions;
mod auditor;
mod authority;
mod budgets;
mod confirm;
mod crossing;
mod device;
mod disk;
mod factors;
mod golden;
mod http_rules;
mod identity;
mod inputs;
mod journal;
mod ledger;
mod lots;
mod machines;
mod mail;
mod matrix;
mod memory;
mod metering;
mod node;
mod ops;
mod pages;
mod passwords;
mod payments;
mod people;
mod plans;
mod power;
mod price_books;
mod quotas;
mod reach;
mod recordings;
mod shares;
mod sso;
mod staff;
mod statements;
mod tenancy;
mod terminal;
mod tidy;
mod unusual;
mod webhooks;
mod who;
