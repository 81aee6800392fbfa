//! The pages of departments, and of groups and roles.

use super::{
    bindings,
    departments::{self, Create, List, Update},
    departments_view::DepartmentsView,
    groups, roles, store,
    views::AuthorityView,
};
use crate::tenancy::{Action, Allowed, InOrg, standing, store as places};
use api::{
    GroupId, OrgId,
    authority::{BindingCreate, BuiltIn, DepartmentChange, DepartmentState, RoleWrite},
};
use kernel::{
    App, Error, Result,
    html::{Entered, Page},
    http::{Fields, Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/organizations/{org_id}/departments", departments_page),
        Route::post("/access/organizations/{org_id}/departments", create_department),
        Route::post("/access/organizations/{org_id}/departments/{department_id}", change),
        Route::get("/access/organizations/{org_id}/roles", roles_page),
        Route::post("/access/organizations/{org_id}/roles", create_role),
        Route::post("/access/organizations/{org_id}/roles/{role_id}", update_role),
        Route::post("/access/organizations/{org_id}/roles/{role_id}/remove", delete_role),
        Route::post("/access/organizations/{org_id}/groups", create_group),
        Route::post("/access/organizations/{org_id}/groups/{group_id}/remove", delete_group),
        Route::post("/access/organizations/{org_id}/groups/{group_id}/members", add),
        Route::post(
            "/access/organizations/{org_id}/groups/{group_id}/members/{member_id}/remove",
            take_out,
        ),
        Route::post("/access/organizations/{org_id}/role-bindings", bind),
        Route::post("/access/organizations/{org_id}/role-bindings/{binding_id}/remove", unbind),
    ]
}

async fn departments_view<A: Action<Scope = InOrg>>(
    app: &App,
    who: &Allowed<A>,
    entered: Entered,
) -> Result<Page> {
    let org = who.scope().org_id();
    let mut tx = app.db.read().await?;
    let row = places::find_organization(&mut tx, org).await?.ok_or_else(Error::not_found)?;
    let view = DepartmentsView {
        id: org,
        name: row.name,
        rows: departments::list(&mut tx, org).await?,
        manages: who.may("department.create"),
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Departments", view.draw()))
}

async fn departments_page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    departments_view(&app, &who, Entered::fresh()).await
}

fn refused(error: Error, page: Page) -> Error {
    error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY))
}

async fn create_department(who: Allowed<Create>, app: App, Form(fields): Form) -> Result<Go> {
    let name = fields.text("name");
    match departments::create(&app, &who, &name).await {
        Ok(made) => Ok(to_departments(who.row().id).saying(&format!("{} is ready.", made.name))),
        Err(error) => {
            let entered = Entered::fresh().with("name", name).refused(&error);
            let page = departments_view(&app, &who, entered).await?;
            Err(refused(error, page))
        }
    }
}

fn to_departments(org: OrgId) -> Go {
    Go::to(format!("/access/organizations/{org}/departments"))
}

async fn change(who: Allowed<Update>, app: App, Form(fields): Form) -> Result<Go> {
    let state = fields.optional("state").map(|text| {
        DepartmentState::parse(&text)
            .ok_or_else(|| Error::field("state", "Choose one of the list."))
    });
    let change = DepartmentChange { name: fields.optional("name"), state: state.transpose()? };
    departments::update(&app, &who, change).await?;
    Ok(to_departments(who.row().org_id).saying("Saved."))
}

