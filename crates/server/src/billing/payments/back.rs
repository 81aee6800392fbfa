//! Money that goes back: refunds and disputes, as processors tell of them.
//!
//! A refund that was asked for here left the balance before the processor was told; its word only ends it. One
//! that began at the processor, and every dispute, is taken from what the organization can spend; what that does
//! not cover is the platform's loss, by name.

use super::{
    event::{Dispute, Refunded, Taken},
    settle::{self, Ended},
    store::{self, DisputeRow, Payment, Refund},
};
use crate::billing::{
    debts,
    model::AccountKind,
    post::{Fact, Posted, Transfer, post},
    store as ledger,
};
use api::{
    Code, Currency, Micros, OrgId, RefundId, TxnId,
    billing::TxnKind,
    payments::{Borne, DisputeState, Provider, RefundState, RefundWay},
};
use kernel::{Error, Result, db::WriteTx};

/// What a movement of a payment's money is about.
pub(super) struct Movement {
    pub kind: TxnKind,
    pub source: &'static str,
    pub source_id: String,
    pub memo: &'static str,
    pub corrects: Option<TxnId>,
}

impl Movement {
    fn fact(self, payment: &Payment) -> Fact {
        Fact {
            kind: self.kind,
            source: self.source,
            source_id: self.source_id,
            memo: self.memo.to_owned(),
            org_id: payment.org_id,
            currency: payment.currency,
            project_id: None,
            allocation_id: None,
            simulated: payment.simulated,
            corrects: self.corrects,
        }
    }
}

/// Books a movement once.
pub(super) async fn book(
    tx: &mut WriteTx,
    payment: &Payment,
    movement: Movement,
    transfers: &[Transfer],
) -> Result<TxnId> {
    match post(tx, &movement.fact(payment), transfers).await? {
        Posted::Now(id) => Ok(id),
        Posted::Before => {
            Err(Error::internal(anyhow::anyhow!("a movement that was booked before")))
        }
    }
}

/// Returns how an amount that goes back is covered: by what can be spent first, by the platform for the rest.
async fn covered(
    tx: &mut WriteTx,
    payment: &Payment,
    amount: Micros,
    rest: AccountKind,
) -> Result<(Micros, Vec<Transfer>)> {
    ledger::lock_money(tx, payment.org_id).await?;
    let has = ledger::balance_of(tx, payment.org_id, AccountKind::Available).await?;
    let taken = amount.min(has).max(Micros::ZERO);
    let credit = AccountKind::Clearing;
    let transfers = vec![
        Transfer { debit: AccountKind::Available, credit, amount: taken },
        Transfer { debit: rest, credit, amount: Micros(amount.0 - taken.0) },
    ];
    Ok((taken, transfers))
}

/// Takes what disputes could not take, because it was reserved or on its way elsewhere, from what came back to the
/// balance, then what is owed for usage. For disputes what is paid in anew is not touched.
///
/// # Errors
/// What the database says.
pub async fn collect(tx: &mut WriteTx, org: OrgId, currency: Currency) -> Result<()> {
    for row in store::short(tx, org).await? {
        let has = ledger::balance_of(tx, org, AccountKind::Available).await?;
        let part = Micros((row.amount.0 - row.taken.0).min(has.0));
        if part <= Micros::ZERO {
            break;
        }
        let fact = Fact {
            kind: TxnKind::Dispute,
            source: "dispute_collected",
            source_id: format!("{}:{}", row.dispute_ref, row.taken.0),
            memo: "The rest of a payment a bank took back".to_owned(),
            org_id: org,
            currency,
            project_id: None,
            allocation_id: None,
            simulated: false,
            corrects: row.txn_id,
        };
        let (debit, credit) = (AccountKind::Available, AccountKind::Disputes);
        post(tx, &fact, &[Transfer { debit, credit, amount: part }]).await?;
        store::set_taken(tx, &row, Micros(row.taken.0 + part.0)).await?;
    }
    debts::collect(tx, org, currency).await
}

/// Takes a booking back, account by account.
pub(super) async fn reverse(
    tx: &mut WriteTx,
    payment: &Payment,
    movement: Movement,
    (taken, amount, rest): (Micros, Micros, AccountKind),
) -> Result<TxnId> {
    let debit = AccountKind::Clearing;
    let transfers = [
        Transfer { debit, credit: AccountKind::Available, amount: taken },
        Transfer { debit, credit: rest, amount: Micros(amount.0 - taken.0) },
    ];
    book(tx, payment, movement, &transfers).await
}

