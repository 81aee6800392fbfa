//! Pages of tenancy: all projects, one project.

mod all;
mod one;

pub use all::ProjectsView;
pub use one::ProjectView;

use kernel::http::Route;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = all::routes();
    routes.extend(one::routes());
    routes
}
