//! Where each action is checked, for those who ask about it without doing it.

/// Where an action is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// In the organization as a whole.
    Organization,
    /// In a department.
    Department,
    /// In a project.
    Project,
}

impl Level {
    /// Returns the word the list of routes has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Department => "department",
            Self::Project => "project",
        }
    }
}

/// Returns where an action is checked. A test compares it with every route.
pub fn level(action: &str) -> Level {
    match action.split('.').next().unwrap_or_default() {
        _ if matches!(action, "department.update" | "project.create") => Level::Department,
        "auto_top_up" | "billing_profile" | "budget" | "card" | "cost" | "department"
        | "domain" | "group" | "identity_provider" | "invitation" | "organization" | "payment"
        | "payment_portal" | "quota" | "reach_policy" | "recording_policy" | "role"
        | "role_map" | "statement" | "support_access" | "webhook" => Level::Organization,
        _ => Level::Project,
    }
}
