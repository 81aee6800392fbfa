//! One object, as the processor shows it and as the books do.

use super::{
    MovementKind,
    read::WRITER,
    store::{self, Case, Mode, Movement, Object},
};
use crate::billing::payments::{
    processor::Processor,
    settle,
    store::{self as payments, Payment},
};
use api::{
    Currency, Micros, OrgId, PaymentId, Time, payments::DisputeState, payments::PaymentState,
    payments::RefundState, reconciliation::CaseKind,
};
use kernel::{
    App, Error, Result,
    db::{Reader, WriteTx, broke},
};

/// What both sides show of an object.
struct Sides {
    kind: CaseKind,
    currency: Currency,
    theirs: Micros,
    ours: Micros,
    /// Whether a line of it is in another currency than the books.
    odd: bool,
    about: Option<(OrgId, PaymentId)>,
    /// When either side last changed.
    newest: Time,
}

impl Sides {
    fn differ(&self) -> bool {
        self.odd || self.theirs != self.ours || self.kind == CaseKind::Movement
    }

    /// Whether a case says the same.
    fn is(&self, case: &Case) -> bool {
        self.differ() && (self.theirs, self.ours, self.odd) == (case.theirs, case.ours, case.odd)
    }

    fn note(&self) -> &'static str {
        match (self.kind, self.theirs.0, self.ours.0) {
            (CaseKind::Movement, ..) => "A movement of the processor's account cannot be read.",
            _ if self.odd => "The processor shows it in another currency than the books.",
            (_, 0, _) => "The books show it, the processor does not.",
            (_, _, 0) => "The processor shows it, the books do not.",
            _ => "The processor shows another sum than the books.",
        }
    }
}

/// What the books show of an object.
struct Booked {
    amount: Micros,
    payment: Payment,
    at: Time,
}

async fn charge(tx: &mut Reader, mode: Mode, intent: &str) -> Result<Option<Booked>> {
    // Only what is paid has a name there.
    let found = store::by_intent(tx, mode, intent).await?;
    Ok(found.map(|payment| {
        let at = payment.settled_at.unwrap_or(payment.created_at);
        Booked { amount: payment.amount, at, payment }
    }))
}

async fn refund(tx: &mut Reader, mode: Mode, theirs: &str) -> Result<Option<Booked>> {
    let found = store::refund(tx, theirs).await?;
    Ok(found.filter(|(_, payment)| mode == (payment.provider, payment.simulated)).map(
        |(refund, payment)| {
            let sent = matches!(refund.state, RefundState::Pending | RefundState::Succeeded);
            let amount = if sent { Micros(-refund.amount.0) } else { Micros::ZERO };
            Booked { amount, payment, at: refund.ended_at.unwrap_or(refund.created_at) }
        },
    ))
}

async fn dispute(tx: &mut Reader, mode: Mode, theirs: &str) -> Result<Option<Booked>> {
    let found = store::dispute(tx, theirs).await?;
    Ok(found.filter(|(_, payment)| mode == (payment.provider, payment.simulated)).map(
        |(dispute, payment)| {
            let gone = dispute.state != DisputeState::Won;
            let amount = if gone { Micros(-dispute.amount.0) } else { Micros::ZERO };
            Booked { amount, payment, at: dispute.closed_at.unwrap_or(dispute.opened_at) }
        },
    ))
}

/// Returns whose an object is that the books do not show: that of its payment, where it is one of ours.
async fn whose(
    tx: &mut Reader,
    mode: Mode,
    lines: &[Movement],
) -> Result<Option<(OrgId, PaymentId)>> {
    for line in lines {
        if let (Some(org), Some(payment)) = (line.org_id, line.payment_id) {
            return Ok(Some((org, payment)));
        }
        if let Some(intent) = &line.intent_ref
            && let Some(payment) = store::by_intent(tx, mode, intent).await?
        {
            return Ok(Some((payment.org_id, payment.id)));
        }
    }
    Ok(None)
}

/// Returns both sides of an object; nothing where it is no business of this site.
async fn sides(tx: &mut Reader, mode: Mode, object: &Object) -> Result<Option<Sides>> {
    let (booked, kind) = match object.kind {
        MovementKind::Charge => (charge(tx, mode, &object.object_ref).await?, CaseKind::Charge),
        MovementKind::Refund => (refund(tx, mode, &object.object_ref).await?, CaseKind::Refund),
        MovementKind::Dispute => (dispute(tx, mode, &object.object_ref).await?, CaseKind::Dispute),
        _ => (None, CaseKind::Movement),
    };
    let lines = store::lines(tx, mode, object).await?;
    let about = match &booked {
        Some(booked) => Some((booked.payment.org_id, booked.payment.id)),
        None => whose(tx, mode, &lines).await?,
    };
    let first = lines.first().map(|line| line.currency);
    let Some(currency) = booked.as_ref().map(|booked| booked.payment.currency).or(first) else {
        return Ok(None);
    };
    if about.is_none() && kind != CaseKind::Movement {
        return Ok(None);
    }
    let mut theirs = Micros::ZERO;
    for line in lines.iter().filter(|line| line.currency == currency) {
        theirs = theirs.plus(line.amount).ok_or_else(|| {
            Error::internal(anyhow::anyhow!("the sum of an object's movements overflows"))
        })?;
    }
    let odd = lines.iter().any(|line| line.currency != currency && line.amount != Micros::ZERO);
    let newest = lines.iter().map(|line| line.at).chain(booked.as_ref().map(|b| b.at)).max();
    let ours = booked.map_or(Micros::ZERO, |booked| booked.amount);
    let newest = newest.unwrap_or(Time(0));
    Ok(Some(Sides { kind, currency, theirs, ours, odd, about, newest }))
}

