//! Pages of the way to a sign-in service and back.

use super::{
    flow::{self, Begun, Returned, Start},
    identities,
    store::{self, Purpose},
    views::{BackView, FailedView, LeaveView, NOWHERE, WorkView},
};
use crate::identity::{
    caller::{Caller, Myself, MyselfAction, anyone, optional_caller},
    factors,
    model::return_target,
    store::Stage,
};
use api::{Code, IdentityId, ProviderId};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, Stamp},
    html::{Entered, Page},
    http::{Answer, Fields, Form, Go, Head, Named, Output, Public, Route, cookie},
    outbox::{About, Notice, Recipient, tell},
    secret::Secret,
};
use std::{sync::Arc, time::Duration};

/// Looks for the way to one's sign-in service.
pub struct WorkPage;
impl Named for WorkPage {
    const NAME: &'static str = "sso.page";
}

/// Begins the way there.
pub struct Begin;
impl Named for Begin {
    const NAME: &'static str = "sso.begin";
}

/// Comes back.
pub struct BackPage;
impl Named for BackPage {
    const NAME: &'static str = "sso.back_page";
}

/// Begins a fresh proof there.
pub struct Again;
impl Named for Again {
    const NAME: &'static str = "sso.again";
}

/// Begins connecting one's account with a sign-in service of the platform.
pub struct Connect;
impl MyselfAction for Connect {
    const NAME: &'static str = "identity.connect";
    const STEP_UP: bool = true;
}

/// Disconnects it.
pub struct Disconnect;
impl MyselfAction for Disconnect {
    const NAME: &'static str = "identity.disconnect";
    const STEP_UP: bool = true;
}

pub(in crate::identity) fn routes() -> Vec<Route> {
    vec![
        Route::get("/auth/sso", work_page),
        Route::post("/auth/sso", begin_form).shows_secret(),
        Route::get("/auth/sso/callback/{provider_id}", back_page),
        Route::post("/auth/sso/again", again_form).shows_secret(),
        Route::post("/account/security/identities", connect_form).shows_secret(),
        Route::post("/account/security/identities/{identity_id}/remove", disconnect_form),
    ]
}

/// Somebody who signs in, answering for what they do.
struct Asking(Stamp);

impl Accountable for Asking {
    fn stamp(&self) -> Stamp {
        self.0.clone()
    }
}

/// Returns the cookie that ties an attempt to a browser.
fn cookie_name(app: &App) -> &'static str {
    if app.site.secure_cookies { "__Host-sso" } else { "sso-insecure" }
}

/// Returns what an attempt's browser shows.
pub fn browser(app: &App, head: &Head) -> Option<Secret> {
    cookie::get(head, cookie_name(app)).and_then(Secret::presented)
}

fn kept(app: &App, browser: &Secret) -> String {
    let secure = if app.site.secure_cookies { "; Secure" } else { "" };
    format!(
        "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
        cookie_name(app),
        browser.reveal(),
        Duration::from_secs(900).as_secs()
    )
}

/// Shows the page of a sign-in that did not work.
pub fn failed(head: &Head, error: Error) -> Error {
    if !matches!(error.code(), Code::SsoRefused | Code::SsoUnavailable) {
        return error;
    }
    // The person reads what to do; whoever looks for this number in the log reads why.
    tracing::warn!(correlation_id = %head.correlation_id, cause = ?error.cause().map(ToString::to_string), "a sign-in through a service came to nothing");
    let view = FailedView { code: error.code(), correlation_id: head.correlation_id };
    let status = http::StatusCode::from_u16(error.code().status());
    let page = Page::card("Sign in", view.draw());
    error.showing(page.status(status.unwrap_or(http::StatusCode::FORBIDDEN)))
}

fn away(app: &App, begun: Begun) -> Result<Answer> {
    let view = LeaveView { url: begun.url, label: begun.label, out: false };
    let mut answer = Page::card("Sign in", view.draw()).answer()?;
    let set = http::HeaderValue::try_from(kept(app, &begun.browser)).map_err(Error::internal)?;
    answer.headers.push((http::header::SET_COOKIE, set));
    Ok(answer)
}

async fn work_page(who: Public<WorkPage>, app: App, (): ()) -> Result<Page> {
    let back = return_target(&who.head().query("return").unwrap_or_default());
    let hint = who.head().query("hint").unwrap_or_default();
    let mut view =
        WorkView { back, entered: Entered::fresh().with("hint", &*hint), choices: vec![] };
    if !hint.is_empty() {
        let found = flow::led_to(&app, &hint).await?;
        view.choices = found.into_iter().map(|one| (one.id, one.label)).collect();
    }
    Ok(Page::card("Sign in with your organization", view.draw()))
}

async fn begin_form(who: Public<Begin>, app: App, Form(fields): Form) -> Result<Answer> {
    let back = return_target(&fields.text("return"));
    let hint = fields.text("hint");
    let provider = match fields.optional("provider_id") {
        Some(_) => fields.id("provider_id")?,
        None => match lead(&app, &hint, &back).await? {
            Ok(id) => id,
            Err(page) => return page.answer(),
        },
    };
    let start = Start {
        provider,
        purpose: Purpose::SignIn,
        session: None,
        back,
        hint: hint.contains('@').then_some(hint),
        browser: browser(&app, who.head()),
        ip: who.stamp().ip.unwrap_or_default(),
    };
    let begun = flow::begin(&app, &who, start).await.map_err(|error| failed(who.head(), error))?;
    away(&app, begun)
}

