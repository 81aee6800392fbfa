//! Who comes from a sign-in service: an account where there is none, roles by their groups, a session; and
//! what becomes of all that while the session lasts.
//!
//! Promises: a newcomer has no rights but those a group or an invitation gives; an address the service
//! names opens nobody else's account.

use super::sign_up::personal_organization;
use crate::{
    identity::{
        self, Opened, User, UserState,
        sso::{
            self, Arrival, Identity, Provider, Purpose, identities,
            pages::{browser, failed, returned},
            ties,
        },
    },
    tenancy::sso_maps::{self, Whose},
};
use api::{
    Code, IdentityId, OrgId, ProviderId, UserId,
    people::SessionKind,
    sso::{DomainState, Newcomers},
};
use futures::StreamExt;
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, System},
    db::{Lock, WriteTx},
    http::{Form, Go, Named, NoContent, Public, Route},
    outbox::{About, Notice, Recipient, tell},
    sweeps::{Status, Sweep},
};
use std::time::Duration;

/// Asks sign-in services whether sessions still hold.
pub const WRITER: System = System { name: "onboarding.sso", unaudited: None };

/// Comes back from a sign-in service.
pub struct Finish;
impl Named for Finish {
    const NAME: &'static str = "sso.finish";
}

/// A service says that somebody signed out there.
pub struct SignedOutThere;
impl Named for SignedOutThere {
    const NAME: &'static str = "sso.signed_out_there";
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/auth/sso/callback/{provider_id}", finish_form).shows_secret(),
        Route::post("/api/v1/auth/oidc/backchannel-logout/{provider_id}", signed_out_there).says(
            "A sign-in service says who signed out there (OpenID Connect Back-Channel Logout 1.0).",
        ),
    ]
}

/// Returns the sweep that asks services whether sessions still hold.
pub fn sweep() -> Sweep {
    Sweep {
        name: "onboarding.sso",
        every: Duration::from_secs(5),
        walks: false,
        run: |app| Box::pin(async move { ask_all(&app).await }),
    }
}

async fn finish_form(who: Public<Finish>, app: App, Form(fields): Form) -> Result<Go> {
    let shown = browser(&app, who.head());
    let ip = who.stamp().ip.unwrap_or_default();
    let provider = who.head().id("provider_id")?;
    let done = async {
        let arrival = sso::finish(&app, returned(&fields), provider, shown).await?;
        let back = arrival.attempt.back.clone();
        let opened = match arrival.attempt.purpose {
            Purpose::SignIn => sign_in(&app, &who, &arrival, &ip).await?,
            Purpose::StepUp => step_up(&app, &who, &arrival).await?,
            Purpose::Link => return link(&app, &who, &arrival).await,
        };
        if opened.session.stage == identity::Stage::Half {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("return", &back)
                .finish();
            return Ok(identity::signed_in(&app, &opened, &format!("/auth/factor?{query}")));
        }
        Ok(identity::signed_in(&app, &opened, &back))
    };
    done.await.map_err(|error| failed(who.head(), error))
}

/// Opens the session; of two first sign-ins at once, one makes the account and the other finds it.
async fn sign_in(app: &App, who: &impl Accountable, arrival: &Arrival, ip: &str) -> Result<Opened> {
    let mut tries = 0;
    loop {
        match sign_in_once(app, who, arrival, ip).await {
            Err(error) if tries < 3 && error.code() == Code::Raced => tries += 1,
            other => return other,
        }
    }
}

