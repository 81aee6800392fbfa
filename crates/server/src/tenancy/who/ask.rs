//! Asking the policy.

use crate::{
    identity::{self, Caller},
    tenancy::{
        InProject, authority,
        levels::{Level, level},
        policy::{self, Rights},
        quotas,
        standing::{self, Bound, Place, Roles, add_up},
        store::{self as places, Person},
    },
};
use api::{
    DeptId, OrgId, ProjectId, TypedId, UserId,
    access::{Permission, Who, WhyAnswer, WhyAsk},
    people::Role,
    quotas::Dimension,
};
use kernel::{App, Error, Result, db::Reader};
use std::collections::BTreeMap;

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

/// Somebody's memberships and what is bound to them.
struct Held {
    person: Person,
    roles: Roles,
    /// What is bound, with the role's name and the group's.
    bound: Vec<(Bound, Option<String>, Option<String>)>,
}

impl Held {
    /// Returns what they may do in a place.
    fn rights(&self, place: Place) -> Rights {
        let bound: Vec<Bound> = match self.roles.in_org {
            Some(_) => self.bound.iter().map(|(bound, ..)| bound.clone()).collect(),
            None => Vec::new(),
        };
        add_up(self.roles.in_org, self.roles.in_project, &bound, place).unwrap_or_default()
    }

    /// Returns the role that allows an action in a place, and where it comes from.
    fn by(&self, place: Place, action: &str) -> Option<(String, String)> {
        let own = self.roles.in_project.filter(|_| place.project.is_some());
        let inherited = Roles { in_org: self.roles.in_org, in_project: None };
        let inherited =
            if place.project.is_some() { inherited.effective() } else { self.roles.in_org };
        for (role, through) in [(own, "project"), (inherited, "organization")] {
            if let Some(role) = role.filter(|role| policy::may(*role, action)) {
                return Some((role.to_string(), through.to_owned()));
            }
        }
        let (bound, role, group) = self
            .bound
            .iter()
            .find(|(bound, ..)| bound.reaches(place) && bound.rights().may(action))?;
        let built_in = bound.role.map(|role| role.to_string());
        let at = match (bound.department_id, bound.project_id) {
            (Some(_), _) => "department",
            (None, Some(_)) => "project",
            (None, None) => "organization",
        };
        let through =
            group.as_ref().map_or(at.to_owned(), |name| format!("group {name}, in the {at}"));
        Some((built_in.or_else(|| role.clone()).unwrap_or_default(), through))
    }
}

async fn held(tx: &mut Reader, place: Place) -> Result<Vec<Held>> {
    let mut bound: BTreeMap<UserId, Vec<_>> = BTreeMap::new();
    for (to, what) in authority::bound_in(tx, place.org).await? {
        bound.entry(to.user_id).or_default().push((what, to.role_name, to.group_name));
    }
    let people = people(tx, place.org, place.project).await?;
    Ok(people
        .into_iter()
        .map(|(person, roles)| {
            let bound = bound.remove(&person.id).unwrap_or_default();
            Held { person, roles, bound }
        })
        .collect())
}

/// Returns the place that is asked about.
pub async fn place(
    tx: &mut Reader,
    org: OrgId,
    (mut department, project): (Option<DeptId>, Option<ProjectId>),
) -> Result<Place> {
    if let Some(id) = department {
        places::find_department(tx, org, id).await?.ok_or_else(Error::not_found)?;
    }
    if let Some(id) = project {
        let row = places::find_project(tx, id).await?;
        let row = row.filter(|row| row.org_id == org).ok_or_else(Error::not_found)?;
        department = Some(row.department_id);
    }
    Ok(Place { org, department, project })
}

/// Returns where an action is judged: what is done to an organization is judged there, not in the project one
/// happens to look at.
fn judged(action: &str, asked: Place) -> Place {
    match level(action) {
        Level::Organization => Place { department: None, project: None, ..asked },
        Level::Department => Place { project: None, ..asked },
        Level::Project => asked,
    }
}

