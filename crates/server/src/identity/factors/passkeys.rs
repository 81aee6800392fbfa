//! Passkeys (W3C WebAuthn Level 3) over webauthn-rs: the challenge lies sealed in the database and
//! works once; user verification is always asked for; origin and relying party are this site's
//! address exactly.

use super::store::{self, Challenge, Factor};
use crate::identity::store::User;
use api::{ChallengeId, Code, SessionId, TypedId, factors::PasskeyOptions};
use kernel::{
    App, Context, Error, Result,
    app::Site,
    db::{Reader, WriteTx},
    seal::Seal,
};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Webauthn,
    WebauthnBuilder,
};

const KEEP: Duration = Duration::from_secs(300);

/// What makes and checks passkeys; absent where the site's address cannot have any.
pub struct Passkeys(Option<Webauthn>);

impl Passkeys {
    /// Returns the relying party of a site. A number as address cannot be one (WebAuthn §5.1.2), but
    /// this machine's own is also called `localhost`.
    pub fn of(site: &Site) -> Self {
        let Ok(mut origin) = Url::parse(&site.public_url) else { return Self(None) };
        let loopback = matches!(origin.host_str(), Some("127.0.0.1" | "[::1]"));
        if loopback && origin.set_host(Some("localhost")).is_err() {
            return Self(None);
        }
        let Some(host) = origin.domain().map(str::to_owned) else { return Self(None) };
        let made = WebauthnBuilder::new(&host, &origin)
            .map(|builder| builder.rp_name(&site.brand).allow_subdomains(false))
            .and_then(WebauthnBuilder::build);
        Self(made.ok())
    }

    /// Returns whether passkeys can be used here.
    pub fn possible(&self) -> bool {
        self.0.is_some()
    }

    fn party(&self) -> Result<&Webauthn> {
        self.0.as_ref().ok_or_else(|| {
            Error::new(Code::NotNow).detail(
                "Passkeys need a site with a name: this one is reached by a number. Use an authenticator app.",
            )
        })
    }
}

async fn keep(
    app: &App,
    tx: &mut WriteTx,
    purpose: &str,
    session: Option<SessionId>,
    state: &impl Serialize,
) -> Result<ChallengeId> {
    let id: ChallengeId = tx.new_id();
    let clear = serde_json::to_vec(state).context("write a challenge")?;
    let sealed = app.get::<Seal>().seal(&*app.seams.rng, id.uuid().as_bytes(), &clear)?;
    let expires_at = tx.now().plus(KEEP);
    let row = Challenge {
        id,
        session_id: session,
        purpose: purpose.to_owned(),
        state: sealed,
        expires_at,
    };
    tx.insert(&row).await?;
    Ok(id)
}

async fn recall<T: DeserializeOwned>(
    app: &App,
    tx: &mut Reader,
    id: ChallengeId,
    session: Option<SessionId>,
    purpose: &'static str,
) -> Result<T> {
    let found = store::find_challenge(tx, id, session, purpose).await?.ok_or_else(refused)?;
    let clear = app.get::<Seal>().unseal(id.uuid().as_bytes(), &found.state)?;
    serde_json::from_slice(&clear).context("read a challenge")
}

fn refused() -> Error {
    Error::new(Code::FactorRefused)
        .detail("The passkey was not accepted, or the question ran out. Try again.")
}

fn read<T: DeserializeOwned>(credential: serde_json::Value) -> Result<T> {
    serde_json::from_value(credential).map_err(|_| refused())
}

/// Opens a stored passkey.
pub fn open(app: &App, factor: &Factor) -> Result<Passkey> {
    let clear = app.get::<Seal>().unseal(factor.id.uuid().as_bytes(), &factor.secret)?;
    serde_json::from_slice(&clear).context("read a passkey")
}

/// Seals a passkey for its row.
pub fn close(app: &App, id: api::FactorId, passkey: &Passkey) -> Result<Vec<u8>> {
    let clear = serde_json::to_vec(passkey).context("write a passkey")?;
    app.get::<Seal>().seal(&*app.seams.rng, id.uuid().as_bytes(), &clear)
}

