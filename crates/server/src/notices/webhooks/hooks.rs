//! Webhooks of an organization: make, pause, resume, test, remove.

use super::{
    fan, sign,
    store::{self, Webhook},
};
use crate::tenancy::{self, Action, Allowed, Ask, Found, InOrg, Organization, find_org};
use api::{
    Code, OrgId, TypedId, WebhookId,
    webhooks::{DeliveryView, Event, EventData, WebhookCreate, WebhookState, WebhookView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    outbox::{About, Notice, Recipient, tell},
    outgoing::Outgoing,
    seal::Seal,
    sweeps::Sweeps,
};

/// Most webhooks of an organization.
const MOST: usize = 20;
/// Most events that wait for a webhook; what is beyond stops it.
pub const MOST_WAITING: i64 = 10_000;

async fn find_hook(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Webhook>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: WebhookId = ask.head.id("webhook_id")?;
    let row = store::find(tx, org, id).await?;
    Ok(row.map(|row| Found::in_org(org, row)))
}

macro_rules! hook_action {
    ($(#[$meta:meta])* $name:ident = $word:literal, $row:ty, $find:path $(, step_up = $step:literal)?) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $word;
            $(const STEP_UP: bool = $step;)?
            type Scope = InOrg;
            type Row = $row;
            async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<$row>>> {
                $find(tx, ask).await
            }
        }
    };
}

hook_action!(
    /// Lists webhooks.
    List = "webhook.list", Organization, find_org
);
hook_action!(
    /// Lists what a webhook was told.
    Look = "webhook.list", Webhook, find_hook
);
hook_action!(
    /// Makes a webhook.
    Create = "webhook.create", Organization, find_org, step_up = true
);
hook_action!(
    /// Pauses or resumes one.
    Change = "webhook.change", Webhook, find_hook
);
hook_action!(
    /// Sends it a test event.
    Test = "webhook.test", Webhook, find_hook
);
hook_action!(
    /// Removes one.
    Remove = "webhook.remove", Webhook, find_hook
);

/// Returns webhooks as they travel.
///
/// # Errors
/// What the database says.
pub async fn views(tx: &mut Reader, rows: Vec<Webhook>, whole: bool) -> Result<Vec<WebhookView>> {
    let mut found = Vec::new();
    for row in rows {
        let waiting = store::waiting(tx, row.id).await?;
        found.push(WebhookView {
            id: row.id,
            org_id: row.org_id,
            // Paths may hold secrets: they are shown to who may change it.
            url: if whole { row.url } else { format!("https://{}/…", host(&row.url)) },
            actions: row.actions.split_whitespace().map(str::to_owned).collect(),
            state: row.state,
            created_at: row.created_at,
            last_at: row.last_at,
            last_ok: row.last_ok,
            waiting,
        });
    }
    Ok(found)
}

/// Returns the newest events of a webhook as they travel.
///
/// # Errors
/// What the database says.
pub async fn told(tx: &mut Reader, hook: &Webhook) -> Result<Vec<DeliveryView>> {
    let rows = store::deliveries(tx, hook).await?;
    let view = |row: store::Delivery| DeliveryView {
        id: row.id,
        action: row.action,
        created_at: row.created_at,
        attempts: row.attempts,
        due_at: row.done_at.is_none().then_some(row.due_at),
        done_at: row.done_at,
        status: row.status,
        fault: row.fault,
    };
    Ok(rows.into_iter().map(view).collect())
}

fn actions(words: &[String]) -> Result<String> {
    let wrong = |words: String| Error::field("actions", words);
    if words.is_empty() || words.len() > 50 {
        return Err(wrong("Name 1 to 50 actions, such as allocation.* or *.".into()));
    }
    for word in words {
        let plain = word.strip_suffix('*').unwrap_or(word);
        let fits = plain.len() <= 60
            && plain.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.')
            && !plain.contains("..")
            && !plain.starts_with('.')
            && (plain.is_empty() || plain.ends_with('.') || plain == word)
            && !word.is_empty();
        if !fits {
            let word: String = word.chars().take(60).collect();
            return Err(wrong(format!(
                "`{word}` is no action: write allocation.create, allocation.* or *."
            )));
        }
    }
    let once: std::collections::BTreeSet<&str> = words.iter().map(String::as_str).collect();
    Ok(once.into_iter().collect::<Vec<_>>().join(" "))
}

fn address(app: &App, url: &str) -> Result<String> {
    let wrong = |words: String| Error::field("url", words);
    let url = url.trim();
    let parsed: Option<http::Uri> = url.parse().ok().filter(|_| url.len() <= 2000);
    let named = parsed.as_ref().and_then(http::Uri::authority);
    let plain = named.is_some_and(|named| !named.as_str().contains('@')) && !url.contains('#');
    if !plain {
        return Err(wrong(
            "Enter an address such as https://example.com/hooks, without a password in it.".into(),
        ));
    }
    app.get::<Outgoing>().of(true).may(url).map_err(|fault| wrong(format!("{fault}.")))?;
    Ok(url.to_owned())
}

/// Makes a webhook; the secret of its signatures is shown once.
///
/// # Errors
/// `validation_error`, `insufficient_permissions` for who may not read the audit record.
pub async fn create(
    app: &App,
    who: &Allowed<Create>,
    ask: &WebhookCreate,
) -> Result<(WebhookView, String)> {
    if !who.may("organization.audit") {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("A webhook is told what the audit record says, and you may not read that."));
    }
    let (url, actions) = (address(app, &ask.url)?, actions(&ask.actions)?);
    let mut tx = app.db.write(who).await?;
    if store::list(&mut tx, who.row().id).await?.len() >= MOST {
        return Err(Error::field("url", format!("An organization has at most {MOST} webhooks.")));
    }
    let (secret, bytes) = sign::secret(&*app.seams.rng);
    let id: WebhookId = tx.new_id();
    let row = Webhook {
        id,
        org_id: who.row().id,
        url,
        actions,
        secret: app.get::<Seal>().seal(&*app.seams.rng, id.uuid().as_bytes(), &bytes)?,
        state: WebhookState::Active,
        created_by: who.caller().user_id(),
        created_at: tx.now(),
        since_at: tx.now(),
        slow: 0,
        failures: 0,
        failing_since: None,
        free_at: tx.now(),
        last_at: None,
        last_ok: None,
    };
    store::begin(&mut tx).await?;
    tx.insert(&row).await?;
    tx.target(row.id);
    tx.note(Key::Name, host(&row.url));
    tx.note(Key::Actions, &row.actions);
    tell_owners(&mut tx, who, &row).await?;
    let view = views(&mut tx, vec![row], true).await?.pop().ok_or_else(Error::not_found)?;
    tx.commit().await?;
    Ok((view, secret))
}