/// Returns who may do an action in an organization, or in a department or project of it.
///
/// # Errors
/// `validation_error`, `not_found` for a project of another organization.
pub async fn who_can(
    tx: &mut Reader,
    org: OrgId,
    part: (Option<DeptId>, Option<ProjectId>),
    action: &str,
) -> Result<Vec<Who>> {
    least(action)?;
    let place = judged(action, place(tx, org, part).await?);
    let mut found = Vec::new();
    for held in held(tx, place).await? {
        if !held.rights(place).may(action) {
            continue;
        }
        let (role, through) = held.by(place, action).unwrap_or_default();
        let Person { id: user_id, email, display_name } = held.person;
        found.push(Who { user_id, email, display_name, role, through });
    }
    Ok(found)
}

/// Returns those who may pay for an organization, by membership or by a role that is bound.
///
/// # Errors
/// What the database says.
pub async fn payers(tx: &mut Reader, org: OrgId) -> Result<Vec<Who>> {
    who_can(tx, org, (None, None), "payment.create").await
}

/// Returns the words of the first quota that leaves no room for what an action makes.
async fn full(
    app: &App,
    tx: &mut Reader,
    scope: &InProject,
    user: UserId,
    action: &str,
) -> Result<Option<String>> {
    let dimension = match action {
        "allocation.create" => Dimension::Allocations,
        "key.create" => Dimension::Keys,
        _ => return Ok(None),
    };
    let ceilings = quotas::reach(app, tx, scope, user, false).await?;
    let mut of = ceilings.iter().filter(|ceiling| ceiling.dimension == dimension);
    Ok(of.find_map(|ceiling| ceiling.refusal(1)))
}

/// Returns up to five people of a place who could do an action and give others what it takes.
///
/// # Errors
/// What the database says.
pub async fn who_gives(tx: &mut Reader, place: Place, action: &str) -> Result<Vec<String>> {
    // Nobody gives more than they have, and admins are the least who give anything.
    let least = policy::stronger(policy::least(action), Some(Role::Admin)).unwrap_or(Role::Owner);
    let held = held(tx, place).await?;
    let gives = held.into_iter().filter(|held| held.rights(place).cover(Rights::of(least)));
    Ok(gives.map(|held| held.person.display_name).take(5).collect())
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
    let part = (ask.department_id, ask.project_id);
    let asked = judged(&ask.action, place(&mut tx, org, part).await?);
    let standing = standing::standing(&mut tx, caller.user_id(), asked).await?;
    let standing = standing.ok_or_else(Error::not_found)?;
    let rights = standing.rights.ok_or_else(Error::not_found)?;
    let (mut reason, mut words) = ("allowed", "You may.".to_owned());
    if !rights.may(&ask.action) {
        reason = "role";
        words = policy::refusal(rights, &ask.action).sentence();
    } else if standing.archived && policy::changes(&ask.action) {
        reason = "archived";
        words = policy::archived().sentence();
    } else if ask.action == "organization.leave" {
        // Whoever is asked for more may still leave.
    } else if standing.asks_factor() && identity::strong(app, caller).await.is_err() {
        reason = "second_factor";
        words = "The organization asks for a second factor, and none was proven in this session."
            .into();
    } else if let Some(error) = identity::confirm::insist(app, caller).err()
        && policy::changes(&ask.action)
    {
        (reason, words) = ("email_unconfirmed", error.sentence());
    }
    if let (true, Some(project)) = (reason == "allowed", ask.project_id) {
        let scope = InProject::of_row(org, project);
        let full = full(app, &mut tx, &scope, caller.user_id(), &ask.action).await?;
        if let Some(full) = full {
            (reason, words) = ("quota", full);
        }
    }
    let names = match reason {
        "role" if rights.may("member.list") => who_gives(&mut tx, asked, &ask.action).await?,
        _ => Vec::new(),
    };
    let (allowed, reason, role) = (reason == "allowed", reason.to_owned(), rights.role());
    Ok(WhyAnswer { action: ask.action, allowed, reason, words, role, least, ask: names })
}