async fn roles_view<A: Action<Scope = InOrg>>(
    app: &App,
    who: &Allowed<A>,
    entered: Entered,
) -> Result<Page> {
    let org = who.scope().org_id();
    let mut tx = app.db.read().await?;
    let row = places::find_organization(&mut tx, org).await?.ok_or_else(Error::not_found)?;
    let projects = standing::list_projects(&mut tx, who.caller().user_id()).await?;
    let own = store::roles(&mut tx, org).await?;
    let view = AuthorityView {
        id: org,
        name: row.name,
        groups: groups::list(&mut tx, org).await?,
        roles: own.into_iter().map(roles::view).collect(),
        bindings: bindings::list(&mut tx, org).await?,
        departments: departments::list(&mut tx, org).await?,
        projects: projects
            .into_iter()
            .filter(|(project, _)| project.org_id == org)
            .map(|(project, _)| (project.id, project.name))
            .collect(),
        manages: who.may("role.bind"),
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Groups and roles", view.draw()))
}

async fn roles_page(who: Allowed<roles::List>, app: App, (): ()) -> Result<Page> {
    roles_view(&app, &who, Entered::fresh()).await
}

/// Goes back to the page, or shows it again with what was wrong.
async fn done<A: Action<Scope = InOrg>, T>(
    app: &App,
    who: &Allowed<A>,
    fields: &Fields,
    result: Result<T>,
    words: &str,
) -> Result<Go> {
    match result {
        Ok(_) => {
            let org = who.scope().org_id();
            Ok(Go::to(format!("/access/organizations/{org}/roles")).saying(words))
        }
        Err(error) => {
            let entered = ["group_name", "role_name", "email", "who", "role", "place"]
                .iter()
                .fold(Entered::fresh(), |entered, name| entered.with(name, fields.text(name)))
                .refused(&error)
                .on_top();
            Err(refused(error, roles_view(app, who, entered).await?))
        }
    }
}

/// Reads the actions that are ticked.
fn role(fields: &Fields) -> RoleWrite {
    let actions = crate::tenancy::POLICY
        .iter()
        .filter(|(action, _)| fields.ticked(&format!("may.{action}")))
        .map(|(action, _)| (*action).to_owned())
        .collect();
    RoleWrite { name: fields.text("role_name"), actions }
}

async fn create_role(who: Allowed<roles::Create>, app: App, Form(fields): Form) -> Result<Go> {
    let result = roles::create(&app, &who, &role(&fields)).await;
    done(&app, &who, &fields, result, "The role is ready. Bind it to somebody.").await
}

async fn update_role(who: Allowed<roles::Update>, app: App, Form(fields): Form) -> Result<Go> {
    let result = roles::update(&app, &who, &role(&fields)).await;
    done(&app, &who, &fields, result, "The role is changed, for everybody who has it.").await
}

async fn delete_role(who: Allowed<roles::Delete>, app: App, Form(fields): Form) -> Result<Go> {
    let result = roles::delete(&app, &who).await;
    done(&app, &who, &fields, result, "The role is removed.").await
}

async fn create_group(who: Allowed<groups::Create>, app: App, Form(fields): Form) -> Result<Go> {
    let result = groups::create(&app, &who, &fields.text("group_name")).await;
    done(&app, &who, &fields, result, "The group is ready. Put people into it.").await
}

async fn delete_group(who: Allowed<groups::Delete>, app: App, Form(fields): Form) -> Result<Go> {
    let result = groups::delete(&app, &who).await;
    done(&app, &who, &fields, result, "The group is removed, with its roles.").await
}

async fn add(who: Allowed<groups::Add>, app: App, Form(fields): Form) -> Result<Go> {
    let result = groups::add(&app, &who, &fields.text("email")).await;
    done(&app, &who, &fields, result, "They are in the group.").await
}

async fn take_out(who: Allowed<groups::Remove>, app: App, Form(fields): Form) -> Result<Go> {
    let result = groups::remove(&app, &who).await;
    done(&app, &who, &fields, result, "They are out of the group.").await
}

fn named<T: std::str::FromStr>(text: Option<&str>, field: &str) -> Result<Option<T>> {
    let wrong = |_| Error::field(field, "Choose one from the list.");
    text.map(|text| text.parse().map_err(|_| ()).map_err(wrong)).transpose()
}

/// Reads what the form's three choices name, each by the kind of its identifier.
fn binding(fields: &Fields) -> Result<BindingCreate> {
    let (whom, role, place) = (fields.text("who"), fields.text("role"), fields.text("place"));
    if !place.is_empty() && !place.starts_with("dept_") && !place.starts_with("proj_") {
        return Err(Error::field("place", "Choose one from the list."));
    }
    let group = whom.starts_with("grp_").then_some(whom.as_str());
    let own = role.starts_with("role_").then_some(role.as_str());
    Ok(BindingCreate {
        email: if group.is_none() { fields.optional("who") } else { None },
        group_id: named(group, "who")?,
        role: if own.is_none() { BuiltIn::parse(&role) } else { None },
        role_id: named(own, "role")?,
        department_id: named(place.starts_with("dept_").then_some(place.as_str()), "place")?,
        project_id: named(place.starts_with("proj_").then_some(place.as_str()), "place")?,
    })
}

/// Returns the group of a name, for people who type it instead of choosing it.
async fn group_named(app: &App, org: OrgId, name: &str) -> Result<Option<GroupId>> {
    let groups = store::groups(&mut *app.db.read().await?, org).await?;
    Ok(groups.into_iter().find(|group| group.name == name).map(|group| group.id))
}

async fn bind(who: Allowed<bindings::Bind>, app: App, Form(fields): Form) -> Result<Go> {
    let named = group_named(&app, who.row().id, &fields.text("who")).await?;
    let ask = binding(&fields).map(|ask| match named {
        Some(id) => BindingCreate { email: None, group_id: Some(id), ..ask },
        None => ask,
    });
    let result = match ask {
        Ok(ask) => bindings::bind(&app, &who, &ask).await.map(|_| ()),
        Err(error) => Err(error),
    };
    done(&app, &who, &fields, result, "The role is given.").await
}

async fn unbind(who: Allowed<bindings::Unbind>, app: App, Form(fields): Form) -> Result<Go> {
    let result = bindings::unbind(&app, &who).await;
    done(&app, &who, &fields, result, "The role is taken away.").await
}
