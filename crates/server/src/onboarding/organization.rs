//! Making an organization for a company or group: one transaction over tenancy and billing.

use super::sign_up::new_organization;
use crate::identity::{self, Myself, MyselfAction};
use api::{
    Code,
    organizations::OrganizationCreate,
    people::{OrgType, OrgView, Role},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    http::{Body, Created, Form, Go, Route},
};

/// Makes an organization.
pub struct CreateOrganization;
impl MyselfAction for CreateOrganization {
    const NAME: &'static str = "organization.create";
    const STEP_UP: bool = true;
}

/// Most organizations somebody owns.
const MOST: usize = 10;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/organizations", create_http)
            .needs_key()
            .says("Makes an organization with a first project; its owner needs a second factor."),
        Route::post("/access/organizations", create_form),
    ]
}

async fn create(app: &App, who: &Myself<CreateOrganization>, name: &str) -> Result<OrgView> {
    let refused = || Error::field("name", "Enter a name of 1 to 60 plain characters.");
    let name = kernel::names::name(name, 60).ok_or_else(refused)?;
    if !app.get::<identity::Settings>().operators_without_factor {
        identity::strong(app, who.caller()).await?;
    }
    let user = who.caller().user();
    if user.home_org_id.is_some() {
        return Err(Error::new(Code::InsufficientPermissions).detail(
            "This account belongs to its organization's sign-in service. Use an account of your own.",
        ));
    }
    let mut tx = app.db.write(who).await?;
    let own = crate::tenancy::list_organizations(&mut tx, user.id).await?;
    if own.iter().filter(|(_, member)| member.role == Role::Owner).count() >= MOST {
        return Err(Error::field("name", format!("You own {MOST} organizations already.")));
    }
    let (org, project) = new_organization(app, &mut tx, user, &name, OrgType::Enterprise).await?;
    tx.target(org.id);
    tx.belongs_to(org.id, Some(project));
    tx.note(Key::Name, &org.name);
    tx.commit().await?;
    let (id, kind, currency) = (org.id, org.kind, org.currency);
    Ok(OrgView { id, name: org.name, kind, role: Some(Role::Owner), currency })
}

async fn create_http(
    who: Myself<CreateOrganization>,
    app: App,
    Body(body): Body<OrganizationCreate>,
) -> Result<Created<OrgView>> {
    create(&app, &who, &body.name).await.map(Created)
}

async fn create_form(who: Myself<CreateOrganization>, app: App, Form(fields): Form) -> Result<Go> {
    let org = create(&app, &who, &fields.text("name")).await?;
    Ok(Go::to(format!("/access/organizations/{}", org.id))
        .saying(&format!("{} is ready.", org.name)))
}
