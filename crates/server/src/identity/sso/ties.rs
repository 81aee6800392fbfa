//! What ties a session to the sign-in service it came from: the service is asked now and then
//! whether it still holds, says by itself when somebody signed out (OpenID Connect Back-Channel Logout
//! 1.0), and is told when they sign out here (RP-Initiated Logout 1.0).
//!
//! Promises: a session ends when the service says so, when it has not answered for an hour, and where it is
//! never asked, with the ID token it came with.

use super::{
    claims::SKEW,
    flow,
    peer::{Fault, Peer, Token},
    store::{self, Provider, Tie},
};
use crate::identity::{Settings, caller::session_topic, store as people};
use api::{Code, IdentityId, ProviderId, SessionId, Time, TypedId};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Reader, WriteTx},
    seal::Seal,
};
use serde::{Deserialize, Serialize};
use std::{str::FromStr, time::Duration};

/// How long it may be silent.
pub const SILENT: Duration = Duration::from_secs(3600);
/// Signing out here does not wait for a service that is down.
const PATIENCE: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(60);
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

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

/// Ties a session.
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
    let secrets = Kept { id_token: person.id_token.clone(), refresh: person.refresh.clone() };
    store::loosen(tx, session).await?;
    let tie = Tie {
        session_id: session,
        identity_id: identity,
        provider_id: arrival.provider.id,
        sid: person.sid.clone(),
        secrets: seal(app, session, &secrets)?,
        refreshes: person.refresh.is_some(),
        last_ok_at: tx.now(),
        due_at: if person.refresh.is_some() { tx.now().plus(every(app)) } else { person.until },
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
    /// The tie.
    pub tie: Tie,
    /// Whom it names, where it says so anew.
    pub person: Option<super::Person>,
}

/// Asks about a session that is due; nothing when somebody else does, or it is over.
///
/// # Errors
/// What the database says.
pub async fn ask(app: &App, who: &impl Accountable, tie: &Tie) -> Result<Option<Renewed>> {
    let now = app.seams.clock.now();
    let mut tx = app.db.write(who).await?;
    let live = people::is_live(&mut tx, tie.session_id).await?;
    let provider = store::find(&mut tx, tie.provider_id).await?.filter(Provider::is_live);
    let identity = store::subject_of(&mut tx, tie.identity_id).await?;
    let (Some(provider), Some(subject), true, true) = (provider, identity, live, tie.refreshes)
    else {
        end(app, &mut tx, std::slice::from_ref(tie), "ended at the sign-in service").await?;
        tx.commit().await?;
        return Ok(None);
    };
    if !store::take(&mut tx, tie, now.plus(SOON)).await? {
        return Ok(None);
    }
    tx.commit().await?;
    let mut kept = kept(app, tie)?;
    let refresh = kept.refresh.clone().unwrap_or_default();
    let answer = match Peer::of(app, &provider).await {
        Ok(peer) => peer.refresh(&refresh, &subject).await,
        Err(fault) => Err(fault),
    };
    flow::note(app, &provider, answer.as_ref().err().filter(|f| matches!(f, Fault::Down(_)))).await;
    let mut tx = app.db.write(who).await?;
    let renewed = match answer {
        Ok((next, person)) => {
            if let Some(person) = &person {
                kept.id_token.clone_from(&person.id_token);
            }
            kept.refresh = next.or(kept.refresh);
            let secrets = seal(app, tie.session_id, &kept)?;
            let due_at = now.plus(every(app));
            let tie = Tie { secrets, last_ok_at: now, due_at, ..tie.clone() };
            store::keep(&mut tx, &tie).await?;
            Some(Renewed { tie, person })
        }
        Err(Fault::Down(words)) if now.since(tie.last_ok_at) < SILENT => {
            tracing::warn!(provider = %provider.id, words, "a sign-in service does not answer");
            None
        }
        Err(fault) => {
            tracing::info!(provider = %provider.id, %fault, "a session ended with its sign-in service");
            end(app, &mut tx, std::slice::from_ref(tie), "ended at the sign-in service").await?;
            None
        }
    };
    tx.commit().await?;
    Ok(renewed)
}

/// Ends what a service says is over (Back-Channel Logout 1.0 §2.6); returns how many sessions.
///
/// # Errors
/// `invalid_request`, `not_found`, `sso_unavailable`.
pub async fn told(
    app: &App,
    who: &impl Accountable,
    provider: ProviderId,
    token: &str,
) -> Result<usize> {
    let bad = |words: String| {
        Error::new(Code::InvalidRequest)
            .detail("The logout token cannot be accepted.")
            .because(anyhow::anyhow!("logout token: {words}"))
    };
    let found = store::find(&mut *app.db.read().await?, provider).await?;
    let provider = found.filter(Provider::is_live).ok_or_else(Error::not_found)?;
    if token.len() > 16 * 1024 {
        return Err(bad("too long".into()));
    }
    let token = Token::from_str(token).map_err(|error| bad(error.to_string()))?;
    let peer = Peer::of(app, &provider).await.map_err(|fault| flow::told(&provider, fault))?;
    let claims = peer.logout_claims(&token).await.map_err(|fault| bad(fault.to_string()))?;
    let extra = &claims.additional_claims().all;
    let event =
        extra.get("events").and_then(|events| events.get(EVENT)).is_some_and(|e| e.is_object());
    let named = extra.get("jti").and_then(|jti| jti.as_str()).is_some_and(|jti| !jti.is_empty());
    if !event || !named || claims.nonce().is_some() {
        return Err(bad("it is no logout token".into()));
    }
    let issued: Time = std::time::SystemTime::from(claims.issue_time()).into();
    let now = app.seams.clock.now();
    if now.since(issued) > Duration::from_secs(300) {
        return Err(bad("it is older than five minutes".into()));
    }
    let sid = extra.get("sid").and_then(|sid| sid.as_str());
    let mut tx = app.db.write(who).await?;
    let known = store::find_identity(&mut tx, &provider, claims.subject().as_str()).await?;
    let mut ties = match known {
        Some(known) => store::ties_of(&mut tx, provider.id, Some(known.id)).await?,
        None => Vec::new(),
    };
    ties.retain(|tie| sid.is_none() || tie.sid.as_deref() == sid);
    let mut over = Vec::new();
    for tie in ties {
        // A token sent again ends nothing that began after it.
        let session = people::find_session_by_id(&mut tx, tie.session_id).await?;
        if session.is_some_and(|session| session.signed_in_at <= issued.plus(SKEW)) {
            over.push(tie);
        }
    }
    let ended = end(app, &mut tx, &over, "signed out at the sign-in service").await?;
    tx.target(provider.id);
    tx.note(Key::Count, ended);
    tx.commit().await?;
    Ok(ended)
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
