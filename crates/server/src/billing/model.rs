//! Pure words of the ledger, and where an organization's money stands.

use api::{Micros, billing::MoneyState, words};

words! {
    /// The kinds of ledger account. Each organization has its own; the platform's books are the sums over them.
    pub enum AccountKind {
        /// What a customer can spend.
        Available = "available",
        /// What a customer has reserved.
        Held = "held",
        /// What the platform earned.
        Revenue = "revenue",
        /// What the platform gave away.
        Promotions = "promotions",
        /// What the platform lost.
        Loss = "loss",
        /// What the payment processor owes: less than nothing, because it is an asset.
        Clearing = "clearing",
        /// What arrived at the bank: less than nothing, because it is an asset.
        Bank = "bank",
        /// What the platform bore to make something good.
        Refunds = "refunds",
        /// What banks took back and no balance covered.
        Disputes = "disputes",
    }
}

impl AccountKind {
    /// Returns whether it belongs to a customer, and so never goes below zero.
    pub const fn is_customer(self) -> bool {
        matches!(self, Self::Available | Self::Held)
    }
}

/// Returns where money stands (reference 2.18): `stopping` says that a hold could not be extended.
pub fn state(available: Micros, held: Micros, low: Micros, stopping: bool) -> MoneyState {
    let total = Micros(available.0.saturating_add(held.0));
    match () {
        () if total <= Micros::ZERO => MoneyState::Depleted,
        () if stopping => MoneyState::AutoReleasePending,
        () if available <= low => MoneyState::LowBalance,
        () => MoneyState::Healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_states_follow_the_balance() {
        let low = Micros(5);
        assert_eq!(state(Micros(6), Micros(0), low, false), MoneyState::Healthy);
        assert_eq!(state(Micros(5), Micros(1), low, false), MoneyState::LowBalance);
        assert_eq!(state(Micros(0), Micros(1), low, true), MoneyState::AutoReleasePending);
        assert_eq!(state(Micros(0), Micros(0), low, true), MoneyState::Depleted);
    }
}
