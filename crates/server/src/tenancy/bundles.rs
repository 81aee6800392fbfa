//! Lists of actions that mean something together: what roles add, what keys can do, what goes on in archives.

/// What everybody with any role sees, so that what they were given can be reached.
pub const EVERYBODY: &[&str] =
    &["organization.leave", "organization.read", "project.read", "project.switch"];

/// What the role billing adds to that.
pub const BILLING: &[&str] = &[
    "auto_top_up.set",
    "auto_top_up.stop",
    "billing.read",
    "billing_profile.set",
    "budget.list",
    "budget.remove",
    "budget.set",
    "card.create",
    "card.read",
    "card.remove",
    "cost.read",
    "department.list",
    "payment.cancel",
    "payment.create",
    "payment.read",
    "payment_portal.open",
    "quota.list",
    "statement.read",
];

/// What the role security reviewer adds to that: all there is to read about people and rights.
pub const SECURITY_REVIEW: &[&str] = &[
    "department.list",
    "group.list",
    "identity_provider.list",
    "invitation.list",
    "key.list",
    "member.list",
    "organization.audit",
    "organization.who_can",
    "quota.list",
    "role.list",
    "service_account.list",
    "support_access.list",
    "webhook.list",
];

/// What looking into an organization as one of the platform's people allows: reading, never a terminal or
/// a secret.
pub const LOOK: &[&str] = &[
    "allocation.list",
    "allocation.read",
    "billing.read",
    "budget.list",
    "catalog.read",
    "cost.read",
    "department.list",
    "group.list",
    "identity_provider.list",
    "invitation.list",
    "key.list",
    "member.list",
    "organization.audit",
    "organization.read",
    "organization.who_can",
    "payment.read",
    "project.read",
    "project.switch",
    "quota.list",
    "role.list",
    "service_account.list",
    "support_access.list",
    "task.read",
];

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
pub const WORK: &[&str] = &[
    "allocation.create",
    "allocation.list",
    "allocation.read",
    "allocation.release",
    "catalog.read",
    "launch.read",
    "project.read",
    "recording.list",
    "recording.read",
    "task.read",
    "terminal.open",
];

/// What goes on in an organization or project that is archived: leaving, taking away, switching off, bringing it
/// back, and what changes nothing of it.
pub const ON_ARCHIVED: &[&str] = &[
    "auto_top_up.stop",
    "budget.remove",
    "card.remove",
    "domain.remove",
    "group.delete",
    "group.remove_member",
    "identity_provider.change",
    "identity_provider.check",
    "identity_provider.remove",
    "invitation.revoke",
    "key.revoke",
    "launch.read",
    "member.remove",
    "organization.leave",
    "organization.remove_member",
    "organization.unarchive",
    "payment.cancel",
    "project.delete",
    "project.switch",
    "project.unarchive",
    "quota.remove",
    "role.delete",
    "role.unbind",
    "role_map.remove",
    "service_account.delete",
    "service_account.set_state",
    "support_access.end",
    "webhook.change",
    "webhook.remove",
];
