//! The people of an organization: members, roles, invitations, leaving.
//!
//! Promises: nobody gives more than they have; the last owner cannot vanish; an invitation works once,
//! for the address it names, and a new account has no rights it was not given.

mod accept;
mod archive;
mod http;
mod invitations;
mod links;
mod members;
mod own;
mod pages;
mod store;

pub use accept::WelcomeView;
pub use http::routes;
pub use members::find_org;
pub(in crate::tenancy) use members::{org_action, told};
pub use own::OrganizationsView;
pub use pages::{InvitedView, OrganizationPageView};
pub use store::owners;
