//! What something can be set on, for forms.

use super::departments;
use crate::tenancy::standing;
use api::{OrgId, UserId, authority::DepartmentView};
use kernel::{Result, db::Reader};

/// Returns the organization, its departments when it has several, and somebody's projects in it: value and words.
///
/// # Errors
/// What the database says.
pub async fn places_of(tx: &mut Reader, org: OrgId, user: UserId) -> Result<Vec<(String, String)>> {
    let departments = departments::list(tx, org).await?;
    let mut places = vec![(String::new(), "the organization".to_owned())];
    if departments.len() > 1 {
        let named = |one: DepartmentView| (one.id.to_string(), format!("department {}", one.name));
        places.extend(departments.into_iter().map(named));
    }
    let projects = standing::list_projects(tx, user).await?;
    let own = projects
        .into_iter()
        .filter(|(project, _)| project.org_id == org && project.archived_at.is_none());
    places.extend(own.map(|(one, _)| (one.id.to_string(), format!("project {}", one.name))));
    Ok(places)
}
