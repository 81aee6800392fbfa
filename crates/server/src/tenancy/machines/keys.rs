//! Keys of service accounts: make, rotate with an overlap, revoke.

use super::{
    accounts::{account_action, find_account},
    store::{self, ServiceAccount},
};
use crate::{
    identity::keys::{self, ApiKey},
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InProject},
        model,
        policy::{self, Rights},
        quotas::{self, Counting, Target},
    },
};
use api::{
    Code, KeyId, ServiceAccountId, UserId,
    machines::{KeyView, ServiceAccountState},
    quotas::Dimension,
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    secret::Secret,
};
use std::time::Duration;

/// Most keys of a service account that work at once.
const MOST: i64 = 20;
const DAY: u64 = 24 * 3600;

async fn find_key(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<ApiKey>>> {
    let id: KeyId = ask.head.id("key_id")?;
    let row = keys::live(tx, id).await?;
    Ok(row.map(|row| Found::in_project(row.org_id, row.project_id, row)))
}

account_action!(
    /// Lists the keys of a service account.
    List = "key.list", ServiceAccount, find_account
);
account_action!(
    /// Makes a key.
    Create = "key.create", ServiceAccount, find_account, step_up = true
);
account_action!(
    /// Makes another in its place; the old one works on for a while.
    Rotate = "key.rotate", ApiKey, find_key, step_up = true
);
account_action!(
    /// Ends a key now.
    Revoke = "key.revoke", ApiKey, find_key
);

/// Returns a key as people see it.
pub fn view(key: ApiKey) -> KeyView {
    KeyView {
        id: key.id,
        service_account_id: key.service_account_id,
        name: key.name,
        hint: key.hint,
        scopes: key.scopes.split_whitespace().map(str::to_owned).collect(),
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
        public_key: key.public_key,
    }
}

/// What a new key is to be.
pub struct Wanted<'a> {
    /// Name.
    pub name: &'a str,
    /// Actions and bundles.
    pub scopes: &'a [String],
    /// Days it works.
    pub days: u32,
}

/// Makes a key; its secret is shown once.
///
/// # Errors
/// `validation_error`, `state_conflict`, `quota_exceeded`.
pub async fn create(
    app: &App,
    who: &Allowed<Create>,
    wanted: Wanted<'_>,
) -> Result<(KeyView, Secret)> {
    let (mut tx, row) = begin(app, who, wanted, None).await?;
    let (row, secret) = keys::mint(app, &mut tx, row).await?;
    made(tx, &row).await?;
    Ok((view(row), secret))
}

/// Registers a key that is shown by signing; no secret is made.
///
/// # Errors
/// `validation_error`, `state_conflict`, `quota_exceeded`.
pub async fn register(
    app: &App,
    who: &Allowed<Create>,
    wanted: Wanted<'_>,
    public_key: &str,
) -> Result<KeyView> {
    let public_key = keys::public_key(public_key)?;
    let (mut tx, row) = begin(app, who, wanted, Some(public_key)).await?;
    let row = keys::register(app, &mut tx, row).await?;
    made(tx, &row).await?;
    Ok(view(row))
}

async fn made(mut tx: WriteTx, row: &ApiKey) -> Result<()> {
    tx.target(row.id);
    tx.note(Key::Name, &row.name);
    tx.note(Key::Reason, &row.scopes);
    if row.public_key.is_some() {
        tx.note(Key::Method, "public key");
    }
    tx.commit().await
}

/// Checks what a new key is to be, and begins its write.
async fn begin(
    app: &App,
    who: &Allowed<Create>,
    wanted: Wanted<'_>,
    public_key: Option<String>,
) -> Result<(WriteTx, ApiKey)> {
    let name = model::name(wanted.name)?;
    let account = who.row();
    let scopes = policy::scopes(wanted.scopes)
        .map_err(|word| Error::field("scopes", format!("`{word}` is nothing a key can do.")))?;
    if scopes.is_empty() {
        return Err(Error::field("scopes", "Choose at least one thing the key may do."));
    }
    no_more_than_own(who.rights(), &scopes)?;
    if !(1..=365).contains(&wanted.days) {
        return Err(Error::field("days", "A key works for 1 to 365 days."));
    }
    let mut tx = app.db.write(who).await?;
    held(&mut tx, account.id).await?;
    room(&mut tx, account.id).await?;
    let user = who.caller().user_id();
    quota(app, &mut tx, who.scope(), (user, account.owner_id), 1).await?;
    let row = ApiKey {
        id: tx.new_id(),
        org_id: account.org_id,
        project_id: account.project_id,
        service_account_id: account.id,
        owner_id: account.owner_id,
        parent_id: None,
        name,
        hint: String::new(),
        token_hash: Vec::new(),
        scopes: scopes.join(" "),
        created_by: user,
        created_at: tx.now(),
        expires_at: tx.now().plus(Duration::from_secs(u64::from(wanted.days) * DAY)),
        last_used_at: None,
        paused_at: None,
        revoked_at: None,
        public_key,
    };
    Ok((tx, row))
}

