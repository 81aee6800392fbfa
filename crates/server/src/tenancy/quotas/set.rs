//! Setting ceilings and taking them away: an organization's admins theirs, whoever runs the platform theirs.

use super::store::{self, Quota};
use crate::tenancy::{
    allowed::{Action, Allowed, Ask, Found, InOrg, Operator, OperatorAction, operator_action},
    authority,
    people::{find_org, org_action},
    settings::Settings,
    store::{self as places, Organization},
};
use api::{
    Code, DeptId, OrgId, ProjectId, QuotaId, UserId,
    quotas::{Dimension, PlatformQuotaSet, QuotaSet},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Reader, WriteTx},
};

/// Most ceilings of an organization's own; the platform's are one of each dimension.
const MOST: usize = 500;
/// The highest ceiling.
const HIGHEST: i64 = 1_000_000_000;

async fn find_quota(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Quota>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: QuotaId = ask.head.id("quota_id")?;
    let row = store::find(tx, id).await?.filter(|row| row.org_id == org);
    Ok(row.map(|row| Found::in_org(org, row)))
}

org_action!(
    /// Lists ceilings and what is held below them.
    List = "quota.list", Organization, find_org
);
org_action!(
    /// Sets a ceiling.
    Set = "quota.set", Organization, find_org, rights = true
);
org_action!(
    /// Takes a ceiling away.
    Remove = "quota.remove", Quota, find_quota
);
operator_action!(
    /// Lists the platform's ceilings.
    PlatformList = "platform_quota.list", step_up = false
);
operator_action!(
    /// Sets a ceiling on an organization.
    PlatformSet = "platform_quota.set", step_up = true
);
operator_action!(
    /// Takes a ceiling on an organization away.
    PlatformRemove = "platform_quota.remove", step_up = true
);

/// What is set, and on what.
struct Wanted {
    org: OrgId,
    department: Option<DeptId>,
    project: Option<ProjectId>,
    user: Option<UserId>,
    dimension: Dimension,
    ceiling: i64,
    by_platform: bool,
    by: UserId,
}

async fn write(tx: &mut WriteTx, wanted: Wanted) -> Result<Quota> {
    if !(0..=HIGHEST).contains(&wanted.ceiling) {
        return Err(Error::field("ceiling", "Enter a whole number from 0 to 1000000000."));
    }
    // Whoever adds something or sets a ceiling at the same moment waits for this one.
    let all = store::list_held(tx, wanted.org).await?;
    let same = |row: &&Quota| {
        (row.department_id, row.project_id, row.user_id, row.dimension, row.by_platform)
            == (
                wanted.department,
                wanted.project,
                wanted.user,
                wanted.dimension,
                wanted.by_platform,
            )
    };
    let (set_by, set_at) = (wanted.by, tx.now());
    let own = all.iter().filter(|row| !row.by_platform).count();
    let row = match all.iter().find(same) {
        Some(old) => Quota { ceiling: wanted.ceiling, set_by, set_at, ..old.clone() },
        None if !wanted.by_platform && own >= MOST => {
            let words = format!("An organization has at most {MOST} quotas.");
            return Err(Error::field("dimension", words));
        }
        None => Quota {
            id: tx.new_id(),
            org_id: wanted.org,
            department_id: wanted.department,
            project_id: wanted.project,
            user_id: wanted.user,
            dimension: wanted.dimension,
            ceiling: wanted.ceiling,
            by_platform: wanted.by_platform,
            set_by,
            set_at,
        },
    };
    if store::change(tx, &row).await? == 0 {
        tx.insert(&row).await?;
    }
    tx.target(row.id);
    tx.note(Key::Name, row.dimension);
    tx.note(Key::Count, row.ceiling);
    Ok(row)
}

/// Sets a ceiling of the organization's own.
///
/// # Errors
/// `validation_error`.
pub async fn set(app: &App, who: &Allowed<Set>, ask: &QuotaSet) -> Result<Quota> {
    let org = who.row().id;
    let named = [ask.department_id.is_some(), ask.project_id.is_some(), ask.email.is_some()];
    if named.iter().filter(|named| **named).count() > 1 {
        return Err(Error::field("project_id", "Name a department, a project or a person: one."));
    }
    let mut tx = app.db.write(who).await?;
    // First: two who set the same ceiling at the same moment wait for each other.
    places::hold(&mut tx, org).await?;
    authority::check_place(&mut tx, org, ask.department_id, ask.project_id).await?;
    let user = match &ask.email {
        Some(email) => Some(authority::somebody(&mut tx, org, email).await?.id),
        None => None,
    };
    let wanted = Wanted {
        org,
        department: ask.department_id,
        project: ask.project_id,
        user,
        dimension: ask.dimension,
        ceiling: ask.ceiling,
        by_platform: false,
        by: who.caller().user_id(),
    };
    let row = write(&mut tx, wanted).await?;
    tx.commit().await?;
    Ok(row)
}

/// Sets the platform's quotas of a new organization, as the settings have them.
///
/// # Errors
/// What the database says.
pub async fn begin(app: &App, tx: &mut WriteTx, org: OrgId, by: UserId) -> Result<()> {
    for (dimension, ceiling) in app.get::<Settings>().ceilings() {
        let row = Quota {
            id: tx.new_id(),
            org_id: org,
            department_id: None,
            project_id: None,
            user_id: None,
            dimension,
            ceiling,
            by_platform: true,
            set_by: by,
            set_at: tx.now(),
        };
        tx.insert(&row).await?;
    }
    Ok(())
}

async fn take(app: &App, who: &impl Accountable, row: &Quota) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if store::remove(&mut tx, row).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(row.id);
    tx.note(Key::Name, row.dimension);
    tx.note(Key::Count, row.ceiling);
    tx.commit().await
}

/// Takes a ceiling of the organization's own away.
///
/// # Errors
/// `insufficient_permissions` for one the platform set.
pub async fn remove(app: &App, who: &Allowed<Remove>) -> Result<()> {
    if who.row().by_platform {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("Whoever runs the platform set this quota. Ask them to raise it."));
    }
    take(app, who, who.row()).await
}

/// Sets a ceiling on an organization, for the platform.
///
/// # Errors
/// `validation_error`.
pub async fn set_for_platform(
    app: &App,
    who: &Operator<PlatformSet>,
    ask: &PlatformQuotaSet,
) -> Result<Quota> {
    let org = ask.org_id;
    let mut tx = app.db.write(who).await?;
    if places::find_organization(&mut tx, org).await?.is_none() {
        return Err(Error::field("org_id", "There is no such organization."));
    }
    places::hold(&mut tx, org).await?;
    let wanted = Wanted {
        org,
        department: None,
        project: None,
        user: None,
        dimension: ask.dimension,
        ceiling: ask.ceiling,
        by_platform: true,
        by: who.caller().user_id(),
    };
    let row = write(&mut tx, wanted).await?;
    tx.belongs_to(org, None);
    tx.commit().await?;
    Ok(row)
}

/// Takes a ceiling of the platform's away.
///
/// # Errors
/// `not_found`, `conflict`.
pub async fn remove_for_platform(app: &App, who: &Operator<PlatformRemove>) -> Result<()> {
    let id: QuotaId = who.head().id("quota_id")?;
    let row = store::find(&mut *app.db.read().await?, id).await?;
    let row = row.filter(|row| row.by_platform).ok_or_else(Error::not_found)?;
    take(app, who, &row).await
}
