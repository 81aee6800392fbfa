//! Opening a look into an organization, and ending it from either side.

use super::store::{self, Access};
use crate::{
    identity::{self, factors},
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InOrg, Operator, OperatorAction, operator_action},
        people::{self, find_org, org_action},
        staff,
        store::{self as places, Organization},
    },
};
use api::{
    Code, OrgId, SupportId, Time, UserId,
    staff::{SupportOpen, SupportView},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::Reader,
    html::Chip,
    http::Viewer,
    outbox::{About, Notice, Recipient, tell},
};
use std::{future::Future, pin::Pin, time::Duration};

async fn find_access(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Access>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: SupportId = ask.head.id("support_id")?;
    let row = store::find(tx, id).await?.filter(|row| row.org_id == org);
    Ok(row.map(|row| Found::in_org(org, row)))
}

org_action!(
    /// Lists who of the platform looked into the organization.
    List = "support_access.list", Organization, find_org
);
org_action!(
    /// Ends such a look.
    End = "support_access.end", Access, find_access
);
operator_action!(
    /// Lists looks into organizations.
    PlatformList = "support.list", step_up = false
);
operator_action!(
    /// Looks into an organization.
    Open = "support.open", step_up = true
);
operator_action!(
    /// Ends a look.
    Close = "support.close", step_up = false
);

/// Returns the looks of the last ninety days.
///
/// # Errors
/// What the database says.
pub async fn newest(tx: &mut Reader) -> Result<Vec<SupportView>> {
    let since = Time(tx.now().0 - 90 * 24 * 3_600_000_000);
    let rows = store::since(tx, since).await?;
    views(tx, rows).await
}

/// Returns looks as they travel.
///
/// # Errors
/// What the database says.
pub async fn views(tx: &mut Reader, rows: Vec<Access>) -> Result<Vec<SupportView>> {
    let now = tx.now();
    let mut found = Vec::new();
    for row in rows {
        let org = places::find_organization(tx, row.org_id).await?;
        let user = identity::find_user(tx, row.user_id).await?;
        let role = user.as_ref().and_then(|user| user.platform_role);
        let looks = role.is_some_and(|role| staff::may(role, "support.open"));
        found.push(SupportView {
            id: row.id,
            org_id: row.org_id,
            org_name: org.map(|org| org.name).unwrap_or_default(),
            user_id: row.user_id,
            display_name: user.map(|user| user.display_name).unwrap_or_default(),
            reason: row.reason,
            opened_at: row.opened_at,
            ends_at: row.ends_at,
            ended_at: row.ended_at,
            lasts: looks && row.ended_at.is_none() && row.ends_at > now,
        });
    }
    Ok(found)
}

/// Opens a look into an organization and tells its owners.
///
/// # Errors
/// `validation_error`; `state_conflict` when one of the same person lasts.
pub async fn open(app: &App, who: &Operator<Open>, ask: &SupportOpen) -> Result<SupportView> {
    let by = who.caller().user();
    factors::break_glass::people_only(by)?;
    let wrong = || {
        Error::field("reason", "Say why in 10 to 500 plain characters: the organization reads it.")
    };
    let reason = kernel::names::name(&ask.reason, 500).ok_or_else(wrong)?;
    if reason.chars().count() < 10 {
        return Err(wrong());
    }
    if !(5..=240).contains(&ask.minutes) {
        return Err(Error::field("minutes", "From 5 to 240 minutes."));
    }
    let mut tx = app.db.write(who).await?;
    let org = places::find_organization(&mut tx, ask.org_id).await?;
    let org = org.ok_or_else(|| Error::field("org_id", "There is no such organization."))?;
    places::hold(&mut tx, org.id).await?;
    let lasting = store::lasting(&mut tx, by.id).await?;
    if let Some(old) = lasting.iter().find(|row| row.org_id == org.id) {
        let words = format!("You look into it already, until {}.", old.ends_at.plain());
        return Err(Error::new(Code::NotNow).detail(words));
    }
    patient(&mut tx, org.id, by.id).await?;
    let span = Duration::from_secs(u64::from(ask.minutes) * 60);
    let row = Access {
        id: tx.new_id(),
        org_id: org.id,
        user_id: by.id,
        reason: reason.clone(),
        opened_at: tx.now(),
        ends_at: tx.now().plus(span),
        ended_at: None,
        ended_by: None,
    };
    tx.insert(&row).await?;
    for owner in people::owners(&mut tx, org.id).await? {
        let to = Recipient { user_id: owner.id, email: owner.email };
        let notice = Notice {
            kind: "support.opened",
            about: About::Security,
            title: format!("{} of the platform looks into {}", by.display_name, org.name),
            body: format!(
                "Until {} at the latest, and without changing anything. Why, in their words: {reason}. You can end it on the organization's page.",
                row.ends_at.plain()
            ),
            href: "/access/organizations",
        };
        tell(&mut tx, &to, &notice).await?;
    }
    tx.belongs_to(org.id, None);
    tx.target(row.id);
    tx.note(Key::Reason, &reason);
    tx.note(Key::State, format!("for {} minutes", ask.minutes));
    let view = views(&mut tx, vec![row]).await?.pop().ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok(view)
}

