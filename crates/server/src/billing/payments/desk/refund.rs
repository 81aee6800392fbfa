//! Refunds: to the card while it takes them, as credit later; of what was not spent, or borne by the platform.

use super::{
    AskRefund, DecideRefund, amount, second,
    store::{self as desk},
    takes_two, words,
};
use crate::{
    billing::{
        Settings, auditor, debts,
        model::AccountKind,
        payments::{
            back::{Movement, book, failed},
            cards, settle,
            store::{self, Payment, Refund},
            sweep,
        },
        post::Transfer,
        store as ledger,
    },
    identity::factors,
    tenancy::Operator,
};
use api::{
    Code, Currency, Micros, Money, PaymentId, RefundId, Time,
    billing::TxnKind,
    payments::{Borne, PaymentState, RefundCreate, RefundState, RefundView, RefundWay},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    sweeps::Sweeps,
};

/// Returns a refund as it travels.
pub fn view(row: &Refund, currency: Currency) -> RefundView {
    RefundView {
        id: row.id,
        payment_id: row.payment_id,
        org_id: row.org_id,
        amount: Money::new(row.amount, currency),
        borne: row.borne,
        way: row.way,
        state: row.state,
        reason: row.reason.clone(),
        asked_by: row.asked_by,
        decided_by: row.decided_by,
        fault: row.fault.clone(),
        created_at: row.created_at,
        ended_at: row.ended_at,
    }
}

/// Says what stands in the way of a refund.
fn blocked(payment: &Payment, amount: Micros) -> Result<()> {
    let no = |words: String| Err(Error::new(Code::NotNow).detail(words));
    if payment.state != PaymentState::Paid {
        return no("Only what was paid goes back.".to_owned());
    }
    let left = Micros(payment.amount.0 - payment.refunded.0 - payment.disputed.0);
    if amount > left {
        let left = Money::new(left.max(Micros::ZERO), payment.currency);
        return no(format!("At most {left} of this payment can still go back."));
    }
    Ok(())
}

/// Returns where a refund goes now: the card takes money back for a while only.
fn way(settings: &Settings, payment: &Payment, borne: Borne, now: Time) -> Result<RefundWay> {
    let paid = payment.settled_at.unwrap_or(payment.created_at);
    match borne {
        _ if now.since(paid) <= settings.refund_span() => Ok(RefundWay::Card),
        Borne::Platform => Ok(RefundWay::Credit),
        Borne::Balance => Err(Error::new(Code::NotNow).detail(format!(
            "After {} days money does not go back to the card. What was not spent stays in the balance.",
            settings.refund_days
        ))),
    }
}

