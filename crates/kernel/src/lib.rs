//! Plumbing that knows no product: the application value, the database, the route registry, the
//! HTML shell, background work, the audit chain and the tools tests are built from.

pub mod app;
pub mod audit;
pub mod db;
pub mod error;
pub mod html;
pub mod http;
pub mod names;
pub mod outbox;
pub mod outgoing;
pub mod paper;
pub mod places;
pub mod seal;
pub mod secret;
pub mod settings;
pub mod steps;
pub mod supervise;
pub mod sweeps;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use app::App;
pub use error::{Context, Error, Result};