/// Asks the browser for a new passkey of somebody.
pub async fn ask_new(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    session: SessionId,
    known: &[Factor],
) -> Result<PasskeyOptions> {
    let party = app.get::<Passkeys>().party()?;
    let exclude: Vec<CredentialID> = known.iter().filter_map(|f| f.credential_id.clone()).collect();
    let (ask, state) = party
        .start_passkey_registration(
            user.id.uuid(),
            user.handle(),
            &user.display_name,
            Some(exclude),
        )
        .map_err(|cause| Error::internal(anyhow::anyhow!("ask for a passkey: {cause}")))?;
    let challenge_id = keep(app, tx, "enrol", Some(session), &state).await?;
    let mut options = serde_json::to_value(ask).context("write a question")?;
    // A passkey that its device can find by itself also signs in without a name.
    if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection")
        && let Some(selection) = selection.as_object_mut()
    {
        selection.insert("residentKey".into(), "preferred".into());
    }
    Ok(PasskeyOptions { challenge_id, options })
}

/// Takes a new passkey; the challenge is used up by the caller's transaction.
pub async fn take_new(
    app: &App,
    tx: &mut Reader,
    session: SessionId,
    challenge: ChallengeId,
    credential: serde_json::Value,
) -> Result<Passkey> {
    let party = app.get::<Passkeys>().party()?;
    let state: PasskeyRegistration = recall(app, tx, challenge, Some(session), "enrol").await?;
    let given: RegisterPublicKeyCredential = read(credential)?;
    party.finish_passkey_registration(&given, &state).map_err(|cause| {
        tracing::info!(%cause, "a new passkey was not accepted");
        refused()
    })
}

/// Asks for a proof: of somebody's own passkeys, or of any before it is known who asks.
pub async fn ask_proof(
    app: &App,
    tx: &mut WriteTx,
    of: Option<(SessionId, &[Factor])>,
) -> Result<PasskeyOptions> {
    let party = app.get::<Passkeys>().party()?;
    let fault = |cause| Error::internal(anyhow::anyhow!("ask for a passkey: {cause}"));
    let (mut options, challenge_id) = match of {
        Some((session, factors)) => {
            let keys = factors
                .iter()
                .filter(|factor| factor.credential_id.is_some())
                .map(|factor| open(app, factor))
                .collect::<Result<Vec<Passkey>>>()?;
            if keys.is_empty() {
                return Err(Error::new(Code::FactorRefused).detail("There is no passkey yet."));
            }
            let (ask, state) = party.start_passkey_authentication(&keys).map_err(fault)?;
            let id = keep(app, tx, "prove", Some(session), &state).await?;
            (serde_json::to_value(ask).context("write a question")?, id)
        }
        None => {
            let (ask, state) = party.start_discoverable_authentication().map_err(fault)?;
            let id = keep(app, tx, "sign_in", None, &state).await?;
            (serde_json::to_value(ask).context("write a question")?, id)
        }
    };
    // The button asks at once; the browser's quiet offer is for fields.
    if let Some(options) = options.as_object_mut() {
        options.remove("mediation");
    }
    Ok(PasskeyOptions { challenge_id, options })
}

/// A passkey that proved something: its row, and the row's secret after this use.
pub struct Proof {
    /// The row.
    pub factor: Factor,
    /// Its secret from now on.
    pub secret: Vec<u8>,
    /// The challenge it used.
    pub challenge: ChallengeId,
}

/// Checks a proof; nothing is used up yet.
pub async fn check(
    app: &App,
    tx: &mut Reader,
    session: Option<SessionId>,
    challenge: ChallengeId,
    credential: serde_json::Value,
) -> Result<Proof> {
    let party = app.get::<Passkeys>().party()?;
    let given: PublicKeyCredential = read(credential)?;
    let found = store::find_passkey(tx, given.get_credential_id()).await?;
    let factor = found.ok_or_else(refused)?;
    let mut passkey = open(app, &factor)?;
    let done = if session.is_some() {
        let state: PasskeyAuthentication = recall(app, tx, challenge, session, "prove").await?;
        party.finish_passkey_authentication(&given, &state)
    } else {
        let state: DiscoverableAuthentication = recall(app, tx, challenge, None, "sign_in").await?;
        let (user, _) =
            party.identify_discoverable_authentication(&given).map_err(|_| refused())?;
        if user != factor.user_id.uuid() {
            return Err(refused());
        }
        party.finish_discoverable_authentication_v2(&given, state, DiscoverableKey::from(&passkey))
    };
    let done = done.map_err(|cause| {
        tracing::info!(%cause, "a passkey was not accepted");
        refused()
    })?;
    if !done.user_verified() {
        return Err(refused());
    }
    passkey.update_credential(&done);
    let secret = close(app, factor.id, &passkey)?;
    Ok(Proof { factor, secret, challenge })
}
