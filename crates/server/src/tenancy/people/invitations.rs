//! Invitations: made by admins, for an address or for whoever has the link, used once.

use super::{
    members::{find_org, org_action},
    store::{self, Invitation},
};
use crate::{
    identity::{self, Bucket, Email},
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InOrg},
        policy::{self, Rights},
        standing::{self, Place},
        store::{self as places, OrgMember, Organization, ProjectMember},
    },
};
use api::{
    Code, InvitationId, OrgId, UserId,
    organizations::{InvitationAccepted, InvitationCreate, InvitationView},
    people::Role,
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Reader, WriteTx},
    outbox::{self, About, Notice, Recipient},
    secret::Secret,
};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most invitations of an organization that wait.
const MOST: usize = 200;

async fn find_invitation(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Invitation>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: InvitationId = ask.head.id("invitation_id")?;
    let row = store::find_invitation(tx, id).await?.filter(|row| row.org_id == org);
    Ok(row.map(|row| Found::in_org(row.org_id, row)))
}

org_action!(
    /// Lists the invitations that wait.
    List = "invitation.list", Organization, find_org
);
org_action!(
    /// Invites somebody.
    Create = "invitation.create", Organization, find_org, step_up = true
);
org_action!(
    /// Takes an invitation back.
    Revoke = "invitation.revoke", Invitation, find_invitation
);

/// Returns an invitation as people see it.
pub fn view(row: Invitation) -> InvitationView {
    InvitationView {
        id: row.id,
        org_id: row.org_id,
        project_id: row.project_id,
        email: row.email,
        role: row.role,
        created_at: row.created_at,
        expires_at: row.expires_at,
    }
}

/// Invites somebody; the link is shown once, and mailed where an address is named.
///
/// # Errors
/// `validation_error`, `insufficient_permissions` for more than one has oneself.
pub async fn create(
    app: &App,
    who: &Allowed<Create>,
    ask: InvitationCreate,
) -> Result<(InvitationView, String)> {
    let org = who.row();
    if !who.rights().cover(Rights::of(ask.role)) {
        return Err(more_than_own(ask.role));
    }
    let email = match &ask.email {
        Some(text) => Some(Email::parse(text).ok_or_else(|| {
            Error::field("email", "Enter an e-mail address, such as ada@example.com.")
        })?),
        None => None,
    };
    let token = Secret::generate(&*app.seams.rng, "gpuaas_i_");
    let mut buckets = vec![Bucket::new(format!("invite:{}", org.id), 50).over(DAY).waits(DAY)];
    if let Some(email) = &email {
        let digest = kernel::secret::hex_digest(email.as_str().as_bytes());
        buckets.push(Bucket::new(format!("invite-mail:{digest}"), 5).over(DAY).waits(DAY));
    }
    identity::take_guess(app, &buckets).await?;
    let mut tx = app.db.write(who).await?;
    if let Some(id) = ask.project_id {
        let project = places::find_project(&mut tx, id).await?;
        project
            .filter(|project| project.org_id == org.id)
            .ok_or_else(|| Error::field("project_id", "Choose a project of this organization."))?;
        if standing::archived(&mut tx, Place { org: org.id, department: None, project: Some(id) })
            .await?
        {
            return Err(policy::archived());
        }
        if !covers(&mut tx, who.caller().user_id(), org.id, Some(id), ask.role).await? {
            return Err(more_than_own(ask.role));
        }
    }
    if store::list_open(&mut tx, org.id).await?.len() >= MOST {
        return Err(Error::field("email", "Too many invitations wait. Take some back first."));
    }
    let row = Invitation {
        id: tx.new_id(),
        org_id: org.id,
        project_id: ask.project_id,
        email: email.as_ref().map(|email| email.as_str().to_owned()),
        role: ask.role,
        token_hash: token.digest(),
        invited_by: who.caller().user_id(),
        created_at: tx.now(),
        expires_at: tx.now().plus(KEEP),
        accepted_at: None,
        accepted_by: None,
        revoked_at: None,
    };
    tx.insert(&row).await?;
    let link = format!("{}/auth/invite?token={}", app.site.public_url, token.reveal());
    if let Some(email) = &email {
        let body = format!(
            "You are invited to work in an organization on {}, as {}. Open this address within a week; \
             it works once and only for this mail address:\n\n{link}\n",
            app.site.brand, row.role
        );
        outbox::mail(&mut tx, email.as_str(), "You are invited", &body).await?;
    }
    tx.target(row.id);
    tx.note(Key::Role, row.role);
    tx.note(Key::Name, row.email.as_deref().unwrap_or("whoever has the link"));
    tx.commit().await?;
    Ok((view(row), link))
}

