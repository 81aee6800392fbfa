//! Asking for a payment, and taking it back.

use super::{
    cards, minor,
    processor::{Processor, Processors},
    store::{self, Payment},
    sweep,
};
use crate::{
    billing::Settings,
    tenancy::{Action, Allowed, Ask, Found, InOrg, Organization, find_organization},
};
use api::{
    Code, Micros, Money, PaymentId, UserId,
    payments::{PaymentCreate, PaymentState, PaymentView, Provider},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    sweeps::Sweeps,
};
use std::time::Duration;

/// Most payments of an organization that wait to be paid.
const MOST_OPEN: i64 = 10;
/// How long a payment can be paid.
const OPEN: Duration = Duration::from_secs(3600);

async fn in_context(ask: &Ask<'_>) -> Result<Option<Found<()>>> {
    Ok(ask.context.as_ref().map(|project| Found::in_org(project.org_id, ())))
}

async fn find_payment(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Payment>>> {
    let id: PaymentId = ask.head.id("payment_id")?;
    Ok(store::find(tx, id).await?.map(|row| Found::in_org(row.org_id, row)))
}

macro_rules! payment_action {
    ($(#[$meta:meta])* $name:ident = $word:literal, $row:ty, |$tx:ident, $ask:ident| $find:expr) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $word;
            type Scope = InOrg;
            type Row = $row;
            async fn find<'a>($tx: &'a mut Reader, $ask: &'a Ask<'a>) -> Result<Option<Found<$row>>> {
                let _ = &$tx;
                $find.await
            }
        }
    };
}

payment_action!(
    /// Lists the payments of the project's organization.
    List = "payment.read", (), |tx, ask| in_context(ask)
);
payment_action!(
    /// Looks at a payment.
    Look = "payment.read", Payment, |tx, ask| find_payment(tx, ask)
);
payment_action!(
    /// Asks for a payment.
    Create = "payment.create", (), |tx, ask| in_context(ask)
);
payment_action!(
    /// Pays on a page of the simulator.
    Pay = "payment.create", Payment, |tx, ask| find_payment(tx, ask)
);
payment_action!(
    /// Takes a payment back that was not paid.
    Cancel = "payment.cancel", Payment, |tx, ask| find_payment(tx, ask)
);

/// Returns a payment as it travels; where it can be paid is for those who may pay.
pub fn view(row: &Payment, pays: bool) -> PaymentView {
    let money = |micros| Money::new(micros, row.currency);
    let open = row.state == PaymentState::Pending && row.cancel_at.is_none();
    PaymentView {
        id: row.id,
        org_id: row.org_id,
        user_id: row.user_id,
        amount: money(row.amount),
        state: row.state,
        simulated: row.simulated,
        card_id: row.card_id,
        auto: row.auto,
        checkout_url: row.checkout_url.clone().filter(|_| open && pays),
        fault: row.fault.clone(),
        declines: row.declines,
        refunded: money(row.refunded),
        disputed: money(row.disputed),
        created_at: row.created_at,
        expires_at: row.expires_at,
        settled_at: row.settled_at,
    }
}

/// Checks an amount somebody wants to add.
///
/// # Errors
/// `validation_error`.
pub fn amount(settings: &Settings, asked: Money, currency: api::Currency) -> Result<Micros> {
    let wrong = |words: String| Err(Error::field("amount", words));
    if asked.currency != currency {
        return wrong(format!("This organization pays in {currency}."));
    }
    let (least, most) = (settings.least_top_up(), settings.most_top_up());
    if asked.micros < least || asked.micros > most {
        let (least, most) = (Money::new(least, currency), Money::new(most, currency));
        return wrong(format!("Add {least} to {most} at once."));
    }
    match minor::of(asked.micros, currency) {
        Some(_) => Ok(asked.micros),
        None => wrong("Enter an amount in whole cents.".to_owned()),
    }
}

