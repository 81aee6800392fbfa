//! Credit the platform gives: a posted grant, never a balance somebody typed.

use super::{
    Settings,
    model::AccountKind,
    post::{Fact, Posted, Transfer, post},
    store::Grant,
};
use api::{Currency, Micros, OrgId, Time, billing::TxnKind};
use kernel::{App, Result, db::WriteTx};

/// What is given.
#[derive(Debug, Clone)]
pub struct Given {
    /// How the ledger calls it.
    pub kind: TxnKind,
    /// Where the fact comes from, and its name there.
    pub source: (&'static str, String),
    /// How much.
    pub amount: Micros,
    /// In plain words.
    pub memo: String,
    /// From when on it is not used any more.
    pub expires_at: Option<Time>,
}

/// Gives an organization credit, as a lot of its own; the same source is given once.
///
/// # Errors
/// What the database says.
pub async fn grant(
    tx: &mut WriteTx,
    org: OrgId,
    currency: Currency,
    given: Given,
) -> Result<Posted> {
    let Given { kind, source, amount, memo, expires_at } = given;
    let fact = Fact {
        kind,
        source: source.0,
        source_id: source.1,
        memo: memo.clone(),
        org_id: org,
        currency,
        project_id: None,
        allocation_id: None,
        simulated: false,
        corrects: None,
    };
    let (debit, credit) = (AccountKind::Promotions, AccountKind::Promotional);
    let give = Transfer { debit, credit, amount };
    let posted = post(tx, &fact, &[give]).await?;
    if let Posted::Now(txn_id) = posted {
        let row = Grant {
            id: tx.new_id(),
            org_id: org,
            txn_id,
            reason: memo,
            amount,
            created_at: tx.now(),
            remaining: amount,
            expired: Micros::ZERO,
            expires_at,
            warned_at: None,
            tracked: true,
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
    let expires_at = app.get::<Settings>().welcome_span().map(|span| tx.now().plus(span));
    let given = Given {
        kind: TxnKind::Grant,
        source: ("welcome", org.to_string()),
        amount,
        memo: "Welcome credit".to_owned(),
        expires_at,
    };
    grant(tx, org, currency, given).await.map(|_| ())
}