/// Asks the processor about a payment it shows and the books do not: its word may have been lost. Returns whether the
/// payment goes on there: a debit stands in the account days before it is sure.
async fn ask(app: &App, processor: &dyn Processor, sides: &Sides, intent: &str) -> Result<bool> {
    let Some((_, id)) = sides.about.filter(|_| sides.kind == CaseKind::Charge) else {
        return Ok(false);
    };
    let row = payments::find(&mut *app.db.read().await?, id).await?;
    let Some(mut row) = row.filter(|row| row.state != PaymentState::Paid) else { return Ok(false) };
    if row.card_id.is_some() && row.session_ref.is_none() {
        row.session_ref = Some(intent.to_owned());
    }
    if row.session_ref.is_some() {
        match processor.look(app, &row).await {
            Ok(event) => {
                let mut tx = app.db.write(&settle::WRITER).await?;
                settle::take(&mut tx, row.provider, &event).await?;
                tx.commit().await?;
            }
            Err(fault) => {
                tracing::warn!(payment = %id, ?fault, "a payment that is not booked cannot be asked about");
            }
        }
    }
    let row = payments::find(&mut *app.db.read().await?, id).await?;
    Ok(row.is_some_and(|row| row.state == PaymentState::Processing))
}

/// Compares an object on which nothing moved after `limit`; opens, changes or closes its case. Returns whether one is
/// open now.
///
/// # Errors
/// What the database says.
pub async fn judge(
    app: &App,
    processor: &dyn Processor,
    object: &Object,
    limit: Time,
) -> Result<bool> {
    let mode = (processor.provider(), processor.simulated());
    let mut tx = app.db.read().await?;
    let Some(mut seen) = sides(&mut tx, mode, object).await? else { return Ok(false) };
    let known = store::open_of(&mut tx, mode.0, seen.kind, &object.object_ref).await?;
    drop(tx);
    if seen.differ() && seen.ours == Micros::ZERO && seen.newest <= limit {
        if ask(app, processor, &seen, &object.object_ref).await? {
            return Ok(known.is_some());
        }
        let mut tx = app.db.read().await?;
        seen = sides(&mut tx, mode, object).await?.unwrap_or(seen);
    }
    match &known {
        None if !seen.differ() || seen.newest > limit => return Ok(false),
        Some(row) if seen.is(row) => return Ok(true),
        _ => {}
    }
    let mut tx = app.db.write(&WRITER).await?;
    // Both sides again: they may have met meanwhile.
    let Some(seen) = sides(&mut tx, mode, object).await? else { return Ok(false) };
    match write(&mut tx, mode, object, &seen).await {
        Ok(open) => tx.commit().await.map(|()| open),
        // Another server opened it.
        Err(error) if broke(&error, "payment_cases") => Ok(true),
        Err(error) => Err(error),
    }
}

async fn write(tx: &mut WriteTx, mode: Mode, object: &Object, seen: &Sides) -> Result<bool> {
    let known = store::open_of(tx, mode.0, seen.kind, &object.object_ref).await?;
    let now = tx.now();
    let Some(mut row) = known else {
        return if seen.differ() { open(tx, mode, object, seen).await } else { Ok(false) };
    };
    if seen.is(&row) {
        return Ok(true);
    }
    row.theirs = seen.theirs;
    row.ours = seen.ours;
    row.odd = seen.odd;
    if !seen.differ() {
        row.closed_at = Some(now);
        row.reason = "It came right by itself.".to_owned();
    }
    if seen.differ() {
        row.note = seen.note().to_owned();
    }
    row.changed_at = now;
    store::save(tx, &row).await?;
    Ok(row.closed_at.is_none())
}

/// Opens a case, unless a person closed one of the same sums.
async fn open(tx: &mut WriteTx, mode: Mode, object: &Object, seen: &Sides) -> Result<bool> {
    let before = store::closed_of(tx, mode.0, seen.kind, &object.object_ref).await?;
    if before.is_some_and(|case| case.closed_by.is_some() && seen.is(&case)) {
        return Ok(false);
    }
    let now = tx.now();
    let row = Case {
        id: tx.new_id(),
        kind: seen.kind,
        provider: mode.0,
        simulated: mode.1,
        object_ref: object.object_ref.clone(),
        org_id: seen.about.map(|it| it.0),
        payment_id: seen.about.map(|it| it.1),
        currency: (seen.kind != CaseKind::Movement).then_some(seen.currency),
        theirs: seen.theirs,
        ours: seen.ours,
        odd: seen.odd,
        note: seen.note().to_owned(),
        opened_at: now,
        changed_at: now,
        closed_at: None,
        closed_by: None,
        reason: String::new(),
    };
    tx.insert(&row).await?;
    tracing::error!(case = %row.id, object = row.object_ref, "the processor and the books differ");
    Ok(true)
}
