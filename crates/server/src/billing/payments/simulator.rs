//! A payment processor that moves no money: what a site of one machine has instead of one. It is a peer like any
//! other: it knows its own pages, and tells us what became of them.

use super::{
    About, cards,
    event::{Checkout, Event, Outcome, Refunded, RefundedState},
    processor::{Fault, Keeper, Opened, Processor, Unsigned},
    reconcile::{Moved, simulated as account},
    store::{self, Payment, Refund},
    sweep,
};
use api::{
    PaymentId, Time,
    payments::{PaymentState, Provider},
    words,
};
use futures::{FutureExt, future::BoxFuture};
use kernel::{
    App, Error, Result,
    audit::{Accountable, System},
    db::{Lock, Reader, WriteTx},
    row,
    sweeps::Sweeps,
};
use std::time::Duration;

/// Keeps the simulator's own pages.
pub const WRITER: System =
    System { name: "billing.simulator", unaudited: Some("a peer's own rows, no product act") };

/// How late the simulator tells of a payment when it is asked to be late.
pub const LATE: Duration = Duration::from_secs(20);
const PAGE: Duration = Duration::from_secs(3600);

words! {
    /// Where a page of the simulator stands.
    pub enum PageState {
        /// It can be paid.
        Open = "open",
        /// It was paid.
        Paid = "paid",
        /// It cannot be paid any more.
        Expired = "expired",
    }
}

row! {
    /// A page of the simulator.
    pub struct Simulated in "simulated_checkouts" {
        /// Its name.
        pub session_ref: String,
        /// For which payment.
        pub payment_id: PaymentId,
        /// Where it stands.
        pub state: PageState,
        /// From when on the simulator tells of it.
        pub tell_at: Time,
        /// How often a card was declined on it.
        pub declines: i64,
        /// When it was made.
        pub created_at: Time,
    }
}

/// What somebody does on a page of the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Pays.
    Pay,
    /// Pays, and the word of it is late.
    PayLate,
    /// Pays with a card that is declined.
    Decline,
}

impl Choice {
    /// Reads it from a form.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "pay" => Some(Self::Pay),
            "late" => Some(Self::PayLate),
            "decline" => Some(Self::Decline),
            _ => None,
        }
    }
}

/// The simulator.
pub struct Simulator;

/// Returns a payment's page.
///
/// # Errors
/// What the database says.
pub async fn page(tx: &mut Reader, id: PaymentId) -> Result<Option<Simulated>> {
    tx.find("SELECT {} FROM simulated_checkouts WHERE payment_id = $1", (id,)).await
}

async fn change(tx: &mut WriteTx, row: &Simulated) -> Result<()> {
    tx.run(
        "UPDATE simulated_checkouts SET state = $1, tell_at = $2, declines = $3
          WHERE session_ref = $4",
        (row.state, row.tell_at, row.declines, row.session_ref.clone()),
    )
    .await
    .map(|_| ())
}

async fn lock(tx: &mut WriteTx, id: PaymentId) -> Result<Option<Simulated>> {
    let rows = tx
        .list_locked(
            "SELECT {} FROM simulated_checkouts WHERE payment_id = $1",
            (id,),
            Lock::Update,
        )
        .await?;
    Ok(rows.into_iter().next())
}

/// Does what somebody chose on a page of the simulator; returns whether a card was declined.
///
/// # Errors
/// `not_found` without a page, `state_conflict` when it cannot be paid any more.
pub async fn choose(
    app: &App,
    who: &impl Accountable,
    payment: &Payment,
    choice: Choice,
) -> Result<bool> {
    let mut tx = app.db.write(who).await?;
    let held = store::lock(&mut tx, payment.id).await?.ok_or_else(Error::not_found)?;
    let mut row = lock(&mut tx, payment.id).await?.ok_or_else(Error::not_found)?;
    let over = held.state != PaymentState::Pending || held.expires_at <= tx.now();
    if row.state != PageState::Open || held.cancel_at.is_some() || over {
        return Err(Error::new(api::Code::NotNow)
            .detail("This page was paid or closed already. Look at the payment."));
    }
    if choice == Choice::Decline {
        row.declines += 1;
        store::set_declines(&mut tx, payment.id, row.declines).await?;
    } else {
        row.state = PageState::Paid;
        row.tell_at = match choice {
            Choice::PayLate => tx.now().plus(LATE),
            _ => tx.now(),
        };
        let now = tx.now();
        account::paid(&mut tx, &held, &intent(payment), now).await?;
        let due_at = row.tell_at;
        store::save(&mut tx, &Payment { due_at, ..held }).await?;
    }
    change(&mut tx, &row).await?;
    tx.target(payment.id);
    tx.note(kernel::audit::Key::State, row.state);
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(sweep::PAYMENTS));
    tx.commit().await?;
    Ok(choice == Choice::Decline)
}