fn more_than_own(role: Role) -> Error {
    Error::new(Code::InsufficientPermissions)
        .detail(format!("You cannot make somebody {role}: that is more than you may there."))
}

/// Returns whether somebody has all a role allows, where it is given.
async fn covers(
    tx: &mut Reader,
    user: UserId,
    org: OrgId,
    project: Option<api::ProjectId>,
    role: Role,
) -> Result<bool> {
    let place = Place { org, department: None, project };
    let rights = standing::rights_in(tx, user, place).await?.unwrap_or_default();
    Ok(rights.cover(Rights::of(role)))
}

/// Takes an invitation back.
///
/// # Errors
/// `conflict` when it was used first.
pub async fn revoke(app: &App, who: &Allowed<Revoke>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if !store::revoke(&mut tx, who.row().id).await? {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.commit().await
}

/// An invitation with the names of what it leads to.
#[derive(Debug, Clone)]
pub struct Welcome {
    /// It.
    pub invitation: InvitationView,
    /// Organization.
    pub org: String,
    /// Project.
    pub project: Option<String>,
    /// Who invited.
    pub by: String,
}

/// Returns what a link leads to; looking does not use it.
///
/// # Errors
/// `link_invalid`.
pub async fn look(app: &App, token: &str) -> Result<Welcome> {
    let ended = || Error::new(Code::LinkInvalid);
    let token = Secret::presented(token).ok_or_else(ended)?;
    let mut tx = app.db.read().await?;
    let row = store::find_open(&mut tx, &token.digest()).await?.ok_or_else(ended)?;
    let org = places::find_organization(&mut tx, row.org_id).await?.ok_or_else(ended)?;
    let project = match row.project_id {
        Some(id) => Some(places::find_project(&mut tx, id).await?.ok_or_else(ended)?.name),
        None => None,
    };
    let by = identity::find_user(&mut tx, row.invited_by).await?;
    let by = by.map_or_else(String::new, |user| user.display_name);
    Ok(Welcome { invitation: view(row), org: org.name, project, by })
}

/// Accepts an invitation as the caller. A role one has already is never lowered.
///
/// # Errors
/// `link_invalid`, `insufficient_permissions` for another address.
pub async fn accept(
    app: &App,
    who: &impl Accountable,
    user: &identity::User,
    token: &str,
) -> Result<InvitationAccepted> {
    let ended = || Error::new(Code::LinkInvalid);
    let token = Secret::presented(token).ok_or_else(ended)?;
    let mut tx = app.db.write(who).await?;
    let row = store::find_open(&mut tx, &token.digest()).await?.ok_or_else(ended)?;
    if row.email.as_deref().is_some_and(|email| email != user.email) {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("This invitation is for another address. Sign in with that one."));
    }
    if user.home_org_id.is_some_and(|home| home != row.org_id) {
        return Err(Error::new(Code::InsufficientPermissions).detail(
            "This account belongs to the sign-in service of another organization. Use an account of your own.",
        ));
    }
    if row.invited_by == user.id {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("You made this invitation. It is for somebody else."));
    }
    places::raise_epoch(&mut tx, row.org_id).await?;
    let place = Place { org: row.org_id, department: None, project: row.project_id };
    if standing::archived(&mut tx, place).await? {
        return Err(policy::archived());
    }
    let by = row.invited_by;
    let still = covers(&mut tx, by, row.org_id, None, row.role).await?
        && covers(&mut tx, by, row.org_id, row.project_id, row.role).await?;
    let whole = Place { project: None, ..place };
    let rights = standing::rights_in(&mut tx, by, whole).await?.unwrap_or_default();
    if !still || !rights.may(Create::NAME) {
        return Err(ended().detail("Whoever invited you may no longer do so. Ask for a new one."));
    }
    if let Some(id) = row.project_id
        && places::find_project(&mut tx, id).await?.is_none()
    {
        return Err(ended().detail("The project is gone."));
    }
    if !store::accept(&mut tx, row.id, user.id).await? {
        return Err(ended());
    }
    let role = join(&mut tx, &row, user.id).await?;
    let accepted = InvitationAccepted { org_id: row.org_id, project_id: row.project_id, role };
    if let Some(inviter) = identity::find_user(&mut tx, row.invited_by).await? {
        let to = Recipient { user_id: inviter.id, email: inviter.email };
        let notice = Notice {
            kind: "invitation.accepted",
            about: About::People,
            title: "Your invitation was accepted".into(),
            body: format!("By {} ({}), as {role}.", user.display_name, user.email),
            href: "/access/organizations",
        };
        outbox::tell(&mut tx, &to, &notice).await?;
    }
    tx.target(row.id);
    tx.belongs_to(row.org_id, row.project_id);
    tx.note(Key::Person, user.id);
    tx.note(Key::Role, row.role);
    tx.commit().await?;
    Ok(accepted)
}

