//! What a processor's word does here: once, in any order, and only when it says what we asked for.

use super::{
    back, cards,
    event::{About, Checkout, Event, Odd, Outcome, Taken},
    reconcile,
    store::{self, EventRow, Payment},
};
use crate::{
    billing::{
        debts,
        model::AccountKind,
        post::{Fact, Posted, Transfer, post},
    },
    identity, tenancy,
};
use api::{
    Micros, Money, OrgId, PaymentId,
    billing::TxnKind,
    payments::{PaymentState, Provider},
};
use kernel::{
    Error, Result,
    audit::System,
    db::WriteTx,
    outbox::{About as NoticeAbout, Notice, Recipient, tell},
};

/// Books what processors say.
pub const WRITER: System = System {
    name: "billing.payment_events",
    unaudited: Some("each event is a row, and each movement a ledger transaction"),
};

/// What became of an event, why, and what it was about.
pub(super) struct Ended {
    pub taken: Taken,
    pub note: String,
    pub about: Option<(OrgId, PaymentId)>,
}

impl Ended {
    pub fn of(taken: Taken, note: &str, payment: &Payment) -> Self {
        let about = Some((payment.org_id, payment.id));
        Self { taken, note: note.to_owned(), about }
    }

    pub fn nobody(taken: Taken, note: &str) -> Self {
        Self { taken, note: note.to_owned(), about: None }
    }
}

/// Takes a processor's word: writes it down and does what it says, in the caller's transaction. A word that is
/// known changes nothing.
///
/// # Errors
/// What the database says.
pub async fn take(tx: &mut WriteTx, provider: Provider, event: &Event) -> Result<Taken> {
    let row = EventRow {
        id: tx.new_id(),
        provider,
        event_ref: event.id.clone(),
        kind: event.about.kind().chars().take(80).collect(),
        object_ref: event.about.object().to_owned(),
        intent_ref: event.about.intent().map(str::to_owned),
        body: serde_json::to_string(event).map_err(Error::internal)?,
        made_at: event.made_at,
        received_at: tx.now(),
        outcome: Taken::Parked.as_str().to_owned(),
        note: String::new(),
        org_id: None,
        payment_id: None,
    };
    if !store::keep_event(tx, &row).await? {
        return Ok(Taken::Before);
    }
    let ended = apply(tx, provider, &event.about).await?;
    let taken = ended.taken;
    store::end_event(tx, row.id, taken.as_str(), &ended.note, ended.about).await?;
    let back = matches!(event.about, About::Refund(_) | About::Dispute(_));
    if let (Taken::Applied, true, Some(intent)) = (taken, back, event.about.intent()) {
        // What waited of the same is old now, and there may be room for another.
        unpark(tx, provider, intent).await?;
        if let Some(payment) = store::lock_by_intent(tx, provider, intent).await? {
            cards::went_back(tx, &payment).await?;
        }
    }
    if taken == Taken::Refused {
        reconcile::refused(tx, &row, &ended).await?;
        tracing::error!(event = row.event_ref, note = ended.note, "a processor's word cannot be");
    }
    Ok(taken)
}

async fn apply(tx: &mut WriteTx, provider: Provider, about: &About) -> Result<Ended> {
    if let Some(intent) = about.intent() {
        store::lock_intent(tx, provider, intent).await?;
    }
    match about {
        About::Checkout(checkout) => checked_out(tx, provider, checkout).await,
        About::Refund(refund) => back::refunded(tx, provider, refund).await,
        About::Dispute(dispute) => back::disputed(tx, provider, dispute).await,
        About::Card(word) => {
            let known = !cards::told(tx, provider, word).await?;
            Ok(match known {
                true => Ended::nobody(Taken::Ignored, "no card of ours, or known"),
                false => Ended::nobody(Taken::Applied, "a card"),
            })
        }
        About::Other(_) => Ok(Ended::nobody(Taken::Ignored, "nothing we act on")),
        About::Odd(odd) => unread(tx, provider, odd).await,
    }
}

/// What cannot be read is a case when it is about a payment of ours.
async fn unread(tx: &mut WriteTx, provider: Provider, odd: &Odd) -> Result<Ended> {
    let mut ours = match odd.payment {
        Some(id) => store::find(tx, id).await?,
        None => None,
    };
    if let (None, Some(intent)) = (&ours, &odd.intent) {
        ours = store::lock_by_intent(tx, provider, intent).await?;
    }
    Ok(match ours {
        Some(payment) => Ended::of(Taken::Refused, &odd.why, &payment),
        None => Ended::nobody(Taken::Ignored, "of another shop"),
    })
}

/// Says why a page is not the one we asked for.
fn differs(payment: &Payment, provider: Provider, checkout: &Checkout) -> Option<&'static str> {
    let session = payment.session_ref.as_deref().is_some_and(|known| known != checkout.session);
    match () {
        () if payment.provider != provider => Some("another processor's payment"),
        () if session => Some("another page than the one that was made"),
        () if payment.amount != checkout.amount => Some("another amount"),
        () if payment.currency != checkout.currency => Some("another currency"),
        () => None,
    }
}