/// Returns whether a request came through something before us, or by a name of others.
fn foreign(head: &kernel::http::Head) -> bool {
    let through = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    let host = head.header("host").unwrap_or("localhost");
    let host = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        .map_or(host, |it| it.0);
    let host = host.trim_matches(['[', ']']);
    let home =
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    !home || through.iter().any(|name| head.has_header(name))
}

/// A site of one machine that others reach after all gives no credit for nothing.
///
/// # Errors
/// `state_conflict`.
pub fn not_for_nothing(app: &App, head: &kernel::http::Head) -> Result<()> {
    let simulated = main(app)?.provider() == Provider::Simulator;
    if simulated && app.get::<Settings>().production && foreign(head) {
        return Err(Error::new(Code::NotNow).detail(
            "Payments are simulated on this site, and this request came from elsewhere. The people who run it name \
             a payment service in its settings.",
        ));
    }
    Ok(())
}

/// Asks for a payment; its page at the processor is made right after.
///
/// # Errors
/// `state_conflict` where no payments are taken, `validation_error`.
pub async fn create(app: &App, who: &Allowed<Create>, ask: &PaymentCreate) -> Result<PaymentView> {
    not_for_nothing(app, who.head())?;
    let mut tx = app.db.write(who).await?;
    let org = find_organization(&mut tx, who.scope().org_id()).await?;
    let org = org.ok_or_else(Error::not_found)?;
    let amount = amount(app.get::<Settings>(), ask.amount, org.currency)?;
    super::super::store::lock_money(&mut tx, org.id).await?;
    if store::open_count(&mut tx, org.id).await? >= MOST_OPEN {
        return Err(Error::new(Code::NotNow).detail(format!(
            "{MOST_OPEN} payments wait to be paid already. Pay or cancel one of them first."
        )));
    }
    let card_id = match ask.card_id {
        Some(id) => Some(cards::usable(app, &mut tx, org.id, id).await?.id),
        None => None,
    };
    let fresh = fresh(app, &mut tx, &org, who.caller().user_id())?;
    let row = Payment { amount, card_id, ..fresh };
    tx.insert(&row).await?;
    tx.target(row.id);
    tx.note(Key::Amount, ask.amount);
    nudge(app, &mut tx);
    tx.commit().await?;
    Ok(view(&row, true))
}

fn main(app: &App) -> Result<&dyn Processor> {
    app.get::<Processors>().main().ok_or_else(|| {
        Error::new(Code::NotNow)
            .detail("This site takes no payments by card. Ask the people who run it for credit.")
    })
}

/// Returns a payment of nothing yet, asked for now.
///
/// # Errors
/// `state_conflict` where no payments are taken.
pub fn fresh(app: &App, tx: &mut WriteTx, org: &Organization, user_id: UserId) -> Result<Payment> {
    let processor = main(app)?;
    let now = tx.now();
    Ok(Payment {
        id: tx.new_id(),
        org_id: org.id,
        user_id,
        provider: processor.provider(),
        simulated: processor.simulated(),
        amount: Micros::ZERO,
        currency: org.currency,
        state: PaymentState::Created,
        session_ref: None,
        checkout_url: None,
        intent_ref: None,
        fault: None,
        declines: 0,
        refunded: Micros::ZERO,
        disputed: Micros::ZERO,
        cancel_at: None,
        created_at: now,
        expires_at: now.plus(OPEN),
        settled_at: None,
        due_at: now,
        attempts: 0,
        correlation_id: tx.stamp().correlation_id.to_string(),
        card_id: None,
        auto: false,
    })
}

fn nudge(app: &App, tx: &mut WriteTx) {
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(sweep::PAYMENTS));
}

/// Takes a payment back; when it is paid at the same moment, the money counts.
///
/// # Errors
/// `state_conflict` when it came to its end.
pub async fn cancel(app: &App, who: &Allowed<Cancel>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let now = tx.now();
    if !store::cancel(&mut tx, who.row(), now).await? {
        return Err(Error::new(Code::NotNow)
            .detail("It cannot be cancelled any more. Look at where it stands."));
    }
    tx.target(who.row().id);
    nudge(app, &mut tx);
    tx.commit().await
}
