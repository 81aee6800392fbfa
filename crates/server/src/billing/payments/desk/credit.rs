//! Credit the platform's people give: money that arrived at the bank, or making something good.

use super::{
    DecideCredit, GiveCredit, amount, second,
    store::{self, Credit},
    takes_two, words,
};
use crate::{
    billing::{
        Given, Settings, auditor, debts, grant,
        model::AccountKind,
        post::{Fact, Posted, Transfer, post},
        store as ledger,
    },
    identity::factors,
    tenancy::{Operator, find_organization},
};
use api::{
    Code, CreditId, Currency, Money,
    billing::TxnKind,
    payments::{CreditCreate, CreditKind, CreditState, CreditView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{WriteTx, broke},
};
use std::time::Duration;

/// Returns a credit as it travels.
pub fn view(row: &Credit, org: &str, currency: Currency) -> CreditView {
    CreditView {
        id: row.id,
        org_id: row.org_id,
        org: org.to_owned(),
        amount: Money::new(row.amount, currency),
        kind: row.kind,
        reference: row.reference.clone(),
        reason: row.reason.clone(),
        expires_days: row.expires_days,
        state: row.state,
        asked_by: row.asked_by,
        decided_by: row.decided_by,
        created_at: row.created_at,
    }
}

fn reference(ask: &CreditCreate) -> Result<String> {
    match ask.kind {
        // Banks and people write the same reference with blanks and without.
        CreditKind::BankTransfer => words("reference", &ask.reference, (3, 100)).map(|text| {
            text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_uppercase()
        }),
        CreditKind::Goodwill if ask.reference.trim().is_empty() => Ok(String::new()),
        CreditKind::Goodwill => {
            Err(Error::field("reference", "Only a bank transfer has a reference."))
        }
    }
}

fn expiry(ask: &CreditCreate) -> Result<Option<i64>> {
    match (ask.kind, ask.expires_days) {
        (_, None) => Ok(None),
        (CreditKind::BankTransfer, _) => {
            Err(Error::field("expires_days", "Money that was paid does not expire."))
        }
        (CreditKind::Goodwill, Some(days)) if (1..=3650).contains(&days) => Ok(Some(days)),
        _ => Err(Error::field("expires_days", "Enter 1 to 3650 days, or nothing.")),
    }
}

/// Gives credit, or, above the limit, asks a second person to.
///
/// # Errors
/// `not_found` without such an organization, `validation_error`, `state_conflict` for a transfer that was credited.
pub async fn give(app: &App, who: &Operator<GiveCredit>, ask: &CreditCreate) -> Result<CreditView> {
    factors::break_glass::people_only(who.caller().user())?;
    auditor::sound(app)?;
    let reason = words("reason", &ask.reason, (3, 300))?;
    let reference = reference(ask)?;
    let mut tx = app.db.write(who).await?;
    let org = find_organization(&mut tx, ask.org_id).await?;
    let org = org.ok_or_else(|| Error::field("org_id", "There is no such organization."))?;
    let amount = amount(ask.amount, org.currency)?;
    let mut row = Credit {
        id: tx.new_id(),
        org_id: org.id,
        kind: ask.kind,
        amount,
        reason,
        reference,
        state: CreditState::Requested,
        txn_id: None,
        asked_by: who.caller().user_id(),
        decided_by: None,
        created_at: tx.now(),
        decided_at: None,
        expires_days: expiry(ask)?,
    };
    // The organization's money is held: what one person moves alone is counted once.
    ledger::lock_money(&mut tx, org.id).await?;
    let by = (org.id, who.caller().user_id());
    let two = takes_two(app.get::<Settings>(), &mut tx, by, amount).await?;
    tx.insert(&row).await.map_err(|error| {
        if broke(&error, "credits_reference") || broke(&error, "credits.reference") {
            return Error::new(Code::NotNow)
                .detail("A transfer with this reference was credited, or waits for it.");
        }
        error
    })?;
    if !two {
        book(&mut tx, &mut row, org.currency).await?;
    }
    tx.target(row.id);
    tx.belongs_to(org.id, None);
    tx.note(Key::Amount, ask.amount);
    tx.note(Key::Reason, &row.reason);
    tx.note(Key::State, row.state);
    tx.commit().await?;
    Ok(view(&row, &org.name, org.currency))
}

async fn book(tx: &mut WriteTx, row: &mut Credit, currency: Currency) -> Result<()> {
    let posted = match row.kind {
        CreditKind::BankTransfer => transfer(tx, row, currency).await?,
        CreditKind::Goodwill => {
            let days = row.expires_days.and_then(|days| u64::try_from(days).ok());
            let span = days.map(|days| Duration::from_secs(days * 86_400));
            let given = Given {
                kind: TxnKind::Adjustment,
                source: ("credit", row.id.to_string()),
                amount: row.amount,
                memo: format!("Credit: {}", row.reason),
                expires_at: span.map(|span| tx.now().plus(span)),
            };
            grant(tx, row.org_id, currency, given).await?
        }
    };
    let Posted::Now(txn) = posted else {
        return Err(Error::internal(anyhow::anyhow!("a credit that was booked before")));
    };
    row.state = CreditState::Posted;
    row.txn_id = Some(txn);
    row.decided_at = Some(tx.now());
    store::save_credit(tx, row).await?;
    debts::collect(tx, row.org_id, currency).await
}

async fn transfer(tx: &mut WriteTx, row: &Credit, currency: Currency) -> Result<Posted> {
    let fact = Fact {
        kind: TxnKind::Adjustment,
        source: "credit",
        source_id: row.id.to_string(),
        memo: format!("Bank transfer: {}", row.reason),
        org_id: row.org_id,
        currency,
        project_id: None,
        allocation_id: None,
        simulated: false,
        corrects: None,
    };
    let (debit, credit) = (AccountKind::Bank, AccountKind::Available);
    post(tx, &fact, &[Transfer { debit, credit, amount: row.amount }]).await
}

/// Decides on credit that waits.
///
/// # Errors
/// `insufficient_permissions` for whoever asked for it, `state_conflict` when it does not wait any more.
pub async fn decide(
    app: &App,
    who: &Operator<DecideCredit>,
    id: CreditId,
    yes: bool,
) -> Result<CreditView> {
    let by = who.caller().user();
    if yes {
        auditor::sound(app)?;
    }
    let mut tx = app.db.write(who).await?;
    let mut row = store::lock_credit(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    second(by, Some(row.asked_by), yes)?;
    if row.state != CreditState::Requested {
        return Err(Error::new(Code::NotNow).detail("It was decided already."));
    }
    let org = find_organization(&mut tx, row.org_id).await?.ok_or_else(Error::not_found)?;
    row.decided_by = Some(by.id);
    if yes {
        book(&mut tx, &mut row, org.currency).await?;
    } else {
        row.state = CreditState::Declined;
        row.decided_at = Some(tx.now());
        store::save_credit(&mut tx, &row).await?;
    }
    tx.target(row.id);
    tx.belongs_to(org.id, None);
    tx.note(Key::Amount, Money::new(row.amount, org.currency));
    tx.note(Key::State, row.state);
    tx.commit().await?;
    Ok(view(&row, &org.name, org.currency))
}
