//! Second factors: authenticator apps, passkeys, recovery codes; proving them, losing them, and
//! getting back in.
//!
//! Promises: a seed is sealed, a code is stored as a hash; a one-time code, a recovery code and a
//! challenge prove something once, on any replica; the guesses at them have a limit of their own;
//! nobody but the person ever knows what a reset leads to; every change is told to the person.
//!
//! Words: *factor* is what somebody has; *proof* is one use of it; *recovery* is the way without.
//! Absent here: factors that an outside sign-in service holds.

pub mod break_glass;
mod challenge;
mod enrol;
mod http;
mod model;
mod pages;
mod passkeys;
mod posture;
mod prove;
pub mod queue;
mod recovery;
mod remove;
mod store;
mod totp;

pub use http::routes;
pub use pages::{ChallengeView, CodesView, GlassView, SecurityPageView, TotpView};
pub(in crate::identity) use pages::{PasskeyForm, home, place};
pub use passkeys::Passkeys;
pub use posture::readiness;
pub use prove::{Shown, consume, show};
pub use recovery::{WRITER as RECOVERY_WRITER, sweep};
pub use store::count;
#[cfg(feature = "testkit")]
pub use totp::code_at;
