//! What the pages of the way to a sign-in service and back look like.

use api::{Code, CorrelationId, ProviderId};
use kernel::{
    Error,
    html::{Entered, Field, Markup, html, icon},
};

/// The page that asks where somebody works.
#[derive(Debug, Clone)]
pub struct WorkView {
    /// Where to go afterwards.
    pub back: String,
    /// What was entered.
    pub entered: Entered,
    /// Where to choose from, when there are several: id and label.
    pub choices: Vec<(ProviderId, String)>,
}

impl WorkView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let fresh = Self { back: "/".into(), entered: Entered::fresh(), choices: vec![] };
        let refused = Entered::fresh()
            .with("hint", "ada@nowhere.example")
            .refused(&Error::field("hint", NOWHERE));
        let nil = ProviderId(uuid::Uuid::nil());
        let choices = vec![
            (nil, "Staff".to_owned()),
            (nil, "A guest with the longest label of all, 40".into()),
        ];
        vec![
            fresh.clone(),
            Self { entered: refused, ..fresh.clone() },
            Self { choices, entered: Entered::fresh().with("hint", "ada@example.com"), ..fresh },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Sign in with your organization" }
            @if self.choices.is_empty() {
                p class="muted" { "Your work address, or the short name of your organization, leads to the page where you sign in at work." }
                (self.entered.banner())
                form method="post" action="/auth/sso" {
                    input type="hidden" name="return" value=(self.back);
                    (Field { max: 254, ..Field::text("hint", "Work address or organization").kind("text", "username") }.draw(&self.entered))
                    button class="button primary wide" { "Go on" }
                }
            } @else {
                p class="muted" { "There is more than one way for you." }
                @for (id, label) in &self.choices { (service_form(*id, label, &self.back, self.entered.value("hint"))) }
            }
            p class="below" { a href="/auth/login" { "Sign in another way" } }
        }
    }
}

pub(super) const NOWHERE: &str =
    "This leads nowhere here. Ask your administrator, or sign in another way.";

/// Draws the button that leads to a sign-in service.
pub fn service_form(id: ProviderId, label: &str, back: &str, hint: &str) -> Markup {
    html! {
        form method="post" action="/auth/sso" class="service" {
            input type="hidden" name="provider_id" value=(id);
            input type="hidden" name="return" value=(back);
            @if !hint.is_empty() { input type="hidden" name="hint" value=(hint); }
            button class="button wide" { (icon("log-in")) "Sign in with " (label) }
        }
    }
}

/// The page that leads away.
#[derive(Debug, Clone)]
pub struct LeaveView {
    /// Where to.
    pub url: String,
    /// What is there.
    pub label: String,
    /// Whether it is to sign out.
    pub out: bool,
}

impl LeaveView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            url: "https://id.example.com/authorize?client_id=x".into(),
            label: "Staff".into(),
            out: false,
        };
        vec![one.clone(), Self { out: true, ..one }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { @if self.out { "You are signed out here" } @else { "One moment" } }
            p class="muted" {
                @if self.out { "Sign out of " (self.label) " as well, if others use this device." }
                @else { "You sign in at " (self.label) " and come back." }
            }
            a class="button primary wide" href=(self.url) rel="noreferrer" data-go=[(!self.out).then_some("now")] {
                @if self.out { "Sign out of " (self.label) } @else { "Go on to " (self.label) }
            }
            p class="below" { a href="/auth/login" { @if self.out { "Sign in again" } @else { "Sign in another way" } } }
        }
    }
}

/// The page one comes back to: it acts by a form, once.
#[derive(Debug, Clone)]
pub struct BackView {
    /// Which service it came from.
    pub provider: ProviderId,
    /// The token of the session one has already.
    pub csrf: String,
    /// Which attempt.
    pub state: String,
    /// What stands for the sign-in.
    pub code: String,
    /// What went wrong there.
    pub error: String,
    /// Who answers.
    pub issuer: String,
}

impl BackView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![Self {
            provider: ProviderId(uuid::Uuid::nil()),
            csrf: String::new(),
            state: "s".repeat(43),
            code: "c".into(),
            error: String::new(),
            issuer: String::new(),
        }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Signing you in" }
            p class="muted" { "It takes a moment." }
            form method="post" action={ "/auth/sso/callback/" (self.provider) } data-go="now" {
                (kernel::html::hidden_fields(&self.csrf, None))
                input type="hidden" name="state" value=(self.state);
                input type="hidden" name="code" value=(self.code);
                input type="hidden" name="error" value=(self.error);
                input type="hidden" name="iss" value=(self.issuer);
                button class="button primary wide" { "Go on" }
            }
        }
    }
}

/// The page of a sign-in that did not work.
#[derive(Debug, Clone)]
pub struct FailedView {
    /// Why.
    pub code: Code,
    /// What support finds it by.
    pub correlation_id: CorrelationId,
}

impl FailedView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let correlation_id = CorrelationId(uuid::Uuid::nil());
        [Code::SsoRefused, Code::SsoUnavailable].map(|code| Self { code, correlation_id }).into()
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let down = self.code == Code::SsoUnavailable;
        html! {
            h1 { @if down { "Your sign-in service does not answer" } @else { "That did not work" } }
            p { (self.code.title()) }
            p class="muted" {
                @if down { "Nothing is wrong with your account. Who has a password or a passkey here can use it meanwhile." }
                @else { "Perhaps it took too long, was opened in another browser, or you turned back. If it happens again, tell your administrator this number:" }
            }
            p { "Correlation ID " code { (self.correlation_id) } }
            a class="button primary wide" href="/auth/sso" { "Try again" }
            p class="below" { a href="/auth/login" { "Sign in another way" } }
            @if down {
                p class="below muted small" { "You administer it? Your organization's sign-in page says what is wrong. You run this site? There is the " a href="/auth/break-glass" { "break-glass account" } "." }
            }
        }
    }
}