/// Tells the owners but whoever made it that something leaves the organization from now on.
async fn tell_owners(tx: &mut WriteTx, who: &Allowed<Create>, row: &Webhook) -> Result<()> {
    let maker = who.caller().user();
    for owner in tenancy::owners(tx, row.org_id).await? {
        if owner.id == maker.id {
            continue;
        }
        let notice = Notice {
            kind: "webhook.created",
            about: About::Security,
            title: format!("A webhook of {} was made", who.row().name),
            body: format!(
                "{} lets {} hear what the audit record says of {}. Remove it if it surprises you.",
                maker.display_name,
                host(&row.url),
                row.actions
            ),
            href: "/access/organizations",
        };
        tell(tx, &Recipient { user_id: owner.id, email: owner.email }, &notice).await?;
    }
    Ok(())
}

/// Returns the host of an address: paths may hold secrets.
pub fn host(url: &str) -> String {
    let uri: Option<http::Uri> = url.parse().ok();
    uri.and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default()
}

/// Pauses a webhook, so that it is told nothing of what happens meanwhile, or resumes it.
///
/// # Errors
/// `state_conflict` when it is so already.
pub async fn change(app: &App, who: &Allowed<Change>, active: bool) -> Result<()> {
    if active && !who.may("organization.audit") {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("A webhook is told what the audit record says, and you may not read that."));
    }
    if active && who.archived() {
        return Err(Error::new(Code::NotNow)
            .detail("This is archived: nothing in it is resumed. Unarchive it first."));
    }
    let hook = who.row();
    let mut tx = app.db.write(who).await?;
    let state = if active { WebhookState::Active } else { WebhookState::Paused };
    if store::set_state(&mut tx, hook, state).await? == 0 {
        return Err(Error::new(Code::NotNow).detail(format!("It is {state} already.")));
    }
    if active {
        // Whoever resumes it answers for it from now on.
        store::answer(&mut tx, hook, who.caller().user_id()).await?;
    }
    if !active {
        store::forget_waiting(&mut tx, hook).await?;
    }
    tx.target(hook.id);
    tx.note(Key::State, state);
    tx.commit().await
}

/// Sends a webhook a test event, signed like any other.
///
/// # Errors
/// `state_conflict` when it is told nothing.
pub async fn test(app: &App, who: &Allowed<Test>) -> Result<()> {
    let hook = who.row();
    let mut tx = app.db.write(who).await?;
    let hook = &store::lock(&mut tx, hook).await?.ok_or_else(Error::not_found)?;
    if hook.state != WebhookState::Active {
        return Err(Error::new(Code::NotNow).detail("It is told nothing now. Resume it first."));
    }
    if store::waiting(&mut tx, hook.id).await? >= MOST_WAITING {
        return Err(Error::new(Code::NotNow).detail("Too much waits for it already."));
    }
    let event = Event {
        kind: "webhook.test".into(),
        timestamp: tx.now().to_string(),
        data: EventData {
            entry_id: String::new(),
            actor_kind: api::audit::ActorKind::User,
            actor: who.caller().user_id().to_string(),
            org_id: hook.org_id,
            project_id: None,
            target: Some(hook.id.to_string()),
            outcome: api::audit::Outcome::Success,
            code: None,
            correlation_id: who.head().correlation_id.to_string(),
            count: 1,
            detail: Default::default(),
        },
    };
    let body = serde_json::to_string(&event).map_err(Error::internal)?;
    let what = (store::head(&mut tx).await?, "webhook.test".to_owned(), body);
    let row = fan::delivery(hook, tx.new_id(), what, tx.now());
    tx.insert(&row).await?;
    tx.target(hook.id);
    tx.commit().await?;
    app.get::<Sweeps>().nudge(super::FRESH);
    Ok(())
}

/// Removes a webhook; what waits for it is not told.
///
/// # Errors
/// `conflict`.
pub async fn remove(app: &App, who: &Allowed<Remove>) -> Result<()> {
    let hook = who.row();
    let mut tx = app.db.write(who).await?;
    store::lock(&mut tx, hook).await?.ok_or(Code::Raced)?;
    if store::remove(&mut tx, hook).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(hook.id);
    tx.note(Key::Name, host(&hook.url));
    tx.commit().await
}
