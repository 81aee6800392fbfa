//! Pages of tenancy: all projects, one project.

mod all;
mod one;

pub use all::ProjectsView;
pub use one::ProjectView;

use super::{authority, context, standing::Place};
use api::{
    OrgId, UserId,
    authority::{DepartmentState, DepartmentView},
};
use kernel::{App, Result, db::Reader, http::Route};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = all::routes();
    routes.extend(one::routes());
    routes
}

/// Returns whether an organization has several departments, and those somebody may make projects in.
async fn makes_in(
    tx: &mut Reader,
    app: &App,
    user: UserId,
    org: OrgId,
) -> Result<(bool, Vec<DepartmentView>)> {
    let all = authority::list_departments(tx, org).await?;
    let several = all.len() > 1;
    let mut found = Vec::new();
    for one in all.into_iter().filter(|one| one.state == DepartmentState::Active) {
        let place = Place { org, department: Some(one.id), project: None };
        let standing = context::standing(tx, app, user, place).await?;
        let rights = standing.and_then(|standing| standing.rights).unwrap_or_default();
        if rights.may("project.create") {
            found.push(one);
        }
    }
    Ok((several, found))
}
