//! Which ceilings reach a place, and what is held below each.

use super::store::{self, Quota};
use crate::{
    identity,
    tenancy::{InProject, store as places},
};
use api::{DeptId, OrgId, ProjectId, UserId, quotas::Dimension};
use kernel::{App, Error, Result, db::Reader};
use std::{future::Future, pin::Pin};

/// Whose holdings are counted: of an organization, or of a part of it or a person in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Organization.
    pub org: OrgId,
    /// Of this department.
    pub department: Option<DeptId>,
    /// Of this project.
    pub project: Option<ProjectId>,
    /// Of this person.
    pub user: Option<UserId>,
}

/// What is held, by dimension, in its finest [`unit`].
pub type Held = Vec<(Dimension, i64)>;

/// A count on its way.
pub type Counting<'a> = Pin<Box<dyn Future<Output = Result<Held>> + Send + 'a>>;

/// Returns how many of the finest unit make one of a dimension: processors are counted in thousandths, GiB
/// in MiB, so that nothing is rounded before it is added.
pub const fn unit(dimension: Dimension) -> i64 {
    match dimension {
        Dimension::Vcpus => 1000,
        Dimension::MemoryGib => 1024,
        Dimension::Allocations | Dimension::Gpus | Dimension::Keys => 1,
    }
}

/// Counts what one domain holds.
pub type Meter = for<'a> fn(&'a mut Reader, Target) -> Counting<'a>;

/// What each domain registered.
pub struct Meters(pub Vec<Meter>);

/// A ceiling that reaches a place, and what is held below it.
#[derive(Debug, Clone)]
pub struct Ceiling {
    /// What it limits.
    pub dimension: Dimension,
    /// The most that may be held at once.
    pub most: i64,
    /// What is held, in the finest unit.
    pub held: i64,
    /// On what, in words.
    pub place: String,
    /// Whether whoever runs the platform set it.
    pub by_platform: bool,
    /// Whether it is on a person.
    pub of_person: bool,
}

impl Ceiling {
    /// Returns why so much more, in the finest unit, is too much; nothing when there is room.
    pub fn refusal(&self, more: i64) -> Option<String> {
        let what = self.dimension.as_str().replace('_', " ");
        let most = self.most.saturating_mul(unit(self.dimension));
        (self.held.saturating_add(more) > most).then(|| {
            let (held, more) = (self.whole(self.held), self.whole(more));
            let (place, most) = (&self.place, self.most);
            format!(
                "The quota of {place} is {most} {what}; {held} are held, and this takes {more}."
            )
        })
    }

    /// Returns what is held, a begun one counted whole.
    pub fn used(&self) -> i64 {
        self.whole(self.held)
    }

    fn whole(&self, fine: i64) -> i64 {
        let unit = unit(self.dimension);
        fine.max(0).saturating_add(unit - 1) / unit
    }

    /// Returns who can raise it.
    pub fn owner(&self) -> &'static str {
        if self.by_platform { "operator" } else { "organization_admin" }
    }
}

impl Quota {
    fn target(&self) -> Target {
        let (department, project) = (self.department_id, self.project_id);
        Target { org: self.org_id, department, project, user: self.user_id }
    }
}

/// Returns what is held at a target, of every dimension.
async fn held(app: &App, tx: &mut Reader, target: Target) -> Result<Held> {
    let mut held = Vec::new();
    for meter in &app.get::<Meters>().0 {
        held.extend(meter(tx, target).await?);
    }
    Ok(held)
}

/// Returns the words for what a ceiling is on.
async fn words(tx: &mut Reader, target: Target) -> Result<String> {
    Ok(match target {
        Target { department: Some(id), org, .. } => {
            let row = places::find_department(tx, org, id).await?;
            row.map_or("a department".into(), |row| format!("department {}", row.display_name))
        }
        Target { project: Some(id), .. } => {
            let row = places::find_project(tx, id).await?;
            row.map_or("a project".into(), |row| format!("project {}", row.name))
        }
        Target { user: Some(id), .. } => {
            let row = identity::find_user(tx, id).await?;
            row.map_or("a person".into(), |row| row.display_name)
        }
        _ => "the organization".into(),
    })
}

/// Returns ceilings with what is held below each, in their order.
pub(super) async fn counted(
    app: &App,
    tx: &mut Reader,
    rows: Vec<Quota>,
) -> Result<Vec<(Quota, Ceiling)>> {
    let mut seen: Vec<(Target, Held, String)> = Vec::new();
    let mut found = Vec::new();
    for row in rows {
        let target = row.target();
        if seen.iter().all(|(one, ..)| *one != target) {
            let held = held(app, tx, target).await?;
            seen.push((target, held, words(tx, target).await?));
        }
        let Some((_, held, place)) = seen.iter().find(|(one, ..)| *one == target) else { continue };
        let held = held.iter().filter(|(dimension, _)| *dimension == row.dimension);
        let ceiling = Ceiling {
            dimension: row.dimension,
            most: row.ceiling,
            held: held.map(|(_, count)| count).sum(),
            place: place.clone(),
            by_platform: row.by_platform,
            of_person: row.user_id.is_some(),
        };
        found.push((row, ceiling));
    }
    Ok(found)
}

/// Returns the ceilings that reach what a person does in a project. Within a write they are held, so that two
/// who add at the same moment wait for each other.
///
/// # Errors
/// What the database says.
pub async fn reach(
    app: &App,
    tx: &mut Reader,
    scope: &InProject,
    user: UserId,
    holding: bool,
) -> Result<Vec<Ceiling>> {
    let org = scope.org_id();
    let rows = store::list(tx, org).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let rows = if holding { store::list_held(tx, org).await? } else { rows };
    let project = scope.project_id();
    let row = places::find_project(tx, project).await?.ok_or_else(Error::not_found)?;
    let reaches = |quota: &Quota| {
        quota.department_id.is_none_or(|id| id == row.department_id)
            && quota.project_id.is_none_or(|id| id == project)
            && quota.user_id.is_none_or(|id| id == user)
    };
    let rows = rows.into_iter().filter(reaches).collect();
    Ok(counted(app, tx, rows).await?.into_iter().map(|(_, ceiling)| ceiling).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceiling_is_reached_exactly_and_never_passed() {
        let ceiling = Ceiling {
            dimension: Dimension::Gpus,
            most: 4,
            held: 3,
            place: "project Vision".into(),
            by_platform: false,
            of_person: false,
        };
        assert!(ceiling.refusal(1).is_none() && ceiling.refusal(0).is_none());
        assert_eq!(
            ceiling.refusal(2).as_deref(),
            Some("The quota of project Vision is 4 gpus; 3 are held, and this takes 2.")
        );
        assert!(ceiling.refusal(i64::MAX).is_some());
        // Two times 1.5 processors are three, not four.
        let fine = Ceiling { dimension: Dimension::Vcpus, most: 3, held: 1500, ..ceiling };
        assert!(fine.refusal(1500).is_none() && fine.refusal(1501).is_some());
        assert_eq!(fine.used(), 2);
    }
}
