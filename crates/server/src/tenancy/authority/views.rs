//! What the page of groups and roles looks like.

use super::departments_view::sample_department;
use crate::tenancy::policy;
use api::{
    BindingId, DeptId, GroupId, MemberId, OrgId, ProjectId, RoleId, Time, UserId,
    authority::{
        BindingView, BuiltIn, DepartmentState, DepartmentView, GroupMemberView, GroupView, RoleView,
    },
};
use kernel::{
    Error,
    html::{
        Entered, Field, FormCtx, Markup, badge, col, danger, empty, html, icon, page_head, select,
        table,
    },
};

const NIL: uuid::Uuid = uuid::Uuid::nil();
const SINCE: Time = Time(1_795_000_000_000_000);

/// Groups, roles of the organization's own, and what is bound.
#[derive(Debug, Clone)]
pub struct AuthorityView {
    /// The organization.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its groups.
    pub groups: Vec<GroupView>,
    /// Its own roles.
    pub roles: Vec<RoleView>,
    /// What is bound.
    pub bindings: Vec<BindingView>,
    /// Its departments.
    pub departments: Vec<DepartmentView>,
    /// Its projects.
    pub projects: Vec<(ProjectId, String)>,
    /// Whether one may change any of it.
    pub manages: bool,
    /// What was entered.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl AuthorityView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let bare = Self {
            id: OrgId(NIL),
            name: "Analytical Engines".into(),
            groups: vec![],
            roles: vec![],
            bindings: vec![],
            departments: vec![sample_department("Default", true, DepartmentState::Active)],
            projects: vec![(ProjectId(NIL), "Vision".into())],
            manages: true,
            entered: Entered::fresh(),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let long = "ada.lovelace.with.a.very.long.address@analytical-engines.example.com";
        let member = GroupMemberView {
            id: MemberId(NIL),
            user_id: UserId(NIL),
            email: long.into(),
            display_name: "Ada Lovelace, Countess".into(),
        };
        let group = |members| GroupView {
            id: GroupId(NIL),
            name: "Machine learning".into(),
            members,
            created_at: SINCE,
        };
        let role = RoleView {
            id: RoleId(NIL),
            name: "Launcher".into(),
            actions: vec!["allocation.create".into(), "allocation.list".into()],
            created_at: SINCE,
        };
        let bound = |who: &str, role: Option<BuiltIn>, department_id| BindingView {
            id: BindingId(NIL),
            user_id: None,
            group_id: None,
            who: who.into(),
            role,
            role_id: None,
            role_name: role.map_or("Launcher".into(), |role| role.to_string()),
            department_id,
            project_id: None,
            created_at: SINCE,
        };
        let second = sample_department("Research", false, DepartmentState::Active);
        let full = Self {
            groups: vec![group(vec![member]), group(vec![])],
            roles: vec![role],
            bindings: vec![
                bound(long, Some(BuiltIn::SecurityReviewer), None),
                bound("Machine learning", None, Some(DeptId(NIL))),
            ],
            departments: vec![bare.departments.first().cloned().unwrap_or(second.clone()), second],
            ..bare.clone()
        };
        let refused = Entered::fresh()
            .with("role_name", "admin")
            .refused(&Error::field("role_name", "This is the name of a role of the product."));
        vec![
            bare.clone(),
            full.clone(),
            Self { manages: false, ..full },
            Self { entered: refused, ..bare },
        ]
    }

    fn base(&self) -> String {
        format!("/access/organizations/{}", self.id)
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let back = html! { a class="button" href=(self.base()) { "Members" } };
        html! {
            (page_head("Groups and roles", &format!("Who else may do what in {}, and where: roles that are given beside membership. Ownership is never among them.", self.name), Some(back)))
            (self.entered.banner())
            section class="section" { h2 { "Given roles" } (self.bound()) @if self.manages { (self.bind()) } }
            section class="section" { h2 { "Groups" } (self.groups()) }
            section class="section" { h2 { "Roles of your own" } (self.roles()) }
        }
    }

    fn place(&self, row: &BindingView) -> String {
        let department = |id| self.departments.iter().find(|one| Some(one.id) == id);
        let project = |id| self.projects.iter().find(|one| Some(one.0) == id);
        match (row.department_id, row.project_id) {
            (None, None) => "everywhere".to_owned(),
            (id @ Some(_), _) => department(id)
                .map_or("a department".into(), |one| format!("department {}", one.name)),
            (None, id) => {
                project(id).map_or("a project".into(), |one| format!("project {}", one.1))
            }
        }
    }

    fn bound(&self) -> Markup {
        if self.bindings.is_empty() {
            return empty(
                "key-round",
                "Nothing is given yet",
                "Everybody has the rights of their membership alone. Give somebody billing, security review, or a role of your own.",
                None,
            );
        }
        let row = |row: &BindingView| {
            vec![
                html! { @if row.group_id.is_some() { "group " } strong { (row.who) } },
                badge("", &row.role_name),
                html! { (self.place(row)) },
                html! { @if self.manages {
                    form method="post" action={ (self.base()) "/role-bindings/" (row.id) "/remove" } {
                        (self.form.hidden(&format!("unbind-{}", row.id)))
                        button class="button danger-button" aria-label={ "Take " (row.role_name) " from " (row.who) } { "Take away" }
                    }
                } },
            ]
        };
        let rows: Vec<_> = self.bindings.iter().map(row).collect();
        table("Given roles", &[col("Who"), col("Role"), col("Where"), col("")], &rows)
    }

    fn bind(&self) -> Markup {
        let role = |role: &BuiltIn| (role.to_string(), role.to_string().replace('_', " "));
        let roles: Vec<_> = BuiltIn::ALL
            .iter()
            .map(role)
            .chain(self.roles.iter().map(|role| (role.id.to_string(), role.name.clone())))
            .collect();
        let mut places = vec![(String::new(), "everywhere".to_owned())];
        if self.departments.len() > 1 {
            places.extend(
                self.departments
                    .iter()
                    .map(|one| (one.id.to_string(), format!("department {}", one.name))),
            );
        }
        places.extend(
            self.projects.iter().map(|(id, name)| (id.to_string(), format!("project {name}"))),
        );
        html! {
            form method="post" action={ (self.base()) "/role-bindings" } class="inline-form card section" {
                (self.form.hidden("bind"))
                div class="field" {
                    label for="who" { "Member's address, or group" }
                    input id="who" name="who" list="groups" maxlength="254" required autocomplete="off" value=(self.entered.value("who"));
                    datalist id="groups" { @for group in &self.groups { option value=(group.id) { (group.name) } } }
                }
                (select("role", "Role", self.entered.value("role"), &roles))
                (select("place", "Where", self.entered.value("place"), &places))
                button class="button primary" { (icon("plus")) "Give role" }
            }
        }
    }

    fn groups(&self) -> Markup {
        html! {
            @if self.groups.is_empty() {
                (empty("users", "No group yet", "A group is a name for several people: give it a role once, instead of each of them.", None))
            }
            div class="stack" { @for group in &self.groups { (self.group(group)) } }
            @if self.manages {
                form method="post" action={ (self.base()) "/groups" } class="inline-form card section" {
                    (self.form.hidden("group"))
                    (Field::text("group_name", "New group").draw(&self.entered))
                    button class="button primary" { (icon("plus")) "Create group" }
                }
            }
        }
    }

    fn group(&self, group: &GroupView) -> Markup {
        let base = format!("{}/groups/{}", self.base(), group.id);
        let row = |member: &GroupMemberView| {
            vec![
                html! { strong { (member.display_name) } },
                html! { (member.email) },
                html! { @if self.manages {
                    form method="post" action={ (base) "/members/" (member.id) "/remove" } {
                        (self.form.hidden(&format!("out-{}-{}", group.id, member.id)))
                        button class="button" aria-label={ "Take " (member.display_name) " out of " (group.name) } { "Take out" }
                    }
                } },
            ]
        };
        let rows: Vec<_> = group.members.iter().map(row).collect();
        html! {
            section class="card flow" { h3 { (group.name) }
                @if rows.is_empty() { p class="muted" { "Nobody is in it yet." } }
                @else { (table(&format!("In {}", group.name), &[col("Name"), col("E-mail"), col("")], &rows)) }
                @if self.manages {
                    form method="post" action={ (base) "/members" } class="inline-form" {
                        (self.form.hidden(&format!("in-{}", group.id)))
                        input name="email" type="email" maxlength="254" required autocomplete="off" placeholder="member@example.com" aria-label={ "Address of a member for " (group.name) };
                        button class="button" { "Put in" }
                    }
                    (danger("Remove group", &format!("Remove {}?", group.name), "Its people lose the roles it was given, at once.", html! {
                        form method="post" action={ (base) "/remove" } {
                            (self.form.hidden(&format!("drop-{}", group.id)))
                            button class="button danger-go" { "Remove " (group.name) }
                        }
                    }))
                }
            }
        }
    }

    fn roles(&self) -> Markup {
        html! {
            @if self.roles.is_empty() {
                (empty("file-lock", "No role of your own yet", "The roles that come with the product are enough for most. Make one where somebody should do single things only.", None))
            }
            div class="stack" { @for role in &self.roles { (self.role(role)) } }
            @if self.manages {
                details class="card section" { summary { "New role" }
                    form method="post" action={ (self.base()) "/roles" } class="flow" {
                        (self.form.hidden("role"))
                        (Field::text("role_name", "Name").draw(&self.entered))
                        (actions(&[]))
                        button class="button primary" { (icon("plus")) "Create role" }
                    }
                }
            }
        }
    }

    fn role(&self, role: &RoleView) -> Markup {
        let base = format!("{}/roles/{}", self.base(), role.id);
        html! {
            section class="card flow" { h3 { (role.name) }
                p { @for action in &role.actions { code { (action) } " " } }
                @if self.manages {
                    details { summary { "Change" }
                        form method="post" action=(base) class="flow" {
                            (self.form.hidden(&format!("change-{}", role.id)))
                            input name="role_name" value=(role.name) maxlength="60" required aria-label={ "Name of the role " (role.name) };
                            (actions(&role.actions))
                            button class="button" { "Save" }
                        }
                    }
                    form method="post" action={ (base) "/remove" } {
                        (self.form.hidden(&format!("unmake-{}", role.id)))
                        button class="button danger-button" aria-label={ "Remove the role " (role.name) } { "Remove" }
                    }
                }
            }
        }
    }
}

/// Every action a role may hold, to tick.
fn actions(chosen: &[String]) -> Markup {
    html! {
        fieldset class="checks" { legend { "It allows" }
            @for (action, _) in policy::POLICY.iter().filter(|(action, _)| policy::can_be_bound(action)) {
                label { input type="checkbox" name={ "may." (action) } value="yes" checked[chosen.iter().any(|one| one == action)]; " " code { (action) } }
            }
        }
    }
}
