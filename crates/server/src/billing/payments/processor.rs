//! The seam to whoever takes the money.

use super::{
    cards::Card,
    event::Event,
    minor,
    reconcile::Moved,
    simulator,
    store::{Payment, Refund},
    stripe,
};
use crate::billing::Settings;
use api::{OrgId, Time, payments::Provider};
use futures::future::BoxFuture;
use kernel::{App, Error, Result, app::Site, outgoing::Client};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Why a processor did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It may do it later: asked again with the same name.
    Later(String),
    /// It never will; in words for people.
    Never(String),
}

/// A page made at a processor.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its name there.
    pub session: String,
    /// Where people pay.
    pub url: String,
    /// Until when.
    pub expires_at: Time,
}

/// Why an event was not read: its sender is not who it should be, or it is not for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned(pub &'static str);

/// Somebody who takes money. Each call names what it is about, so that asking twice does it once.
pub trait Processor: Send + Sync {
    /// Who.
    fn provider(&self) -> Provider;
    /// Whether no money moves.
    fn simulated(&self) -> bool;
    /// Makes the page on which a payment can be paid.
    fn open<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<Opened, Fault>>;
    /// Says what became of that page.
    fn look<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<Event, Fault>>;
    /// Closes that page, unless it is paid.
    fn close<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<(), Fault>>;
    /// Sends money back; says how it stands.
    fn refund<'a>(
        &'a self,
        app: &'a App,
        row: &'a Payment,
        refund: &'a Refund,
    ) -> BoxFuture<'a, Result<Event, Fault>>;
    /// Returns what it told since then, oldest first: what was lost on the way is found here.
    fn told<'a>(&'a self, app: &'a App, since: Time) -> BoxFuture<'a, Result<Vec<Event>, Fault>>;
    /// Returns what its account moved from one moment to the other, both included, the oldest first.
    fn moved<'a>(
        &'a self,
        app: &'a App,
        span: (Time, Time),
    ) -> BoxFuture<'a, Result<Vec<Moved>, Fault>>;
    /// Returns what keeps cards there.
    fn keeper(&self) -> &dyn Keeper;
    /// Reads a signed event.
    ///
    /// # Errors
    /// Why it is not taken.
    fn read(&self, body: &[u8], signature: &str, now: Time) -> Result<Event, Unsigned>;
}

/// What a processor says of the page on which a card is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// Nothing was entered yet.
    Open,
    /// A card was, and is kept.
    Kept(Kept),
    /// The page is closed.
    Closed,
}

/// A card that is kept at a processor: its name there, and what people recognise it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name there.
    pub method: String,
    /// `visa`
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// The month it expires in.
    pub exp_month: i64,
    /// And the year.
    pub exp_year: i64,
}

/// Who is asked to pay without being there: a processor that keeps cards.
pub trait Keeper: Send + Sync {
    /// Makes an organization known; returns its name there.
    fn customer<'a>(
        &'a self,
        app: &'a App,
        org: OrgId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<String, Fault>>;
    /// Makes the page on which a card is entered.
    fn open<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<Opened, Fault>>;
    /// Says what became of that page.
    fn look<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<Entered, Fault>>;
    /// Forgets a card.
    fn forget<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<(), Fault>>;
    /// Charges a card, once however often it is asked; says what became of it.
    fn charge<'a>(
        &'a self,
        app: &'a App,
        row: &'a Payment,
        card: &'a Card,
    ) -> BoxFuture<'a, Result<Event, Fault>>;
    /// Opens the processor's own page for an organization; nothing where there is none.
    fn portal<'a>(
        &'a self,
        app: &'a App,
        customer: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, Fault>>;
}

/// The processors of this site: the one new payments go to, when there is one.
#[derive(Default)]
pub struct Processors(Option<Box<dyn Processor>>);

impl Processors {
    /// Returns the one new payments go to.
    pub fn main(&self) -> Option<&dyn Processor> {
        self.0.as_deref()
    }

    /// Returns one by its name.
    pub fn of(&self, provider: Provider) -> Option<&dyn Processor> {
        self.main().filter(|one| one.provider() == provider)
    }
}

/// Returns whether a site is for the people of one machine alone.
fn is_home(site: &Site) -> bool {
    let uri: Option<http::Uri> = site.public_url.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let host = host.trim_matches(['[', ']']);
    let home = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    home && site.proxies.is_empty()
}

/// Returns the processor the settings name. Without a word, a site of one machine simulates payments, and one
/// that others reach takes none.
///
/// # Errors
/// A sentence for the operator: a key or secret that is missing or empty, a simulator where others pay.
pub fn of(settings: &Settings, site: &Site) -> Result<Processors> {
    let bad = |words: &str| Error::internal(anyhow::anyhow!("settings of [billing]: {words}"));
    if !minor::payable(settings.currency) && !settings.processor.is_empty() {
        return Err(bad("payments cannot be taken in this currency"));
    }
    match settings.processor.as_str() {
        "" if is_home(site) && minor::payable(settings.currency) => {
            Ok(Processors(Some(Box::new(simulator::Simulator))))
        }
        "" | "none" => Ok(Processors(None)),
        "simulator" if is_home(site) || !settings.production => {
            Ok(Processors(Some(Box::new(simulator::Simulator))))
        }
        "simulator" => Err(bad(
            "processor = \"simulator\" gives credit for nothing: it is refused in production where others reach \
             this site; say stripe or none",
        )),
        "stripe" => {
            let stripe = stripe::Stripe::new(settings, site)?;
            if stripe.simulated() && settings.production && !is_home(site) {
                return Err(bad(
                    "stripe_key_file holds a test key: it gives credit for nothing, and is refused in production \
                     where others reach this site",
                ));
            }
            Ok(Processors(Some(Box::new(stripe))))
        }
        _ => Err(bad("processor is `stripe`, `simulator`, `none` or empty")),
    }
}

/// Returns the client that calls processors.
pub(super) fn client(app: &App) -> Client {
    app.get::<kernel::outgoing::Outgoing>().of(false).clone()
}