/// Holds the service account while a key of it is made: it is neither deleted nor disabled meanwhile.
async fn held(tx: &mut Reader, account: ServiceAccountId) -> Result<()> {
    let row = store::lock(tx, account).await?.ok_or_else(Error::not_found)?;
    if row.state == ServiceAccountState::Disabled {
        return Err(Error::new(Code::NotNow).detail("The service account is disabled."));
    }
    Ok(())
}

/// Refuses a key that could do what whoever makes it may not: its secret is shown to them.
fn no_more_than_own(rights: Rights, scopes: &[&str]) -> Result<()> {
    match scopes.iter().find(|scope| !rights.may(scope)) {
        Some(scope) => Err(Error::new(Code::InsufficientPermissions).detail(format!(
            "A key you make does no more than you may, and {scope} is not yours."
        ))),
        None => Ok(()),
    }
}

/// Refuses keys that a quota leaves no room for, and a key of somebody else's service account to a person with
/// a quota of their own: what it takes is counted as its owner's, and theirs would be passed.
async fn quota(
    app: &App,
    tx: &mut Reader,
    scope: &InProject,
    (user, owner): (UserId, UserId),
    more: i64,
) -> Result<()> {
    let ceilings = quotas::reach(app, tx, scope, user, true).await?;
    let keys = ceilings.iter().filter(|ceiling| ceiling.dimension == Dimension::Keys && more > 0);
    if let Some(words) = keys.filter_map(|ceiling| ceiling.refusal(more)).next() {
        return Err(Error::new(Code::QuotaExceeded).detail(words));
    }
    if user != owner && ceilings.iter().any(|ceiling| ceiling.of_person) {
        return Err(Error::new(Code::QuotaExceeded).detail(
            "A quota limits what you hold, and what a key of this service account takes is counted \
             as its owner's. Make a service account of your own.",
        ));
    }
    Ok(())
}

/// Counts keys that work, for quotas; short tokens made from them are none.
pub fn key_meter(tx: &mut Reader, target: Target) -> Counting<'_> {
    Box::pin(async move {
        let place = (target.org, target.department, target.project);
        let count = keys::count_in(tx, place, target.user).await?;
        Ok(vec![(Dimension::Keys, count)])
    })
}

async fn room(tx: &mut Reader, account: ServiceAccountId) -> Result<()> {
    if keys::count_working(tx, account).await? >= MOST {
        let words = format!("A service account has at most {MOST} working keys. Revoke one first.");
        return Err(Error::field("name", words));
    }
    Ok(())
}

/// Makes a key like this one; this one ends after the overlap.
///
/// # Errors
/// `validation_error`, `state_conflict`.
pub async fn rotate(
    app: &App,
    who: &Allowed<Rotate>,
    overlap_hours: u32,
) -> Result<(KeyView, Secret)> {
    if overlap_hours > 168 {
        return Err(Error::field("overlap_hours", "The old key works on for 0 to 168 hours."));
    }
    let scopes: Vec<&str> = who.row().scopes.split_whitespace().collect();
    no_more_than_own(who.rights(), &scopes)?;
    let mut tx = app.db.write(who).await?;
    held(&mut tx, who.row().service_account_id).await?;
    let old = keys::live(&mut tx, who.row().id).await?.ok_or_else(Error::not_found)?;
    if old.public_key.is_some() {
        return Err(Error::new(Code::NotNow).detail(
            "This key is shown by signing. Register another public key, then revoke this one.",
        ));
    }
    if old.paused_at.is_some() || old.expires_at <= tx.now() {
        return Err(Error::new(Code::NotNow).detail("This key does not work now. Make a new one."));
    }
    room(&mut tx, old.service_account_id).await?;
    // The old key works on beside the new one; without an overlap it makes room for it.
    let user = who.caller().user_id();
    let more = i64::from(overlap_hours > 0);
    quota(app, &mut tx, who.scope(), (user, old.owner_id), more).await?;
    let span = old.expires_at.since(old.created_at);
    let row = ApiKey {
        id: tx.new_id(),
        created_by: who.caller().user_id(),
        created_at: tx.now(),
        expires_at: tx.now().plus(span),
        last_used_at: None,
        ..old.clone()
    };
    let (row, secret) = keys::mint(app, &mut tx, row).await?;
    let end = tx.now().plus(Duration::from_secs(u64::from(overlap_hours) * 3600));
    keys::shorten(&mut tx, old.id, end).await?;
    tx.target(old.id);
    tx.note(Key::Name, &row.name);
    tx.commit().await?;
    Ok((view(row), secret))
}

/// Ends a key and the short tokens made from it.
///
/// # Errors
/// `conflict` when it had ended.
pub async fn revoke(app: &App, who: &Allowed<Revoke>) -> Result<()> {
    let id = who.row().id;
    let mut tx = app.db.write(who).await?;
    if !keys::revoke(&mut tx, id).await? {
        return Err(Code::Raced.into());
    }
    tx.target(id);
    tx.note(Key::Name, &who.row().name);
    tx.commit().await
}
