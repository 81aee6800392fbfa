//! Credit the platform gives: a posted grant, never a balance somebody typed.

use super::{
    Settings,
    model::AccountKind,
    post::{Fact, Posted, Transfer, post},
    store::Grant,
};
use api::{Currency, Micros, OrgId, billing::TxnKind};
use kernel::{App, Result, db::WriteTx};

/// Gives an organization credit; the same source is given once.
///
/// # Errors
/// What the database says.
pub async fn grant(
    tx: &mut WriteTx,
    org: OrgId,
    currency: Currency,
    amount: Micros,
    source: (&'static str, String),
    reason: &str,
) -> Result<Posted> {
    let fact = Fact {
        kind: TxnKind::Grant,
        source: source.0,
        source_id: source.1,
        memo: reason.to_owned(),
        org_id: org,
        currency,
        project_id: None,
        allocation_id: None,
        simulated: false,
        corrects: None,
    };
    let give = Transfer { debit: AccountKind::Promotions, credit: AccountKind::Available, amount };
    let posted = post(tx, &fact, &[give]).await?;
    if let Posted::Now(txn_id) = posted {
        let row = Grant {
            id: tx.new_id(),
            org_id: org,
            txn_id,
            reason: reason.to_owned(),
            amount,
            created_at: tx.now(),
        };
        tx.insert(&row).await?;
    }
    Ok(posted)
}

/// Gives a new organization the welcome credit of the settings; nothing when that is zero.
///
/// # Errors
/// What the database says.
pub async fn welcome(app: &App, tx: &mut WriteTx, org: OrgId, currency: Currency) -> Result<()> {
    let amount = app.get::<Settings>().welcome();
    if amount == Micros::ZERO {
        return Ok(());
    }
    grant(tx, org, currency, amount, ("welcome", org.to_string()), "Welcome credit")
        .await
        .map(|_| ())
}
