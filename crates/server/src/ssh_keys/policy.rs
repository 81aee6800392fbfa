//! What an organization allows over SSH, and asks for.

use crate::tenancy::{Action, Allowed, Ask, Found, InOrg, Organization, find_org};
use api::{OrgId, Time, UserId, ssh::ReachPolicy};
use kernel::{
    App, Result,
    audit::Key as Fact,
    db::{Reader, WriteTx},
    html::{FormCtx, Markup, Page, banner, html, page_head},
    http::{Form, Go},
    row,
};

row! {
    /// What an organization has set.
    struct Row in "reach_policies" {
        /// Organization.
        pub org_id: OrgId,
        /// Whether ports may be forwarded.
        pub forwarding: bool,
        /// Whether a launch needs a key.
        pub require_key: bool,
        /// Who set it last.
        pub changed_by: UserId,
        /// When.
        pub changed_at: Time,
    }
}

/// What holds where nothing was set.
const USUAL: ReachPolicy = ReachPolicy { forwarding: true, require_key: false };

/// Reads the policy.
pub struct Read;
impl Action for Read {
    const NAME: &'static str = "reach_policy.read";
    type Scope = InOrg;
    type Row = Organization;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Organization>>> {
        find_org(tx, ask).await
    }
}

/// Changes it.
pub struct Set;
impl Action for Set {
    const NAME: &'static str = "reach_policy.set";
    const STEP_UP: bool = true;
    type Scope = InOrg;
    type Row = Organization;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Organization>>> {
        find_org(tx, ask).await
    }
}

/// Returns what holds in an organization.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Reader, org: OrgId) -> Result<ReachPolicy> {
    let row: Option<Row> =
        tx.find("SELECT {} FROM reach_policies WHERE org_id = $1", (org,)).await?;
    Ok(row.map_or(USUAL, |row| ReachPolicy {
        forwarding: row.forwarding,
        require_key: row.require_key,
    }))
}

/// Sets it.
///
/// # Errors
/// What the database says.
pub async fn set(app: &App, who: &Allowed<Set>, policy: ReachPolicy) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let org = who.scope().org_id();
    write(&mut tx, org, who.caller().user_id(), policy).await?;
    tx.target(org);
    let word = |on: bool| if on { "on" } else { "off" };
    let words = format!(
        "forwarding {}, key at launch {}",
        word(policy.forwarding),
        if policy.require_key { "required" } else { "not required" }
    );
    tx.note(Fact::State, words);
    tx.commit().await
}

async fn write(tx: &mut WriteTx, org: OrgId, by: UserId, policy: ReachPolicy) -> Result<()> {
    let now = tx.now();
    tx.run(
        "INSERT INTO reach_policies (org_id, forwarding, require_key, changed_by, changed_at)
           VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id) DO UPDATE SET forwarding = excluded.forwarding,
           require_key = excluded.require_key, changed_by = excluded.changed_by,
           changed_at = excluded.changed_at",
        (org, policy.forwarding, policy.require_key, by, now),
    )
    .await
    .map(|_| ())
}

/// The page.
#[derive(Debug, Clone)]
pub struct ReachPolicyView {
    /// The organization.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// What holds.
    pub policy: ReachPolicy,
    /// Whether whoever looks may change it.
    pub may_set: bool,
    /// For forms.
    pub form: FormCtx,
}

impl ReachPolicyView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            org: OrgId(uuid::Uuid::nil()),
            name: "Example".into(),
            policy: USUAL,
            may_set: true,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let strict = ReachPolicy { forwarding: false, require_key: true };
        vec![one.clone(), Self { policy: strict, may_set: false, ..one }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let tick = |name: &str, on: bool, words: &str, why: &str| {
            html! {
                p {
                    label { input type="checkbox" name=(name) value="1" checked[on] disabled[!self.may_set]; " " strong { (words) } }
                    br; span class="muted small" { (why) }
                }
            }
        };
        html! {
            (page_head("SSH", &format!("What {} allows over SSH, and asks for.", self.name), None))
            form method="post" action={ "/access/organizations/" (self.org) "/reach" } class="card flow" {
                (self.form.hidden("reach"))
                (tick("forwarding", self.policy.forwarding, "Ports may be forwarded", "ssh -L, -D and -R between a person's machine and a workload's own loopback. Editors that work over SSH need it."))
                (tick("require_key", self.policy.require_key, "A launch needs a key", "Whoever launches without a public key is asked for one first; nothing is started before."))
                @if self.may_set { button class="button primary" { "Save" } }
                @else { (banner("info", "An admin of the organization changes this.", None)) }
            }
        }
    }
}

pub(super) async fn page(who: Allowed<Read>, app: App, (): ()) -> Result<Page> {
    let policy = find(&mut *app.db.read().await?, who.scope().org_id()).await?;
    let view = ReachPolicyView {
        org: who.row().id,
        name: who.row().name.clone(),
        policy,
        may_set: who.may("reach_policy.set"),
        form: who.form(&app),
    };
    Ok(Page::new("SSH", view.draw()))
}

pub(super) async fn form(who: Allowed<Set>, app: App, Form(fields): Form) -> Result<Go> {
    let policy = ReachPolicy {
        forwarding: fields.ticked("forwarding"),
        require_key: fields.ticked("require_key"),
    };
    set(&app, &who, policy).await?;
    Ok(Go::to(format!("/access/organizations/{}/reach", who.row().id)).saying("Saved."))
}