/// Gives the role, and returns the one that counts now.
async fn join(tx: &mut WriteTx, row: &Invitation, user: UserId) -> Result<Role> {
    let stronger = |old: Role| policy::rank(old) >= policy::rank(row.role);
    let (org_id, role, created_at) = (row.org_id, row.role, tx.now());
    match row.project_id {
        None => match store::of_user(tx, org_id, user).await? {
            Some(old) if old.provider_id.is_some() => {
                let both = policy::stronger(Some(old.role), Some(role)).unwrap_or(role);
                let kept = policy::stronger(old.hand_role, Some(role)).unwrap_or(role);
                store::keep_by_hand(tx, org_id, old.id, both, kept).await.map(|_| both)
            }
            Some(old) if stronger(old.role) => Ok(old.role),
            Some(old) => store::set_role(tx, org_id, old.id, role).await.map(|_| role),
            None => {
                let id = tx.new_id();
                tx.insert(&OrgMember {
                    id,
                    org_id,
                    user_id: user,
                    role,
                    created_at,
                    provider_id: None,
                    hand_role: None,
                })
                .await?;
                Ok(role)
            }
        },
        Some(project_id) => match places::member_of(tx, project_id, user).await? {
            Some(old) if old.provider_id.is_some() => {
                let both = policy::stronger(Some(old.role), Some(role)).unwrap_or(role);
                let kept = policy::stronger(old.hand_role, Some(role)).unwrap_or(role);
                store::keep_by_hand_in_project(tx, org_id, old.id, both, kept).await.map(|_| both)
            }
            Some(old) if stronger(old.role) => Ok(old.role),
            Some(old) => {
                let scope = crate::tenancy::InProject::of_row(org_id, project_id);
                places::set_role(tx, &scope, old.id, role).await.map(|_| role)
            }
            None => {
                let id = tx.new_id();
                let user_id = user;
                let member = ProjectMember {
                    id,
                    org_id,
                    project_id,
                    user_id,
                    role,
                    created_at,
                    provider_id: None,
                    hand_role: None,
                };
                tx.insert(&member).await?;
                Ok(role)
            }
        },
    }
}
