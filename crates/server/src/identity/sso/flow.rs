//! The way to a sign-in service and back (RFC 6749, RFC 7636, RFC 9207): `state`, nonce and PKCE verifier
//! belong to one attempt, the attempt to one browser, and it is used up by the first who comes back.

use super::{
    claims::{Person, SKEW},
    identities::{self, Identity},
    model,
    peer::{Fault, Peer},
    store::{self, Attempt, Provider, Purpose},
};
use crate::identity::guesses;
use api::{Code, IdentityId, ProviderId, SessionId, Time, TypedId, UserId};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, System},
    db::WriteTx,
    seal::Seal,
    secret::Secret,
};
use openidconnect::{AuthenticationContextClass, AuthenticationFlow};
use openidconnect::{
    CsrfToken, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope,
    core::{CoreAuthPrompt, CoreResponseType},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Notes how sign-in services answer.
pub const WRITER: System = System {
    name: "identity.sso",
    unaudited: Some(
        "uses attempts up and notes how services answered; the sign-in itself is audited",
    ),
};

const LIFE: Duration = Duration::from_secs(600);

/// What is asked of a sign-in service.
pub struct Start {
    /// Which.
    pub provider: ProviderId,
    /// What for.
    pub purpose: Purpose,
    /// The session it is asked in.
    pub session: Option<SessionId>,
    /// Where to go afterwards.
    pub back: String,
    /// An address to fill in there.
    pub hint: Option<String>,
    /// The cookie the browser has from an earlier attempt.
    pub browser: Option<Secret>,
    /// Where from.
    pub ip: String,
}

/// Somebody about to be sent away.
pub struct Begun {
    /// Where to.
    pub url: String,
    /// What the button there says.
    pub label: String,
    /// What the browser keeps meanwhile.
    pub browser: Secret,
}

/// What a browser brings back.
#[derive(Debug, Default)]
pub struct Returned {
    /// Which attempt.
    pub state: String,
    /// What stands for the sign-in.
    pub code: String,
    /// What went wrong there.
    pub error: String,
    /// Who answers (RFC 9207).
    pub issuer: String,
}

/// Somebody who came back, and whom the service says they are.
pub struct Arrival {
    /// The sign-in service.
    pub provider: Provider,
    /// The attempt, used up.
    pub attempt: Attempt,
    /// Who.
    pub person: Person,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    nonce: String,
    verifier: String,
}

/// Writes down, for its administrators, how a service answered.
pub async fn note(app: &App, provider: &Provider, fault: Option<&Fault>) {
    let words = fault.map(ToString::to_string);
    // Well as before, within the last minutes: nothing to write.
    let now = app.seams.clock.now();
    let fresh = provider.last_ok_at.is_some_and(|at| now.since(at) < Duration::from_secs(300));
    if words.is_none() && fresh && !provider.is_down() {
        return;
    }
    let noted = async {
        let mut tx = app.db.write(&WRITER).await?;
        store::note(&mut tx, provider.id, words.as_deref()).await?;
        tx.commit().await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "how a sign-in service answered cannot be noted");
    }
}

/// Returns what a person reads when a service was of no help; its own words go to the log alone.
pub fn told(provider: &Provider, fault: Fault) -> Error {
    match &fault {
        Fault::Down(words) => Error::new(Code::SsoUnavailable)
            .because(anyhow::anyhow!("sign-in service {}: {words}", provider.id)),
        Fault::Refused(_) | Fault::Over => Error::new(Code::SsoRefused)
            .because(anyhow::anyhow!("sign-in service {}: {fault}", provider.id)),
    }
}

