//! The page of one's own security: am I protected, what can I do next, what if I lose access.

use super::{PasskeyForm, home, services};
use crate::identity::{
    caller::{Caller, Myself},
    factors::{
        enrol,
        enrol::NewCodes,
        http::ReadSecurity,
        pages::setup::codes_page,
        posture, recovery,
        recovery::{Cancel, Request},
        remove,
        remove::{Remove, Rename},
    },
    model::return_target,
    pages::password_hint,
};
use api::{
    FactorId, Time,
    factors::{ExternalPosture, FactorKind, FactorView, MfaState, RecoveryView, SecurityView},
};
use kernel::{
    App, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, banner, col, danger, html, icon, moment,
        page_head, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/account/security", security_page),
        Route::post("/account/security/factors/{factor_id}/rename", rename_form),
        Route::post("/account/security/factors/{factor_id}/remove", remove_form),
        Route::post("/account/security/recovery-codes", codes_form).shows_secret(),
        Route::post("/account/security/recovery", recovery_form),
        Route::post("/account/security/recovery/cancel", cancel_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct SecurityPageView {
    /// How the account stands.
    pub security: SecurityView,
    /// Sign-in services of the platform that could be connected.
    pub offers: Vec<(api::ProviderId, String)>,
    /// Where to go once a factor is set up; empty when nothing waits.
    pub back: String,
    /// The address passkeys belong to.
    pub home: String,
    /// Now.
    pub now: Time,
    /// For the forms.
    pub form: FormCtx,
}

impl SecurityPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_200_000_000);
        let factor = |kind, name: &str, used| FactorView {
            id: FactorId(uuid::Uuid::nil()),
            kind,
            name: name.to_owned(),
            confirmed: true,
            created_at: Time(1_795_000_000_000_000),
            last_used_at: used,
        };
        let none = SecurityView {
            state: MfaState::None,
            required: true,
            required_reason: "You run this site: a second factor is always required.".into(),
            factors: vec![],
            recovery_codes_left: 0,
            recovery: None,
            session_strong: false,
            session_methods: vec!["pwd".into()],
            fresh_until: now,
            external: ExternalPosture::NotUsed,
            services: vec![],
            email_confirmed: false,
            passkeys_possible: true,
        };
        let long = "a key with the longest name that anybody may give it, sixty ch.";
        let many = SecurityView {
            state: MfaState::Protected,
            factors: vec![
                factor(FactorKind::Totp, "Phone", Some(now)),
                factor(FactorKind::Passkey, long, None),
            ],
            recovery_codes_left: 2,
            session_strong: true,
            ..none.clone()
        };
        let lost = SecurityView {
            state: MfaState::RecoveryRequested,
            recovery: Some(sample_recovery(now)),
            ..many.clone()
        };
        let begun = FactorView { confirmed: false, ..factor(FactorKind::Totp, "Phone", None) };
        let pending = SecurityView {
            state: MfaState::SetupPending,
            required: false,
            passkeys_possible: false,
            factors: vec![begun],
            ..none.clone()
        };
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let page = |security, back: &str| Self {
            security,
            offers: vec![],
            back: back.to_owned(),
            home: "http://localhost:8080".into(),
            now,
            form: form.clone(),
        };
        let bare = SecurityView { required: false, ..none.clone() };
        let mut all =
            vec![page(none, "/platform/nodes"), page(many, ""), page(lost, ""), page(pending, "")];
        let offers = vec![(api::ProviderId(uuid::Uuid::nil()), "Staff".into())];
        let with = |services| page(SecurityView { services, ..bare.clone() }, "");
        all.extend(
            services::samples(now)
                .into_iter()
                .map(with)
                .map(|one| Self { offers: offers.clone(), ..one }),
        );
        all
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let security = &self.security;
        html! {
            (page_head("Security", "How your account is protected, and how you get back in when something is lost.", None))
            @if !self.back.is_empty() && security.factors.iter().all(|f| !f.confirmed) {
                (banner("warn", "Set up a second factor to go on. It takes a minute.", None))
            }
            section class="section card flow" aria-labelledby="protected" {
                h2 id="protected" { "Am I protected?" }
                (self.standing())
                @if !security.factors.is_empty() { (self.list()) }
            }
            section class="section card flow" aria-labelledby="next" { h2 id="next" { "What can I do next?" } (self.next()) }
            @if !security.email_confirmed { (services::unconfirmed(&self.form)) }
            @if self.has_password() {
                section class="section card flow" aria-labelledby="password" { h2 id="password" { "Password" } (self.password()) }
            }
            @if !security.services.is_empty() || !self.offers.is_empty() {
                section class="section card flow" aria-labelledby="services" { h2 id="services" { "Sign-in services" } (services::draw(&security.services, &self.offers, &self.form, self.now)) }
            }
            section class="section card flow" aria-labelledby="ssh" { h2 id="ssh" { "Keys for SSH" }
                p class="muted" { "Public keys open your workloads without signing in here. Delete those of machines you no longer have." }
                p { a class="button" href="/access/credentials" { (icon("key-round")) "SSH keys" } }
            }
            section class="section card flow" aria-labelledby="lost" { h2 id="lost" { "What if I lose access?" } (self.lost()) }
        }
    }

    fn has_password(&self) -> bool {
        self.security.services.iter().all(|one| !one.made_account)
    }

    fn standing(&self) -> Markup {
        let security = &self.security;
        let confirmed = security.factors.iter().filter(|factor| factor.confirmed).count();
        let (tone, word, words) = match security.state {
            MfaState::None if !self.has_password() => services::standing(&security.services),
            MfaState::None => ("warn", "password only", "Whoever learns your password is in.".to_owned()),
            MfaState::SetupPending => ("warn", "set-up not finished", "You began to set up an app and did not enter its code. It does not protect you yet.".to_owned()),
            MfaState::Protected if !self.has_password() => ("good", "protected", format!("Signing in takes your sign-in service and one of {confirmed} factors here, unless the service proves one itself.")),
            MfaState::Protected if confirmed == 1 => ("good", "protected", "Signing in takes your password and one factor. Add a second one, so that losing it is no drama.".to_owned()),
            MfaState::Protected => ("good", "protected", format!("Signing in takes your password and one of {confirmed} factors; a passkey alone is enough.")),
            MfaState::RecoveryRequested => ("bad", "recovery requested", "Somebody asked to get into this account without its second factor. See below.".to_owned()),
        };
        html! {
            p { (badge(tone, word)) " " (words) }
            @if !security.required_reason.is_empty() { p class="muted small" { (security.required_reason) } }
            p class="muted small" {
                "This session: " @if security.session_strong { "a second factor was proven." } @else if self.has_password() { "a password was proven." } @else { "your sign-in service vouched for you." }
                " " a href="/account/sessions" { "All sessions" }
            }
        }
    }

    fn list(&self) -> Markup {
        let rows: Vec<Vec<Markup>> =
            self.security.factors.iter().map(|one| self.row(one)).collect();
        table(
            "Second factors",
            &[col("Name"), col("Kind"), col("Added"), col("Last used"), col("")],
            &rows,
        )
    }

    fn row(&self, factor: &FactorView) -> Vec<Markup> {
        let kind = match factor.kind {
            FactorKind::Totp => "authenticator app",
            FactorKind::Passkey => "passkey",
        };
        let id = factor.id.to_string();
        let field = format!("name-{id}");
        vec![
            html! {
                form method="post" action={ "/account/security/factors/" (id) "/rename" } {
                    (self.form.hidden(&format!("name-{id}")))
                    label class="hidden" for=(field) { "Name" }
                    input id=(field) name="name" value=(factor.name) maxlength="60" required;
                    button class="button" { "Rename" }
                }
            },
            html! { (kind) @if !factor.confirmed { " " (badge("warn", "not finished")) " " a href={ "/account/security/totp/" (id) } { "Continue" } } },
            moment(factor.created_at),
            html! { @if let Some(at) = factor.last_used_at { (ago(at, self.now)) } @else { span class="muted" { "never" } } },
            danger(
                "Remove",
                &format!("Remove {}?", factor.name),
                "It no longer signs you in. You are asked to confirm with another factor first.",
                html! {
                    form method="post" action={ "/account/security/factors/" (id) "/remove" } {
                        (self.form.hidden(&format!("remove-{id}")))
                        button class="button danger-go" { "Remove " (factor.name) }
                    }
                },
            ),
        ]
    }

    fn next(&self) -> Markup {
        let first = self.security.factors.iter().all(|factor| !factor.confirmed);
        let what = if first { "Set up a second factor" } else { "Add a backup" };
        let passkey = PasskeyForm {
            action: "/account/security/passkeys",
            options: "/api/v1/account/security/passkeys/options",
            kind: "create",
            home: self.home.clone(),
        };
        let inside = html! {
            (self.form.hidden("passkey"))
            input type="hidden" name="return" value=(self.back);
            (Field { name: "passkey_name", ..Field::text("passkey_name", "Name of the passkey").hint("Such as: this laptop, blue key.") }.draw(&Entered::fresh().with("passkey_name", "This device")))
        };
        html! {
            p class="muted" { (what) ". A passkey is the stronger one: it cannot be given to a false page. A code of an app can." }
            div class="grid" {
                div class="card flow" {
                    h3 { "Passkey" }
                    @if self.security.passkeys_possible { (passkey.draw(&inside, "Add a passkey")) }
                    @else { p class="muted" { "Passkeys need a site with a name; this one is reached by a number." } }
                }
                div class="card flow" {
                    h3 { "Authenticator app" }
                    form method="post" action="/account/security/totp" {
                        (self.form.hidden("totp"))
                        input type="hidden" name="return" value=(self.back);
                        (Field::text("name", "Name of the app or phone").hint("Any app for one-time codes (RFC 6238).").draw(&Entered::fresh().with("name", "Phone")))
                        button class="button wide" { (icon("square-terminal")) "Set up an app" }
                    }
                }
            }
        }
    }

    fn password(&self) -> Markup {
        html! {
            details class="flow" {
                summary class="button" { "Change the password" }
                form method="post" action="/account/security/password" {
                    (self.form.hidden("password"))
                    (Field::text("current", "Password of today").kind("password", "current-password").draw(&Entered::fresh()))
                    (Field::text("password", "New password").kind("password", "new-password").hint(password_hint()).draw(&Entered::fresh()))
                    button class="button" { "Change it and end other sessions" }
                }
            }
        }
    }

    fn lost(&self) -> Markup {
        let security = &self.security;
        let protected = security.factors.iter().any(|factor| factor.confirmed);
        html! {
            @if let Some(open) = &security.recovery { (self.open_recovery(open)) }
            @else if protected {
                p { "You have " strong { (security.recovery_codes_left) } " recovery codes left. Each stands in for a factor, once." }
                @if security.recovery_codes_left < 3 { (banner("warn", "Make new recovery codes before you run out.", None)) }
                form method="post" action="/account/security/recovery-codes" class="inline-form" {
                    (self.form.hidden("codes"))
                    button class="button" { (icon("refresh-cw")) "Make new recovery codes" }
                }
                (self.ask())
            } @else {
                p class="muted" { @if !self.has_password() { "Your sign-in service lets you back in: its administrators help. " } "Without a second factor here there is nothing else to lose. Once you set up a factor you get recovery codes for the day it is lost." }
            }
        }
    }

    fn ask(&self) -> Markup {
        html! {
            details class="flow" {
                summary class="button" { "I lost all my factors and have no code" }
                p class="muted" { "Lost one of several? Confirm with another and remove it above. With none left, somebody who runs this site checks that it is you and approves. Then you wait: that leaves you time to stop it if it was not you. You are told by mail and under Notices at every step." }
                form method="post" action="/account/security/recovery" {
                    (self.form.hidden("recover"))
                    (Field { max: 500, ..Field::text("reason", "What happened").hint("Read by whoever approves.") }.draw(&Entered::fresh()))
                    button class="button" { "Ask for a recovery" }
                }
            }
        }
    }

    fn open_recovery(&self, open: &RecoveryView) -> Markup {
        html! {
            p { (badge("warn", open.state.as_str())) " Asked " (ago(open.created_at, self.now)) ": " (open.reason) }
            p class="muted" { (open.approvals) " of " (open.approvals_needed) " approvals. It can be finished from " (moment(open.ready_at)) " on, by signing in with your password." }
            form method="post" action="/account/security/recovery/cancel" class="inline-form" {
                (self.form.hidden("cancel"))
                button class="button" { "Stop it" }
            }
        }
    }
}

