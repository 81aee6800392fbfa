//! Outgoing webhooks: what happened in an organization, posted to an address of its own and signed
//! (Standard Webhooks 1.0).
//!
//! Promises: what is in the organization's audit record since a webhook was made is told to it at least once,
//! first attempts in the order of the record; a signature names the event, the moment and the body; only
//! addresses that tenants may choose are called; one webhook is called by one server at a time, and
//! what it does delays others by seconds at most; the secret is kept sealed and shown once. A webhook
//! is worth what whoever answers for it may read: it stops when they may not any more.

mod deliver;
mod fan;
mod hooks;
mod http;
mod pages;
mod sign;
mod store;

pub use deliver::{EVENTS, FRESH, SLOW, STOPPER, WRITER, sweeps};
pub use http::routes;
pub use pages::{WebhookMadeView, WebhooksView};
