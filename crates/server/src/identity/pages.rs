//! Pages of identity: signing in and out, sessions.

use super::{
    Settings,
    caller::{Caller, Myself, optional_caller},
    factors::{PasskeyForm, Passkeys, home, place},
    http::LogIn,
    model::return_target,
    sessions::{self, List, Revoke, RevokeOthers, SignOut},
    sign_in::{Attempt, Opened, sign_in},
    sso,
    store::Stage,
};
use api::{
    Time,
    people::{SessionKind, SessionView},
};
use kernel::{
    App, Error, Result,
    audit::Accountable,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, col, danger, html, icon, moment,
        page_head, table,
    },
    http::{Answer, Form, Go, Named, Output, Public, Route, cookie},
};

/// Looks at the sign-in page.
pub struct LogInPage;
impl Named for LogInPage {
    const NAME: &'static str = "auth.login_page";
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/auth/login", log_in_page),
        Route::post("/auth/login", log_in_form).shows_secret(),
        Route::post("/auth/logout", log_out_form),
        Route::get("/account/sessions", sessions_page),
        Route::post("/account/sessions/{session_id}/revoke", revoke_form),
        Route::post("/account/sessions/revoke-others", revoke_others_form),
    ]
}

/// The sign-in page.
#[derive(Debug, Clone)]
pub struct LogInView {
    /// Where to go afterwards.
    pub back: String,
    /// What was entered.
    pub entered: Entered,
    /// Whether strangers may make an account.
    pub sign_up: bool,
    /// The address passkeys belong to; none where there can be none.
    pub passkeys: Option<String>,
    /// Sign-in services of the platform.
    pub services: Vec<(api::ProviderId, String)>,
    /// Whether any organization has one.
    pub work: bool,
}

impl LogInView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let home = Some("http://localhost:8080".to_owned());
        let fresh = Self {
            back: "/".into(),
            entered: Entered::fresh(),
            sign_up: true,
            passkeys: home,
            services: vec![],
            work: false,
        };
        let services = vec![(api::ProviderId(uuid::Uuid::nil()), "Staff".to_owned())];
        let refused = Entered::fresh()
            .with("email", "ada@example.com")
            .refused(&Error::new(api::Code::SignInRefused));
        vec![
            fresh.clone(),
            Self { entered: refused, sign_up: false, passkeys: None, ..fresh.clone() },
            Self { back: "/workloads?state=active".into(), services, work: true, ..fresh },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Sign in" }
            p class="muted" { "Your compute, your bill, one place." }
            (self.entered.banner())
            form method="post" action="/auth/login" {
                input type="hidden" name="return" value=(self.back);
                (Field::text("email", "E-mail address").kind("email", "username").draw(&self.entered))
                (Field::text("password", "Password").kind("password", "current-password").draw(&self.entered))
                button class="button primary wide" { "Sign in" }
            }
            p class="below" { a href="/auth/forgotten" { "Forgotten your password?" } }
            @if let Some(home) = &self.passkeys { (self.passkey(home)) }
            @for (id, label) in &self.services { (sso::service_form(*id, label, &self.back, "")) }
            @if self.work { a class="button wide" href={ "/auth/sso?" (self.return_query()) } { (icon("building-2")) "Sign in with your organization" } }
            @if self.sign_up {
                p class="below" { "New here? " a href="/auth/signup" { "Create an account" } }
            } @else {
                p class="below" { "Accounts are made by the people who run this site." }
            }
        }
    }
}

impl LogInView {
    async fn of(app: &App, back: String, entered: Entered) -> Result<Self> {
        let sign_up = app.get::<Settings>().sign_up;
        let passkeys = app.get::<Passkeys>().possible().then(|| home(app));
        let (found, work) = sso::people_of(&mut *app.db.read().await?).await?;
        let services = found.into_iter().map(|one| (one.id, one.label)).collect();
        Ok(Self { back, entered, sign_up, passkeys, services, work })
    }

    fn return_query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).append_pair("return", &self.back).finish()
    }

    fn passkey(&self, home: &str) -> Markup {
        let form = PasskeyForm {
            action: "/auth/passkey",
            options: "/api/v1/auth/passkey/options?anew=1",
            kind: "get",
            home: home.to_owned(),
        };
        let inside = html! {
            input type="hidden" name="anew" value="1";
            input type="hidden" name="return" value=(self.back);
        };
        html! { p class="below" { "or" } (form.draw(&inside, "Sign in with a passkey")) }
    }
}

async fn log_in_page(who: Public<LogInPage>, app: App, (): ()) -> Result<Answer> {
    let back = return_target(&who.head().query("return").unwrap_or_default());
    if optional_caller(&app, who.head()).await?.is_some() {
        return Go::to(back).answer();
    }
    let view = LogInView::of(&app, back, Entered::fresh()).await?;
    Page::card("Sign in", view.draw()).answer()
}

async fn log_in_form(who: Public<LogIn>, app: App, Form(fields): Form) -> Result<Answer> {
    let email = fields.text("email");
    let back = return_target(&fields.text("return"));
    let attempt = Attempt {
        email: &email,
        password: fields.raw("password").to_owned(),
        code: None,
        place: place(who.stamp().ip.unwrap_or_default()),
    };
    match sign_in(&app, &who, attempt).await {
        Ok((_, opened)) if opened.session.stage == Stage::Half => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("return", &back)
                .finish();
            signed_in(&app, &opened, &format!("/auth/factor?{query}")).answer()
        }
        Ok((_, opened)) => signed_in(&app, &opened, &back).answer(),
        Err(error) if matches!(error.code().status(), 401 | 429) => {
            let entered = Entered::fresh().with("email", email).refused(&error);
            let view = LogInView::of(&app, back, entered).await?;
            let page = Page::card("Sign in", view.draw());
            let status = http::StatusCode::from_u16(error.code().status());
            Err(error.showing(page.status(status.unwrap_or(http::StatusCode::UNAUTHORIZED))))
        }
        Err(error) => Err(error),
    }
}