/// A request as pages are tested with it.
pub(super) fn sample_recovery(now: Time) -> RecoveryView {
    RecoveryView {
        id: api::RecoveryId(uuid::Uuid::nil()),
        user: api::people::UserView {
            id: api::UserId(uuid::Uuid::nil()),
            email: "ada@example.com".into(),
            display_name: "Ada Lovelace".into(),
            operator: false,
            platform_role: None,
        },
        reason: "the phone fell into the sea".into(),
        state: api::factors::RecoveryState::Requested,
        started_by: api::UserId(uuid::Uuid::nil()),
        approvals: 0,
        approvals_needed: 1,
        created_at: now,
        ready_at: now,
        expires_at: now,
    }
}

async fn security_page(who: Myself<ReadSecurity>, app: App, (): ()) -> Result<Page> {
    let security = posture::own(&app, who.caller()).await?;
    let back = who.head().query("return").map(|text| return_target(&text)).unwrap_or_default();
    let form = Caller::form(who.caller(), &app);
    let now = app.seams.clock.now();
    let offers = match who.caller().user().provider_id {
        Some(_) => Vec::new(),
        None => services::offers(&app, who.caller().user_id()).await?,
    };
    let view = SecurityPageView { security, offers, back, home: home(&app), now, form };
    Ok(Page::new("Security", view.draw()))
}

