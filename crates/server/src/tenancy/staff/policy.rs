//! The platform's policy as data: which of its roles may do what. `roles.txt` prints it.

use api::people::PlatformRole::{self, Operator, SecurityReviewer, Support};

/// Action and who beside operators may do it; operators may do everything here.
pub const PLATFORM: &[(&str, &[PlatformRole])] = &[
    ("allocation.force_cleanup", &[]),
    ("allocation.force_release", &[]),
    ("allocation.list_all", &[Support]),
    ("audit.read", &[SecurityReviewer]),
    ("audit.verify", &[SecurityReviewer]),
    ("break_glass.make", &[]),
    ("catalog.edit", &[]),
    ("catalog.prices", &[Support]),
    ("credit.create", &[]),
    ("credit.decide", &[]),
    ("domain.approve", &[]),
    ("domain.refuse", &[]),
    ("domain.take_back", &[]),
    ("finance.read", &[Support, SecurityReviewer]),
    ("iam.read", &[Support, SecurityReviewer]),
    ("metering.read", &[Support, SecurityReviewer]),
    ("metering_price.set", &[]),
    ("metering_source.create", &[]),
    ("metering_source.revoke", &[]),
    ("node.create", &[]),
    ("node.drain", &[]),
    ("node.list", &[Support]),
    ("node.quarantine", &[]),
    ("node.read", &[Support]),
    ("node.resume", &[]),
    ("node.slot.approve", &[]),
    ("ops.read", &[Support, SecurityReviewer]),
    ("payment_case.close", &[]),
    ("platform_provider.change", &[]),
    ("platform_provider.check", &[]),
    ("platform_provider.create", &[]),
    ("platform_provider.list", &[SecurityReviewer]),
    ("platform_provider.remove", &[]),
    ("platform_quota.list", &[Support, SecurityReviewer]),
    ("platform_quota.remove", &[]),
    ("platform_quota.set", &[]),
    ("price_book.assign", &[]),
    ("price_book.create", &[]),
    ("price_book.read", &[Support, SecurityReviewer]),
    ("price_book.set", &[]),
    ("recovery.approve", &[]),
    ("recovery.refuse", &[]),
    ("recovery.start", &[Support]),
    ("refund.create", &[]),
    ("refund.decide", &[]),
    ("staff.list", &[SecurityReviewer]),
    ("staff.remove", &[]),
    ("staff.set", &[]),
    ("support.close", &[Support]),
    ("support.list", &[Support, SecurityReviewer]),
    ("support.open", &[Support]),
    ("usage.write_off", &[]),
];

/// Returns whether a role of the platform allows an action of the platform.
pub fn may(role: PlatformRole, action: &str) -> bool {
    let row = PLATFORM.binary_search_by(|(name, _)| (*name).cmp(action)).ok();
    row.and_then(|row| PLATFORM.get(row))
        .is_some_and(|(_, others)| role == Operator || others.contains(&role))
}

/// Returns who may do an action, in words: `an operator or support`.
pub fn who_may(action: &str) -> String {
    let row = PLATFORM.iter().find(|(name, _)| *name == action);
    let others = row.map(|(_, others)| *others).unwrap_or_default();
    let words = others.iter().map(|role| role.as_str().replace('_', " "));
    ["an operator".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" or ")
}

/// Returns whether an action is one of the platform's.
pub fn of_platform(action: &str) -> bool {
    PLATFORM.binary_search_by(|(name, _)| (*name).cmp(action)).is_ok()
}

/// Returns that question for one role.
pub fn may_of(role: PlatformRole) -> fn(&str) -> bool {
    match role {
        Operator => |action| may(Operator, action),
        Support => |action| may(Support, action),
        SecurityReviewer => |action| may(SecurityReviewer, action),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_single_and_a_reviewer_changes_nothing() {
        let names: Vec<_> = PLATFORM.iter().map(|(name, _)| *name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
        for (name, others) in PLATFORM {
            let reads = ["read", "list", "list_all", "verify", "prices"]
                .contains(&name.rsplit('.').next().unwrap());
            assert!(reads || !others.contains(&SecurityReviewer), "{name}");
            assert!(may(Operator, name));
        }
        assert!(!may(Operator, "made.up"));
    }
}