/// Begins an attempt.
///
/// # Errors
/// `not_found`, `sso_unavailable`, `rate_limit_exceeded`.
pub async fn begin(app: &App, who: &impl Accountable, start: Start) -> Result<Begun> {
    guesses::take(app, &guesses::of_asking("sso", &start.ip, 120)).await?;
    let found = store::find(&mut *app.db.read().await?, start.provider).await?;
    let provider = found.filter(Provider::is_live).ok_or_else(Error::not_found)?;
    let peer = match Peer::of(app, &provider).await {
        Ok(peer) => peer,
        Err(fault) => {
            note(app, &provider, Some(&fault)).await;
            return Err(told(&provider, fault));
        }
    };
    let rng = &*app.seams.rng;
    let (state, nonce) = (Secret::generate(rng, ""), Secret::generate(rng, ""));
    let verifier = PkceCodeVerifier::new(Secret::generate(rng, "").reveal().to_owned());
    let url = address(&peer, &start, &state, &nonce, &verifier);
    let browser = start.browser.unwrap_or_else(|| Secret::generate(rng, "gpuaas_b_"));
    let kept = Kept { nonce: nonce.reveal().to_owned(), verifier: verifier.secret().clone() };
    let mut tx = app.db.write(who).await?;
    let id: api::AttemptId = tx.new_id();
    let clear = serde_json::to_vec(&kept).map_err(Error::internal)?;
    let attempt = Attempt {
        id,
        state_hash: state.digest(),
        browser_hash: browser.digest(),
        provider_id: provider.id,
        purpose: start.purpose,
        session_id: start.session,
        secrets: app.get::<Seal>().seal(rng, id.uuid().as_bytes(), &clear)?,
        back: start.back,
        created_at: tx.now(),
        expires_at: tx.now().plus(LIFE),
    };
    store::forget_attempts(&mut tx).await?;
    tx.insert(&attempt).await?;
    tx.target(provider.id);
    tx.commit().await?;
    Ok(Begun { url, label: provider.label, browser })
}

fn address(
    peer: &Peer,
    start: &Start,
    state: &Secret,
    nonce: &Secret,
    verifier: &PkceCodeVerifier,
) -> String {
    let (state, nonce) = (state.reveal().to_owned(), nonce.reveal().to_owned());
    let mut ask = peer
        .party()
        .authorize_url(
            AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(verifier))
        .add_scopes(peer.provider.scopes.split_whitespace().map(|s| Scope::new(s.to_owned())));
    if let Some(hint) = &start.hint {
        ask = ask.set_login_hint(LoginHint::new(hint.clone()));
    }
    if peer.provider.trust_mfa {
        // Wished for, not insisted on: what it says is read, never assumed (OpenID Connect EAP ACR Values 1.0).
        for strength in ["phrh", "phr"] {
            ask = ask.add_auth_context_value(AuthenticationContextClass::new(strength.to_owned()));
        }
    }
    if start.purpose == Purpose::StepUp {
        ask = ask.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
    } else if peer.provider.scopes.split_whitespace().any(|scope| scope == "offline_access") {
        ask = ask.add_prompt(CoreAuthPrompt::Consent);
    }
    ask.url().0.to_string()
}

/// Takes what a browser brings back, once, and asks the service who it is.
///
/// # Errors
/// `sso_refused`, `sso_unavailable`.
pub async fn finish(
    app: &App,
    returned: Returned,
    provider: ProviderId,
    browser: Option<Secret>,
) -> Result<Arrival> {
    let refuse = |words: &'static str| {
        Error::new(Code::SsoRefused).because(anyhow::anyhow!("sign-in attempt: {words}"))
    };
    let state = Secret::presented(&returned.state).ok_or_else(|| refuse("no state"))?;
    let browser = browser.ok_or_else(|| refuse("another browser, or no cookie"))?;
    // On its own: whatever comes of it, it is used up.
    let mut tx = app.db.write(&WRITER).await?;
    let attempt = store::find_attempt(&mut tx, &state.digest()).await?;
    let attempt = attempt.ok_or_else(|| refuse("the state is unknown or was used"))?;
    // Somebody else's browser uses nothing up.
    if !kernel::secret::equal(&attempt.browser_hash, &browser.digest()) {
        return Err(refuse("another browser than it began in"));
    }
    // Each service has an address of its own to send people back to: what one answered is never given to
    // another (RFC 9700 §4.4).
    let elsewhere = attempt.provider_id != provider;
    if !store::use_attempt(&mut tx, attempt.id).await? {
        return Err(refuse("the state was used"));
    }
    let found = store::find(&mut tx, attempt.provider_id).await?;
    let now = tx.now();
    tx.commit().await?;
    if elsewhere {
        return Err(refuse("it came back to the address of another service"));
    }
    let provider = found.filter(Provider::is_live).ok_or_else(|| refuse("service removed"))?;
    if attempt.expires_at <= now {
        return Err(refuse("it took longer than ten minutes"));
    }
    // What a browser says of a service is no news of the service.
    checked(app, &provider, &returned).await.map_err(|fault| told(&provider, fault))?;
    let person = match exchange(app, &provider, &attempt, returned.code).await {
        Ok(person) => person,
        Err(fault) => {
            if !matches!(fault, Fault::Over) {
                note(app, &provider, Some(&fault)).await;
            }
            return Err(told(&provider, fault));
        }
    };
    note(app, &provider, None).await;
    if attempt.purpose == Purpose::StepUp {
        proven_since(&person, attempt.created_at).map_err(|fault| told(&provider, fault))?;
    }
    Ok(Arrival { provider, attempt, person })
}

