//! The page between a password and a whole session, which also asks again before sensitive acts;
//! signing in by a passkey alone; breaking the glass.

use super::{PasskeyForm, answered, home, place, security::sample_recovery};
use crate::identity::{
    caller::{Caller, anyone},
    factors::{Shown, break_glass, challenge, challenge::Half, recovery, store},
    model::return_target,
    pages::signed_in,
    sso,
    store::Stage,
};
use api::{
    Code, Time,
    factors::{PasskeyOptions, RecoveryState, RecoveryView},
};
use kernel::{
    App, Error, Result,
    audit::Accountable,
    html::{Entered, Field, FormCtx, Markup, Page, badge, html, moment},
    http::{Answer, Form, Go, Head, Json, Named, Output, Public, Route},
};
use std::sync::Arc;

macro_rules! named {
    ($(#[$meta:meta])* $name:ident = $text:literal) => {
        $(#[$meta])*
        pub struct $name;
        impl Named for $name {
            const NAME: &'static str = $text;
        }
    };
}
named!(
    /// Looks at the page that asks for a factor.
    ProvePage = "factor.page"
);
named!(
    /// Proves a factor.
    Prove = "factor.prove"
);
named!(
    /// Asks for a passkey.
    AskPasskey = "passkey.ask"
);
named!(
    /// Signs in by a passkey alone.
    PasskeySignIn = "passkey.sign_in"
);
named!(
    /// Asks for a recovery before a factor was proven.
    AskRecovery = "recovery.ask"
);
named!(
    /// Finishes an approved recovery.
    FinishRecovery = "recovery.finish"
);
named!(
    /// Looks at the page of sealed codes.
    GlassPage = "break_glass.page"
);
named!(
    /// Signs in with a sealed code.
    BreakGlass = "break_glass.use"
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/auth/factor", factor_page),
        Route::post("/auth/factor", factor_form).shows_secret(),
        Route::post("/auth/factor/recovery", recovery_form).shows_secret(),
        Route::post("/auth/factor/recovery/finish", finish_form).shows_secret(),
        Route::post("/api/v1/auth/passkey/options", passkey_options)
            .shows_secret()
            .says("Asks for a passkey (WebAuthn request options): the caller's, or with `?anew=1` anybody's."),
        Route::post("/auth/passkey", passkey_form).shows_secret(),
        Route::get("/auth/break-glass", glass_page),
        Route::post("/auth/break-glass", glass_form).shows_secret(),
    ]
}

/// The page that asks for a factor.
#[derive(Debug, Clone)]
pub struct ChallengeView {
    /// Where to go afterwards.
    pub back: String,
    /// Whether somebody is signed in already and does something sensitive.
    pub again: bool,
    /// Whether there is a second factor; without one the password is asked for.
    pub factors: bool,
    /// Whether there is a passkey.
    pub passkey: bool,
    /// The sign-in service that proves again who it is, where there is no factor here.
    pub service: Option<String>,
    /// The open recovery request, and whether it can be finished now.
    pub recovery: Option<(RecoveryView, bool)>,
    /// The address passkeys belong to.
    pub home: String,
    /// What was entered.
    pub entered: Entered,
    /// For the forms.
    pub form: FormCtx,
}

impl ChallengeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let first = Self {
            back: "/".into(),
            again: false,
            factors: true,
            passkey: true,
            service: None,
            recovery: None,
            home: "http://localhost:8080".into(),
            entered: Entered::fresh(),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let refused = Entered::fresh().refused(&Error::new(Code::FactorRefused));
        let open = sample_recovery(Time(1_795_000_200_000_000));
        let ready = RecoveryView { state: RecoveryState::Approved, ..open.clone() };
        vec![
            first.clone(),
            Self { again: true, factors: false, passkey: false, ..first.clone() },
            Self {
                again: true,
                factors: false,
                passkey: false,
                service: Some("Staff".into()),
                ..first.clone()
            },
            Self { entered: refused, recovery: Some((open, false)), ..first.clone() },
            Self { recovery: Some((ready, true)), ..first },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let passkey = PasskeyForm {
            action: "/auth/passkey",
            options: "/api/v1/auth/passkey/options",
            kind: "get",
            home: self.home.clone(),
        };
        let inside = html! { (self.hidden()) input type="hidden" name="return" value=(self.back); };
        html! {
            h1 { "Confirm that it is you" }
            p class="muted" {
                @if self.again { "What you are about to do is sensitive, so this is asked again." }
                @else { "That was right. One more step." }
            }
            (self.entered.banner())
            @if self.passkey { (passkey.draw(&inside, "Use a passkey")) p class="below" { "or" } }
            @if let Some(label) = &self.service { (self.at_service(label)) }
            @else { form method="post" action="/auth/factor" {
                (self.hidden())
                input type="hidden" name="return" value=(self.back);
                @if self.factors {
                    (Field { max: 40, ..Field::text("code", "Code").kind("text", "one-time-code").hint("Six digits of your app, or a recovery code.") }.draw(&self.entered))
                } @else {
                    (Field::text("password", "Password").kind("password", "current-password").draw(&self.entered))
                }
                button class="button primary wide" { "Confirm" }
            } }
            @if self.factors && !self.again { (self.lost()) }
            @if self.again {
                p class="below" { a href=(self.back) { "Not now" } }
            } @else {
                form method="post" action="/auth/logout" class="section" {
                    (self.hidden())
                    button class="button wide" { "Sign in as somebody else" }
                }
            }
        }
    }

    fn hidden(&self) -> Markup {
        kernel::html::hidden_fields(&self.form.csrf, None)
    }

    fn at_service(&self, label: &str) -> Markup {
        html! {
            form method="post" action="/auth/sso/again" {
                (self.hidden())
                input type="hidden" name="return" value=(self.back);
                button class="button primary wide" { "Confirm at " (label) }
            }
            p class="hint" { "You sign in there once more, and come back." }
        }
    }

    fn lost(&self) -> Markup {
        html! {
            @match &self.recovery {
                Some((_, true)) => {
                    section class="section" {
                        h2 { "Your recovery is approved" }
                        p class="muted" { "Finishing it removes your lost factors and ends every other session. You set up a new factor right after." }
                        form method="post" action="/auth/factor/recovery/finish" {
                            (self.hidden())
                            (Field { max: 40, ..Field::text("finish_code", "Code of the mail that told you") }.draw(&Entered::fresh()))
                            button class="button wide" { "Finish the recovery" }
                        }
                    }
                }
                Some((open, false)) => {
                    section class="section" {
                        p { (badge("warn", open.state.as_str())) " " (open.approvals) " of " (open.approvals_needed) " approvals." }
                        p class="muted small" { "It can be finished here from " (moment(open.ready_at)) " on. Proving a factor stops it." }
                    }
                }
                None => {
                    details class="section" {
                        summary class="button wide" { "I lost my factors and my codes" }
                        p class="muted small" { "Somebody who runs this site checks that it is you and approves; then there is a delay. You are told by mail at every step." }
                        form method="post" action="/auth/factor/recovery" {
                            (self.hidden())
                            (Field { max: 500, ..Field::text("reason", "What happened") }.draw(&Entered::fresh()))
                            button class="button wide" { "Ask for a recovery" }
                        }
                    }
                }
            }
        }
    }
}

/// Somebody signed in at least half, answering for what they do here.
async fn half(app: &App, head: &Arc<Head>, action: &'static str) -> Result<(Arc<Caller>, Half)> {
    let caller = anyone(app, head).await?;
    let stamp = caller.stamp(head, action);
    head.remember(Arc::new(stamp.clone()));
    Ok((caller, Half(stamp)))
}

async fn view(app: &App, caller: &Caller, back: String, entered: Entered) -> Result<ChallengeView> {
    let mut tx = app.db.read().await?;
    let known = store::list(&mut tx, caller.user_id()).await?;
    let now = tx.now();
    let open = recovery::open_of(&mut tx, caller.user()).await?.map(|open| {
        let ready =
            open.state == RecoveryState::Approved && open.ready_at <= now && now < open.expires_at;
        (open, ready)
    });
    let proven = |factor: &&store::Factor| factor.confirmed_at.is_some();
    let service = match known.iter().any(|factor| proven(&factor)) {
        true => None,
        false => sso::service_of(&mut tx, caller.session().id).await?,
    };
    Ok(ChallengeView {
        back,
        again: caller.session().stage != Stage::Half,
        factors: known.iter().any(|factor| proven(&factor)),
        passkey: known.iter().filter(proven).any(|factor| factor.credential_id.is_some()),
        service,
        recovery: open,
        home: home(app),
        entered,
        form: caller.form(app),
    })
}

async fn factor_page(who: Public<ProvePage>, app: App, (): ()) -> Result<Page> {
    let caller = anyone(&app, who.head()).await?;
    let back = return_target(&who.head().query("return").unwrap_or_default());
    let view = view(&app, &caller, back, Entered::fresh()).await?;
    Ok(Page::card("Confirm that it is you", view.draw()))
}

async fn factor_form(who: Public<Prove>, app: App, Form(fields): Form) -> Result<Answer> {
    let (caller, half) = half(&app, who.head(), Prove::NAME).await?;
    let back = return_target(&fields.text("return"));
    let shown = match fields.optional("code") {
        Some(code) => Shown::Code(code),
        None => Shown::Password(fields.raw("password").to_owned()),
    };
    match challenge::answer(&app, &half, &caller, shown).await {
        Ok(opened) => signed_in(&app, &opened, &back).answer(),
        Err(error) if matches!(error.code(), Code::FactorRefused | Code::RateLimited) => {
            let entered = Entered::fresh().refused(&error);
            let page = Page::card(
                "Confirm that it is you",
                view(&app, &caller, back, entered).await?.draw(),
            );
            let status = ::http::StatusCode::from_u16(error.code().status());
            Err(error.showing(page.status(status.unwrap_or(::http::StatusCode::FORBIDDEN))))
        }
        Err(error) => Err(error),
    }
}

async fn passkey_options(
    who: Public<AskPasskey>,
    app: App,
    (): (),
) -> Result<Json<PasskeyOptions>> {
    let ip = who.stamp().ip.unwrap_or_default();
    if who.head().query("anew").is_none() {
        match half(&app, who.head(), AskPasskey::NAME).await {
            Ok((caller, half)) => {
                return challenge::ask(&app, &half, Some(&caller), &ip).await.map(Json);
            }
            Err(error) if error.code().status() == 401 => {}
            Err(error) => return Err(error),
        }
    }
    challenge::ask(&app, &who, None, &ip).await.map(Json)
}

async fn passkey_form(who: Public<PasskeySignIn>, app: App, Form(fields): Form) -> Result<Go> {
    let (challenge, credential) = answered(&fields)?;
    let back = return_target(&fields.text("return"));
    let opened = if fields.ticked("anew") {
        let place = place(who.stamp().ip.unwrap_or_default());
        challenge::sign_in(&app, &who, challenge, credential, &place).await?
    } else {
        let (caller, half) = half(&app, who.head(), PasskeySignIn::NAME).await?;
        let shown = Shown::Passkey(challenge, credential);
        challenge::answer(&app, &half, &caller, shown).await?
    };
    Ok(signed_in(&app, &opened, &back))
}

async fn recovery_form(who: Public<AskRecovery>, app: App, Form(fields): Form) -> Result<Go> {
    let (caller, half) = half(&app, who.head(), AskRecovery::NAME).await?;
    let user = caller.user();
    recovery::request(&app, &half, (user, user.id), &fields.text("reason")).await?;
    Ok(Go::to("/auth/factor").saying("Asked. You are told by mail what comes of it."))
}

async fn finish_form(who: Public<FinishRecovery>, app: App, Form(fields): Form) -> Result<Go> {
    let (caller, half) = half(&app, who.head(), FinishRecovery::NAME).await?;
    let opened = recovery::finish(&app, &half, &caller, &fields.text("finish_code")).await?;
    Ok(signed_in(&app, &opened, "/account/security").saying("You are in. Set up a new factor now."))
}

/// The page of sealed codes.
#[derive(Debug, Clone)]
pub struct GlassView {
    /// What was entered.
    pub entered: Entered,
}

impl GlassView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let refused = Entered::fresh().refused(&Error::new(Code::FactorRefused));
        vec![Self { entered: Entered::fresh() }, Self { entered: refused }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Break the glass" }
            p class="muted" { "For the people who run this site, when nobody can sign in any other way. Everybody who runs it is told at once, and what you do is on record." }
            (self.entered.banner())
            form method="post" action="/auth/break-glass" {
                (Field { max: 40, ..Field::text("code", "Sealed code") }.draw(&self.entered))
                (Field { max: 500, ..Field::text("reason", "Why") }.draw(&self.entered))
                button class="button danger-go wide" { "Sign in for an hour" }
            }
            p class="below" { a href="/auth/login" { "Sign in the usual way" } }
        }
    }
}

async fn glass_page(_: Public<GlassPage>, _: App, (): ()) -> Result<Page> {
    Ok(Page::card("Break the glass", GlassView { entered: Entered::fresh() }.draw()))
}

async fn glass_form(who: Public<BreakGlass>, app: App, Form(fields): Form) -> Result<Answer> {
    let place = place(who.stamp().ip.unwrap_or_default());
    let (code, reason) = (fields.text("code"), fields.text("reason"));
    match break_glass::open(&app, &who, &code, &reason, &place).await {
        Ok(opened) => signed_in(&app, &opened, "/platform/iam").answer(),
        Err(error)
            if matches!(
                error.code(),
                Code::FactorRefused | Code::ValidationError | Code::RateLimited
            ) =>
        {
            let entered = Entered::fresh().with("reason", reason).refused(&error);
            let status = ::http::StatusCode::from_u16(error.code().status());
            let page = Page::card("Break the glass", GlassView { entered }.draw());
            Err(error.showing(page.status(status.unwrap_or(::http::StatusCode::FORBIDDEN))))
        }
        Err(error) => Err(error),
    }
}
