//! Outgoing webhooks: what happened in an organization, posted to an address of its own and signed
//! (Standard Webhooks 1.0).
//!
//! Promises: what is in the organization's audit record since a webhook was made is told to it at least once,
//! in order of the record at the first attempt; a signature names the event, the moment and the body; only
//! addresses that tenants may choose are called; a webhook that is slow or down delays no other that is not;
//! the secret is kept sealed and shown once.

mod deliver;
mod fan;
mod hooks;
mod http;
mod pages;
mod sign;
mod store;

pub use deliver::{FRESH, SLOW, WRITER, sweeps};
pub use http::routes;
pub use pages::{WebhookMadeView, WebhooksView};