async fn sign_in_once(
    app: &App,
    who: &impl Accountable,
    arrival: &Arrival,
    ip: &str,
) -> Result<Opened> {
    let place = identity::Place {
        kind: SessionKind::Browser,
        device_label: "browser".to_owned(),
        ip: ip.to_owned(),
    };
    let mut tx = app.db.write(who).await?;
    still_so(&mut tx, arrival).await?;
    let known = identities::find(&mut tx, &arrival.provider, &arrival.person.subject).await?;
    let user = match &known {
        Some(known) => identity::find_user(&mut tx, known.user_id).await?,
        None => Some(newcomer(app, &mut tx, arrival).await?),
    };
    let user = user.filter(|user| user.state == UserState::Active);
    let user = user.ok_or_else(|| Error::new(Code::SsoRefused))?;
    let identity = sso::know(&mut tx, arrival, user.id, known.as_ref()).await?;
    if user.provider_id.is_some() {
        let email = address(&mut tx, arrival).await?;
        identities::set_address(&mut tx, user.id, &email).await?;
    }
    if let Some(org) = arrival.provider.org_id {
        if let Some(groups) = &arrival.person.groups {
            sso_maps::apply(&mut tx, whose(org, &arrival.provider, user.id), groups).await?;
        }
        tx.belongs_to(org, None);
    }
    let opened = sso::open(app, &mut tx, &user, &place, arrival, identity).await?;
    tx.target(user.id);
    tx.commit().await?;
    Ok(opened)
}

/// Returns the address mails may go to: of an organization's service, one whose domain was found to be the
/// organization's; a tenant does not choose whom we write to.
async fn address(tx: &mut WriteTx, arrival: &Arrival) -> Result<String> {
    let email = arrival.person.email.as_deref().and_then(identity::Email::parse);
    let Some(email) = email.map(|email| email.as_str().to_owned()) else {
        return Ok(String::new());
    };
    let Some(org) = arrival.provider.org_id else { return Ok(email) };
    let host = email.split('@').nth(1).unwrap_or_default();
    let theirs = sso::domains::list_of(tx, org).await?;
    let checked = theirs.iter().any(|one| one.domain == host && one.state == DomainState::Approved);
    Ok(if checked { email } else { String::new() })
}

/// What was asked of the service took time: is it still to be asked, and believed as much?
async fn still_so(tx: &mut WriteTx, arrival: &Arrival) -> Result<()> {
    let now = sso::hold(tx, arrival.provider.id, Lock::Share).await?;
    let same = |now: Provider| now.is_live() && now.trust_mfa == arrival.provider.trust_mfa;
    if now.is_some_and(same) { Ok(()) } else { Err(Code::SsoRefused.into()) }
}

/// Makes an account without a password. Its address is what the service says, and no sign-in name.
async fn newcomer(app: &App, tx: &mut WriteTx, arrival: &Arrival) -> Result<User> {
    let (person, provider) = (&arrival.person, &arrival.provider);
    let email = address(tx, arrival).await?;
    let named = person.name.as_deref().map(|name| name.chars().take(80).collect::<String>());
    let name = named.and_then(|name| identity::display_name(&name));
    let handle = email.split('@').next().and_then(identity::display_name);
    let user = User {
        id: tx.new_id(),
        email,
        display_name: name.or(handle).unwrap_or_else(|| "New here".to_owned()),
        password_hash: None,
        platform_role: None,
        state: UserState::Active,
        created_at: tx.now(),
        glass: false,
        provider_id: Some(provider.id),
        home_org_id: provider.org_id,
        email_confirmed_at: None,
    };
    tx.insert(&user).await?;
    if provider.org_id.is_none() && provider.newcomers == Newcomers::Personal {
        personal_organization(app, tx, &user).await?;
    }
    Ok(user)
}

async fn step_up(app: &App, who: &Public<Finish>, arrival: &Arrival) -> Result<Opened> {
    let caller = identity::caller(app, who.head()).await?;
    let mut tx = app.db.write(who).await?;
    still_so(&mut tx, arrival).await?;
    let opened = sso::make_fresh(app, &mut tx, caller.session(), arrival).await?;
    tx.target(caller.session().id);
    tx.note(Key::Method, "sso");
    tx.note(Key::Person, caller.user_id());
    tx.commit().await?;
    Ok(opened)
}