/// Returns the simulator's name of a payment that was paid.
pub(super) fn intent(payment: &Payment) -> String {
    format!("simpay_{}", payment.id)
}

fn later(error: &Error) -> Fault {
    Fault::Later(error.to_string())
}

async fn make(app: &App, payment: &Payment) -> Result<Opened> {
    let url = format!("{}/pay/simulated/{}", app.site.public_url, payment.id);
    let expires_at = payment.created_at.plus(PAGE);
    let session_ref = format!("sim_{}", payment.id);
    let mut tx = app.db.write(&WRITER).await?;
    if page(&mut tx, payment.id).await?.is_none() {
        let now = tx.now();
        let row = Simulated {
            session_ref: session_ref.clone(),
            payment_id: payment.id,
            state: PageState::Open,
            tell_at: now,
            declines: 0,
            created_at: now,
        };
        tx.insert(&row).await?;
        tx.commit().await?;
    }
    Ok(Opened { session: session_ref, url, expires_at })
}

/// What the simulator says of a page now.
async fn say(app: &App, payment: &Payment) -> Result<Event> {
    let mut tx = app.db.read().await?;
    let row = page(&mut tx, payment.id).await?.ok_or_else(Error::not_found)?;
    let now = tx.now();
    let outcome = match row.state {
        PageState::Paid if row.tell_at <= now => Outcome::Paid { intent: intent(payment) },
        PageState::Expired => Outcome::Expired,
        PageState::Open if payment.expires_at <= now => Outcome::Expired,
        _ => Outcome::Open,
    };
    let word = if matches!(outcome, Outcome::Paid { .. }) { "paid" } else { "ended" };
    Ok(Event {
        id: format!("{}:{word}", row.session_ref),
        made_at: now,
        about: About::Checkout(Checkout {
            session: row.session_ref,
            payment: Some(payment.id),
            amount: payment.amount,
            currency: payment.currency,
            outcome,
        }),
    })
}

async fn shut(app: &App, payment: &Payment) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    let row = lock(&mut tx, payment.id).await?.ok_or_else(Error::not_found)?;
    if row.state == PageState::Paid {
        return Ok(false);
    }
    change(&mut tx, &Simulated { state: PageState::Expired, ..row }).await?;
    tx.commit().await?;
    Ok(true)
}

impl Processor for Simulator {
    fn provider(&self) -> Provider {
        Provider::Simulator
    }

    fn simulated(&self) -> bool {
        true
    }

    fn open<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<Opened, Fault>> {
        async move { make(app, row).await.map_err(|error| later(&error)) }.boxed()
    }

    fn look<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<Event, Fault>> {
        async move {
            match row.card_id {
                Some(_) => cards::pays(app, row).await,
                None => say(app, row).await.map_err(|error| later(&error)),
            }
        }
        .boxed()
    }

    fn close<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let shut = shut(app, row).await.map_err(|error| later(&error))?;
            if shut { Ok(()) } else { Err(Fault::Never("It was paid already.".to_owned())) }
        }
        .boxed()
    }

    fn refund<'a>(
        &'a self,
        app: &'a App,
        row: &'a Payment,
        refund: &'a Refund,
    ) -> BoxFuture<'a, Result<Event, Fault>> {
        async move {
            let id = format!("simref_{}", refund.id);
            let kept = async {
                let mut tx = app.db.write(&WRITER).await?;
                account::refunded(&mut tx, row, refund, &id).await?;
                tx.commit().await
            };
            kept.await.map_err(|error| later(&error))?;
            let about = About::Refund(Refunded {
                id: id.clone(),
                intent: row.intent_ref.clone().unwrap_or_default(),
                amount: refund.amount,
                currency: row.currency,
                ours: Some(refund.id),
                state: RefundedState::Succeeded,
            });
            Ok(Event { id, made_at: app.seams.clock.now(), about })
        }
        .boxed()
    }

    fn moved<'a>(
        &'a self,
        app: &'a App,
        span: (Time, Time),
    ) -> BoxFuture<'a, Result<Vec<Moved>, Fault>> {
        async move { account::moved(app, span).await.map_err(|error| later(&error)) }.boxed()
    }

    fn keeper(&self) -> &dyn Keeper {
        self
    }

    fn told<'a>(&'a self, _: &'a App, _: Time) -> BoxFuture<'a, Result<Vec<Event>, Fault>> {
        async move { Ok(Vec::new()) }.boxed()
    }

    fn read(&self, _: &[u8], _: &str, _: Time) -> Result<Event, Unsigned> {
        Err(Unsigned("the simulator signs nothing"))
    }
}
