//! The policy as data: the least role each action needs. `roles.txt` prints the whole matrix.
//!
//! An action that is not here is allowed to nobody; a test refuses actions without a row. Beside the four
//! roles of members stand roles that are bound ([`BuiltIn`], and an organization's own): sets of these
//! actions, never of those owners alone may do, so nobody reaches ownership of an organization
//! by a binding. Whoever makes a project by a binding is in it what the binding is.

pub use super::bundles::FOR_MACHINES;
use super::bundles::{BILLING, EVERYBODY, LOOK, ON_ARCHIVED, SECURITY_REVIEW, WORK};
use super::staff;
use api::{
    Code,
    authority::BuiltIn,
    people::{PlatformRole, Role},
};
use kernel::Error;

/// Action and the least role it needs, in the scope it is checked in.
pub const POLICY: &[(&str, Role)] = &[
    ("allocation.create", Role::Member),
    ("allocation.list", Role::Viewer),
    ("allocation.read", Role::Viewer),
    ("allocation.release", Role::Member),
    ("auto_top_up.set", Role::Admin),
    ("auto_top_up.stop", Role::Admin),
    ("billing.read", Role::Viewer),
    ("billing_profile.set", Role::Admin),
    ("budget.list", Role::Viewer),
    ("budget.remove", Role::Admin),
    ("budget.set", Role::Admin),
    ("card.create", Role::Admin),
    ("card.read", Role::Admin),
    ("card.remove", Role::Admin),
    ("catalog.read", Role::Viewer),
    ("cost.read", Role::Admin),
    ("department.create", Role::Admin),
    ("department.list", Role::Viewer),
    ("department.update", Role::Admin),
    ("domain.claim", Role::Owner),
    ("domain.remove", Role::Owner),
    ("group.add_member", Role::Owner),
    ("group.create", Role::Owner),
    ("group.delete", Role::Owner),
    ("group.list", Role::Viewer),
    ("group.remove_member", Role::Owner),
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
    ("organization.archive", Role::Owner),
    ("organization.audit", Role::Admin),
    ("organization.leave", Role::Viewer),
    ("organization.read", Role::Viewer),
    ("organization.remove_member", Role::Owner),
    ("organization.set_role", Role::Owner),
    ("organization.unarchive", Role::Owner),
    ("organization.update", Role::Owner),
    ("organization.who_can", Role::Admin),
    ("payment.cancel", Role::Admin),
    ("payment.create", Role::Admin),
    ("payment.read", Role::Admin),
    ("payment_portal.open", Role::Admin),
    ("project.archive", Role::Admin),
    ("project.create", Role::Admin),
    ("project.delete", Role::Admin),
    ("project.move", Role::Admin),
    ("project.read", Role::Viewer),
    ("project.switch", Role::Viewer),
    ("project.unarchive", Role::Admin),
    ("project.update", Role::Admin),
    ("project_ssh_key.list", Role::Viewer),
    ("project_ssh_key.promote", Role::Member),
    ("project_ssh_key.withdraw", Role::Member),
    ("quota.list", Role::Viewer),
    ("quota.remove", Role::Admin),
    ("quota.set", Role::Admin),
    ("reach_policy.read", Role::Viewer),
    ("reach_policy.set", Role::Admin),
    ("recording.erase", Role::Owner),
    ("recording.list", Role::Member),
    ("recording.read", Role::Member),
    ("recording.read_all", Role::Admin),
    ("recording_policy.read", Role::Viewer),
    ("recording_policy.set", Role::Admin),
    ("role.bind", Role::Owner),
    ("role.create", Role::Owner),
    ("role.delete", Role::Owner),
    ("role.list", Role::Viewer),
    ("role.unbind", Role::Owner),
    ("role.update", Role::Owner),
    ("role_map.create", Role::Owner),
    ("role_map.remove", Role::Owner),
    ("service_account.create", Role::Admin),
    ("service_account.delete", Role::Admin),
    ("service_account.list", Role::Viewer),
    ("service_account.set_state", Role::Admin),
    ("ssh.connect", Role::Member),
    ("ssh_certificate.create", Role::Member),
    ("ssh_grant.create", Role::Member),
    ("ssh_grant.end", Role::Member),
    ("ssh_grant.list", Role::Viewer),
    ("statement.read", Role::Admin),
    ("support_access.end", Role::Admin),
    ("support_access.list", Role::Admin),
    ("task.read", Role::Viewer),
    ("terminal.open", Role::Member),
    ("terminal.page", Role::Member),
    ("terminal.watch", Role::Viewer),
    ("terminal_share.create", Role::Member),
    ("terminal_share.end", Role::Viewer),
    ("terminal_share.list", Role::Viewer),
    ("webhook.change", Role::Admin),
    ("webhook.create", Role::Admin),
    ("webhook.list", Role::Admin),
    ("webhook.remove", Role::Admin),
    ("webhook.test", Role::Admin),
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
    least(action).is_some_and(|least| rank(role) >= rank(least))
}

/// What somebody may do somewhere: a set of actions of the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rights(u128);

const _: () = assert!(POLICY.len() <= 128, "Rights has a bit for each action");

fn place(action: &str) -> Option<usize> {
    POLICY.binary_search_by(|(name, _)| (*name).cmp(action)).ok()
}

impl Rights {
    /// Returns the rights of a role.
    pub fn of(role: Role) -> Self {
        let allowed = POLICY.iter().filter(|(_, least)| rank(role) >= rank(*least));
        Self::listing(allowed.map(|(name, _)| *name))
    }