/// Finds the one service a hint leads to, or the page that says what to do.
async fn lead(app: &App, hint: &str, back: &str) -> Result<Result<ProviderId, Page>> {
    let found = flow::led_to(app, hint).await?;
    if let [one] = found.as_slice() {
        return Ok(Ok(one.id));
    }
    let mut entered = Entered::fresh().with("hint", hint);
    if found.is_empty() {
        entered = entered.refused(&Error::field("hint", NOWHERE));
    }
    let nowhere = found.is_empty();
    let choices = found.into_iter().map(|one| (one.id, one.label)).collect();
    let view = WorkView { back: back.to_owned(), entered, choices };
    let page = Page::card("Sign in with your organization", view.draw());
    let status = http::StatusCode::UNPROCESSABLE_ENTITY;
    Ok(Err(if nowhere { page.status(status) } else { page }))
}

async fn back_page(who: Public<BackPage>, app: App, (): ()) -> Result<Page> {
    let read =
        |name: &str| who.head().query(name).filter(|text| text.len() <= 4096).unwrap_or_default();
    // Who is signed in already is here to prove something, or to connect their account.
    let caller = optional_caller(&app, who.head()).await?;
    let view = BackView {
        provider: who.head().id("provider_id")?,
        csrf: caller.map(|caller| caller.csrf().to_owned()).unwrap_or_default(),
        state: read("state"),
        code: read("code"),
        error: read("error"),
        issuer: read("iss"),
    };
    Ok(Page::card("Sign in", view.draw()))
}

/// Returns what a browser brought back, from the form.
pub fn returned(fields: &Fields) -> Returned {
    Returned {
        state: fields.text("state"),
        code: fields.text("code"),
        error: fields.text("error"),
        issuer: fields.text("iss"),
    }
}

async fn again_form(who: Public<Again>, app: App, Form(fields): Form) -> Result<Answer> {
    let caller = anyone(&app, who.head()).await?;
    if caller.session().stage != Stage::Full {
        return Err(Code::SecondFactorRequired.into());
    }
    let tie = store::find_tie(&mut *app.db.read().await?, caller.session().id).await?;
    let tie = tie.ok_or_else(Error::not_found)?;
    let own = factors::count(&mut *app.db.read().await?, caller.user_id()).await?;
    if own > 0 {
        return Err(Code::StepUpRequired.into());
    }
    let asking = asking(&caller, who.head(), Again::NAME);
    let start = Start {
        provider: tie.provider_id,
        purpose: Purpose::StepUp,
        session: Some(caller.session().id),
        back: return_target(&fields.text("return")),
        hint: None,
        browser: browser(&app, who.head()),
        ip: who.stamp().ip.unwrap_or_default(),
    };
    let begun =
        flow::begin(&app, &asking, start).await.map_err(|error| failed(who.head(), error))?;
    away(&app, begun)
}

fn asking(caller: &Caller, head: &Arc<Head>, action: &'static str) -> Asking {
    let stamp = caller.stamp(head, action);
    head.remember(Arc::new(stamp.clone()));
    Asking(stamp)
}

async fn connect_form(who: Myself<Connect>, app: App, Form(fields): Form) -> Result<Answer> {
    let provider: ProviderId = fields.id("provider_id")?;
    let found = store::find(&mut *app.db.read().await?, provider).await?;
    let platform = found.is_some_and(|found| found.org_id.is_none());
    if !platform || who.caller().user().provider_id.is_some() {
        return Err(Error::not_found());
    }
    let start = Start {
        provider,
        purpose: Purpose::Link,
        session: Some(who.caller().session().id),
        back: "/account/security".to_owned(),
        hint: None,
        browser: browser(&app, who.head()),
        ip: who.stamp().ip.unwrap_or_default(),
    };
    let begun = flow::begin(&app, &who, start).await.map_err(|error| failed(who.head(), error))?;
    away(&app, begun)
}

async fn disconnect_form(who: Myself<Disconnect>, app: App, _: Form) -> Result<Go> {
    let id: IdentityId = who.head().id("identity_id")?;
    let user = who.caller().user();
    if user.provider_id.is_some() {
        return Err(Error::new(Code::NotNow).detail(
            "This account was made by its sign-in service: there is no other way into it.",
        ));
    }
    let mut tx = app.db.write(&who).await?;
    let ties = store::ties_of(&mut tx, id).await?;
    // First: a tie holds on to the identity it is of.
    super::ties::end(&app, &mut tx, &ties, "the sign-in service was disconnected").await?;
    if identities::forget(&mut tx, user.id, id).await? == 0 {
        return Err(Error::not_found());
    }
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "identity.disconnected",
        about: About::Security,
        title: "A sign-in service was disconnected from your account".into(),
        body: "It no longer signs you in. If it was not you, change your password now.".into(),
        href: "/account/security",
    };
    tell(&mut tx, &to, &notice).await?;
    tx.target(id);
    tx.note(Key::Person, user.id);
    tx.commit().await?;
    Ok(Go::to("/account/security").saying("Disconnected."))
}