/// Refuses another look soon after the organization ended the last one, and more than five in an hour.
async fn patient(tx: &mut Reader, org: OrgId, by: UserId) -> Result<()> {
    let since = tx.now().minus(Duration::from_secs(3600));
    let rows = store::of_org(tx, org).await?;
    let mine = || rows.iter().filter(|row| row.user_id == by);
    for row in mine().filter(|row| row.ended_at.is_some_and(|at| at > since)) {
        let Some(ender) = row.ended_by.filter(|ender| *ender != by) else { continue };
        // A role that changed is no word of the organization's.
        let ender = identity::find_user(tx, ender).await?;
        if ender.is_some_and(|ender| !ender.staff()) {
            return Err(Error::new(Code::NotNow).detail(
                "The organization ended your last look within this hour. Speak with its owners first.",
            ));
        }
    }
    if mine().filter(|row| row.opened_at > since).count() >= 5 {
        return Err(
            Error::new(Code::RateLimited).detail("You looked into it five times in this hour.")
        );
    }
    Ok(())
}

async fn finish(
    app: &App,
    who: &impl Accountable,
    by: &identity::User,
    row: &Access,
) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if !store::end(&mut tx, row, by.id).await? {
        return Err(Error::new(Code::NotNow).detail("It is over already."));
    }
    tx.belongs_to(row.org_id, None);
    tx.target(row.id);
    tx.note(Key::Person, row.user_id);
    tx.commit().await
}

/// Ends a look, by the organization it is into.
///
/// # Errors
/// `state_conflict` when it is over.
pub async fn end(app: &App, who: &Allowed<End>) -> Result<()> {
    finish(app, who, who.caller().user(), who.row()).await
}

/// Ends a look: one's own, or as an operator anybody's.
///
/// # Errors
/// `not_found`, `state_conflict` when it is over.
pub async fn close(app: &App, who: &Operator<Close>) -> Result<()> {
    let id: SupportId = who.head().id("support_id")?;
    let row = store::find(&mut *app.db.read().await?, id).await?;
    let by = who.caller().user();
    let row =
        row.filter(|row| by.operator() || row.user_id == by.id).ok_or_else(Error::not_found)?;
    finish(app, who, by, &row).await
}

/// Says in the top bar that whoever looks does so as the platform's.
pub fn chip<'a>(
    app: &'a App,
    viewer: &'a Viewer,
) -> Pin<Box<dyn Future<Output = Result<Option<Chip>>> + Send + 'a>> {
    Box::pin(async move {
        if viewer.platform.is_none() {
            return Ok(None);
        }
        let mut tx = app.db.read().await?;
        let rows = store::lasting(&mut tx, viewer.user_id).await?;
        let views = views(&mut tx, rows).await?;
        let Some(first) = views.first() else { return Ok(None) };
        let text = match views.len() {
            1 => format!("Looking into {}", first.org_name),
            many => format!("Looking into {many} organizations"),
        };
        let title = format!("As one of the platform's people, until {}", first.ends_at.plain());
        let href = "/platform/support".to_owned();
        Ok(Some(Chip { href, icon: "monitor", text, title, tone: "warn", banner: None }))
    })
}