/// Asks for a refund; a small one is on its way at once, a large one waits for a second person.
///
/// # Errors
/// `validation_error`, `state_conflict` when it is more than can go back, `insufficient_balance` when what is to
/// leave the balance was spent.
pub async fn ask(
    app: &App,
    who: &Operator<AskRefund>,
    id: PaymentId,
    ask: &RefundCreate,
) -> Result<RefundView> {
    factors::break_glass::people_only(who.caller().user())?;
    let reason = words("reason", &ask.reason, (3, 300))?;
    let mut tx = app.db.write(who).await?;
    let payment = store::lock(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let amount = amount(ask.amount, payment.currency)?;
    blocked(&payment, amount)?;
    let (settings, now) = (app.get::<Settings>(), tx.now());
    let way = way(settings, &payment, ask.borne, now)?;
    let mut row = Refund {
        id: tx.new_id(),
        org_id: payment.org_id,
        payment_id: payment.id,
        amount,
        borne: ask.borne,
        way,
        state: RefundState::Requested,
        reason,
        refund_ref: None,
        taken: Micros::ZERO,
        txn_id: None,
        asked_by: Some(who.caller().user_id()),
        decided_by: None,
        created_at: now,
        decided_at: None,
        ended_at: None,
        due_at: now,
        attempts: 0,
        fault: None,
    };
    // The organization's money is held: what one person moves alone is counted once.
    ledger::lock_money(&mut tx, payment.org_id).await?;
    let by = (payment.org_id, who.caller().user_id());
    let two = takes_two(settings, &mut tx, by, amount).await?;
    tx.insert(&row).await?;
    tx.target(row.id);
    tx.belongs_to(payment.org_id, None);
    tx.note(Key::Amount, ask.amount);
    tx.note(Key::Reason, &row.reason);
    if !two {
        approve(app, &mut tx, payment.clone(), &mut row).await?;
    }
    tx.note(Key::State, row.state);
    tx.commit().await?;
    Ok(view(&row, payment.currency))
}

/// Books a refund; one to the card is sent right after.
async fn approve(
    app: &App,
    tx: &mut WriteTx,
    mut payment: Payment,
    row: &mut Refund,
) -> Result<()> {
    auditor::sound(app)?;
    blocked(&payment, row.amount)?;
    row.way = way(app.get::<Settings>(), &payment, row.borne, tx.now())?;
    let (debit, credit) = match (row.borne, row.way) {
        (Borne::Balance, _) => (AccountKind::Available, AccountKind::Clearing),
        (Borne::Platform, RefundWay::Card) => (AccountKind::Refunds, AccountKind::Clearing),
        (Borne::Platform, RefundWay::Credit) => (AccountKind::Refunds, AccountKind::Available),
    };
    if row.borne == Borne::Balance {
        ledger::lock_money(tx, row.org_id).await?;
        let has = ledger::balance_of(tx, row.org_id, AccountKind::Available).await?;
        if has < row.amount {
            let has = Money::new(has, payment.currency);
            return Err(Error::new(Code::InsufficientBalance).detail(format!(
                "{has} of the balance was not spent and is not held. The rest can only be borne by the platform."
            )));
        }
        row.taken = row.amount;
    }
    let card = row.way == RefundWay::Card;
    let movement = Movement {
        kind: TxnKind::Refund,
        source: "refund",
        source_id: row.id.to_string(),
        memo: if card { "Refund to the card" } else { "Refund as credit" },
        corrects: None,
    };
    let transfer = Transfer { debit, credit, amount: row.amount };
    row.txn_id = Some(book(tx, &payment, movement, &[transfer]).await?);
    row.decided_at = Some(tx.now());
    row.due_at = tx.now();
    row.state = if card { RefundState::Approved } else { RefundState::Succeeded };
    if !card {
        row.ended_at = row.decided_at;
        debts::collect(tx, row.org_id, payment.currency).await?;
    }
    payment.refunded = payment.refunded.plus(row.amount).ok_or(Code::Internal)?;
    store::save(tx, &payment).await?;
    cards::went_back(tx, &payment).await?;
    store::save_refund(tx, row).await?;
    let words = (
        if card { "goes back to the card" } else { "was given back as credit" },
        "A payment is refunded. It stands in the statement.",
    );
    settle::told(tx, &payment, row.amount, words).await?;
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(sweep::PAYMENTS));
    Ok(())
}

/// Decides on a refund that waits.
///
/// # Errors
/// `insufficient_permissions` for whoever asked for it, `state_conflict` when it does not wait any more.
pub async fn decide(
    app: &App,
    who: &Operator<DecideRefund>,
    id: RefundId,
    yes: bool,
) -> Result<RefundView> {
    let by = who.caller().user();
    let mut tx = app.db.write(who).await?;
    let found = desk::find_refund(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let payment = store::lock(&mut tx, found.payment_id).await?.ok_or_else(Error::not_found)?;
    let mut row = store::lock_refund(&mut tx, Some(id), "").await?.ok_or_else(Error::not_found)?;
    second(by, row.asked_by, yes)?;
    let currency = payment.currency;
    let stuck = row.state == RefundState::Approved
        && row.decided_at.is_some_and(|at| tx.now().since(at) >= desk::DAY);
    if (yes || !stuck) && row.state != RefundState::Requested {
        return Err(Error::new(Code::NotNow).detail("It was decided already."));
    }
    row.decided_by = Some(by.id);
    if stuck {
        let mut payment = payment;
        failed(&mut tx, &mut payment, &mut row, "It could not be sent.").await?;
    } else if yes {
        approve(app, &mut tx, payment, &mut row).await?;
    } else {
        row.state = RefundState::Declined;
        row.decided_at = Some(tx.now());
        row.ended_at = row.decided_at;
        store::save_refund(&mut tx, &row).await?;
    }
    tx.target(row.id);
    tx.belongs_to(row.org_id, None);
    tx.note(Key::Amount, Money::new(row.amount, currency));
    tx.note(Key::State, row.state);
    tx.commit().await?;
    Ok(view(&row, currency))
}

/// Returns the refunds of a payment as they travel.
///
/// # Errors
/// What the database says.
pub async fn of_payment(tx: &mut Reader, payment: &Payment) -> Result<Vec<RefundView>> {
    let rows = desk::refunds_of(tx, payment.id).await?;
    Ok(rows.iter().map(|row| view(row, payment.currency)).collect())
}
