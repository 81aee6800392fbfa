//! `/access/credentials`: one's own keys for SSH.

use super::{
    keys::{self, Add, Delete, List},
    projects::{self, Promote, Withdraw},
};
use crate::{
    identity::{Myself, return_target},
    tenancy::{Allowed, own_projects},
};
use api::{
    ProjectId, SshKeyId, Time, UserId,
    ssh::{SshKeyImported, SshKeyView},
};
use gateway::ssh::keys::is_private;
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, banner, col, danger, empty, html, icon,
        page_head, table,
    },
    http::{Fields, Form, Go, Route},
};

/// The page.
const HERE: &str = "/access/credentials";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/credentials", page),
        Route::post("/access/credentials", add_form),
        Route::post("/access/credentials/import", import_form),
        Route::post("/access/credentials/{ssh_key_id}/delete", delete_form),
        Route::post("/access/credentials/{ssh_key_id}/offer", offer_form),
        Route::post("/access/credentials/{ssh_key_id}/withdraw", withdraw_form),
    ]
}

/// One's own keys.
#[derive(Debug, Clone)]
pub struct CredentialsView {
    /// They.
    pub keys: Vec<SshKeyView>,
    /// Projects they could be offered in.
    pub projects: Vec<(ProjectId, String)>,
    /// What became of an import.
    pub imported: Vec<SshKeyImported>,
    /// Where to go once a key is added; empty when nothing waits.
    pub back: String,
    /// What was entered.
    pub entered: Entered,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

impl CredentialsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_200_000_000);
        let key = |name: &str, used: Option<Time>, bits| SshKeyView {
            id: SshKeyId(uuid::Uuid::nil()),
            user_id: UserId(uuid::Uuid::nil()),
            name: name.into(),
            algorithm: if bits == Some(4096) { "ssh-rsa".into() } else { "ssh-ed25519".into() },
            bits,
            fingerprint: "SHA256:2yC0j7dXm7G4p0bTn1oE1dQv4b0Wj3b5k2mX0c9pR7s".into(),
            public_key: "ssh-ed25519 AAAA".into(),
            created_at: Time(1_795_000_000_000_000),
            last_used_at: used,
            projects: if bits.is_some() { vec![ProjectId(uuid::Uuid::nil())] } else { vec![] },
        };
        let none = Self {
            keys: vec![],
            projects: vec![(ProjectId(uuid::Uuid::nil()), "Default".into())],
            imported: vec![],
            back: "/launch/compute?sku=h100".into(),
            entered: Entered::fresh(),
            now,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let long = "the longest name that a key may have here: sixty characters.";
        let refused = Entered::fresh()
            .with("public_key", "<script>")
            .refused(&Error::field("public_key", "That is no public key."));
        let line = |line, refused: Option<&str>| SshKeyImported {
            line,
            added: refused.is_none().then(|| key("one", None, None)),
            refused: refused.map(str::to_owned),
        };
        vec![
            none.clone(),
            Self {
                keys: vec![key("laptop", Some(now), None)],
                back: String::new(),
                ..none.clone()
            },
            Self {
                keys: vec![key(long, None, Some(4096)), key("yubikey", Some(now), None)],
                imported: vec![line(1, None), line(3, Some("That is no public key."))],
                back: String::new(),
                ..none.clone()
            },
            Self { entered: refused, ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("SSH keys", "Public keys that open your workloads. The private half never leaves your machine.", None))
            @if !self.back.is_empty() {
                (banner("info", "Add a key, and you go on where you were; what you had entered is kept.", None))
            }
            (self.entered.banner())
            (self.results())
            @if self.keys.is_empty() {
                (empty("key-round", "No key yet", "Add the public key of this machine. If it has none, make one: ssh-keygen -t ed25519", None))
            } @else { (self.list()) }
            section class="section card flow" id="add" { h2 { "Add a key" } (add_fields(&self.form, &self.entered, &self.back)) }
            details class="section card flow" {
                summary { "Import several at once" }
                form method="post" action="/access/credentials/import" class="flow" {
                    (self.form.hidden("import"))
                    (key_area("authorized_keys", "The text of an authorized_keys file", 8, &self.entered))
                    button class="button" { (icon("plus")) "Import" }
                }
            }
        }
    }

    fn results(&self) -> Markup {
        html! {
            @if !self.imported.is_empty() {
                ul class="card flow" aria-label="What became of each line" {
                    @for line in &self.imported {
                        li { "Line " (line.line) ": "
                            @match (&line.added, &line.refused) {
                                (Some(key), _) => { (badge("good", "added")) " " (key.name) }
                                (None, why) => { (badge("bad", "refused")) " " (why.as_deref().unwrap_or_default()) }
                            }
                        }
                    }
                }
            }
        }
    }

    fn list(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.keys.iter().map(|key| self.row(key)).collect();
        table(
            "SSH keys",
            &[
                col("Name"),
                col("Kind"),
                col("Fingerprint"),
                col("Last used"),
                col("Offered in"),
                col(""),
            ],
            &rows,
        )
    }

    fn row(&self, key: &SshKeyView) -> Vec<Markup> {
        let kind = key.algorithm.trim_start_matches("ssh-").trim_end_matches("@openssh.com");
        vec![
            html! { strong { (key.name) } br; span class="muted small" { "added " (ago(key.created_at, self.now)) } },
            html! { (kind) @if let Some(bits) = key.bits { " " span class="num" { (bits) } } },
            html! { code class="small wrap" { (key.fingerprint) } },
            html! { @if let Some(at) = key.last_used_at { (ago(at, self.now)) } @else { span class="muted" { "never" } } },
            self.offers(key),
            danger(
                "Delete",
                &format!("Delete {}?", key.name),
                "It opens nothing any more; what it has open ends within seconds.",
                html! {
                    form method="post" action={ (HERE) "/" (key.id) "/delete" } {
                        (self.form.hidden(&format!("delete-{}", key.id)))
                        button class="button danger-go" { "Delete " (key.name) }
                    }
                },
            ),
        ]
    }

    /// In which projects others may choose it when they launch, and a way to offer it in one more.
    fn offers(&self, key: &SshKeyView) -> Markup {
        let name = |id: &ProjectId| {
            self.projects.iter().find(|(one, _)| one == id).map_or("", |(_, name)| name.as_str())
        };
        let more: Vec<_> =
            self.projects.iter().filter(|(id, _)| !key.projects.contains(id)).collect();
        html! {
            @for id in &key.projects {
                form method="post" action={ (HERE) "/" (key.id) "/withdraw" } class="inline-form" {
                    (self.form.hidden(&format!("withdraw-{}-{id}", key.id)))
                    input type="hidden" name="project" value=(id);
                    span { (name(id)) } button class="button" { "Take back" }
                }
            }
            @if !more.is_empty() {
                details {
                    summary class="small" { "Offer in a project" }
                    form method="post" action={ (HERE) "/" (key.id) "/offer" } class="inline-form" {
                        (self.form.hidden(&format!("offer-{}", key.id)))
                        label class="hidden" for={ "project-" (key.id) } { "Project" }
                        select id={ "project-" (key.id) } name="project" { @for (id, name) in more { option value=(id) { (name) } } }
                        button class="button" { "Offer" }
                    }
                    p class="muted small" { "Who launches there can then open their workload to you." }
                }
            }
        }
    }
}

