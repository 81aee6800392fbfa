//! What ties a session to the sign-in service it came from: the service is asked now and then
//! whether it still holds, says by itself when somebody signed out (OpenID Connect Back-Channel Logout
//! 1.0), and is told when they sign out here (RP-Initiated Logout 1.0).
//!
//! Promises: a session ends when the service says so, when it has not answered for an hour, and where it is
//! never asked, with the ID token it came with.

use super::{
    claims::SKEW,
    flow, identities,
    logout_token::{self, SignedOut},
    peer::{Fault, Peer},
    store::{self, Provider, Tie},
};
use crate::identity::{
    Settings,
    caller::session_topic,
    guesses::{self, Bucket},
    store as people,
};
use api::{Code, IdentityId, ProviderId, SessionId, Time, TypedId};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Reader, WriteTx},
    seal::Seal,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long it may be silent.
pub const SILENT: Duration = Duration::from_secs(3600);
/// Signing out here does not wait for a service that is down.
const PATIENCE: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(60);

fn every(app: &App) -> Duration {
    app.get::<Settings>().sso_check()
}

#[derive(Serialize, Deserialize)]
struct Kept {
    id_token: String,
    refresh: Option<String>,
}

fn seal(app: &App, session: SessionId, kept: &Kept) -> Result<Vec<u8>> {
    let clear = serde_json::to_vec(kept).map_err(Error::internal)?;
    app.get::<Seal>().seal(&*app.seams.rng, session.uuid().as_bytes(), &clear)
}

fn kept(app: &App, tie: &Tie) -> Result<Kept> {
    let clear = app.get::<Seal>().unseal(tie.session_id.uuid().as_bytes(), &tie.secrets)?;
    serde_json::from_slice(&clear).map_err(Error::internal)
}

/// Returns when a session that comes from there ends at the latest, without being asked about again.
pub fn bound(arrival: &flow::Arrival) -> Time {
    if arrival.person.refresh.is_some() { Time::MAX } else { arrival.person.until }
}

/// Ties a session. A tie it had before gives its refresh token on, where the service gave no new one: being
/// asked for a fresh proof is no reason to be asked less.
///
/// # Errors
/// What the database says.
pub async fn tie(
    app: &App,
    tx: &mut WriteTx,
    session: SessionId,
    arrival: &flow::Arrival,
    identity: IdentityId,
) -> Result<()> {
    let person = &arrival.person;
    let before = match store::find_tie(tx, session).await? {
        Some(before) => kept(app, &before)?.refresh,
        None => None,
    };
    let refresh = person.refresh.clone().or(before);
    let refreshes = refresh.is_some();
    let secrets = Kept { id_token: person.id_token.clone(), refresh };
    store::loosen(tx, session).await?;
    let tie = Tie {
        session_id: session,
        identity_id: identity,
        provider_id: arrival.provider.id,
        sid: person.sid.clone(),
        secrets: seal(app, session, &secrets)?,
        refreshes,
        last_ok_at: tx.now(),
        due_at: if refreshes { tx.now().plus(every(app)) } else { person.until },
    };
    tx.insert(&tie).await
}

/// Returns when a tied session ends at the latest.
///
/// # Errors
/// What the database says.
pub async fn latest(tx: &mut Reader, session: SessionId) -> Result<Option<Time>> {
    let tie = store::find_tie(tx, session).await?;
    Ok(tie.filter(|tie| !tie.refreshes).map(|tie| tie.due_at))
}

/// Ends the sessions of ties.
///
/// # Errors
/// What the database says.
pub async fn end(app: &App, tx: &mut WriteTx, ties: &[Tie], why: &str) -> Result<usize> {
    let mut ended = 0;
    for tie in ties {
        store::loosen(tx, tie.session_id).await?;
        if people::end_session(tx, tie.session_id, why).await? {
            tx.after_commit(app.teller(session_topic(tie.session_id)));
            ended += 1;
        }
    }
    Ok(ended)
}

/// What a service said when it was asked about a session.
pub struct Renewed {
    /// Whom it means.
    pub identity: IdentityId,
    /// Their groups, where they are known.
    pub groups: Option<Vec<String>>,
}

