//! Making an account with everything that belongs to it.

use crate::{
    billing,
    identity::{self, Hasher, NewAccount, Opened, User, UserState},
    tenancy::{self, Department, OrgMember, Organization, Project, ProjectMember, slug},
};
use api::{
    Code, OrgId, ProjectId,
    authority::DepartmentState,
    organizations::MfaPolicy,
    people::{OrgType, PlatformRole, Role, SessionKind},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{WriteTx, broke},
};

/// Whether the new person runs the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// No: a customer.
    Customer,
    /// Yes, by the first link's token.
    FirstOperator(&'a str),
}

/// What signing up made.
pub struct New {
    /// The person.
    pub user: User,
    /// Their organization.
    pub org_id: OrgId,
    /// Their project.
    pub project_id: ProjectId,
    /// Their first session.
    pub opened: Opened,
}

/// Makes an account, its personal organization, department, project, ledger accounts, welcome credit
/// and first session, in one transaction.
///
/// # Errors
/// `validation_error` when the address is taken; `link_invalid` for a used first link.
pub async fn create_account(
    app: &App,
    who: &impl Accountable,
    account: NewAccount,
    standing: Standing<'_>,
    kind: SessionKind,
    ip: &str,
) -> Result<New> {
    // Cheap refusals first; the transaction checks again.
    identity::take_guess(app, &identity::of_sign_up(app.get::<identity::Settings>(), ip)).await?;
    if let Standing::FirstOperator(token) = standing {
        identity::check_first_link(app, token).await?;
    }
    let mut tx = app.db.read().await?;
    if identity::find_user_by_email(&mut tx, account.email.as_str()).await?.is_some() {
        return Err(address_taken());
    }
    drop(tx);
    let hash = app.get::<Hasher>().hash(account.password.clone()).await?;
    let mut tx = app.db.write(who).await?;
    if let Standing::FirstOperator(token) = standing {
        identity::redeem_first_link(&mut tx, token).await?;
    }
    let user = User {
        id: tx.new_id(),
        email: account.email.as_str().to_owned(),
        display_name: account.display_name,
        password_hash: Some(hash),
        platform_role: matches!(standing, Standing::FirstOperator(_))
            .then_some(PlatformRole::Operator),
        state: UserState::Active,
        created_at: tx.now(),
        glass: false,
        provider_id: None,
        home_org_id: None,
        email_confirmed_at: None,
    };
    tx.insert(&user).await.map_err(taken)?;
    identity::confirm::write(app, &mut tx, &user).await?;
    let (org_id, project_id) = personal_organization(app, &mut tx, &user).await?;
    let label = if kind == SessionKind::Browser { "browser" } else { "command line" };
    let place = identity::Place { kind, device_label: label.to_owned(), ip: ip.to_owned() };
    let proof = identity::Proof::Password;
    let opened = identity::open_session(app, &mut tx, &user, &place, proof).await?;
    tx.target(user.id);
    tx.belongs_to(org_id, Some(project_id));
    tx.note(Key::Person, user.id);
    tx.commit().await?;
    Ok(New { user, org_id, project_id, opened })
}

fn taken(error: Error) -> Error {
    if broke(&error, "email") { address_taken() } else { error }
}

fn address_taken() -> Error {
    Error::new(Code::ValidationError).and_field(
        "email",
        "This address cannot be used for a new account. Sign in if it is yours.",
    )
}

/// Makes somebody's own organization, with the welcome credit.
///
/// # Errors
/// What the database says.
pub async fn personal_organization(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
) -> Result<(OrgId, ProjectId)> {
    let name = user.display_name.clone();
    let (org, project) = new_organization(app, tx, user, &name, OrgType::Personal).await?;
    billing::welcome(app, tx, org.id, org.currency).await?;
    Ok((org.id, project))
}

/// Makes an organization with its default department, a first project, an owner, and ledger accounts.
///
/// # Errors
/// What the database says.
pub async fn new_organization(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    name: &str,
    kind: OrgType,
) -> Result<(Organization, ProjectId)> {
    let currency = app.get::<billing::Settings>().currency;
    let org_id: OrgId = tx.new_id();
    let tail: String = org_id.to_string().chars().rev().take(6).collect();
    let org = Organization {
        id: org_id,
        name: name.to_owned(),
        slug: format!("{}-{tail}", slug(name)),
        kind,
        currency,
        policy_epoch: 1,
        created_at: tx.now(),
        require_mfa: MfaPolicy::Owners,
        archived_at: None,
    };
    tx.insert(&org).await?;
    let department = Department {
        id: tx.new_id(),
        org_id,
        slug: "default".into(),
        display_name: "Default".into(),
        is_default: true,
        state: DepartmentState::Active,
        created_at: tx.now(),
    };
    tx.insert(&department).await?;
    let project = Project {
        id: tx.new_id(),
        org_id,
        department_id: department.id,
        name: "Default".into(),
        slug: "default".into(),
        created_at: tx.now(),
        deleted_at: None,
        archived_at: None,
    };
    tx.insert(&project).await?;
    let (user_id, created_at) = (user.id, tx.now());
    let owner = OrgMember {
        id: tx.new_id(),
        org_id,
        user_id,
        role: Role::Owner,
        created_at,
        provider_id: None,
        hand_role: None,
    };
    tx.insert(&owner).await?;
    let project_id = project.id;
    let role = Role::Owner;
    let member = ProjectMember {
        id: tx.new_id(),
        org_id,
        project_id,
        user_id,
        role,
        created_at,
        provider_id: None,
        hand_role: None,
    };
    tx.insert(&member).await?;
    billing::open_accounts(tx, org_id, currency).await?;
    tenancy::begin_quotas(app, tx, org_id, user_id).await?;
    Ok((org, project_id))
}