/// Returns the redirect that carries a fresh session's cookie.
pub fn signed_in(app: &App, opened: &Opened, back: &str) -> Go {
    let secure = app.site.secure_cookies;
    Go::to(back).cookie(cookie::session(opened.token.reveal(), opened.keep, secure))
}

async fn log_out_form(who: Myself<SignOut>, app: App, _: Form) -> Result<Answer> {
    let session = who.caller().session().id;
    let tie = sso::find_tie(&mut *app.db.read().await?, session).await?;
    sessions::sign_out(&app, &who).await?;
    let ended = cookie::end_session(app.site.secure_cookies);
    if let Some(tie) = tie
        && let Some((url, label)) = sso::ties::leave(&app, &tie).await
    {
        let view = sso::LeaveView { url, label, out: true };
        let mut answer = Page::card("Signed out", view.draw()).answer()?;
        let ended = http::HeaderValue::try_from(ended).map_err(Error::internal)?;
        answer.headers.push((http::header::SET_COOKIE, ended));
        return Ok(answer);
    }
    Go::to("/auth/login").cookie(ended).saying("You are signed out.").answer()
}

/// The page of one's sessions.
#[derive(Debug, Clone)]
pub struct SessionsView {
    /// They.
    pub rows: Vec<SessionView>,
    /// Now.
    pub now: Time,
    /// For the forms.
    pub form: FormCtx,
}

impl SessionsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let row = |current: bool, label: &str| SessionView {
            id: api::SessionId(uuid::Uuid::nil()),
            kind: SessionKind::Browser,
            device_label: label.to_owned(),
            ip_address: "2001:db8:85a3:8d3:1319:8a2e:370:7348".to_owned(),
            signed_in_at: Time(1_795_000_000_000_000),
            last_seen_at: Time(1_795_000_100_000_000),
            expires_at: Time(1_795_086_400_000_000),
            current,
        };
        let now = Time(1_795_000_200_000_000);
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let long =
            "a device with the longest label that anybody may give it, eighty characters long";
        vec![
            Self { rows: vec![row(true, "browser")], now, form: form.clone() },
            Self {
                rows: vec![row(true, "browser"), row(false, "command line"), row(false, long)],
                now,
                form,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| self.row(row)).collect();
        let others = self.rows.iter().filter(|row| !row.current).count();
        let end_all = (others > 0).then(|| {
            danger(
                "End all others",
                "End every other session?",
                "Every other browser and command line of yours is signed out at once, and their open terminals close.",
                html! {
                    form method="post" action="/account/sessions/revoke-others" {
                        (self.form.hidden("others"))
                        button class="button danger-go" { "End " (others) " other sessions" }
                    }
                },
            )
        });
        html! {
            (page_head("Sessions", "Where you are signed in. Ending a session closes its open terminals within five seconds.", end_all))
            (table("Sessions", &[col("Device"), col("Address"), col("Signed in"), col("Last seen"), col("Ends"), col("")], &rows))
        }
    }

    fn row(&self, row: &SessionView) -> Vec<Markup> {
        let sign = if row.kind == SessionKind::Browser { "monitor" } else { "terminal" };
        vec![
            html! { (icon(sign)) " " (row.device_label) " " @if row.current { (badge("good", "this one")) } },
            html! { code { (row.ip_address) } },
            moment(row.signed_in_at),
            ago(row.last_seen_at, self.now),
            ago(row.expires_at, self.now),
            html! {
                form method="post" action={ "/account/sessions/" (row.id) "/revoke" } {
                    (self.form.hidden(&row.id.to_string()))
                    button class="button" { @if row.current { "Sign out" } @else { "End" } }
                }
            },
        ]
    }
}

async fn sessions_page(who: Myself<List>, app: App, (): ()) -> Result<Page> {
    let rows = sessions::list(&app, &who).await?;
    let form = Caller::form(who.caller(), &app);
    let view = SessionsView { rows, now: app.seams.clock.now(), form };
    Ok(Page::new("Sessions", view.draw()))
}

async fn revoke_form(who: Myself<Revoke>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("session_id")?;
    sessions::revoke(&app, &who, id).await?;
    if id == who.caller().session().id {
        let ended = cookie::end_session(app.site.secure_cookies);
        return Ok(Go::to("/auth/login").cookie(ended).saying("You are signed out."));
    }
    Ok(Go::to("/account/sessions").saying("The session is ended."))
}

async fn revoke_others_form(who: Myself<RevokeOthers>, app: App, _: Form) -> Result<Go> {
    let count = sessions::revoke_others(&app, &who).await?;
    Ok(Go::to("/account/sessions").saying(&format!("Ended {count} other sessions.")))
}

/// Draws the fields of a new account.
pub fn account_fields(entered: &Entered) -> Markup {
    html! {
        (Field::text("display_name", "Name").kind("text", "name").draw(entered))
        (Field::text("email", "E-mail address").kind("email", "username").draw(entered))
        (Field::text("password", "Password").kind("password", "new-password").hint(password_hint()).draw(entered))
    }
}

/// Returns what a password must be.
pub const fn password_hint() -> &'static str {
    "15 characters or more. A few words of your own are best."
}
