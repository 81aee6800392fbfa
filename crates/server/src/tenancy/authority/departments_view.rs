//! What the page of departments looks like.

use api::{
    DeptId, OrgId, Time,
    authority::{DepartmentState, DepartmentView},
};
use kernel::{
    Error,
    html::{Entered, Field, FormCtx, Markup, badge, col, empty, html, icon, num, page_head, table},
};

const NIL: uuid::Uuid = uuid::Uuid::nil();
const SINCE: Time = Time(1_795_000_000_000_000);

fn form() -> FormCtx {
    FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) }
}

pub(super) fn sample_department(
    name: &str,
    is_default: bool,
    state: DepartmentState,
) -> DepartmentView {
    DepartmentView {
        id: DeptId(NIL),
        org_id: OrgId(NIL),
        name: name.into(),
        slug: "default".into(),
        is_default,
        state,
        projects: i64::from(is_default),
        created_at: SINCE,
    }
}

/// The departments of an organization.
#[derive(Debug, Clone)]
pub struct DepartmentsView {
    /// The organization.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its departments.
    pub rows: Vec<DepartmentView>,
    /// Whether one may make and change them.
    pub manages: bool,
    /// The form below.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl DepartmentsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            id: OrgId(NIL),
            name: "Analytical Engines".into(),
            rows: vec![sample_department("Default", true, DepartmentState::Active)],
            manages: true,
            entered: Entered::fresh(),
            form: form(),
        };
        let long = "a department with the longest name that it may have, really";
        let rows = vec![
            sample_department("Default", true, DepartmentState::Active),
            sample_department(long, false, DepartmentState::Active),
            sample_department("Old", false, DepartmentState::Disabled),
        ];
        let refused = Entered::fresh()
            .with("name", "")
            .refused(&Error::field("name", "Enter a name of 1 to 60 plain characters."));
        vec![
            one.clone(),
            Self { rows: rows.clone(), ..one.clone() },
            Self { rows, manages: false, ..one.clone() },
            Self { entered: refused, ..one },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| self.row(row)).collect();
        let back =
            html! { a class="button" href={ "/access/organizations/" (self.id) } { "Members" } };
        html! {
            (page_head("Departments", &format!("Cost centres of {}: they group projects, and roles given in one reach its projects.", self.name), Some(back)))
            @if let [_] = self.rows.as_slice() {
                (empty("building-2", "Everything is in one department", "It stays out of the way until there is a second one. Make one where costs or roles should be kept apart.", None))
            } @else {
                (table("Departments", &[col("Name"), col("State"), num("Projects"), col("")], &rows))
            }
            @if self.manages {
                section class="section card flow" id="new" { h2 { "New department" }
                    (self.entered.banner())
                    form method="post" action={ "/access/organizations/" (self.id) "/departments" } class="inline-form" {
                        (self.form.hidden("create"))
                        (Field::text("name", "Name").draw(&self.entered))
                        button class="button primary" { (icon("plus")) "Create department" }
                    }
                }
            }
        }
    }

    fn row(&self, row: &DepartmentView) -> Vec<Markup> {
        let action = format!("/access/organizations/{}/departments/{}", self.id, row.id);
        let (words, next) = match row.state {
            DepartmentState::Active => ("Archive", DepartmentState::Disabled),
            DepartmentState::Disabled => ("Bring back", DepartmentState::Active),
        };
        vec![
            html! { strong { (row.name) } @if row.is_default { " " (badge("", "default")) } },
            match row.state {
                DepartmentState::Active => badge("good", "active"),
                DepartmentState::Disabled => badge("", "archived"),
            },
            html! { (row.projects) },
            html! { @if self.manages { div class="inline-form" {
                form method="post" action=(action) class="inline-form" {
                    (self.form.hidden(&format!("rename-{}", row.id)))
                    input name="name" value=(row.name) maxlength="60" required aria-label={ "New name of " (row.name) };
                    button class="button" { "Rename" }
                }
                @if !row.is_default {
                    form method="post" action=(action) {
                        (self.form.hidden(&format!("state-{}", row.id)))
                        input type="hidden" name="state" value=(next);
                        button class="button" { (words) }
                    }
                }
            } } },
        ]
    }
}
