//! Ways in: terminal tickets and the socket they open.
//!
//! Promises: a ticket lives 60 seconds, works once, and only for the person, session, workload and
//! origin it was made for; it travels in `Sec-WebSocket-Protocol`, never in an address; a terminal
//! ends within five seconds when its session is revoked or its workload released; a workload has at most eight open, a person thirty-two.

mod certificates;
mod grants;
mod guests;
mod http;
mod listen;
mod open;
mod pages;
mod shared;
mod shares;
mod shells;
mod socket;
mod tickets;
mod upload;
mod visit;

pub use certificates::Certifier;
pub use http::routes;
pub use listen::{Settings, certificate_key, endpoint, host_key, listen};
pub use open::Terminals;
pub use pages::TerminalView;
pub use shared::SharedView;
pub use shells::SshShells;