    /// Returns the rights of a role that can be bound.
    pub fn of_built_in(role: BuiltIn) -> Self {
        match role {
            BuiltIn::Admin => Self::of(Role::Admin),
            BuiltIn::Member => Self::of(Role::Member),
            BuiltIn::Viewer => Self::of(Role::Viewer),
            BuiltIn::Billing => Self::of_actions(BILLING.iter().copied()),
            BuiltIn::SecurityReviewer => Self::of_actions(SECURITY_REVIEW.iter().copied()),
        }
    }

    /// Returns the rights of whoever looks into an organization as one of the platform's people.
    pub fn of_look() -> Self {
        Self::listing(LOOK.iter().copied())
    }

    /// Returns the rights of a role made of single actions. What the policy does not know, or keeps for
    /// owners, is left out: a list that was stored may be older than the policy.
    pub fn of_actions<'a>(actions: impl Iterator<Item = &'a str>) -> Self {
        let given = actions.filter(|action| can_be_bound(action));
        Self::listing(given).and(Self::listing(EVERYBODY.iter().copied()))
    }

    fn listing<'a>(actions: impl Iterator<Item = &'a str>) -> Self {
        Self(actions.filter_map(place).fold(0, |bits, place| bits | 1 << place))
    }

    /// Returns whether an action is among them.
    pub fn may(self, action: &str) -> bool {
        place(action).is_some_and(|place| self.0 & (1 << place) != 0)
    }

    /// Returns these and others.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether others are all among these.
    pub fn cover(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the strongest role whose rights are all among these.
    pub fn role(self) -> Option<Role> {
        [Role::Owner, Role::Admin, Role::Member, Role::Viewer]
            .into_iter()
            .find(|role| self.cover(Self::of(*role)))
    }

    /// Returns how people call them.
    pub fn words(self) -> &'static str {
        self.role().map_or("limited", Role::as_str)
    }
}

/// Returns whether an action can be part of a role that is bound: not what owners alone may do, which is
/// who may do what.
pub fn can_be_bound(action: &str) -> bool {
    least(action).is_some_and(|least| least != Role::Owner)
}

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
    place(action).and_then(|place| POLICY.get(place)).map(|(_, least)| *least)
}

/// Returns the refusal of somebody who sees a thing and may not do this to it: what their role is, what
/// it takes, and whom to ask.
pub fn refusal(rights: Rights, action: &str) -> Error {
    let Some(least) = least(action) else { return Error::new(Code::InsufficientPermissions) };
    let have = match rights.role() {
        Some(role) => format!("You are {} here", with_article(role)),
        None => "The roles you were given here do not allow this".to_owned(),
    };
    Error::new(Code::InsufficientPermissions).detail(format!(
        "{have}; this takes {}. Ask an owner or admin of the project.",
        with_article(least)
    ))
}

/// Returns whether an action is refused where all is archived: all but reading.
pub fn changes(action: &str) -> bool {
    let verb = action.rsplit('.').next().unwrap_or_default();
    !goes_on_archived(action) && !matches!(verb, "read" | "list" | "audit" | "who_can" | "page")
}

/// Returns whether an action goes on where all is archived.
pub fn goes_on_archived(action: &str) -> bool {
    ON_ARCHIVED.contains(&action)
}

/// Returns the refusal of a change where all is archived.
pub fn archived() -> Error {
    Error::new(Code::NotNow)
        .detail("This is archived: it can be read, and nothing in it changes. Unarchive it first.")
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
    let mut text = String::from(
        "action                        viewer member admin  owner  billing security_reviewer\n",
    );
    for (action, _) in POLICY {
        text.push_str(&format!("{action:<30}"));
        let roles = [Role::Viewer, Role::Member, Role::Admin, Role::Owner].map(Rights::of);
        let bound = [BuiltIn::Billing, BuiltIn::SecurityReviewer].map(Rights::of_built_in);
        for (place, rights) in roles.into_iter().chain(bound).enumerate() {
            let width = if place == 4 { 8 } else { 7 };
            text.push_str(&format!("{:<width$}", if rights.may(action) { "yes" } else { "-" }));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push_str("\nplatform action               operator support security_reviewer\n");
    for (action, _) in staff::PLATFORM {
        let [operator, support, reviewer] =
            [PlatformRole::Operator, PlatformRole::Support, PlatformRole::SecurityReviewer]
                .map(|role| if staff::may(role, action) { "yes" } else { "-" });
        text.push_str(&format!("{action:<30}{operator:<9}{support:<8}{reviewer}\n"));
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
        assert!(!Rights::of(Role::Owner).may("made.up"));
    }

    #[test]
    fn no_bound_role_gives_what_owners_alone_may() {
        let all = Rights::of_actions(POLICY.iter().map(|(name, _)| *name));
        assert_eq!(all.role(), Some(Role::Admin));
        for (action, least) in POLICY {
            assert_eq!(all.may(action), *least != Role::Owner, "{action}");
            assert!(Rights::of(Role::Owner).may(action));
        }
        for role in BuiltIn::ALL {
            assert!(Rights::of(Role::Admin).cover(Rights::of_built_in(*role)), "{role}");
        }
        assert_eq!(Rights::of_built_in(BuiltIn::Billing).words(), "limited");
        for words in [EVERYBODY, BILLING, SECURITY_REVIEW, LOOK] {
            assert!(words.iter().all(|word| least(word).is_some()), "{words:?}");
        }
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
