//! Pure words of the ledger, and where an organization's money stands.

use api::{Micros, billing::MoneyState, words};

words! {
    /// The kinds of ledger account. Each organization has its own; the platform's books are the sums over them.
    pub enum AccountKind {
        /// What a customer can spend.
        Available = "available",
        /// What a customer was given and can spend; some of it expires.
        Promotional = "promotional",
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
        matches!(self, Self::Available | Self::Promotional | Self::Held)
    }
}

/// Returns where money stands (reference 2.18): `stopping` says that a hold could not be extended or that what is
/// left lasts a short while, `ran_out` that work was released for lack of money and nothing was added since.
pub fn state(
    (available, held): (Micros, Micros),
    low: Micros,
    stopping: bool,
    ran_out: bool,
) -> MoneyState {
    let total = Micros(available.0.saturating_add(held.0));
    match () {
        () if total <= Micros::ZERO => MoneyState::Depleted,
        () if ran_out && held <= Micros::ZERO && available <= low => MoneyState::Depleted,
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
        let of = |available, held, stopping, ran_out| {
            state((Micros(available), Micros(held)), low, stopping, ran_out)
        };
        assert_eq!(of(6, 0, false, false), MoneyState::Healthy);
        assert_eq!(of(5, 1, false, false), MoneyState::LowBalance);
        assert_eq!(of(0, 1, true, false), MoneyState::AutoReleasePending);
        assert_eq!(of(0, 0, true, false), MoneyState::Depleted);
        assert_eq!(of(3, 0, false, true), MoneyState::Depleted);
        assert_eq!(of(3, 1, false, true), MoneyState::LowBalance);
        assert_eq!(of(6, 0, false, true), MoneyState::Healthy);
    }
}