/// Ends a session of a tie that is still the one it was, on record.
async fn over(app: &App, who: &impl Accountable, tie: &Tie, why: &str) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if !store::still(&mut tx, tie.session_id, tie.due_at).await? {
        return Ok(());
    }
    if end(app, &mut tx, std::slice::from_ref(tie), why).await? > 0 {
        tx.target(tie.session_id);
        if let Some((identity, provider)) = identities::whose(&mut tx, tie.identity_id).await? {
            tx.note(Key::Person, identity.user_id);
            if let Some(org) = provider.org_id {
                tx.belongs_to(org, None);
            }
        }
        tx.note(Key::Reason, why);
        return tx.commit().await;
    }
    // It was over already: only the tie is left to forget.
    drop(tx);
    let mut tx = app.db.write(&flow::WRITER).await?;
    store::loosen(&mut tx, tie.session_id).await?;
    tx.commit().await
}

/// Ends the sessions of services that have been silent for too long; returns how many.
///
/// # Errors
/// What the database says.
pub async fn end_silent(app: &App, who: &impl Accountable) -> Result<usize> {
    let silent = store::silent(&mut *app.db.read().await?, SILENT).await?;
    for tie in &silent {
        over(app, who, tie, "the sign-in service was silent for an hour").await?;
    }
    Ok(silent.len())
}

/// Asks about a session that is due; nothing when somebody else does, or it is over.
///
/// # Errors
/// What the database says.
pub async fn ask(app: &App, who: &impl Accountable, tie: &Tie) -> Result<Option<Renewed>> {
    let now = app.seams.clock.now();
    let (live, known) = {
        let mut tx = app.db.read().await?;
        let known = identities::whose(&mut tx, tie.identity_id).await?;
        (people::is_live(&mut tx, tie.session_id).await?, known)
    };
    let provider = store::find(&mut *app.db.read().await?, tie.provider_id).await?;
    let provider = provider.filter(Provider::is_live);
    let (Some((identity, _)), Some(provider), true, true) = (known, provider, live, tie.refreshes)
    else {
        return over(app, who, tie, "ended with the sign-in service's").await.map(|()| None);
    };
    let Ok(mut kept) = kept(app, tie) else {
        return over(app, who, tie, "its secrets do not open").await.map(|()| None);
    };
    let taken = Tie { due_at: now.plus(SOON), ..tie.clone() };
    let mut tx = app.db.write(&flow::WRITER).await?;
    if !store::take(&mut tx, tie, taken.due_at).await? {
        return Ok(None);
    }
    tx.commit().await?;
    let refresh = kept.refresh.clone().unwrap_or_default();
    let answer = match Peer::of(app, &provider).await {
        Ok(peer) => peer.refresh(&refresh, &identity.subject).await,
        Err(fault) => Err(fault),
    };
    let fault = answer.as_ref().err().filter(|fault| !matches!(fault, Fault::Over));
    flow::note(app, &provider, fault).await;
    let renewal = match answer {
        Ok(renewal) => renewal,
        Err(Fault::Down(words)) => {
            tracing::warn!(provider = %provider.id, words, "a sign-in service does not answer");
            return Ok(None);
        }
        Err(fault) => {
            tracing::info!(provider = %provider.id, %fault, "a session ended with its sign-in service");
            return over(app, who, &taken, "ended at the sign-in service").await.map(|()| None);
        }
    };
    kept.id_token = renewal.id_token.unwrap_or(kept.id_token);
    kept.refresh = renewal.next.or(kept.refresh);
    let secrets = seal(app, tie.session_id, &kept)?;
    let due_at = now.plus(every(app));
    let fresh = Tie { secrets, last_ok_at: now, due_at, ..tie.clone() };
    let mut tx = app.db.write(&flow::WRITER).await?;
    let held = store::keep(&mut tx, &fresh, taken.due_at).await?;
    let groups = renewal.groups.as_deref();
    identities::seen(&mut tx, identity.id, provider.id, &identity.methods, groups).await?;
    tx.commit().await?;
    Ok(held.then_some(Renewed { identity: identity.id, groups: renewal.groups }))
}

