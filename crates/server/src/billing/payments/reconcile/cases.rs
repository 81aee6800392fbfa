//! Cases: what they say, and how they end.

use super::{
    CloseCase,
    store::{self, Case},
};
use crate::{
    billing::payments::{
        desk::{names, words},
        settle::Ended,
        store::{self as payments, EventRow},
    },
    identity::factors,
    tenancy::Operator,
};
use api::{
    CaseId, Code, Money,
    operations::{Attention, AttentionKind},
    payments::Provider,
    reconciliation::{CaseClose, CaseKind, CaseView},
};
use kernel::{App, Error, Result, audit::Key, db::Reader, db::WriteTx};
use std::time::Duration;

/// Opens a case of a processor's word that could not be.
///
/// # Errors
/// What the database says.
pub async fn refused(tx: &mut WriteTx, row: &EventRow, ended: &Ended) -> Result<()> {
    // Several words of one object are one case.
    let object = if row.object_ref.is_empty() { &row.event_ref } else { &row.object_ref };
    if store::open_of(tx, row.provider, CaseKind::Word, object).await?.is_some() {
        return Ok(());
    }
    let payment = match ended.about {
        Some((_, id)) => payments::find(tx, id).await?,
        None => None,
    };
    let now = tx.now();
    let case = Case {
        id: tx.new_id(),
        kind: CaseKind::Word,
        provider: row.provider,
        simulated: payment.as_ref().is_some_and(|one| one.simulated),
        object_ref: object.clone(),
        org_id: ended.about.map(|it| it.0),
        payment_id: ended.about.map(|it| it.1),
        currency: None,
        theirs: api::Micros::ZERO,
        ours: api::Micros::ZERO,
        odd: false,
        note: format!("{}: {}", row.kind, ended.note),
        opened_at: now,
        changed_at: now,
        closed_at: None,
        closed_by: None,
        reason: String::new(),
    };
    tx.insert(&case).await
}

/// Says what to do about a case.
fn next(row: &Case) -> &'static str {
    match (row.kind, row.theirs.0, row.ours.0) {
        _ if row.closed_at.is_some() => "Nothing more.",
        _ if row.odd => {
            "It moved in another currency than it was paid in. Compare the payment here with the one at the processor."
        }
        (CaseKind::Word, ..) => {
            "Nothing was booked. Compare the payment here with the one at the processor, put right what is wrong, then close it."
        }
        (CaseKind::Movement, ..) => {
            "Look at it at the processor. If it is about a payment of this site, compare the sums, then close it."
        }
        (CaseKind::Charge, _, 0) => {
            "Look at the payment at the processor. Is it the tenant's, give it as credit; if not, refund it there."
        }
        (CaseKind::Charge, 0, _) => {
            "The balance has money the processor does not show. Ask the processor; take the credit back with a refund if it never came."
        }
        (CaseKind::Refund, _, 0) => {
            "The money left and the balance still has it. Its word comes within minutes; if not, look at the refund at the processor."
        }
        (CaseKind::Refund, 0, _) => {
            "The balance gave money back that the processor did not send. Look at the refund at the processor and send it there."
        }
        (CaseKind::Dispute, ..) => {
            "Look at the dispute at the processor: the bank may have taken another sum, or given it back."
        }
        _ => "Compare the sums here and at the processor, put right what is wrong, then close it.",
    }
}

/// Returns a case as it travels.
pub fn view(row: &Case, org: Option<String>) -> CaseView {
    let money = |micros| row.currency.map(|currency| Money::new(micros, currency));
    CaseView {
        id: row.id,
        kind: row.kind,
        provider: row.provider,
        object: row.object_ref.clone(),
        org_id: row.org_id,
        org,
        payment_id: row.payment_id,
        theirs: money(row.theirs),
        ours: money(row.ours),
        note: row.note.clone(),
        next: next(row).to_owned(),
        simulated: row.simulated,
        opened_at: row.opened_at,
        changed_at: row.changed_at,
        closed_at: row.closed_at,
        closed_by: row.closed_by,
        reason: row.reason.clone(),
    }
}

/// Closes a case as it stands. It opens again when its sums change.
///
/// # Errors
/// `not_found`, `state_conflict` when it is closed, `validation_error` without a reason.
pub async fn close(
    app: &App,
    who: &Operator<CloseCase>,
    id: CaseId,
    ask: &CaseClose,
) -> Result<CaseView> {
    factors::break_glass::people_only(who.caller().user())?;
    let reason = words("reason", &ask.reason, (3, 300))?;
    let mut tx = app.db.write(who).await?;
    let mut row = store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let names = names(&mut tx, row.org_id.into_iter()).await?;
    if row.closed_at.is_some() {
        return Err(Error::new(Code::NotNow).detail("It is closed already."));
    }
    if ask.changed_at.is_some_and(|seen| seen != row.changed_at) {
        return Err(
            Error::new(Code::NotNow).detail("Its sums changed meanwhile. Look at it again.")
        );
    }
    row.closed_at = Some(tx.now());
    row.closed_by = Some(who.caller().user_id());
    row.reason = reason;
    store::save(&mut tx, &row).await?;
    tx.target(row.id);
    if let Some(org) = row.org_id {
        tx.belongs_to(org, None);
    }
    if let Some(currency) = row.currency {
        let more = row.theirs.0.saturating_sub(row.ours.0);
        tx.note(Key::Amount, Money::new(api::Micros(more), currency));
    }
    tx.note(Key::Reason, &row.reason);
    tx.commit().await?;
    let name = row.org_id.and_then(|id| names.get(&id)).map(|org| org.name.clone());
    Ok(view(&row, name))
}

/// For how long an account that cannot be read is nobody's matter.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Returns what of reconciliation needs a person.
///
/// # Errors
/// What the database says.
pub async fn attention(tx: &mut Reader, mode: Option<(Provider, bool)>) -> Result<Vec<Attention>> {
    let case = |row: &Case| Attention {
        kind: AttentionKind::PaymentCase,
        what: match row.kind {
            CaseKind::Word => format!("The payment service told of {}", row.note),
            kind => format!("A {kind} differs from the processor's account: {}", row.note),
        },
        next: next(row).to_owned(),
        page: format!("/platform/finance/cases/{}", row.id),
        since: Some(row.opened_at),
    };
    let mut found: Vec<Attention> = store::open(tx, None, 50).await?.iter().map(case).collect();
    let patience = tx.now().minus(Duration::from_secs(3600));
    for row in store::words_waiting(tx, patience).await? {
        found.push(Attention {
            kind: AttentionKind::PaymentCase,
            what: format!("A {} the payment service told of waits: {}", row.kind, row.note),
            next: "Compare the payment here with the one at the processor.".into(),
            page: format!("/platform/finance/payments/{}", row.payment_id),
            since: Some(row.received_at),
        });
    }
    let mark = match mode {
        Some(mode) => store::mark(tx, mode).await?,
        None => None,
    };
    let late = tx.now().minus(PATIENCE);
    if let Some(mark) = mark.filter(|mark| mark.failed_since.is_some_and(|since| since < late)) {
        found.push(Attention {
            kind: AttentionKind::PaymentCase,
            what: format!(
                "The processor's account is not compared: {}",
                mark.fault.as_deref().unwrap_or("no answer")
            ),
            next: "Look whether the processor answers, and whether the key may read balance transactions with their sources.".into(),
            page: "/platform/finance/reconciliation".into(),
            since: mark.failed_since,
        });
    }
    Ok(found)
}
