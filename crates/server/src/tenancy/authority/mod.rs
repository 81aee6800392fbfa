//! Departments, groups, roles of an organization's own, and roles bound to people and groups.
//!
//! Promises: owners alone make groups, roles and bindings; nothing bound gives what owners alone may; whoever
//! leaves an organization leaves its groups and bindings in the same transaction.

mod bindings;
mod departments;
mod departments_view;
mod groups;
mod http;
mod pages;
mod places;
mod roles;
mod store;
mod views;

pub use bindings::{check_place, end_keys};
pub use departments::list as list_departments;
pub use departments_view::DepartmentsView;
pub use groups::somebody;
pub use http::routes;
pub use places::places_of;
pub use store::{bound_in, forget};
pub use views::AuthorityView;