/// A processor's word on a refund.
pub(super) async fn refunded(
    tx: &mut WriteTx,
    provider: Provider,
    word: &Refunded,
) -> Result<Ended> {
    let Some(mut payment) = store::lock_by_intent(tx, provider, &word.intent).await? else {
        return Ok(Ended::nobody(Taken::Parked, "its payment is not known to be paid yet"));
    };
    if word.currency != payment.currency || word.amount <= Micros::ZERO {
        return Ok(Ended::of(Taken::Refused, "another currency, or no amount", &payment));
    }
    let Some(mut refund) = store::lock_refund(tx, word.ours, &word.id).await? else {
        return began_there(tx, payment, word).await;
    };
    if refund.payment_id != payment.id || refund.amount != word.amount {
        return Ok(Ended::of(Taken::Refused, "another refund than the one asked for", &payment));
    }
    let next = RefundState::from(word.state);
    if refund.state == RefundState::Failed
        && refund.refund_ref.is_none()
        && next != RefundState::Failed
    {
        return after_all(tx, payment, refund, word).await;
    }
    // A refund that succeeded may still come back; one that failed is over.
    let onward = match refund.state {
        RefundState::Approved => true,
        RefundState::Pending => next != RefundState::Pending,
        RefundState::Succeeded => next == RefundState::Failed,
        RefundState::Requested | RefundState::Failed | RefundState::Declined => false,
    };
    if !onward {
        return Ok(Ended::of(Taken::Before, "known", &payment));
    }
    refund.refund_ref = Some(word.id.clone());
    refund.state = next;
    if next != RefundState::Pending {
        refund.ended_at = Some(tx.now());
    }
    if next == RefundState::Failed {
        let words = "The bank did not take the money back.";
        failed(tx, &mut payment, &mut refund, words).await?;
    } else {
        store::save_refund(tx, &refund).await?;
    }
    Ok(Ended::of(Taken::Applied, next.as_str(), &payment))
}

/// A refund that was given up here was made after all: the money is gone, and is booked as that.
async fn after_all(
    tx: &mut WriteTx,
    mut payment: Payment,
    mut refund: Refund,
    word: &Refunded,
) -> Result<Ended> {
    let whole = payment.refunded.plus(word.amount).filter(|sum| *sum <= payment.amount);
    let Some(whole) = whole else {
        return Ok(Ended::of(
            Taken::Refused,
            "a refund that was given up, and does not fit",
            &payment,
        ));
    };
    let (taken, transfers) = if refund.borne == Borne::Platform {
        let (debit, credit) = (AccountKind::Refunds, AccountKind::Clearing);
        (Micros::ZERO, vec![Transfer { debit, credit, amount: word.amount }])
    } else {
        covered(tx, &payment, word.amount, AccountKind::Refunds).await?
    };
    let movement = Movement {
        kind: TxnKind::Refund,
        source: "refund_after_all",
        source_id: refund.id.to_string(),
        memo: "Refund to the card",
        corrects: None,
    };
    refund.txn_id = Some(book(tx, &payment, movement, &transfers).await?);
    refund.taken = taken;
    refund.refund_ref = Some(word.id.clone());
    refund.state = RefundState::from(word.state);
    refund.fault = None;
    payment.refunded = whole;
    store::save(tx, &payment).await?;
    store::save_refund(tx, &refund).await?;
    Ok(Ended::of(Taken::Applied, "it was made after all", &payment))
}

/// The money did not go out: what was booked is taken back, by a new entry that names the old one.
pub(super) async fn failed(
    tx: &mut WriteTx,
    payment: &mut Payment,
    refund: &mut Refund,
    why: &str,
) -> Result<()> {
    let movement = Movement {
        kind: TxnKind::Correction,
        source: "refund_failed",
        // One that was made after all may fail again: each booking is taken back once.
        source_id: refund.txn_id.map(|id| id.to_string()).unwrap_or_default(),
        memo: "A refund that could not be sent",
        corrects: refund.txn_id,
    };
    let what = (refund.taken, refund.amount, AccountKind::Refunds);
    reverse(tx, payment, movement, what).await?;
    payment.refunded = Micros(payment.refunded.0 - refund.amount.0);
    refund.state = RefundState::Failed;
    refund.ended_at = Some(tx.now());
    refund.fault = Some(why.to_owned());
    store::save(tx, payment).await?;
    store::save_refund(tx, refund).await?;
    collect(tx, payment.org_id, payment.currency).await?;
    // There is room again for what was made at the processor.
    let intent = payment.intent_ref.clone().unwrap_or_default();
    settle::unpark(tx, payment.provider, &intent).await
}

