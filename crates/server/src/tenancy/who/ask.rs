//! Asking the policy.

use crate::{
    identity::{self, Caller},
    tenancy::{
        policy,
        store::{self as places, Person, Roles},
    },
};
use api::{
    OrgId, ProjectId, TypedId,
    access::{Permission, Who, WhyAnswer, WhyAsk},
    people::Role,
};
use kernel::{App, Error, Result, db::Reader};

/// Returns the whole policy: every action and the least role it takes.
pub fn permissions() -> Vec<Permission> {
    let row =
        |(action, least): &(&str, Role)| Permission { action: (*action).to_owned(), least: *least };
    policy::POLICY.iter().map(row).collect()
}

/// Returns the least role of an action.
///
/// # Errors
/// `validation_error` for what is no action.
pub fn least(action: &str) -> Result<Role> {
    policy::least(action).ok_or_else(|| {
        Error::field("action", "There is no such action. The list of roles names them all.")
    })
}

async fn people(
    tx: &mut Reader,
    org: OrgId,
    project: Option<ProjectId>,
) -> Result<Vec<(Person, Roles)>> {
    tx.list(
        "SELECT u.id, u.email, u.display_name, o.role, m.role FROM users u
           LEFT JOIN org_members o ON o.org_id = $1 AND o.user_id = u.id
           LEFT JOIN project_members m ON m.project_id = $2 AND m.org_id = $1 AND m.user_id = u.id
          WHERE u.state = 'active' AND u.id IN (SELECT user_id FROM org_members WHERE org_id = $1
                  UNION SELECT user_id FROM project_members WHERE org_id = $1 AND project_id = $2)
          ORDER BY u.display_name, u.id LIMIT 500",
        (org, project.unwrap_or(ProjectId::from_uuid(uuid::Uuid::nil()))),
    )
    .await
}

/// Returns the role that counts, and where it comes from.
fn counted(roles: &Roles, in_project: bool) -> Option<(Role, &'static str)> {
    if !in_project {
        return roles.in_org.map(|role| (role, "organization"));
    }
    let role = roles.effective()?;
    let own = roles.in_project == Some(role);
    Some((role, if own { "project" } else { "organization" }))
}

/// Returns who may do an action in an organization, or in a project of it.
///
/// # Errors
/// `validation_error`, `not_found` for a project of another organization.
pub async fn who_can(
    tx: &mut Reader,
    org: OrgId,
    project: Option<ProjectId>,
    action: &str,
) -> Result<Vec<Who>> {
    least(action)?;
    if let Some(id) = project {
        let row = places::find_project(tx, id).await?;
        row.filter(|row| row.org_id == org).ok_or_else(Error::not_found)?;
    }
    let mut found = Vec::new();
    for (person, roles) in people(tx, org, project).await? {
        let Some((role, through)) = counted(&roles, project.is_some()) else { continue };
        if policy::may(role, action) {
            found.push(Who {
                user_id: person.id,
                email: person.email,
                display_name: person.display_name,
                role,
                through: through.to_owned(),
            });
        }
    }
    Ok(found)
}

/// Returns whether the caller may do an action, and what stands in the way.
///
/// # Errors
/// `validation_error`, `not_found` where they have no role at all.
pub async fn why(app: &App, caller: &Caller, ask: WhyAsk) -> Result<WhyAnswer> {
    let least = least(&ask.action)?;
    let mut tx = app.db.read().await?;
    let org = match (ask.project_id, ask.org_id) {
        (Some(project), _) => {
            let row = places::find_project(&mut tx, project).await?.ok_or_else(Error::not_found)?;
            row.org_id
        }
        (None, Some(org)) => org,
        (None, None) => {
            return Err(Error::field("project_id", "Say in which project or organization."));
        }
    };
    let standing = places::standing(&mut tx, caller.user_id(), org, ask.project_id).await?;
    let standing = standing.ok_or_else(Error::not_found)?;
    let role = standing.role(ask.project_id.is_some()).ok_or_else(Error::not_found)?;
    let (mut reason, mut words) = ("allowed", "You may.".to_owned());
    if !policy::may(role, &ask.action) {
        reason = "role";
        words = policy::refusal(role, &ask.action).sentence();
    } else if standing.asks_factor() && identity::strong(app, caller).await.is_err() {
        reason = "second_factor";
        words = "The organization asks for a second factor, and none was proven in this session."
            .into();
    }
    let mut names = Vec::new();
    if reason == "role" {
        for (person, roles) in people(&mut tx, org, ask.project_id).await? {
            let counts = counted(&roles, ask.project_id.is_some());
            // Nobody gives more than they have, and admins are the least who give anything.
            let least = policy::rank(least).max(policy::rank(Role::Admin));
            if counts.is_some_and(|(role, _)| policy::rank(role) >= least) {
                names.push(person.display_name);
            }
        }
        names.truncate(5);
    }
    let allowed = reason == "allowed";
    let reason = reason.to_owned();
    Ok(WhyAnswer { action: ask.action, allowed, reason, words, role, least, ask: names })
}
