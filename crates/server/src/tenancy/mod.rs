//! Organizations, departments, projects, members and roles. Owns the policy table and gives
//! [`Allowed`].
//!
//! Promises: nobody reaches a tenant's row but through [`Allowed`], which checks the role in the
//! scope the row lives in; "not there" and "not yours" are one answer; rights are checked again
//! inside the write (policy epoch); an organization always has an owner and one default department.
//!
//! Words: *organization* owns and pays; *department* attributes; *project* holds the work.
//! A *role* is a bundle of actions; it comes with a membership, or is bound to a person or group ([`authority`]).

mod allowed;
mod authority;
mod bundles;
mod context;
mod http;
mod iam;
mod levels;
mod machines;
mod members;
mod model;
mod pages;
mod people;
mod policy;
mod projects;
mod quotas;
mod scopes;
mod settings;
mod sso;
mod staff;
mod standing;
mod store;
mod support;
mod who;

pub(crate) use allowed::operator_action;
pub use allowed::{Action, Allowed, Ask, Found, Operator, OperatorAction};
pub use authority::{
    AuthorityView, DepartmentsView, check_place, list_departments, places_of, somebody,
};
pub use context::{Places, may, may_by_right, viewer};
pub use http::routes;
pub use iam::{GlassCodesView, IamView, RolloutView};
pub use levels::{Level, level};
pub use machines::{KeyMadeView, ServiceAccountPageView, ServiceAccountsView, key_meter};
pub use members::view_roles;
pub use model::slug;
pub use pages::{ProjectView, ProjectsView};
pub use people::{
    InvitedView, OrganizationPageView, OrganizationsView, WelcomeView, find_org, owners,
};
pub use policy::{FOR_MACHINES, POLICY, matrix};
pub use projects::{Holdings, HoldingsFn};
pub use quotas::{
    Ceiling, Counting, Meter, Meters, PlatformQuotasView, QuotasView, Target,
    begin as begin_quotas, reach as ceilings,
};
pub use scopes::{InDepartment, InOrg, InProject, ScopeOf};
pub use settings::Settings;
pub use sso::{OrgSignInView, PlatformSignInView, maps as sso_maps};
pub use staff::{PLATFORM, StaffPageView, may as staff_may, of_platform};
pub use standing::{own_projects, reaches, role_allows};
pub use store::{
    Department, OrgMember, Organization, Project, ProjectMember, find_organization, find_project,
    list_members, list_organizations,
};
pub use support::{OrgSupportView, SupportPageView, chip as support_chip};
pub use who::{RestrictedView, WhoView, payers};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![
        NavItem {
            group: "Access",
            label: "Projects",
            href: "/access/projects",
            icon: "folder-kanban",
            who: NavFor::Everyone,
        },
        NavItem {
            group: "Access",
            label: "Organizations",
            href: "/access/organizations",
            icon: "building-2",
            who: NavFor::Everyone,
        },
        NavItem {
            group: "Access",
            label: "Service accounts",
            href: "/access/service-accounts",
            icon: "key-round",
            who: NavFor::Everyone,
        },
        NavItem {
            group: "Platform",
            label: "Identity",
            href: "/platform/iam",
            icon: "users",
            who: NavFor::Platform("iam.read"),
        },
        NavItem {
            group: "Platform",
            label: "Support access",
            href: "/platform/support",
            icon: "monitor",
            who: NavFor::Platform("support.list"),
        },
        NavItem {
            group: "Platform",
            label: "Quotas",
            href: "/platform/quotas",
            icon: "gauge",
            who: NavFor::Platform("platform_quota.list"),
        },
        NavItem {
            group: "Platform",
            label: "Sign-in services",
            href: "/platform/sign-in",
            icon: "log-in",
            who: NavFor::Platform("platform_provider.list"),
        },
    ]
}