fn key_area(name: &str, label: &str, rows: u8, entered: &Entered) -> Markup {
    let fault = entered.fault(name);
    html! {
        div class="field" {
            label for=(name) { (label) }
            textarea id=(name) name=(name) rows=(rows) maxlength="65536" spellcheck="false" autocapitalize="off"
                placeholder="ssh-ed25519 AAAA… you@laptop" aria-invalid[fault.is_some()] { (entered.value(name)) }
            @if let Some(fault) = fault { p class="fault" { (fault) } }
        }
    }
}

/// Draws what adding a key asks for.
fn add_fields(form: &FormCtx, entered: &Entered, back: &str) -> Markup {
    html! {
        form method="post" action=(HERE) class="flow" {
            (form.hidden("add"))
            @if !back.is_empty() { input type="hidden" name="return" value=(back); }
            (key_area("public_key", "Public key", 3, entered))
            p class="muted small" { "One line, from a file such as " code { "~/.ssh/id_ed25519.pub" } ". Taken are ed25519, ECDSA, security keys (sk) and RSA of 3,072 bits or more." }
            (Field::text("key_name", "Name").hint("Empty: the comment behind the key.").optional().draw(entered))
            button class="button primary" { (icon("plus")) "Add key" }
        }
    }
}

struct Shown {
    imported: Vec<SshKeyImported>,
    back: String,
    entered: Entered,
}

