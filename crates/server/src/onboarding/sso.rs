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
            self, Arrival, Identity, Provider, Purpose,
            pages::{browser, failed, returned},
            ties,
        },
    },
    tenancy::sso_maps::{self, Whose},
};
use api::{Code, OrgId, ProviderId, UserId, people::SessionKind, sso::Newcomers};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, System},
    db::WriteTx,
    http::{Form, Go, Named, NoContent, Public, Route},
    outbox::{Notice, Recipient, tell},
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
        Route::post("/auth/sso/callback", finish_form).shows_secret(),
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
    let done = async {
        let arrival = sso::finish(&app, returned(&fields), shown).await?;
        let back = arrival.attempt.back.clone();
        let opened = match arrival.attempt.purpose {
            Purpose::SignIn => sign_in(&app, &who, &arrival, ip).await?,
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

async fn sign_in(
    app: &App,
    who: &impl Accountable,
    arrival: &Arrival,
    ip: String,
) -> Result<Opened> {
    let place =
        identity::Place { kind: SessionKind::Browser, device_label: "browser".to_owned(), ip };
    let mut tx = app.db.write(who).await?;
    let known = sso::find_identity(&mut tx, &arrival.provider, &arrival.person.subject).await?;
    let user = match &known {
        Some(known) => identity::find_user(&mut tx, known.user_id).await?,
        None => Some(newcomer(app, &mut tx, arrival).await?),
    };
    let user = user.filter(|user| user.state == UserState::Active);
    let user = user.ok_or_else(|| Error::new(Code::SsoRefused))?;
    let identity = sso::know(&mut tx, arrival, user.id, known.as_ref()).await?;
    if let Some(org) = arrival.provider.org_id {
        let groups = arrival.person.groups.clone().unwrap_or_default();
        sso_maps::apply(&mut tx, whose(org, &arrival.provider, user.id), &groups).await?;
        tx.belongs_to(org, None);
    }
    let opened = sso::open(app, &mut tx, &user, &place, arrival, identity).await?;
    tx.target(user.id);
    tx.commit().await?;
    Ok(opened)
}

/// Makes an account without a password. Its address is what the service says, and no sign-in name.
async fn newcomer(app: &App, tx: &mut WriteTx, arrival: &Arrival) -> Result<User> {
    let (person, provider) = (&arrival.person, &arrival.provider);
    let email = person.email.as_deref().and_then(identity::Email::parse);
    let email = email.map(|email| email.as_str().to_owned()).unwrap_or_default();
    let named = person.name.as_deref().map(|name| name.chars().take(80).collect::<String>());
    let name = named.and_then(|name| identity::display_name(&name));
    let handle = email.split('@').next().and_then(identity::display_name);
    let user = User {
        id: tx.new_id(),
        email,
        display_name: name.or(handle).unwrap_or_else(|| "New here".to_owned()),
        password_hash: None,
        operator: false,
        state: UserState::Active,
        created_at: tx.now(),
        glass: false,
        provider_id: Some(provider.id),
        home_org_id: provider.org_id,
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
    let known: Option<Identity> =
        sso::find_identity(&mut tx, &arrival.provider, &arrival.person.subject).await?;
    if known.as_ref().is_some_and(|known| known.user_id != user.id) {
        return Err(Error::new(Code::NameTaken).detail(
            "This sign-in opens another account here. Sign in with it, and use that one.",
        ));
    }
    let id = sso::know(&mut tx, arrival, user.id, known.as_ref()).await?;
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "identity.connected",
        security: true,
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
    ties::told(&app, &who, provider, fields.raw("logout_token")).await.map(|_| NoContent)
}

fn whose(org: OrgId, provider: &Provider, user: UserId) -> Whose {
    Whose { org, provider: provider.id, user }
}

async fn ask_all(app: &App) -> Result<Status> {
    let due = sso::due(&mut *app.db.read().await?).await?;
    let (all, mut held) = (due.len(), 0);
    for tie in due {
        let Some(renewed) = ties::ask(app, &WRITER, &tie).await? else { continue };
        held += 1;
        let Some(groups) = renewed.person.and_then(|person| person.groups) else { continue };
        let mut tx = app.db.write(&WRITER).await?;
        let Some((user, provider)) = sso::whose(&mut tx, renewed.tie.identity_id).await? else {
            continue;
        };
        let Some(org) = provider.org_id else { continue };
        if sso_maps::apply(&mut tx, whose(org, &provider, user), &groups).await? {
            tx.target(user);
            tx.belongs_to(org, None);
            tx.commit().await?;
        }
    }
    Ok(format!("asked about {all} sessions, {held} still hold"))
}
