//! Pages of service accounts and keys.

use super::{
    accounts::{self, Delete, SetState},
    keys::{self, Wanted},
    made::made,
    register,
    store::ServiceAccount,
};
use crate::tenancy::{Action, Allowed, InProject, policy};
use api::{
    Code, KeyId, ProjectId, ServiceAccountId, Time, UserId,
    machines::{KeyView, ServiceAccountState, ServiceAccountView},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, banner, col, danger, empty, html, icon,
        id_copy, moment, num, page_head, select, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/service-accounts", list_page),
        Route::post("/access/service-accounts", create_form),
        Route::get("/access/service-accounts/{service_account_id}", one_page),
        Route::post("/access/service-accounts/{service_account_id}/state", state_form),
        Route::post("/access/service-accounts/{service_account_id}/delete", delete_form),
        Route::post("/access/service-accounts/{service_account_id}/keys", key_form).shows_secret(),
        Route::post("/access/keys/{key_id}/rotate", rotate_form).shows_secret(),
        Route::post("/access/keys/{key_id}/revoke", revoke_form),
        register::route(),
    ]
}

/// All service accounts of a project.
#[derive(Debug, Clone)]
pub struct ServiceAccountsView {
    /// The project's name.
    pub project: String,
    /// They.
    pub rows: Vec<ServiceAccountView>,
    /// Whether one may make and end them.
    pub manages: bool,
    /// The form.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

fn sample(name: &str, state: ServiceAccountState) -> ServiceAccountView {
    let nil = uuid::Uuid::nil();
    ServiceAccountView {
        id: ServiceAccountId(nil),
        project_id: ProjectId(nil),
        name: name.to_owned(),
        owner_id: UserId(nil),
        state,
        created_at: Time(1_795_000_000_000_000),
        keys: 2,
    }
}

impl ServiceAccountsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let none = Self {
            project: "Default".into(),
            rows: vec![],
            manages: true,
            entered: Entered::fresh(),
            form,
        };
        let long = "a service account with the longest name that it may have here";
        let rows = vec![
            sample("ci", ServiceAccountState::Active),
            sample(long, ServiceAccountState::Disabled),
        ];
        let taken = Entered::fresh().with("name", "ci").refused(&Error::new(Code::NameTaken));
        vec![
            none.clone(),
            Self { manages: false, ..none.clone() },
            Self { rows: rows.clone(), entered: taken, ..none.clone() },
            Self { rows, manages: false, ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    html! { a href={ "/access/service-accounts/" (row.id) } { strong { (row.name) } } },
                    state_badge(row.state),
                    html! { (row.keys) },
                    moment(row.created_at),
                    id_copy(&row.id.to_string()),
                ]
            })
            .collect();
        html! {
            (page_head("Service accounts", &format!("What acts in {} without a person: pipelines, controllers, back ends. Each can do no more than its keys say and its owner may.", self.project), None))
            @if rows.is_empty() {
                (empty("key-round", "No service account yet", "Make one for each thing that calls the API by itself, so that you can end it without ending the others.", None))
            } @else {
                (table("Service accounts", &[col("Name"), col("State"), num("Keys"), col("Since"), col("Identifier")], &rows))
            }
            @if self.manages {
                section class="section card" id="new" { h2 { "New service account" }
                    (self.entered.banner())
                    form method="post" action="/access/service-accounts" class="inline-form" {
                        (self.form.hidden("create"))
                        (Field::text("name", "Name").draw(&self.entered))
                        button class="button primary" { (icon("plus")) "Create service account" }
                    }
                }
            } @else {
                (banner("info", "Making and ending service accounts takes an admin of the project.", None))
            }
        }
    }
}

fn state_badge(state: ServiceAccountState) -> Markup {
    badge(if state == ServiceAccountState::Active { "good" } else { "warn" }, state.as_str())
}

