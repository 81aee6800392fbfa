//! Signing a command line in from a browser (RFC 8628, OAuth 2.0 Device Authorization Grant).
//!
//! Promises: a code lives ten minutes, is redeemed once, and only by who began; a user code has 34 bits and
//! five tries; whoever polls too fast is told to slow down and gets nothing until they do; nothing is given
//! without a person who saw which device asks, from where, and what it will be able to do.

mod flow;
mod http;
mod pages;
mod store;

pub(in crate::identity) use flow::parent;
pub use flow::{WRITER, begin, decide, find, redeem};
pub use http::routes;
pub use pages::{ConsentView, EnterView};
