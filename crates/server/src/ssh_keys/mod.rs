//! Public keys people reach their workloads with, and who may reach which.
//!
//! Promises: private keys are refused and neither kept nor logged; whoever proves a key is one of those
//! who registered it; a way in names a workload, a person and one of their keys or all of them, and
//! ends with any of these.

mod certificates;
mod endpoint;
mod grants;
mod http;
mod keys;
mod pages;
mod policy;
mod projects;
mod store;

pub use certificates::{
    LIFE as CERTIFICATE_LIFE, SshCertificate, count_since as count_certificates,
    find as find_certificate, has_way, is_certified, is_live as is_certificate_live,
    issue as issue_certificate,
};
pub use endpoint::Endpoint;
pub use grants::{
    Way, choosable, end_all as end_grants, end_one as end_grant, find as find_grant,
    give as give_grant, is_among, launch as launch_grants, list as list_grants, opens, resolvable,
};
pub use http::routes;
pub use keys::used;
pub use pages::CredentialsView;
pub use policy::{ReachPolicyView, find as reach_policy};
pub use store::{SshGrant, SshKey, is_live, list_by_fingerprint, list_of as keys_of};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![NavItem {
        group: "Access",
        label: "SSH keys",
        href: "/access/credentials",
        icon: "key-round",
        who: NavFor::Everyone,
    }]
}
