//! The policy as data: the least role each action needs. `roles.txt` prints the whole matrix.
//!
//! An action that is not here is allowed to nobody; a test refuses actions without a row.

use api::people::Role;

/// Action and the least role it needs, in the scope it is checked in.
pub const POLICY: &[(&str, Role)] = &[
    ("allocation.create", Role::Member),
    ("allocation.list", Role::Viewer),
    ("allocation.read", Role::Viewer),
    ("allocation.release", Role::Member),
    ("billing.read", Role::Viewer),
    ("catalog.read", Role::Viewer),
    ("launch.read", Role::Viewer),
    ("member.list", Role::Viewer),
    ("member.remove", Role::Owner),
    ("member.set_role", Role::Owner),
    ("project.create", Role::Admin),
    ("project.delete", Role::Admin),
    ("project.read", Role::Viewer),
    ("project.switch", Role::Viewer),
    ("project.update", Role::Admin),
    ("task.read", Role::Viewer),
    ("terminal.open", Role::Member),
    ("terminal.page", Role::Member),
];

const fn rank(role: Role) -> u8 {
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
