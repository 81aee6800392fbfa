//! Where a person is: the project a request is about, and the frame around their pages.

use super::{
    staff,
    standing::{self, Place, Standing},
    store::{self, Project},
};
use crate::identity::{Caller, optional_caller};
use api::{OrgId, ProjectId, UserId};
use kernel::{
    App, Error, Result,
    db::{Known, Reader},
    http::{Head, Viewer},
};
use std::{future::Future, pin::Pin, sync::Arc};

/// Returns the project named by the request, else the session's, else the first the person may
/// enter. A named project the person may not enter is "not there".
///
/// # Errors
/// `not_found`.
pub async fn context_project(
    tx: &mut Reader,
    app: &App,
    caller: &Caller,
    head: &Head,
) -> Result<Option<Arc<Project>>> {
    let named = head
        .header("x-project-id")
        .map(str::to_owned)
        .or_else(|| head.query("project"))
        // An empty choice of a form names none.
        .or_else(|| head.form_field("project_id").filter(|text| !text.is_empty()));
    if let Some(text) = named {
        let id: ProjectId = text.parse().map_err(|_| Error::not_found())?;
        let project = enterable(tx, app, caller.user_id(), id).await?;
        return project.map(Some).ok_or_else(Error::not_found);
    }
    if let Some(id) = caller.session().project_id
        && let Some(project) = enterable(tx, app, caller.user_id(), id).await?
    {
        return Ok(Some(project));
    }
    let known = &app.get::<Places>().projects;
    let key = (caller.user_id(), None);
    if let Some(first) = known.get(tx, &key) {
        return Ok(Some(first));
    }
    let all = standing::own_projects(tx, caller.user_id()).await?;
    let first = all.into_iter().next().map(|(project, _)| Arc::new(project));
    if let Some(first) = &first {
        known.keep(tx, key, first.clone());
    }
    Ok(first)
}

/// Where people are and what they may there.
pub struct Places {
    /// A project a person may enter; without its id, the first of them.
    projects: Known<(UserId, Option<ProjectId>), Arc<Project>>,
    /// Also of places that are not there: what is not one's own takes as long.
    standings: Known<(UserId, Place), Option<Standing>>,
}

impl Default for Places {
    fn default() -> Self {
        Self { projects: Known::new(4096), standings: Known::new(4096) }
    }
}

async fn enterable(
    tx: &mut Reader,
    app: &App,
    user: UserId,
    id: ProjectId,
) -> Result<Option<Arc<Project>>> {
    let known = &app.get::<Places>().projects;
    let key = (user, Some(id));
    if let Some(project) = known.get(tx, &key) {
        return Ok(Some(project));
    }
    let Some(project) = store::find_project(tx, id).await? else { return Ok(None) };
    let place = Place { org: project.org_id, department: None, project: Some(project.id) };
    let standing = standing(tx, app, user, place).await?;
    let now = tx.now();
    let Some(standing) = standing else { return Ok(None) };
    if standing.rights_at(now).is_none() {
        return Ok(None);
    }
    let project = Arc::new(project);
    // What is only looked into ends by itself.
    if standing.rights.is_some() {
        known.keep(tx, key, project.clone());
    }
    Ok(Some(project))
}

/// Returns where a person stands in a scope.
pub(super) async fn standing(
    tx: &mut Reader,
    app: &App,
    user: UserId,
    place: Place,
) -> Result<Option<Standing>> {
    let known = &app.get::<Places>().standings;
    let key = (user, place);
    if let Some(standing) = known.get(tx, &key) {
        return Ok(standing);
    }
    let standing = standing::standing(tx, user, place).await?;
    known.keep(tx, key, standing.clone());
    Ok(standing)
}

/// Returns whether somebody may do something in an organization, or in a project of it: for parts of pages
/// that are about more than the page's own action.
///
/// # Errors
/// What the database says.
pub async fn may(
    tx: &mut Reader,
    app: &App,
    user: UserId,
    (org, project): (OrgId, Option<ProjectId>),
    action: &str,
) -> Result<bool> {
    let place = Place { org, department: None, project };
    let standing = standing(tx, app, user, place).await?;
    let now = tx.now();
    let rights = standing.and_then(|standing| standing.rights_at(now)).unwrap_or_default();
    Ok(rights.may(action))
}

/// Returns whether somebody may do something in an organization by what is theirs, not by looking into it.
///
/// # Errors
/// What the database says.
pub async fn may_by_right(
    tx: &mut Reader,
    app: &App,
    user: UserId,
    org: OrgId,
    action: &str,
) -> Result<bool> {
    let place = Place { org, department: None, project: None };
    let standing = standing(tx, app, user, place).await?;
    Ok(standing.and_then(|standing| standing.rights).is_some_and(|rights| rights.may(action)))
}

/// Returns who looks at a page, for the frame around it.
pub fn viewer<'a>(
    app: &'a App,
    head: &'a Arc<Head>,
) -> Pin<Box<dyn Future<Output = Option<Viewer>> + Send + 'a>> {
    Box::pin(async move {
        match find_viewer(app, head).await {
            Ok(viewer) => viewer,
            Err(error) => {
                tracing::warn!(%error, "the frame's viewer cannot be found");
                None
            }
        }
    })
}

async fn find_viewer(app: &App, head: &Arc<Head>) -> Result<Option<Viewer>> {
    let Some(caller) = optional_caller(app, head).await? else { return Ok(None) };
    let mut tx = app.db.read().await?;
    let context = context_project(&mut tx, app, &caller, head).await.unwrap_or_default();
    let projects = standing::list_projects(&mut tx, caller.user_id()).await?;
    let here = context
        .as_ref()
        .and_then(|here| projects.iter().find(|(project, _)| project.id == here.id));
    let org = match here {
        Some((_, org)) => Some((org.id, org.name.clone())),
        None => {
            let orgs = store::list_organizations(&mut tx, caller.user_id()).await?;
            orgs.first().map(|(org, _)| (org.id, org.name.clone()))
        }
    };
    Ok(Some(Viewer {
        user_id: caller.user_id(),
        name: caller.user().display_name.clone(),
        email: caller.user().email.clone(),
        platform: caller.user().platform_role.map(staff::may_of),
        csrf: caller.csrf().to_owned(),
        org,
        project: here.map(|(project, _)| (project.id, project.name.clone())),
        projects: projects
            .iter()
            .map(|(project, org)| (project.id, org.name.clone(), project.name.clone()))
            .collect(),
    }))
}
