//! The page of the platform's people.

use super::people::{self, List, Remove, Set};
use crate::tenancy::{Operator, OperatorAction};
use api::{
    UserId,
    people::PlatformRole,
    staff::{StaffSet, StaffView},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, danger, html, icon, page_head, select,
        table,
    },
    http::{Fields, Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/iam/people", page),
        Route::post("/platform/iam/people", set_form),
        Route::post("/platform/iam/people/{user_id}/remove", remove_form),
    ]
}

/// Who has a role of the platform.
#[derive(Debug, Clone)]
pub struct StaffPageView {
    /// They.
    pub people: Vec<StaffView>,
    /// What was entered.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

fn words(role: PlatformRole) -> String {
    role.as_str().replace('_', " ")
}

impl StaffPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let person = |role, protected| StaffView {
            user_id: UserId(uuid::Uuid::nil()),
            email: "ada@example.com".into(),
            display_name: "Ada Lovelace".into(),
            role,
            protected,
        };
        let people = vec![
            person(PlatformRole::Operator, true),
            person(PlatformRole::Support, false),
            person(PlatformRole::SecurityReviewer, true),
        ];
        let refused = Entered::fresh()
            .with("email", "x")
            .refused(&Error::field("email", "Enter their e-mail address."));
        let one = Self { people, entered: Entered::fresh(), form };
        vec![one.clone(), Self { entered: refused, ..one }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.people.iter().map(|one| self.row(one)).collect();
        let back = html! { a class="button" href="/platform/iam" { "Identity and access" } };
        let roles: Vec<(String, String)> =
            PlatformRole::ALL.iter().map(|role| (role.to_string(), words(*role))).collect();
        html! {
            (page_head("People of the platform", "Operators run it. Support sees what runs, starts recoveries and looks into organizations for a while. Security reviewers read, and change nothing.", Some(back)))
            (table("People of the platform", &[col("Name"), col("E-mail"), col("Role"), col("Second factor"), col("")], &rows))
            section class="section card flow" { h2 { "Give a role" }
                p class="muted" { "To somebody who has an account of this site. Their sessions end; at the next one they are asked for a second factor." }
                (self.entered.banner())
                form method="post" action="/platform/iam/people" class="inline-form" {
                    (self.form.hidden("set"))
                    (Field::text("email", "Their e-mail address").kind("email", "off").draw(&self.entered))
                    (select("role", "Role", self.entered.value("role"), &roles))
                    button class="button primary" { (icon("check")) "Give" }
                }
            }
        }
    }

    fn row(&self, one: &StaffView) -> Vec<Markup> {
        vec![
            html! { strong { (one.display_name) } },
            html! { (one.email) },
            badge("", &words(one.role)),
            if one.protected { badge("good", "set up") } else { badge("bad", "missing") },
            danger(
                &format!("Take the role of {} away", one.display_name),
                "Take this role away?",
                "Their sessions end, and what they opened in organizations ends with them.",
                html! {
                    form method="post" action={ "/platform/iam/people/" (one.user_id) "/remove" } {
                        (self.form.hidden(&format!("remove-{}", one.user_id)))
                        button class="button danger-go" { "Take it away" }
                    }
                },
            ),
        ]
    }
}

async fn view<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let people = people::list(&mut *app.db.read().await?).await?;
    let view = StaffPageView { people, entered, form: who.form(app) };
    Ok(Page::new("People of the platform", view.draw()).frozen(who.frozen("staff.set")))
}

async fn page(who: Operator<List>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

fn read(fields: &Fields) -> Result<StaffSet> {
    let role = PlatformRole::parse(&fields.text("role"))
        .ok_or_else(|| Error::field("role", "Choose one from the list."))?;
    Ok(StaffSet { email: fields.text("email"), role })
}

async fn set_form(who: Operator<Set>, app: App, Form(fields): Form) -> Result<Go> {
    let result = match read(&fields) {
        Ok(ask) => people::set(&app, &who, &ask).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(_) => Ok(Go::to("/platform/iam/people").saying("Given.")),
        Err(error) => {
            let entered = Entered::fresh()
                .with("email", fields.text("email"))
                .with("role", fields.text("role"))
                .refused(&error)
                .on_top();
            let page = view(&app, &who, entered).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn remove_form(who: Operator<Remove>, app: App, _: Form) -> Result<Go> {
    people::remove(&app, &who).await?;
    Ok(Go::to("/platform/iam/people").saying("Taken away."))
}