/// One service account.
#[derive(Debug, Clone)]
pub struct ServiceAccountPageView {
    /// It.
    pub account: ServiceAccountView,
    /// Its keys.
    pub keys: Vec<KeyView>,
    /// Whether one may make and end keys.
    pub manages: bool,
    /// The key form.
    pub entered: Entered,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

impl ServiceAccountPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_200_000_000);
        let key = |name: &str, revoked| KeyView {
            id: KeyId(uuid::Uuid::nil()),
            service_account_id: ServiceAccountId(uuid::Uuid::nil()),
            name: name.into(),
            hint: "gpuaas_k_Ab3d".into(),
            scopes: vec!["allocation.list".into(), "allocation.create".into()],
            created_at: Time(1_795_000_000_000_000),
            expires_at: Time(1_797_000_000_000_000),
            last_used_at: Some(now),
            revoked_at: revoked,
            public_key: None,
        };
        let none = Self {
            account: sample("ci", ServiceAccountState::Active),
            keys: vec![],
            manages: true,
            entered: Entered::fresh().with("name", "first key"),
            now,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        vec![
            none.clone(),
            Self { keys: vec![key("pipeline", None), key("old", Some(now))], ..none.clone() },
            Self {
                account: sample("ci", ServiceAccountState::Disabled),
                keys: vec![key("pipeline", None)],
                manages: false,
                ..none
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let account = &self.account;
        html! {
            (page_head(&account.name, "Its keys: what they may do, when they end, when they were last used.", Some(state_badge(account.state))))
            (self.entered.banner())
            @if account.state == ServiceAccountState::Disabled {
                (banner("warn", "Disabled: none of its keys works until it is enabled again.", None))
            }
            @if self.keys.is_empty() {
                (empty("key-round", "No key yet", "A key is what the service account shows. Its secret is shown once, when it is made.", None))
            } @else { (self.list()) }
            @if self.manages {
                section class="section card flow" { h2 { "New key" } (self.key_form()) }
                (register::draw(self))
                section class="section card flow" { h2 { "Disable and delete" } (self.ends()) }
            }
        }
    }

    fn list(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.keys.iter().map(|key| self.row(key)).collect();
        table(
            "Keys",
            &[col("Name"), col("Begins with"), col("May"), col("Ends"), col("Last used"), col("")],
            &rows,
        )
    }

    fn row(&self, key: &KeyView) -> Vec<Markup> {
        let over = key.revoked_at.is_some() || key.expires_at <= self.now;
        vec![
            html! { strong { (key.name) } @if key.revoked_at.is_some() { " " (badge("", "revoked")) } @else if over { " " (badge("", "over")) } },
            html! { @if key.public_key.is_some() { (badge("", "signs")) } @else { code { (key.hint) "…" } } },
            html! { span class="small" { (key.scopes.join(", ")) } },
            ago(key.expires_at, self.now),
            html! { @if let Some(at) = key.last_used_at { (ago(at, self.now)) } @else { span class="muted" { "never" } } },
            html! { @if self.manages && !over {
                @if key.public_key.is_none() { form method="post" action={ "/access/keys/" (key.id) "/rotate" } {
                    (self.form.hidden(&format!("rotate-{}", key.id)))
                    button class="button" title="Makes another; this one works on for a day" { "Rotate" }
                } }
                (danger("Revoke", &format!("Revoke {}?", key.name), "Whatever uses it stops at once.", html! {
                    form method="post" action={ "/access/keys/" (key.id) "/revoke" } {
                        (self.form.hidden(&format!("revoke-{}", key.id)))
                        button class="button danger-go" { "Revoke " (key.name) }
                    }
                }))
            } },
        ]
    }

    fn key_form(&self) -> Markup {
        let scopes = [("run", "launch, release and read"), ("read", "read only")]
            .map(|(value, words)| (value.to_owned(), words.to_owned()));
        let days = [("30", "30 days"), ("90", "90 days"), ("365", "a year")]
            .map(|(value, words)| (value.to_owned(), words.to_owned()));
        html! {
            form method="post" action={ "/access/service-accounts/" (self.account.id) "/keys" } class="inline-form" {
                (self.form.hidden("key"))
                (Field::text("name", "Name").draw(&self.entered))
                (select("scopes", "May", self.entered.value("scopes"), &scopes))
                (select("days", "Works for", "90", &days))
                button class="button primary" { (icon("plus")) "Create key" }
            }
            p class="muted small" { "Single actions can be chosen through the API: " (policy::FOR_MACHINES.join(", ")) "." }
        }
    }

    fn ends(&self) -> Markup {
        let disabled = self.account.state == ServiceAccountState::Disabled;
        let (next, words) = if disabled { ("active", "Enable") } else { ("disabled", "Disable") };
        let id = self.account.id;
        html! {
            form method="post" action={ "/access/service-accounts/" (id) "/state" } {
                (self.form.hidden("state"))
                input type="hidden" name="state" value=(next);
                button class="button" { (words) }
            }
            (danger("Delete service account", "Delete this service account?", "Its keys end at once. What it did stays in the audit record.", html! {
                form method="post" action={ "/access/service-accounts/" (id) "/delete" } {
                    (self.form.hidden("delete"))
                    button class="button danger-go" { "Delete " (self.account.name) }
                }
            }))
        }
    }
}

async fn view(app: &App, who: &Allowed<accounts::List>, entered: Entered) -> Result<Page> {
    let rows = accounts::list(&mut *app.db.read().await?, who.scope()).await?;
    let view = ServiceAccountsView {
        project: who.row().name.clone(),
        rows,
        manages: who.may("service_account.create"),
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Service accounts", view.draw()))
}

async fn list_page(who: Allowed<accounts::List>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn create_form(who: Allowed<accounts::Create>, app: App, Form(fields): Form) -> Result<Go> {
    let row = accounts::create(&app, &who, &fields.text("name")).await?;
    Ok(Go::to(format!("/access/service-accounts/{}", row.id)).saying("Now make its first key."))
}

/// Draws the page of one service account.
pub(super) async fn one<A>(app: &App, who: &Allowed<A>, entered: Entered) -> Result<Page>
where
    A: Action<Scope = InProject, Row = ServiceAccount>,
{
    let mut tx = app.db.read().await?;
    let all = crate::identity::keys::list(&mut tx, who.row().id).await?;
    let view = ServiceAccountPageView {
        account: accounts::view(&mut tx, who.row().clone()).await?,
        keys: all.into_iter().map(keys::view).collect(),
        manages: who.may("key.create"),
        entered,
        now: tx.now(),
        form: who.form(app),
    };
    Ok(Page::new(who.row().name.clone(), view.draw()))
}

async fn one_page(who: Allowed<keys::List>, app: App, (): ()) -> Result<Page> {
    one(&app, &who, Entered::fresh()).await
}

async fn state_form(who: Allowed<SetState>, app: App, Form(fields): Form) -> Result<Go> {
    let state = ServiceAccountState::parse(&fields.text("state"))
        .ok_or_else(|| Error::field("state", "Choose active or disabled."))?;
    accounts::set_state(&app, &who, state).await?;
    Ok(Go::to(format!("/access/service-accounts/{}", who.row().id))
        .saying(&format!("It is {state} now.")))
}

async fn delete_form(who: Allowed<Delete>, app: App, _: Form) -> Result<Go> {
    accounts::delete(&app, &who).await?;
    Ok(Go::to("/access/service-accounts").saying(&format!("{} is deleted.", who.row().name)))
}

async fn key_form(who: Allowed<keys::Create>, app: App, Form(fields): Form) -> Result<Page> {
    let scopes: Vec<String> = fields.text("scopes").split_whitespace().map(str::to_owned).collect();
    let days = u32::try_from(fields.number("days")?).unwrap_or(0);
    let wanted = Wanted { name: &fields.text("name"), scopes: &scopes, days };
    let (key, secret) = keys::create(&app, &who, wanted).await?;
    Ok(made(&app, key, secret.reveal(), None))
}

async fn rotate_form(who: Allowed<keys::Rotate>, app: App, _: Form) -> Result<Page> {
    let (key, secret) = keys::rotate(&app, &who, 24).await?;
    let old_ends = key.created_at.plus(std::time::Duration::from_secs(24 * 3600));
    Ok(made(&app, key, secret.reveal(), Some(old_ends)))
}

async fn revoke_form(who: Allowed<keys::Revoke>, app: App, _: Form) -> Result<Go> {
    keys::revoke(&app, &who).await?;
    let to = format!("/access/service-accounts/{}", who.row().service_account_id);
    Ok(Go::to(to).saying("The key has ended."))
}