/// Ends what a service says is over (Back-Channel Logout 1.0 §2.6); returns how many sessions. A token counts
/// once; who sends rubbish is soon not listened to.
///
/// # Errors
/// `invalid_request`, `not_found`, `sso_unavailable`, `rate_limit_exceeded`.
pub async fn told(
    app: &App,
    who: &impl Accountable,
    provider: ProviderId,
    token: &str,
    ip: &str,
) -> Result<usize> {
    let bucket = Bucket::new(format!("sso-out:{ip}"), 30);
    guesses::free(app, &bucket).await?;
    let found = store::find(&mut *app.db.read().await?, provider).await?;
    let provider = found.filter(Provider::is_live).ok_or_else(Error::not_found)?;
    let (said, name) = match believed(app, &provider, token).await {
        Ok(both) => both,
        Err(Fault::Down(words)) => return Err(flow::told(&provider, Fault::Down(words))),
        Err(fault) => {
            guesses::take(app, &[bucket]).await?;
            return Err(Error::new(Code::InvalidRequest)
                .detail("The logout token cannot be accepted.")
                .because(anyhow::anyhow!("logout token: {fault}")));
        }
    };
    let mut tx = app.db.write(who).await?;
    if !store::first_heard(&mut tx, &name).await? {
        return Ok(0);
    }
    let mut ties = match &said.subject {
        Some(subject) => match identities::find(&mut tx, &provider, subject).await? {
            Some(known) => store::ties_of(&mut tx, known.id).await?,
            None => Vec::new(),
        },
        None => store::ties_at(&mut tx, provider.id).await?,
    };
    ties.retain(|tie| {
        tie.provider_id == provider.id && (said.sid.is_none() || tie.sid == said.sid)
    });
    let mut over = Vec::new();
    for tie in ties {
        // A token sent again ends nothing that began after it.
        let session = people::find_session_by_id(&mut tx, tie.session_id).await?;
        if session.is_some_and(|session| session.signed_in_at <= said.said_at.plus(SKEW)) {
            over.push(tie);
        }
    }
    let ended = end(app, &mut tx, &over, "signed out at the sign-in service").await?;
    tx.target(provider.id);
    if let Some(org) = provider.org_id {
        tx.belongs_to(org, None);
    }
    tx.note(Key::Count, ended);
    if let Some(subject) = &said.subject {
        tx.note(Key::Person, subject);
    }
    tx.commit().await?;
    Ok(ended)
}

async fn believed(
    app: &App,
    provider: &Provider,
    token: &str,
) -> Result<(SignedOut, Vec<u8>), Fault> {
    if token.len() > 16 * 1024 {
        return Err(Fault::Refused("too long".to_owned()));
    }
    let token = logout_token::read(provider, token, app.seams.clock.now())?;
    let name = token.name.clone();
    Ok((Peer::of(app, provider).await?.believe(token).await?, name))
}

/// Returns where somebody who just signed out here signs out there, when that is known.
pub async fn leave(app: &App, tie: &Tie) -> Option<(String, String)> {
    let provider = store::find(&mut *app.db.read().await.ok()?, tie.provider_id).await.ok()??;
    let peer = tokio::time::timeout(PATIENCE, Peer::of(app, &provider)).await.ok()?.ok()?;
    let end = peer.end_session()?;
    let hint = kept(app, tie).ok()?.id_token;
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("id_token_hint", &hint)
        .append_pair("client_id", &provider.client_id)
        .append_pair("post_logout_redirect_uri", &post_logout_uri(app))
        .finish();
    let mark = if end.contains('?') { '&' } else { '?' };
    Some((format!("{end}{mark}{query}"), provider.label))
}

/// Returns where a service sends people after they signed out there.
pub fn post_logout_uri(app: &App) -> String {
    format!("{}/auth/login", app.site.public_url)
}

/// Returns where a service tells of sign-outs.
pub fn backchannel_uri(app: &App, provider: ProviderId) -> String {
    format!("{}/api/v1/auth/oidc/backchannel-logout/{provider}", app.site.public_url)
}
