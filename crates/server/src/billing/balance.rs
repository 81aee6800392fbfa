//! Where an organization's money stands, read from the ledger.

use super::{Settings, debts, ladder, lots, model, model::AccountKind, rating, store};
use api::{
    Currency, Micros, Money, OrgId, billing::Balance, billing::MoneyState, time::span_words,
};
use kernel::{
    App, Result,
    db::Reader,
    html::{self, Chip, Markup, html},
    http::Viewer,
};
use std::{future::Future, pin::Pin};

/// Returns the balance of an organization.
///
/// # Errors
/// What the database says.
pub async fn balance(
    app: &App,
    tx: &mut Reader,
    org: OrgId,
    currency: Currency,
) -> Result<Balance> {
    let given = lots::given(tx, org).await?;
    let available = lots::spendable(tx, org).await?;
    let held = store::balance_of(tx, org, AccountKind::Held).await?;
    let burn = store::burn(tx, org).await?;
    let stopping = store::is_stopping(tx, org).await?;
    let ran_out = ladder::ran_out(tx, org).await?;
    let total = Micros(available.0.saturating_add(held.0));
    let now = tx.now();
    let settings = app.get::<Settings>();
    let soon = rating::lasts(total, burn).is_some_and(|span| span <= settings.pending());
    Ok(Balance {
        available: Money::new(available, currency),
        given: Money::new(given, currency),
        held: Money::new(held, currency),
        owed: Money::new(debts::owed(tx, org).await?, currency),
        state: model::state((available, held), settings.low(), stopping || soon, ran_out),
        burn_per_hour: Money::new(burn, currency),
        runs_out_at: rating::lasts(total, burn).map(|span| now.plus(span)),
    })
}

/// Returns `3 d 4 h` at the present rate, or nothing when nothing runs.
pub fn runway(balance: &Balance) -> Option<String> {
    let total = Micros(balance.available.micros.0.saturating_add(balance.held.micros.0));
    rating::lasts(total, balance.burn_per_hour.micros).map(span_words)
}

/// Says above every page that money is short, how long it lasts, and what to do.
fn banner(balance: &Balance, pays: bool) -> Option<Markup> {
    let lasts = runway(balance).map_or_else(String::new, |span| format!(" It lasts {span} now."));
    let (tone, words) = match balance.state {
        MoneyState::Healthy => return None,
        MoneyState::LowBalance => (
            "warn",
            format!(
                "The balance is low: {}.{lasts} Running work is released when it is used up.",
                balance.available
            ),
        ),
        MoneyState::AutoReleasePending => (
            "bad",
            format!(
                "Running work is about to be released: the balance does not cover it much longer.{lasts}"
            ),
        ),
        MoneyState::Depleted if balance.available.micros > Micros::ZERO => (
            "bad",
            format!(
                "There is nothing to spend: work was released, and {} is left. Nothing starts again by itself.",
                balance.available
            ),
        ),
        MoneyState::Depleted => {
            ("info", "There is nothing to spend. The catalog stays open to look at.".to_owned())
        }
    };
    let words = if pays {
        words
    } else {
        format!("{words} An owner or admin of the organization adds funds.")
    };
    let add = pays.then(|| html! { a class="button" href="/account/billing/add" { "Add funds" } });
    Some(html::banner(tone, &words, add))
}

/// Makes the balance chip of the top bar.
pub fn chrome<'a>(
    app: &'a App,
    viewer: &'a Viewer,
) -> Pin<Box<dyn Future<Output = Result<Option<Chip>>> + Send + 'a>> {
    Box::pin(async move {
        let Some((org, _)) = viewer.org else { return Ok(None) };
        let mut tx = app.db.read().await?;
        let place = (org, viewer.project.as_ref().map(|(id, _)| *id));
        if !crate::tenancy::may(&mut tx, app, viewer.user_id, place, "billing.read").await? {
            return Ok(None);
        }
        let Some(org) = crate::tenancy::find_organization(&mut tx, org).await? else {
            return Ok(None);
        };
        let balance = balance(app, &mut tx, org.id, org.currency).await?;
        let text = match runway(&balance) {
            Some(span) => format!("{} · {span}", balance.available),
            None => balance.available.to_string(),
        };
        let tone = match balance.state {
            MoneyState::Healthy => "",
            MoneyState::LowBalance => "warn",
            MoneyState::AutoReleasePending | MoneyState::Depleted => "bad",
        };
        let title = format!(
            "Balance of {}: {} available, {} held",
            org.name, balance.available, balance.held
        );
        let banner = if balance.state == MoneyState::Healthy {
            None
        } else {
            let place = (org.id, None);
            let pays =
                crate::tenancy::may(&mut tx, app, viewer.user_id, place, "payment.create").await?;
            banner(&balance, pays)
        };
        let href = "/account/billing".to_owned();
        Ok(Some(Chip { href, icon: "wallet", text, title, tone, banner }))
    })
}
