//! The page an invitation's link opens: it says what it leads to, and acts on a click.

use super::{
    http::Accept,
    invitations::{self, Welcome},
};
use crate::identity::{Myself, optional_caller};
use api::organizations::InvitationView;
use kernel::{
    App, Result,
    html::{FormCtx, Markup, Page, html},
    http::{Form, Go, Named, Public, Route},
};

/// Looks at an invitation.
pub struct Look;
impl Named for Look {
    const NAME: &'static str = "invitation.page";
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/auth/invite", welcome_page), Route::post("/auth/invite", accept_form)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct WelcomeView {
    /// What it leads to.
    pub welcome: Welcome,
    /// The link's token.
    pub token: String,
    /// Who is signed in.
    pub me: Option<String>,
    /// For the form.
    pub form: FormCtx,
}

impl WelcomeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let welcome = Welcome {
            invitation: InvitationView {
                id: api::InvitationId(nil),
                org_id: api::OrgId(nil),
                project_id: None,
                email: Some("grace@example.com".into()),
                role: api::people::Role::Member,
                created_at: api::Time(1_795_000_000_000_000),
                expires_at: api::Time(1_795_600_000_000_000),
            },
            org: "Analytical Engines".into(),
            project: Some("Vision".into()),
            by: "Ada Lovelace".into(),
        };
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let token = "gpuaas_i_sample".to_owned();
        let out = Self { welcome, token, me: None, form };
        vec![
            out.clone(),
            Self { me: Some("grace@example.com".into()), ..out.clone() },
            Self { me: Some("eve@example.com".into()), ..out },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let welcome = &self.welcome;
        let here = format!("/auth/invite?token={}", self.token);
        let query =
            form_urlencoded::Serializer::new(String::new()).append_pair("return", &here).finish();
        let other =
            welcome.invitation.email.as_ref().filter(|email| Some(*email) != self.me.as_ref());
        html! {
            h1 { "You are invited" }
            p { strong { (welcome.by) } " invites you to " strong { (welcome.org) } @if let Some(project) = &welcome.project { ", project " strong { (project) } } ", as " (welcome.invitation.role) "." }
            @match (&self.me, other) {
                (Some(me), None) => {
                    form method="post" action="/auth/invite" {
                        (self.form.hidden("accept"))
                        input type="hidden" name="token" value=(self.token);
                        button class="button primary wide" { "Join as " (me) }
                    }
                }
                (Some(me), Some(email)) => {
                    p class="muted" { "It is for " (email) "; you are signed in as " (me) ". Sign out and open it again." }
                }
                (None, _) => {
                    p class="muted" { "Sign in, or make an account" @if let Some(email) = &welcome.invitation.email { " with the address " (email) } "; you come back here." }
                    a class="button primary wide" href={ "/auth/login?" (query) } { "Sign in" }
                    p class="below" { a href={ "/auth/signup?" (query) } { "Create an account" } }
                }
            }
        }
    }
}

async fn welcome_page(who: Public<Look>, app: App, (): ()) -> Result<Page> {
    let token = who.head().query("token").unwrap_or_default();
    let welcome = invitations::look(&app, &token).await?;
    let caller = optional_caller(&app, who.head()).await?;
    let form = caller.as_ref().map(|caller| caller.form(&app)).unwrap_or_default();
    let me = caller.map(|caller| caller.user().email.clone());
    Ok(Page::card("You are invited", WelcomeView { welcome, token, me, form }.draw()))
}

async fn accept_form(who: Myself<Accept>, app: App, Form(fields): Form) -> Result<Go> {
    let done = invitations::accept(&app, &who, who.caller().user(), &fields.text("token")).await?;
    let to = match done.project_id {
        Some(project) => format!("/access/projects/{project}"),
        None => format!("/access/organizations/{}", done.org_id),
    };
    Ok(Go::to(to).saying(&format!("Welcome. You are {} here.", done.role)))
}