/// A refund nobody asked for here: somebody made it at the processor.
async fn began_there(tx: &mut WriteTx, mut payment: Payment, word: &Refunded) -> Result<Ended> {
    let state = RefundState::from(word.state);
    let whole = payment.refunded.plus(word.amount).filter(|sum| *sum <= payment.amount);
    let whole = match whole {
        Some(whole) => whole,
        // One before it may have failed, and that word comes later.
        None if state != RefundState::Failed => {
            return Ok(Ended::of(Taken::Parked, "more than was paid, for now", &payment));
        }
        None => payment.refunded,
    };
    let id: RefundId = tx.new_id();
    let (mut taken, mut txn_id) = (Micros::ZERO, None);
    // One that failed before anything else of it was known moves nothing, and is kept: what is said later is old.
    if state != RefundState::Failed {
        let (covers, transfers) = covered(tx, &payment, word.amount, AccountKind::Refunds).await?;
        let movement = Movement {
            kind: TxnKind::Refund,
            source: "refund",
            source_id: id.to_string(),
            memo: "Refund to the card",
            corrects: None,
        };
        (taken, txn_id) = (covers, Some(book(tx, &payment, movement, &transfers).await?));
        payment.refunded = whole;
        store::save(tx, &payment).await?;
    }
    let now = tx.now();
    let row = Refund {
        id,
        org_id: payment.org_id,
        payment_id: payment.id,
        amount: word.amount,
        borne: Borne::Balance,
        way: RefundWay::Card,
        state,
        reason: "Made at the payment processor".to_owned(),
        refund_ref: Some(word.id.clone()),
        taken,
        txn_id,
        asked_by: None,
        decided_by: None,
        created_at: now,
        decided_at: None,
        ended_at: (state != RefundState::Pending).then_some(now),
        due_at: now,
        attempts: 0,
        fault: None,
    };
    tx.insert(&row).await?;
    Ok(Ended::of(Taken::Applied, "a refund made at the processor", &payment))
}

/// A processor's word on a dispute.
pub(super) async fn disputed(
    tx: &mut WriteTx,
    provider: Provider,
    word: &Dispute,
) -> Result<Ended> {
    let Some(mut payment) = store::lock_by_intent(tx, provider, &word.intent).await? else {
        return Ok(Ended::nobody(Taken::Parked, "its payment is not known to be paid yet"));
    };
    if word.currency != payment.currency || word.amount <= Micros::ZERO {
        return Ok(Ended::of(Taken::Refused, "another currency, or no amount", &payment));
    }
    if word.amount > payment.amount {
        return Ok(Ended::of(Taken::Refused, "more than was paid", &payment));
    }
    // Money before disputes, as where a reservation is given back.
    ledger::lock_money(tx, payment.org_id).await?;
    match store::lock_dispute(tx, &word.id).await? {
        None => open(tx, &mut payment, word).await,
        Some(row) => close(tx, &mut payment, row, word).await,
    }
}

async fn open(tx: &mut WriteTx, payment: &mut Payment, word: &Dispute) -> Result<Ended> {
    let fresh = word.state != DisputeState::Won;
    let whole = payment.disputed.plus(word.amount).filter(|sum| *sum <= payment.amount);
    if fresh && whole.is_none() {
        return Ok(Ended::of(Taken::Parked, "more than was paid, for now", payment));
    }
    let (mut taken, mut txn_id) = (Micros::ZERO, None);
    if fresh {
        let (covers, transfers) = covered(tx, payment, word.amount, AccountKind::Disputes).await?;
        let movement = Movement {
            kind: TxnKind::Dispute,
            source: "dispute",
            source_id: word.id.clone(),
            memo: "A bank took a payment back",
            corrects: None,
        };
        (taken, txn_id) = (covers, Some(book(tx, payment, movement, &transfers).await?));
        payment.disputed = payment.disputed.plus(word.amount).ok_or(Code::Internal)?;
        store::save(tx, payment).await?;
        let words = (
            "was taken back by a bank",
            "A payment is disputed: the bank took it back, and so it left the balance as far as it was there. It comes back if the dispute is won.",
        );
        settle::told(tx, payment, word.amount, words).await?;
    }
    let now = tx.now();
    let row = DisputeRow {
        id: tx.new_id(),
        org_id: payment.org_id,
        payment_id: payment.id,
        dispute_ref: word.id.clone(),
        amount: word.amount,
        taken,
        state: word.state,
        txn_id,
        opened_at: now,
        closed_at: (word.state != DisputeState::Open).then_some(now),
    };
    tx.insert(&row).await?;
    Ok(Ended::of(Taken::Applied, word.state.as_str(), payment))
}

async fn close(
    tx: &mut WriteTx,
    payment: &mut Payment,
    mut row: DisputeRow,
    word: &Dispute,
) -> Result<Ended> {
    if row.payment_id != payment.id || row.amount != word.amount {
        return Ok(Ended::of(Taken::Refused, "another dispute than the one known", payment));
    }
    if row.state != DisputeState::Open || word.state == DisputeState::Open {
        return Ok(Ended::of(Taken::Before, "known", payment));
    }
    if word.state == DisputeState::Won {
        let movement = Movement {
            kind: TxnKind::DisputeReversal,
            source: "dispute_won",
            source_id: word.id.clone(),
            memo: "A payment a bank had taken back",
            corrects: row.txn_id,
        };
        let what = (row.taken, row.amount, AccountKind::Disputes);
        reverse(tx, payment, movement, what).await?;
        payment.disputed = Micros(payment.disputed.0 - row.amount.0);
        store::save(tx, payment).await?;
    }
    row.state = word.state;
    row.closed_at = Some(tx.now());
    store::save_dispute(tx, &row).await?;
    if row.state == DisputeState::Won {
        // What came back may be owed for another.
        collect(tx, payment.org_id, payment.currency).await?;
    }
    Ok(Ended::of(Taken::Applied, word.state.as_str(), payment))
}