async fn checked_out(tx: &mut WriteTx, provider: Provider, checkout: &Checkout) -> Result<Ended> {
    let Some(id) = checkout.payment else {
        return Ok(Ended::nobody(Taken::Ignored, "a page that was not made here"));
    };
    let Some(mut payment) = store::lock(tx, id).await? else {
        return Ok(Ended::nobody(Taken::Refused, "a payment nobody asked for"));
    };
    if let Some(why) = differs(&payment, provider, checkout) {
        return Ok(Ended::of(Taken::Refused, why, &payment));
    }
    let next = match &checkout.outcome {
        Outcome::Paid { intent } => return paid(tx, payment, intent).await,
        Outcome::Open => payment.state,
        Outcome::Processing => PaymentState::Processing,
        Outcome::Failed => PaymentState::Failed,
        Outcome::Expired if payment.cancel_at.is_some() => PaymentState::Cancelled,
        Outcome::Expired => PaymentState::Expired,
    };
    // What ended stays ended; only money that arrives changes it.
    if !payment.state.is_open() || next == payment.state {
        return Ok(Ended::of(Taken::Before, "known", &payment));
    }
    // A page of which a late word says that it is open or processed does not end.
    payment.state = next;
    if payment.card_id.is_some() && payment.session_ref.is_none() {
        payment.session_ref = Some(checkout.session.clone());
    }
    if !next.is_open() {
        payment.settled_at = Some(tx.now());
        payment.fault =
            (next == PaymentState::Failed).then(|| "The bank did not send the money.".to_owned());
    }
    store::save(tx, &payment).await?;
    cards::failed(tx, &payment).await?;
    if next == PaymentState::Failed {
        let words =
            ("did not arrive", "The bank did not send the money. Nothing is in the balance.");
        told(tx, &payment, payment.amount, words).await?;
    }
    Ok(Ended::of(Taken::Applied, next.as_str(), &payment))
}

/// The money is sure: it is in the balance from now on, whatever the payment's state was.
async fn paid(tx: &mut WriteTx, mut payment: Payment, intent: &str) -> Result<Ended> {
    if payment.state == PaymentState::Paid {
        let same = payment.intent_ref.as_deref() == Some(intent);
        let taken = if same { Taken::Before } else { Taken::Refused };
        return Ok(Ended::of(taken, if same { "known" } else { "paid twice" }, &payment));
    }
    let fact = Fact {
        kind: TxnKind::Payment,
        source: "payment",
        source_id: payment.id.to_string(),
        memo: "Funds added".to_owned(),
        org_id: payment.org_id,
        currency: payment.currency,
        project_id: None,
        allocation_id: None,
        simulated: payment.simulated,
        corrects: None,
    };
    let add = Transfer {
        debit: AccountKind::Clearing,
        credit: AccountKind::Available,
        amount: payment.amount,
    };
    if post(tx, &fact, &[add]).await? == Posted::Before {
        return Err(Error::internal(anyhow::anyhow!("a payment that was booked and is not paid")));
    }
    payment.state = PaymentState::Paid;
    payment.intent_ref = Some(intent.to_owned());
    payment.fault = None;
    payment.checkout_url = None;
    payment.settled_at = Some(tx.now());
    store::save(tx, &payment).await?;
    let words = ("is in the balance", "The payment arrived. It stands in the statement.");
    told(tx, &payment, payment.amount, words).await?;
    unpark(tx, payment.provider, intent).await?;
    debts::collect(tx, payment.org_id, payment.currency).await?;
    Ok(Ended::of(Taken::Applied, "paid", &payment))
}

/// Tells whoever paid what became of it.
pub(super) async fn told(
    tx: &mut WriteTx,
    payment: &Payment,
    amount: Micros,
    (what, more): (&str, &str),
) -> Result<()> {
    let amount = Money::new(amount, payment.currency);
    let notice = Notice {
        kind: "billing.payment",
        about: NoticeAbout::Work,
        title: format!("{amount} {what}"),
        body: more.to_owned(),
        href: "/account/billing",
    };
    // Nobody asked for this one: whoever answers for the money is told.
    if payment.auto {
        for person in tenancy::payers(tx, payment.org_id).await? {
            let to = Recipient { user_id: person.user_id, email: person.email };
            tell(tx, &to, &notice).await?;
        }
        return Ok(());
    }
    let Some(user) = identity::find_user(tx, payment.user_id).await? else { return Ok(()) };
    tell(tx, &Recipient { user_id: user.id, email: user.email }, &notice).await
}

/// What waited for its payment, or for room in it, is done now.
pub(super) async fn unpark(tx: &mut WriteTx, provider: Provider, intent: &str) -> Result<()> {
    // One that is done may make room for one before it.
    let mut moved = true;
    while moved {
        moved = false;
        for row in store::parked(tx, provider, intent).await? {
            let Some(event) = store::read(&row) else { continue };
            let ended = Box::pin(apply(tx, provider, &event.about)).await?;
            moved |= ended.taken != Taken::Parked;
            if ended.taken == Taken::Refused {
                reconcile::refused(tx, &row, &ended).await?;
            }
            store::end_event(tx, row.id, ended.taken.as_str(), &ended.note, ended.about).await?;
        }
    }
    Ok(())
}
