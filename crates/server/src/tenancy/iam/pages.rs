//! The page `/platform/iam`.

use super::http::{ApproveRecovery, MakeGlass, ReadIam, RefuseRecovery, StartRecovery};
use crate::{
    identity::factors::{break_glass, queue, readiness},
    tenancy::Operator,
};
use api::{
    Time,
    factors::{MfaReadiness, ReadinessGroup, RecoveryState, RecoveryView},
    people::PlatformRole,
    people::UserView,
};
use kernel::{
    App, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, banner, code_block, col, danger, empty,
        html, icon, moment, num, page_head, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/iam", iam_page),
        Route::post("/platform/iam/recovery", start_form),
        Route::post("/platform/iam/recovery/{recovery_id}/approve", approve_form),
        Route::post("/platform/iam/recovery/{recovery_id}/refuse", refuse_form),
        Route::post("/platform/iam/break-glass", glass_form).shows_secret(),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct IamView {
    /// Counts.
    pub readiness: MfaReadiness,
    /// What waits.
    pub queue: Vec<RecoveryView>,
    /// Who looks.
    pub me: api::UserId,
    /// Whether they may see who has a role of the platform.
    pub lists_people: bool,
    /// Whether they decide about recoveries and make break-glass codes.
    pub decides: bool,
    /// Now.
    pub now: Time,
    /// For the forms.
    pub form: FormCtx,
}

impl IamView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_200_000_000);
        let nil = uuid::Uuid::nil();
        let person = UserView {
            id: api::UserId(nil),
            email: "grace@example.com".into(),
            display_name: "Grace Hopper".into(),
            operator: true,
            platform_role: Some(PlatformRole::Operator),
        };
        let group = |name: &str, people, protected, required| ReadinessGroup {
            group: name.into(),
            people,
            protected,
            with_backup: protected / 2,
            required,
        };
        let readiness = MfaReadiness {
            read_at: now,
            groups: vec![group("operators", 3, 2, true), group("people", 41, 17, false)],
            operators_without: vec![person.clone()],
            operators_excused: false,
            recovery_open: 1,
            break_glass_left: 5,
            break_glass_used_at: None,
        };
        let waiting = RecoveryView {
            id: api::RecoveryId(nil),
            user: UserView { operator: false, ..person },
            reason: "the phone fell into the sea while I was writing a rather long reason down"
                .into(),
            state: RecoveryState::Requested,
            started_by: api::UserId(nil),
            approvals: 0,
            approvals_needed: 1,
            created_at: now,
            ready_at: now,
            expires_at: now,
        };
        let approved = RecoveryView { state: RecoveryState::Approved, ..waiting.clone() };
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let me = api::UserId(uuid::Uuid::max());
        let bare = MfaReadiness {
            operators_without: vec![],
            operators_excused: true,
            break_glass_left: 0,
            break_glass_used_at: Some(now),
            ..readiness.clone()
        };
        vec![
            Self {
                readiness,
                queue: vec![waiting, approved],
                me,
                now,
                decides: true,
                lists_people: true,
                form: form.clone(),
            },
            Self {
                readiness: bare,
                queue: vec![],
                me,
                now,
                decides: false,
                lists_people: false,
                form,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let evidence = html! {
            @if self.lists_people { a class="button" href="/platform/iam/people" { (icon("users")) "People" } }
            a class="button" href="/platform/iam/rollout" { (icon("file-search")) "Rollout" }
            a class="button" href="/api/v1/platform/iam/mfa-readiness" download="mfa-readiness.json" { (icon("receipt")) "Export as evidence" }
        };
        html! {
            (page_head("Identity and access", "Who can be taken over by a password alone, who waits to get back in, and the way in when nobody can.", Some(evidence)))
            (self.warnings())
            section class="section" { h2 { "Second factors" } (self.groups()) }
            section class="section flow" { h2 { "Recoveries that wait" } (self.queue()) (self.start()) }
            @if self.decides { section class="section card flow" { h2 { "Break-glass account" } (self.glass()) } }
        }
    }

    fn warnings(&self) -> Markup {
        html! {
            @if self.readiness.operators_excused {
                (banner("warn", "Operators are excused from second factors here. That is for development; a site in production refuses to start with it.", None))
            }
            @for person in &self.readiness.operators_without {
                (banner("bad", &format!("{} ({}) runs this site and has no second factor: they can do nothing here until they set one up.", person.display_name, person.email), None))
            }
            @if self.readiness.break_glass_left == 0 {
                (banner("warn", "There are no break-glass codes. Make some, print them, and lock them away.", None))
            }
            @if let Some(at) = self.readiness.break_glass_used_at {
                (banner("warn", &format!("A break-glass code was last used on {}.", at.plain()), None))
            }
        }
    }

    fn groups(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .readiness
            .groups
            .iter()
            .map(|group| {
                let all = group.protected == group.people;
                let tone = if all {
                    "good"
                } else if group.required {
                    "bad"
                } else {
                    "warn"
                };
                vec![
                    html! { (group.group) },
                    html! { (group.people) },
                    html! { (group.protected) },
                    html! { (group.with_backup) },
                    badge(tone, if group.required { "required" } else { "by choice" }),
                ]
            })
            .collect();
        table(
            "Second factors",
            &[col("Who"), num("People"), num("Protected"), num("With a backup"), col("Policy")],
            &rows,
        )
    }

    fn queue(&self) -> Markup {
        if self.queue.is_empty() {
            return empty(
                "shield-check",
                "Nobody waits",
                "People who lost their factors and their codes ask here. You check that it is them by another way, and approve.",
                None,
            );
        }
        let rows: Vec<Vec<Markup>> = self.queue.iter().map(|one| self.row(one)).collect();
        table(
            "Recoveries",
            &[col("Who"), col("Why"), col("Asked"), col("Not before"), col("Approvals"), col("")],
            &rows,
        )
    }

    fn row(&self, one: &RecoveryView) -> Vec<Markup> {
        let mine = one.user.id == self.me || one.started_by == self.me;
        let open = one.state == RecoveryState::Requested;
        vec![
            html! { strong { (one.user.display_name) } br; span class="muted small" { (one.user.email) } },
            html! { (one.reason) },
            ago(one.created_at, self.now),
            moment(one.ready_at),
            html! { (one.approvals) " of " (one.approvals_needed) " " (badge(if open { "warn" } else { "good" }, one.state.as_str())) },
            html! {
                @if mine || !self.decides { span class="muted small" { @if mine { "a second person decides" } @else { "an operator decides" } } } @else {
                    @if open {
                        form method="post" action={ "/platform/iam/recovery/" (one.id) "/approve" } {
                            (self.form.hidden(&format!("approve-{}", one.id)))
                            button class="button" { "Approve" }
                        }
                    }
                    (danger("Refuse", "Refuse this recovery?", "The person reads your reason and can ask again.", html! {
                        form method="post" action={ "/platform/iam/recovery/" (one.id) "/refuse" } {
                            (self.form.hidden(&format!("refuse-{}", one.id)))
                            input name="reason" aria-label="Reason" placeholder="Reason" maxlength="500" required;
                            button class="button danger-go" { "Refuse" }
                        }
                    }))
                }
            },
        ]
    }

    fn start(&self) -> Markup {
        html! {
            details class="flow" {
                summary class="button" { "Start a recovery for somebody" }
                p class="muted" { "Somebody else approves it, and only the person finishes it: you never learn a code or password of theirs." }
                form method="post" action="/platform/iam/recovery" class="inline-form" {
                    (self.form.hidden("start"))
                    (Field::text("email", "Their e-mail address").kind("email", "off").draw(&Entered::fresh()))
                    (Field { max: 500, ..Field::text("reason", "Why") }.draw(&Entered::fresh()))
                    button class="button" { "Start" }
                }
            }
        }
    }

    fn glass(&self) -> Markup {
        html! {
            p { (self.readiness.break_glass_left) " sealed codes work. Each opens one session of an hour at " code { "/auth/break-glass" } ", also when a sign-in service is down; everybody who runs this site is told at once." }
            (danger("Make new codes", "Make new break-glass codes?", "The older ones end now. Have the new ones printed and locked away before you leave the page.", html! {
                form method="post" action="/platform/iam/break-glass" {
                    (self.form.hidden("glass"))
                    button class="button danger-go" { "Make five codes" }
                }
            }))
        }
    }
}