async fn link(app: &App, who: &Public<Finish>, arrival: &Arrival) -> Result<Go> {
    let caller = identity::caller(app, who.head()).await?;
    let user = caller.user();
    let same = arrival.attempt.session_id == Some(caller.session().id);
    if !same || user.provider_id.is_some() || arrival.provider.org_id.is_some() {
        return Err(Code::SsoRefused.into());
    }
    identity::fresh(app, &caller).await?;
    let mut tx = app.db.write(who).await?;
    still_so(&mut tx, arrival).await?;
    let known: Option<Identity> =
        identities::find(&mut tx, &arrival.provider, &arrival.person.subject).await?;
    if known.as_ref().is_some_and(|known| known.user_id != user.id) {
        return Err(Error::new(Code::NameTaken).detail(
            "This sign-in opens another account here. Sign in with it, and use that one.",
        ));
    }
    let id = sso::know(&mut tx, arrival, user.id, known.as_ref()).await?;
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "identity.connected",
        about: About::Security,
        title: "A sign-in service was connected with your account".into(),
        body: format!(
            "{} signs you in from now on. If it was not you, disconnect it and change your password.",
            arrival.provider.label
        ),
        href: "/account/security",
    };
    tell(&mut tx, &to, &notice).await?;
    tx.target(id);
    tx.commit().await?;
    Ok(Go::to("/account/security").saying("Connected."))
}

async fn signed_out_there(
    who: Public<SignedOutThere>,
    app: App,
    Form(fields): Form,
) -> Result<NoContent> {
    let provider: ProviderId = who.head().id("provider_id")?;
    let ip = who.stamp().ip.unwrap_or_default();
    ties::told(&app, &who, provider, fields.raw("logout_token"), &ip).await.map(|_| NoContent)
}

/// What of a service is asked at once, so that a slow one keeps nobody else waiting; and for how long.
const AT_ONCE: usize = 32;
const PATIENCE: Duration = Duration::from_secs(12);

async fn ask_all(app: &App) -> Result<Status> {
    let silent = ties::end_silent(app, &WRITER).await?;
    let lapsed = lapse(app).await?;
    let providers = sso::due(&mut *app.db.read().await?).await?;
    let asked = futures::stream::iter(providers)
        .map(|provider| async move {
            match tokio::time::timeout(PATIENCE, ask_at(app, provider)).await {
                Ok(Ok(held)) => held,
                Ok(Err(error)) => {
                    tracing::error!(%provider, %error, "sessions of a sign-in service cannot be looked at");
                    0
                }
                Err(_) => 0,
            }
        })
        .buffer_unordered(AT_ONCE)
        .fold(0, |sum, held| async move { sum + held })
        .await;
    Ok(format!("{asked} sessions still hold, {silent} ended in silence, {lapsed} people lapsed"))
}

async fn ask_at(app: &App, provider: ProviderId) -> Result<usize> {
    let due = sso::due_at(&mut *app.db.read().await?, provider).await?;
    let mut held = 0;
    for tie in due {
        let Some(renewed) = ties::ask(app, &WRITER, &tie).await? else { continue };
        held += 1;
        if let Some(groups) = renewed.groups {
            follow(app, renewed.identity, &groups).await?;
        }
    }
    Ok(held)
}

/// Roles follow what a service says of somebody's groups.
async fn follow(app: &App, identity: IdentityId, groups: &[String]) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let Some((known, provider)) = identities::whose(&mut tx, identity).await? else {
        return Ok(());
    };
    let Some(org) = provider.org_id else { return Ok(()) };
    if sso_maps::apply(&mut tx, whose(org, &provider, known.user_id), groups).await? {
        tx.target(known.user_id);
        tx.belongs_to(org, None);
        tx.commit().await?;
    }
    Ok(())
}

/// Whom a service has not vouched for in a long time loses what its groups gave, keys with it.
async fn lapse(app: &App) -> Result<usize> {
    let silent =
        identities::silent(&mut *app.db.read().await?, app.get::<identity::Settings>().sso_vouch())
            .await?;
    for known in &silent {
        let mut tx = app.db.write(&WRITER).await?;
        if let Some(org) = known.org_id {
            let whose = Whose { org, provider: known.provider_id, user: known.user_id };
            sso_maps::apply(&mut tx, whose, &[]).await?;
            tx.belongs_to(org, None);
        }
        identities::unvouched(&mut tx, known.id).await?;
        tx.target(known.user_id);
        tx.note(Key::Reason, "no longer vouched for");
        tx.commit().await?;
    }
    Ok(silent.len())
}

fn whose(org: OrgId, provider: &Provider, user: UserId) -> Whose {
    Whose { org, provider: provider.id, user }
}
