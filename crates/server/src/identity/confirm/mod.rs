//! Confirmed mail addresses: a link in a mail shows that an address is read by who gave it.
//!
//! Promises: a link works once, for a day, for the address it was sent to; opening it does nothing, a click
//! does. A reset shows the same; an invitation does not, since whoever invites sees its link too.

mod flow;
mod http;
mod store;

pub use flow::{insist, mark, write};
pub use http::{ConfirmView, routes};
