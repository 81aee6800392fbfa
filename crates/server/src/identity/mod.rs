//! People who sign in: accounts, sessions, passwords, one-time links. Gives [`Caller`].
//!
//! Promises: only hashes of bearer secrets and passwords are stored; an unknown name, a wrong
//! password and a locked account look and take the same; a session ends at its limit, at its idle
//! limit, or when it is revoked, and every live stream of it within five seconds.
//!
//! Words: *user* is a person; *session* is one sign-in on one device; *link* opens a page once.
//! Absent here: what a person may do (tenancy).

mod caller;
pub mod confirm;
mod counts;
pub mod device;
pub mod factors;
mod guesses;
mod http;
pub mod keys;
mod links;
mod model;
mod pages;
mod password;
pub mod passwords;
mod sessions;
mod settings;
mod sign_in;
pub mod sso;
mod staff;
mod store;

pub use caller::{
    Caller, Callers, Me, Myself, MyselfAction, caller, fresh, no_glass, optional_caller,
    person_only, session_topic, staff_only, strong,
};
pub use guesses::{Bucket, WRITER as GUESSES_WRITER, of_sign_up, take as take_guess};
pub use http::{routes, view};
pub use links::{
    FirstLink, WRITER as LINK_WRITER, check_first_link, make_first_link, redeem_first_link,
};
pub use model::{Email, NewAccount, display_name, parse_account, return_target};
pub use pages::{LogInView, SessionsView, account_fields, signed_in};
pub use password::Hasher;
pub use sessions::{Seen, WRITER as SEEN_WRITER, flush_seen, prune, run as run_seen};
pub use settings::Settings;
pub use sign_in::{Opened, Place, Proof, open_session};
pub use staff::{by_address, list_staff, lock_staff, set_platform_role};
pub use store::{
    Stage, User, UserState, find_user, find_user_by_email, lock_user, revoke_others as end_all,
    set_project,
};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    let entry =
        |label, href, icon| NavItem { group: "Account", label, href, icon, who: NavFor::Everyone };
    vec![
        entry("Security", "/account/security", "shield-check"),
        entry("Sessions", "/account/sessions", "monitor"),
    ]
}