/// Looks at what came through the browser (RFC 9207 §2.4, RFC 6749 §4.1.2.1).
async fn checked(app: &App, provider: &Provider, returned: &Returned) -> Result<(), Fault> {
    let refused = |words: &str| Err(Fault::Refused(words.to_owned()));
    let named = !returned.issuer.is_empty();
    let must = Peer::of(app, provider).await?.names_issuer();
    if (named && returned.issuer != provider.issuer) || (!named && must) {
        return refused("the answer comes from another issuer (iss)");
    }
    match returned.error.as_str() {
        "" if returned.code.is_empty() => refused("the answer has no code"),
        "" => Ok(()),
        "access_denied" => refused("the person turned back (access_denied)"),
        "temporarily_unavailable" | "server_error" => {
            Err(Fault::Down("it answers with an error of its own".to_owned()))
        }
        _ => refused("it answers that the request was wrong"),
    }
}

async fn exchange(
    app: &App,
    provider: &Provider,
    attempt: &Attempt,
    code: String,
) -> Result<Person, Fault> {
    let broken = |_| Fault::Down("a sealed secret does not open".to_owned());
    let clear = app.get::<Seal>().unseal(attempt.id.uuid().as_bytes(), &attempt.secrets);
    let kept: Kept = serde_json::from_slice(&clear.map_err(broken)?)
        .map_err(|_| Fault::Down("a sealed secret is not whole".to_owned()))?;
    let peer = Peer::of(app, provider).await?;
    peer.exchange(code, kept.verifier, &Nonce::new(kept.nonce)).await
}

/// A service that was asked for a fresh proof says when it was given; silence is none.
fn proven_since(person: &Person, began: Time) -> Result<(), Fault> {
    let fresh = person.proven_at.is_some_and(|at| at.plus(SKEW) >= began);
    let words = "it does not say that the person proved who they are anew (auth_time)";
    if fresh { Ok(()) } else { Err(Fault::Refused(words.to_owned())) }
}

/// Notes who came, making them known when they were not.
///
/// # Errors
/// What the database says.
pub async fn know(
    tx: &mut WriteTx,
    arrival: &Arrival,
    user: UserId,
    known: Option<&Identity>,
) -> Result<IdentityId> {
    let (person, provider) = (&arrival.person, &arrival.provider);
    tx.note(Key::Method, "sso");
    tx.note(Key::Person, user);
    if let Some(known) = known {
        let groups = person.groups.as_deref();
        identities::seen(tx, known.id, provider.id, &person.assurance.methods, groups).await?;
        return Ok(known.id);
    }
    let row = Identity {
        id: tx.new_id(),
        user_id: user,
        provider_id: provider.id,
        org_id: provider.org_id,
        issuer: provider.issuer.clone(),
        subject: person.subject.clone(),
        methods: person.assurance.methods.clone(),
        member_of: identities::kept(person.groups.as_deref().unwrap_or_default()),
        created_at: tx.now(),
        seen_at: tx.now(),
    };
    tx.insert(&row).await?;
    Ok(row.id)
}

/// Returns the services an address or the short name of an organization leads to.
///
/// # Errors
/// What the database says.
pub async fn led_to(app: &App, hint: &str) -> Result<Vec<Provider>> {
    let mut tx = app.db.read().await?;
    if let Some((_, host)) = hint.rsplit_once('@') {
        let Some(domain) = model::domain(host) else { return Ok(Vec::new()) };
        return store::of_domain(&mut tx, &domain).await;
    }
    let slug = hint.trim().to_ascii_lowercase();
    let mut found = store::of_slug(&mut tx, &slug).await?;
    if found.is_empty()
        && let Some(domain) = model::domain(&slug)
    {
        found = store::of_domain(&mut tx, &domain).await?;
    }
    Ok(found)
}
