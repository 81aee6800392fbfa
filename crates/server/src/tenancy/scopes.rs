//! Where an action is checked: an organization, a department or a project the caller was let into.

use super::standing::Place;
use api::{DeptId, OrgId, ProjectId};

/// An organization the caller was let into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InOrg(OrgId);

/// A department the caller was let into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InDepartment(OrgId, DeptId);

/// A project the caller was let into. Queries take this, not a bare id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InProject(OrgId, ProjectId);

impl InOrg {
    /// Returns the organization.
    pub fn org_id(&self) -> OrgId {
        self.0
    }
}

impl InDepartment {
    /// Returns the organization.
    pub fn org_id(&self) -> OrgId {
        self.0
    }
}

impl InProject {
    /// Returns the organization.
    pub fn org_id(&self) -> OrgId {
        self.0
    }

    /// Returns the project.
    pub fn project_id(&self) -> ProjectId {
        self.1
    }

    /// Returns the scope of a row that a background step or sweep works on, where no caller stands
    /// behind it.
    pub fn of_row(org: OrgId, project: ProjectId) -> Self {
        Self(org, project)
    }
}

/// The kinds of scope an action is checked in.
pub trait ScopeOf: Copy + Send + Sync + 'static {
    /// Its name in the golden files.
    const NAME: &'static str;
    /// Makes it; `None` when the row's place is of another kind.
    fn of(place: Place) -> Option<Self>;
    /// Returns it as a place.
    fn place(&self) -> Place;
}

impl ScopeOf for InOrg {
    const NAME: &'static str = "organization";
    fn of(place: Place) -> Option<Self> {
        Some(Self(place.org))
    }
    fn place(&self) -> Place {
        Place { org: self.0, department: None, project: None }
    }
}

impl ScopeOf for InDepartment {
    const NAME: &'static str = "department";
    fn of(place: Place) -> Option<Self> {
        place.department.map(|department| Self(place.org, department))
    }
    fn place(&self) -> Place {
        Place { org: self.0, department: Some(self.1), project: None }
    }
}

impl ScopeOf for InProject {
    const NAME: &'static str = "project";
    fn of(place: Place) -> Option<Self> {
        place.project.map(|project| Self(place.org, project))
    }
    fn place(&self) -> Place {
        Place { org: self.0, department: None, project: Some(self.1) }
    }
}
