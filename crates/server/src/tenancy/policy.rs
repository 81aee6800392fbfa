//! The policy as data: the least role each action needs. `roles.txt` prints the whole matrix.
//!
//! An action that is not here is allowed to nobody; a test refuses actions without a row.

use api::{Code, people::Role};
use kernel::Error;

/// Action and the least role it needs, in the scope it is checked in.
pub const POLICY: &[(&str, Role)] = &[
    ("allocation.create", Role::Member),
    ("allocation.list", Role::Viewer),
    ("allocation.read", Role::Viewer),
    ("allocation.release", Role::Member),
    ("billing.read", Role::Viewer),
    ("catalog.read", Role::Viewer),
    ("domain.claim", Role::Owner),
    ("domain.remove", Role::Owner),
    ("identity_provider.change", Role::Owner),
    ("identity_provider.check", Role::Admin),
    ("identity_provider.create", Role::Owner),
    ("identity_provider.list", Role::Admin),
    ("identity_provider.remove", Role::Owner),
    ("invitation.create", Role::Admin),
    ("invitation.list", Role::Admin),
    ("invitation.revoke", Role::Admin),
    ("key.create", Role::Admin),
    ("key.list", Role::Viewer),
    ("key.revoke", Role::Admin),
    ("key.rotate", Role::Admin),
    ("launch.read", Role::Viewer),
    ("member.list", Role::Viewer),
    ("member.remove", Role::Owner),
    ("member.set_role", Role::Owner),
    ("organization.audit", Role::Admin),
    ("organization.leave", Role::Viewer),
    ("organization.read", Role::Viewer),
    ("organization.remove_member", Role::Owner),
    ("organization.set_role", Role::Owner),
    ("organization.update", Role::Owner),
    ("organization.who_can", Role::Admin),
    ("project.create", Role::Admin),
    ("project.delete", Role::Admin),
    ("project.read", Role::Viewer),
    ("project.switch", Role::Viewer),
    ("project.update", Role::Admin),
    ("role_map.create", Role::Owner),
    ("role_map.remove", Role::Owner),
    ("service_account.create", Role::Admin),
    ("service_account.delete", Role::Admin),
    ("service_account.list", Role::Viewer),
    ("service_account.set_state", Role::Admin),
    ("task.read", Role::Viewer),
    ("terminal.open", Role::Member),
    ("terminal.page", Role::Member),
];

/// Returns the place of a role among roles.
pub const fn rank(role: Role) -> u8 {
    match role {
        Role::Viewer => 0,
        Role::Member => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}

/// Returns whether a role may do an action.
pub fn may(role: Role, action: &str) -> bool {
    POLICY
        .iter()
        .find(|(name, _)| *name == action)
        .is_some_and(|(_, least)| rank(role) >= rank(*least))
}

/// What a key can be made for: work, never who may do what.
pub const FOR_MACHINES: &[&str] = &[
    "allocation.create",
    "allocation.list",
    "allocation.read",
    "allocation.release",
    "billing.read",
    "catalog.read",
    "launch.read",
    "member.list",
    "project.read",
    "task.read",
    "terminal.open",
];

/// What the bundles hold: work alone. Money and people are named one by one.
const WORK: &[&str] = &[
    "allocation.create",
    "allocation.list",
    "allocation.read",
    "allocation.release",
    "catalog.read",
    "launch.read",
    "project.read",
    "task.read",
    "terminal.open",
];

/// Returns whether a key can be made for an action.
pub fn for_machines(action: &str) -> bool {
    FOR_MACHINES.contains(&action)
}

/// Returns the actions a list of actions and bundles stands for, or the first that is neither.
///
/// # Errors
/// The unknown word.
pub fn scopes(words: &[String]) -> Result<Vec<&'static str>, String> {
    let mut found = std::collections::BTreeSet::new();
    for word in words {
        match word.as_str() {
            "read" => found.extend(WORK.iter().filter(|action| may(Role::Viewer, action))),
            "run" => found.extend(WORK),
            one => match FOR_MACHINES.iter().find(|action| **action == one) {
                Some(action) => _ = found.insert(action),
                None => return Err(one.to_owned()),
            },
        }
    }
    Ok(found.into_iter().copied().collect())
}

/// Returns the least role an action needs.
pub fn least(action: &str) -> Option<Role> {
    POLICY.iter().find(|(name, _)| *name == action).map(|(_, least)| *least)
}

/// Returns the refusal of somebody who sees a thing and may not do this to it: what their role is, what
/// it takes, and whom to ask.
pub fn refusal(role: Role, action: &str) -> Error {
    let Some(least) = least(action) else { return Error::new(Code::InsufficientPermissions) };
    Error::new(Code::InsufficientPermissions).detail(format!(
        "You are {} here; this takes {}. Ask an owner or admin of the project.",
        with_article(role),
        with_article(least)
    ))
}

fn with_article(role: Role) -> String {
    let article = if matches!(role, Role::Owner | Role::Admin) { "an" } else { "a" };
    format!("{article} {role}")
}

/// Returns the stronger of two roles.
pub fn stronger(left: Option<Role>, right: Option<Role>) -> Option<Role> {
    match (left, right) {
        (Some(left), Some(right)) => Some(if rank(left) >= rank(right) { left } else { right }),
        (one, other) => one.or(other),
    }
}

/// Returns the matrix of roles and actions, for the golden file.
pub fn matrix() -> String {
    let mut text = String::from("action                        viewer member admin  owner\n");
    for (action, _) in POLICY {
        text.push_str(&format!("{action:<30}"));
        for role in [Role::Viewer, Role::Member, Role::Admin, Role::Owner] {
            text.push_str(if may(role, action) { "yes    " } else { "-      " });
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_role_never_means_fewer_rights_and_unknown_actions_are_for_nobody() {
        for (action, _) in POLICY {
            assert!(may(Role::Owner, action));
            assert!(!may(Role::Viewer, action) || may(Role::Member, action));
            assert!(!may(Role::Member, action) || may(Role::Admin, action));
        }
        assert!(!may(Role::Owner, "made.up"));
    }

    #[test]
    fn rows_are_sorted_and_single() {
        let names: Vec<_> = POLICY.iter().map(|(name, _)| *name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }
}