/// The page that shows sealed codes, once.
#[derive(Debug, Clone)]
pub struct GlassCodesView {
    /// They.
    pub codes: Vec<String>,
}

impl GlassCodesView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![Self { codes: vec!["k3f9x-01abc-9v7m2-k4n6p".to_owned(); 5] }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Break-glass codes", "Each opens one session of an hour.", None))
            (banner("warn", "They are shown this once. Print them, seal each in an envelope, and keep the envelopes in different places.", None))
            section class="card" { (code_block(&self.codes.join("\n"))) }
            p class="section" { a class="button primary" href="/platform/iam" { (icon("check")) "They are printed" } }
        }
    }
}

async fn iam_page(who: Operator<ReadIam>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let readiness = readiness(&app, &mut tx).await?;
    let queue = queue::list(&mut tx).await?;
    let (me, now, form) = (who.caller().user_id(), tx.now(), who.form(&app));
    let decides = who.frozen("recovery.approve").is_none();
    let lists_people = who.frozen("staff.list").is_none();
    let view = IamView { readiness, queue, me, now, decides, lists_people, form };
    Ok(Page::new("Identity and access", view.draw()).frozen(who.frozen("recovery.start")))
}

async fn start_form(who: Operator<StartRecovery>, app: App, Form(fields): Form) -> Result<Go> {
    let by = who.caller().user();
    queue::start(&app, &who, by, &fields.text("email"), &fields.text("reason")).await?;
    Ok(Go::to("/platform/iam").saying("Started. Somebody else approves it."))
}

async fn approve_form(who: Operator<ApproveRecovery>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("recovery_id")?;
    let after = queue::approve(&app, &who, who.caller().user(), id).await?;
    let words = match after.state {
        RecoveryState::Approved => "Approved. The person is told.".to_owned(),
        _ => format!("{} of {} approvals.", after.approvals, after.approvals_needed),
    };
    Ok(Go::to("/platform/iam").saying(&words))
}

async fn refuse_form(who: Operator<RefuseRecovery>, app: App, Form(fields): Form) -> Result<Go> {
    let id = who.head().id("recovery_id")?;
    queue::refuse(&app, &who, id, &fields.text("reason")).await?;
    Ok(Go::to("/platform/iam").saying("Refused. The person reads your reason."))
}

async fn glass_form(who: Operator<MakeGlass>, app: App, _: Form) -> Result<Page> {
    let codes = break_glass::make(&app, &who, who.caller().user()).await?;
    Ok(Page::new("Break-glass codes", GlassCodesView { codes }.draw()))
}
