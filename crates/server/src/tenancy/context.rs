//! Where a person is: the project a request is about, and the frame around their pages.

use super::store::{self, Project};
use crate::identity::{Caller, optional_caller};
use api::{ProjectId, UserId};
use kernel::{
    App, Error, Result,
    db::Reader,
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
    caller: &Caller,
    head: &Head,
) -> Result<Option<Project>> {
    let named = head
        .header("x-project-id")
        .map(str::to_owned)
        .or_else(|| head.query("project"))
        .or_else(|| head.form_field("project_id"));
    if let Some(text) = named {
        let id: ProjectId = text.parse().map_err(|_| Error::not_found())?;
        let project = enterable(tx, caller.user_id(), id).await?;
        return project.map(Some).ok_or_else(Error::not_found);
    }
    if let Some(id) = caller.session().project_id
        && let Some(project) = enterable(tx, caller.user_id(), id).await?
    {
        return Ok(Some(project));
    }
    let mut all = store::list_projects(tx, caller.user_id()).await?;
    Ok(if all.is_empty() { None } else { Some(all.swap_remove(0).0) })
}

async fn enterable(tx: &mut Reader, user: UserId, id: ProjectId) -> Result<Option<Project>> {
    let Some(project) = store::find_project(tx, id).await? else { return Ok(None) };
    let role = store::role_in(tx, user, project.org_id, Some(project.id)).await?;
    Ok(role.map(|_| project))
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
    let context = context_project(&mut tx, &caller, head).await.unwrap_or_default();
    let projects = store::list_projects(&mut tx, caller.user_id()).await?;
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
        operator: caller.user().operator,
        csrf: caller.csrf().to_owned(),
        org,
        project: here.map(|(project, _)| (project.id, project.name.clone())),
        projects: projects
            .iter()
            .map(|(project, org)| (project.id, org.name.clone(), project.name.clone()))
            .collect(),
    }))
}