async fn draw<A>(app: &App, who: &Myself<A>, shown: Shown) -> Result<Page> {
    let user = who.caller().user_id();
    let keys = keys::list(app, user).await?;
    let mine = own_projects(&mut *app.db.read().await?, user).await?;
    let projects = mine.into_iter().map(|(project, _)| (project.id, project.name)).collect();
    let view = CredentialsView {
        keys,
        projects,
        imported: shown.imported,
        back: shown.back,
        entered: shown.entered,
        now: app.seams.clock.now(),
        form: who.caller().form(app),
    };
    Ok(Page::new("SSH keys", view.draw()))
}

async fn page(who: Myself<List>, app: App, (): ()) -> Result<Page> {
    let back = who.head().query("return").map(|text| return_target(&text)).unwrap_or_default();
    draw(&app, &who, Shown { imported: vec![], back, entered: Entered::fresh() }).await
}

/// Where to go on: the page that was asked from, or the launch that was being filled in.
fn back(fields: &Fields) -> String {
    if fields.text("draft") == "launch" {
        let part = |name: &str| {
            form_urlencoded::byte_serialize(fields.text(name).as_bytes()).collect::<String>()
        };
        let (sku, count, name) = (part("sku"), part("count"), part("name"));
        return return_target(&format!("/launch/compute?sku={sku}&count={count}&name={name}"));
    }
    fields.optional("return").map(|text| return_target(&text)).unwrap_or_default()
}

async fn add_form(who: Myself<Add>, app: App, Form(fields): Form) -> Result<Go> {
    let back = back(&fields);
    let (key, name) = (fields.text("public_key"), fields.optional("key_name"));
    match keys::add(&app, &who, &key, name.as_deref()).await {
        Ok(key) => {
            let to = if back.is_empty() { HERE.to_owned() } else { back };
            Ok(Go::to(to).saying(&format!("{} is added.", key.name)))
        }
        Err(error) => {
            // Only what looks like a public key goes back into the field.
            let public = ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| key.starts_with(kind));
            let kept = if public && !is_private(&key) { &key } else { "" };
            let entered = Entered::fresh()
                .with("public_key", kept)
                .with("key_name", fields.text("key_name"))
                .refused(&error)
                .on_top();
            let page = draw(&app, &who, Shown { imported: vec![], back, entered }).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn import_form(who: Myself<Add>, app: App, Form(fields): Form) -> Result<Page> {
    match keys::import(&app, &who, fields.raw("authorized_keys")).await {
        Ok(imported) => {
            let shown = Shown { imported, back: String::new(), entered: Entered::fresh() };
            draw(&app, &who, shown).await
        }
        Err(error) => {
            let entered = Entered::fresh().refused(&error).on_top();
            let page =
                draw(&app, &who, Shown { imported: vec![], back: String::new(), entered }).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn delete_form(who: Myself<Delete>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("ssh_key_id")?;
    keys::delete(&app, &who, id).await?;
    Ok(Go::to(HERE).saying("The key is deleted."))
}

async fn offer_form(who: Allowed<Promote>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("ssh_key_id")?;
    let key = projects::promote(&app, &who, id).await?;
    Ok(Go::to(HERE).saying(&format!("{} is offered in {}.", key.name, who.row().name)))
}

async fn withdraw_form(who: Allowed<Withdraw>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("ssh_key_id")?;
    projects::withdraw(&app, &who, id).await?;
    Ok(Go::to(HERE).saying("Taken back. Workloads it opens already stay open to you."))
}
