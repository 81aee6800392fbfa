//! User and operator commands: the same things the pages do, for people and scripts.
//!
//! Exit codes: 0 done, 1 refused, 2 usage, 3 not signed in, 4 not found or forbidden, 5 blocked by
//! precheck, 6 server unreachable, 7 internal.

mod assertion;
mod cast;
mod client;
mod cmd;
mod output;
mod shell;

pub use cmd::{Command, run};
