//! What an organization records, and for how long it is kept.

use crate::tenancy::{Action, Allowed, Ask, Found, InOrg, Organization, find_org};
use api::{
    OrgId, Time, UserId,
    recordings::{RecordingMode, RecordingPolicy},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::Reader,
    html::{FormCtx, Markup, Page, banner, html, page_head},
    http::{Form, Go},
    row,
};

row! {
    /// What an organization has set.
    struct Row in "recording_policies" {
        /// Organization.
        pub org_id: OrgId,
        /// Whether terminals are recorded.
        pub mode: RecordingMode,
        /// Days a recording is kept.
        pub keep_days: i64,
        /// Who set it last.
        pub changed_by: UserId,
        /// When.
        pub changed_at: Time,
    }
}

/// What holds where nothing was set.
const USUAL: RecordingPolicy = RecordingPolicy { mode: RecordingMode::Off, keep_days: 90 };
const MOST_DAYS: i64 = 3650;

/// Reads the policy.
pub struct Read;
impl Action for Read {
    const NAME: &'static str = "recording_policy.read";
    type Scope = InOrg;
    type Row = Organization;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Organization>>> {
        find_org(tx, ask).await
    }
}

/// Changes it.
pub struct Set;
impl Action for Set {
    const NAME: &'static str = "recording_policy.set";
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
pub async fn find(tx: &mut Reader, org: OrgId) -> Result<RecordingPolicy> {
    let row: Option<Row> =
        tx.find("SELECT {} FROM recording_policies WHERE org_id = $1", (org,)).await?;
    Ok(row.map_or(USUAL, |row| RecordingPolicy { mode: row.mode, keep_days: row.keep_days }))
}

/// Sets it.
///
/// # Errors
/// `validation_error`.
pub(super) async fn set(app: &App, who: &Allowed<Set>, policy: RecordingPolicy) -> Result<()> {
    if !(1..=MOST_DAYS).contains(&policy.keep_days) {
        return Err(Error::field("keep_days", "1 to 3,650 days."));
    }
    let (org, by) = (who.scope().org_id(), who.caller().user_id());
    let mut tx = app.db.write(who).await?;
    let now = tx.now();
    tx.run(
        "INSERT INTO recording_policies (org_id, mode, keep_days, changed_by, changed_at)
           VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id) DO UPDATE SET mode = excluded.mode, keep_days = excluded.keep_days,
           changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        (org, policy.mode, policy.keep_days, by, now),
    )
    .await?;
    tx.target(org);
    tx.note(Key::State, policy.mode);
    tx.note(Key::Count, policy.keep_days);
    tx.commit().await
}

/// The page.
#[derive(Debug, Clone)]
pub struct RecordingPolicyView {
    /// The organization.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// What holds.
    pub policy: RecordingPolicy,
    /// Whether whoever looks may change it.
    pub may_set: bool,
    /// For forms.
    pub form: FormCtx,
}

impl RecordingPolicyView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            org: OrgId(uuid::Uuid::nil()),
            name: "Example".into(),
            policy: USUAL,
            may_set: true,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let strict = RecordingPolicy { mode: RecordingMode::Required, keep_days: MOST_DAYS };
        vec![one.clone(), Self { policy: strict, may_set: false, ..one }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let choice = |mode: RecordingMode, words: &str, why: &str| {
            html! {
                p {
                    label { input type="radio" name="mode" value=(mode) checked[self.policy.mode == mode] disabled[!self.may_set]; " " strong { (words) } }
                    br; span class="muted small" { (why) }
                }
            }
        };
        html! {
            (page_head("Recording", &format!("Whether what terminals of {} show is recorded.", self.name), None))
            form method="post" action={ "/access/organizations/" (self.org) "/recording" } class="card flow" {
                (self.form.hidden("recording"))
                fieldset class="flow" {
                    legend class="hidden" { "Terminals are recorded" }
                    (choice(RecordingMode::Off, "Off", "No terminal is recorded."))
                    (choice(RecordingMode::On, "When asked for", "Whoever opens a terminal may have it recorded. Others are not."))
                    (choice(RecordingMode::Required, "Always", "Every shell and command is recorded, in the browser, at the command line and over SSH. Who does not agree opens none; what is open and not recorded ends within seconds."))
                }
                div class="field" {
                    label for="keep_days" { "Days a recording is kept" }
                    input id="keep_days" name="keep_days" type="number" min="1" max=(MOST_DAYS) required value=(self.policy.keep_days) disabled[!self.may_set];
                    span class="muted small" { "Counted from its end; it holds for what ends from now on." }
                }
                p class="muted small" { "Recorded is what a terminal or command shows, sealed on the server, never what is typed. Files copied over SFTP, by scp or from a terminal's page are not recorded, nor are forwarded ports, which are switched off under SSH. rsync and tar over SSH are commands: where recording is always on, all they print is kept." }
                @if self.may_set { button class="button primary" { "Save" } }
                @else { (banner("info", "An admin of the organization changes this.", None)) }
            }
        }
    }
}

pub(super) async fn page(who: Allowed<Read>, app: App, (): ()) -> Result<Page> {
    let policy = find(&mut *app.db.read().await?, who.scope().org_id()).await?;
    let view = RecordingPolicyView {
        org: who.row().id,
        name: who.row().name.clone(),
        policy,
        may_set: who.may("recording_policy.set"),
        form: who.form(&app),
    };
    Ok(Page::new("Recording", view.draw()))
}

pub(super) async fn form(who: Allowed<Set>, app: App, Form(fields): Form) -> Result<Go> {
    let mode = RecordingMode::parse(&fields.text("mode"))
        .ok_or_else(|| Error::field("mode", "Choose one of the three."))?;
    let days = fields.number_or_none("keep_days")?;
    let keep_days = days.ok_or_else(|| Error::field("keep_days", "1 to 3,650 days."))?;
    set(&app, &who, RecordingPolicy { mode, keep_days }).await?;
    Ok(Go::to(format!("/access/organizations/{}/recording", who.row().id)).saying("Saved."))
}