async fn rename_form(who: Myself<Rename>, app: App, Form(fields): Form) -> Result<Go> {
    let id = who.head().id("factor_id")?;
    remove::rename(&app, &who, id, &fields.text("name")).await?;
    Ok(Go::to("/account/security").saying("Renamed."))
}

async fn remove_form(who: Myself<Remove>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("factor_id")?;
    match remove::remove(&app, &who, id).await {
        Ok(()) => Ok(Go::to("/account/security").saying("The factor is removed.")),
        Err(error) if error.code() == api::Code::StepUpRequired => {
            Ok(Go::to("/auth/factor?return=%2Faccount%2Fsecurity").saying(&error.sentence()))
        }
        Err(error) => Err(error),
    }
}

async fn codes_form(who: Myself<NewCodes>, app: App, _: Form) -> Result<Page> {
    let codes = enrol::new_codes(&app, &who).await?;
    Ok(codes_page(codes, "/account/security"))
}

async fn recovery_form(who: Myself<Request>, app: App, Form(fields): Form) -> Result<Go> {
    let user = who.caller().user();
    recovery::request(&app, &who, (user, user.id), &fields.text("reason")).await?;
    Ok(Go::to("/account/security").saying("Asked. You are told by mail what comes of it."))
}

async fn cancel_form(who: Myself<Cancel>, app: App, _: Form) -> Result<Go> {
    recovery::cancel(&app, &who, who.caller().user()).await?;
    Ok(Go::to("/account/security").saying("The recovery is stopped."))
}
