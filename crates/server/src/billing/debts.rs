//! Usage that was told afterwards and that no balance covered: booked as the platform's loss, and taken from what comes
//! to the organization later. So nobody uses for nothing by keeping the balance reserved.

use super::{
    lots,
    model::AccountKind,
    post::{Fact, Transfer, post},
    store,
};
use api::{Currency, Micros, OrgId, Time, billing::TxnKind};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// What an organization owes for usage.
    pub struct Debt in "usage_debts" {
        /// Who.
        pub org_id: OrgId,
        /// How much is owed.
        pub owed: Micros,
        /// How much was owed and is paid.
        pub paid: Micros,
        /// Since when something is owed.
        pub since: Time,
    }
}

async fn find(tx: &mut Reader, org: OrgId) -> Result<Option<Debt>> {
    tx.find("SELECT {} FROM usage_debts WHERE org_id = $1", (org,)).await
}

/// Returns what an organization owes for usage.
///
/// # Errors
/// What the database says.
pub async fn owed(tx: &mut Reader, org: OrgId) -> Result<Micros> {
    Ok(find(tx, org).await?.map_or(Micros::ZERO, |row| row.owed))
}

/// Writes down that a charge was not covered; the organization's money is locked.
pub(super) async fn owe(tx: &mut WriteTx, org: OrgId, amount: Micros) -> Result<()> {
    let now = tx.now();
    tx.run(
        "INSERT INTO usage_debts (org_id, owed, paid, since) VALUES ($1, $2, 0, $3)
         ON CONFLICT (org_id) DO UPDATE SET owed = usage_debts.owed + excluded.owed,
           since = CASE WHEN usage_debts.owed = 0 THEN excluded.since ELSE usage_debts.since END",
        (org, amount, now),
    )
    .await
    .map(|_| ())
}

/// Takes what is owed from what there is now: given credit first.
///
/// # Errors
/// What the database says.
pub async fn collect(tx: &mut WriteTx, org: OrgId, currency: Currency) -> Result<()> {
    if owed(tx, org).await? == Micros::ZERO {
        return Ok(());
    }
    store::lock_money(tx, org).await?;
    let Some(debt) = find(tx, org).await? else { return Ok(()) };
    let given = lots::spend(tx, org, debt.owed).await?;
    let available = store::balance_of(tx, org, AccountKind::Available).await?;
    let paid = available.min(Micros(debt.owed.0 - given.0)).max(Micros::ZERO);
    let amount = Micros(given.0 + paid.0);
    if amount == Micros::ZERO {
        return Ok(());
    }
    let fact = Fact {
        kind: TxnKind::Usage,
        source: "usage_debt",
        source_id: format!("{org}:{}", debt.paid.0),
        memo: "Usage the balance did not cover before".to_owned(),
        org_id: org,
        currency,
        project_id: None,
        allocation_id: None,
        simulated: false,
        corrects: None,
    };
    let from = |debit, amount| Transfer { debit, credit: AccountKind::Loss, amount };
    let both = [from(AccountKind::Promotional, given), from(AccountKind::Available, paid)];
    post(tx, &fact, &both).await?;
    tx.run(
        "UPDATE usage_debts SET owed = owed - $1, paid = paid + $1 WHERE org_id = $2",
        (amount, org),
    )
    .await
    .map(|_| ())
}
