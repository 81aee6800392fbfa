//! Sign-in services of others (OpenID Connect): the way there and back, and what ties a session to one.
//!
//! Promises: somebody is known by issuer and subject alone, never by an address; what a service says is
//! verified against keys of its issuer before anything is done with it; a code, a state and a nonce work once,
//! in the browser they were made for; a session ends no later than the service's.
//!
//! Absent here: who gets an account and which rights (onboarding, tenancy).

mod claims;
pub mod domains;
pub mod flow;
pub mod identities;
mod known;
mod logout_token;
pub mod model;
mod open;
pub mod pages;
mod peer;
pub mod providers;
mod store;
pub mod ties;
mod views;

pub use claims::Person;
pub use flow::{Arrival, Begun, Returned, Start, WRITER, begin, finish, know, led_to};
pub use identities::{Identity, people_at};
pub use known::Peers;
pub use open::{make_fresh, open, people_of};
pub use peer::redirect_uri;
pub use store::{
    Provider, Purpose, any_of_organizations, due, due_at, find, find_tie, hold, list_of,
    list_platform, on_their_way, service_of,
};
pub use views::{BackView, FailedView, LeaveView, WorkView, service_form};
