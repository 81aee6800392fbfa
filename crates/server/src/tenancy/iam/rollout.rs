//! The packet for rolling second factors out: what is ready, what is not, what people are written, and how it
//! is taken back. All of it is computed at this moment.

use super::http::ReadIam;
use crate::{
    identity::{self, factors::readiness},
    tenancy::Operator,
};
use api::{
    Time,
    factors::{MfaReadiness, RolloutPacket, RolloutStep},
    people::PlatformRole,
};
use kernel::{
    App, Result,
    db::Reader,
    html::{Markup, Page, badge, code_block, html, icon, page_head},
    http::{Json, Route},
    outbox::Mailbox,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/platform/iam/rollout", packet_http)
            .says("The packet for rolling second factors out: steps, letter, way back, as JSON."),
        Route::get("/platform/iam/rollout", page),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct RolloutView(pub RolloutPacket);

fn step(step: &str, title: &str, done: bool, found: String, next: &str, href: &str) -> RolloutStep {
    let text = |text: &str| text.to_owned();
    RolloutStep {
        step: text(step),
        title: text(title),
        done,
        found,
        next: text(next),
        href: text(href),
    }
}

fn of(readiness: &MfaReadiness, name: &str) -> (i64, i64) {
    let group = readiness.groups.iter().find(|group| group.group == name);
    group.map_or((0, 0), |group| (group.protected, group.people))
}

/// Draws the steps from what was found.
fn steps(readiness: &MfaReadiness, operators: usize, mails: bool) -> Vec<RolloutStep> {
    let share = |(protected, people): (i64, i64)| format!("{protected} of {people} have one");
    let (staff, owners, people) =
        (of(readiness, "operators"), of(readiness, "owners"), of(readiness, "people"));
    let codes = readiness.break_glass_left;
    vec![
        step(
            "operators",
            "People of the platform have a second factor",
            staff.0 == staff.1 && !readiness.operators_excused,
            share(staff),
            "Each sets one up on Account > Security; until then they can do nothing there.",
            "/platform/iam",
        ),
        step(
            "second_operator",
            "Somebody else can approve a recovery",
            operators > 1,
            format!("{operators} operators"),
            "Make a second person operator: nobody approves their own recovery.",
            "/platform/iam/people",
        ),
        step(
            "mail",
            "Mail reaches people",
            mails,
            if mails { "A mail server is set" } else { "Mails are written into files" }.to_owned(),
            "Set mail.smtp_host: recoveries and notices go by mail.",
            "/docs/operate",
        ),
        step(
            "break_glass",
            "There is a way in when nobody can sign in",
            codes > 0,
            format!("{codes} sealed codes"),
            "Make break-glass codes, print them, and lock them away.",
            "/platform/iam",
        ),
        step(
            "owners",
            "Owners of organizations have a second factor",
            owners.0 == owners.1,
            share(owners),
            "They are asked at once when they open their organization; write them before.",
            "/platform/iam",
        ),
        step(
            "people",
            "Everybody has one",
            people.0 == people.1,
            share(people),
            "Owners ask their people on the organization's page: a second factor of everyone.",
            "/platform/iam",
        ),
        step(
            "recoveries",
            "Nobody waits to get back in",
            readiness.recovery_open == 0,
            format!("{} wait", readiness.recovery_open),
            "Work the queue before you ask more people.",
            "/platform/iam",
        ),
    ]
}

fn letter(url: &str) -> String {
    format!(
        "From the day we agreed on, {url} asks you for a second factor.\n\
         Set one up today: {url}/account/security. A passkey is the stronger one; an app that shows six digits works too.\n\
         Print the ten recovery codes you are shown: each stands in for a lost phone, once.\n\
         Lost your phone? Choose \"I lost my factors and my codes\" when you are asked for one. A person checks that it is you; it takes up to three days.\n\
         Nobody of us ever asks you for a code."
    )
}

const BACK: &str = "Owners set the organization's policy back to “of owners” on its page: nobody is asked from the next request on, and factors that were set up stay. Of people of the platform and of owners it cannot be taken back; who is locked out uses a recovery code, a recovery, or a break-glass code.";

async fn packet(app: &App, tx: &mut Reader) -> Result<RolloutPacket> {
    let readiness = readiness(app, tx).await?;
    let staff = identity::list_staff(tx).await?;
    let operators = staff.iter().filter(|(_, role)| *role == PlatformRole::Operator).count();
    let mails = matches!(app.get::<Mailbox>(), Mailbox::Server { .. });
    Ok(RolloutPacket {
        read_at: tx.now(),
        steps: steps(&readiness, operators, mails),
        letter: letter(app.site.public_url.trim_end_matches('/')),
        back: BACK.to_owned(),
        readiness,
    })
}

impl RolloutView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let of = |ready: bool| {
            let readiness = MfaReadiness {
                read_at: Time(1_795_000_000_000_000),
                groups: vec![],
                operators_without: vec![],
                operators_excused: !ready,
                recovery_open: i64::from(!ready),
                break_glass_left: if ready { 5 } else { 0 },
                break_glass_used_at: None,
            };
            Self(RolloutPacket {
                read_at: readiness.read_at,
                steps: steps(&readiness, if ready { 2 } else { 1 }, ready),
                letter: letter("https://cloud.example.com"),
                back: BACK.to_owned(),
                readiness,
            })
        };
        vec![of(true), of(false)]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let export = html! {
            a class="button" href="/platform/iam" { "Identity and access" }
            a class="button" href="/api/v1/platform/iam/rollout" download="mfa-rollout.json" { (icon("receipt")) "Export the packet" }
        };
        let done = self.0.steps.iter().filter(|step| step.done).count();
        html! {
            (page_head("Rolling second factors out", &format!("What a change board is shown: {done} of {} steps are done.", self.0.steps.len()), Some(export)))
            div class="stack" {
                @for step in &self.0.steps {
                    article class="card flow" {
                        h2 { (step.title) " " (badge(if step.done { "good" } else { "warn" }, if step.done { "done" } else { "open" })) }
                        p { (step.found) "." }
                        @if !step.done { p class="muted" { (step.next) " " a href=(step.href) { "Go there" } } }
                    }
                }
            }
            section class="section card flow" { h2 { "What people are written" } (code_block(&self.0.letter)) }
            section class="section card flow" { h2 { "How it is taken back" } p { (self.0.back) } }
        }
    }
}

async fn packet_http(_: Operator<ReadIam>, app: App, (): ()) -> Result<Json<RolloutPacket>> {
    packet(&app, &mut *app.db.read().await?).await.map(Json)
}

async fn page(_: Operator<ReadIam>, app: App, (): ()) -> Result<Page> {
    let packet = packet(&app, &mut *app.db.read().await?).await?;
    Ok(Page::new("Rolling second factors out", RolloutView(packet).draw()))
}
