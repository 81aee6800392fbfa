//! Making keys, and short tokens from them.

use super::{
    ApiKey, PREFIX, SHORT_PREFIX,
    assertion::{self, Believed, TYPE},
    lock_by_token,
    store::{Assertion, lock},
};
use crate::identity::{
    guesses,
    store::{UserState, find_user},
};
use api::{
    Code,
    machines::{TokenAsk, TokenGiven},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{WriteTx, broke},
    http::{Body, Json, Named, Public, Route},
    secret::Secret,
};
use std::time::Duration;

const SHORT: Duration = Duration::from_secs(15 * 60);

/// Trades a key for a short token.
pub struct Exchange;
impl Named for Exchange {
    const NAME: &'static str = "auth.token";
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/auth/token", exchange)
            .shows_secret()
            .says("Trades a key for a token of a quarter of an hour (client credentials)."),
    ]
}

/// Registers a key that is shown by signing: what stands where a secret's hash would opens nothing.
///
/// # Errors
/// What the database says.
pub async fn register(app: &App, tx: &mut WriteTx, row: ApiKey) -> Result<ApiKey> {
    let nothing = Secret::generate(&*app.seams.rng, "");
    let row = ApiKey { hint: "signs".into(), token_hash: nothing.digest(), ..row };
    tx.insert(&row).await?;
    Ok(row)
}

/// Makes a secret and puts its hash and hint into a row.
///
/// # Errors
/// What the database says.
pub async fn mint(app: &App, tx: &mut WriteTx, row: ApiKey) -> Result<(ApiKey, Secret)> {
    let prefix = if row.parent_id.is_some() { SHORT_PREFIX } else { PREFIX };
    let secret = Secret::generate(&*app.seams.rng, prefix);
    let hint = secret.reveal().chars().take(PREFIX.len() + 4).collect();
    let row = ApiKey { hint, token_hash: secret.digest(), ..row };
    tx.insert(&row).await?;
    Ok((row, secret))
}

/// Returns the key that a request shows: by its secret, or by what it signed. An assertion is used up.
async fn shown(app: &App, tx: &mut WriteTx, body: &TokenAsk) -> Result<Option<ApiKey>> {
    match (&body.client_secret, &body.client_assertion_type, &body.client_assertion) {
        (Some(secret), None, None) => {
            let Some(secret) = Secret::presented(secret) else { return Ok(None) };
            let key = lock_by_token(tx, &secret.digest()).await?;
            Ok(key.filter(|key| key.public_key.is_none()))
        }
        (None, Some(kind), Some(text)) if kind == TYPE => {
            let Some(unsigned) = assertion::read(text) else { return Ok(None) };
            let Some(key) = lock(tx, unsigned.key).await? else { return Ok(None) };
            let Some(public) = &key.public_key else { return Ok(None) };
            let (site, now) = (app.site.public_url.trim_end_matches('/'), tx.now());
            let believed = unsigned.believe(public, key.service_account_id, site, now);
            let Some(Believed { name_hash, expires_at }) = believed else { return Ok(None) };
            let used = Assertion { key_id: key.id, name_hash, expires_at };
            match tx.insert(&used).await {
                Ok(()) => Ok(Some(key)),
                Err(error) if broke(&error, "assertions") => Ok(None),
                Err(error) => Err(error),
            }
        }
        (None, Some(kind), _) if kind != TYPE => {
            Err(Error::field("client_assertion_type", format!("Only {TYPE} is spoken here.")))
        }
        _ => Err(Error::field(
            "client_secret",
            "Send client_secret, or client_assertion_type and client_assertion: one of the two.",
        )),
    }
}

async fn exchange(
    who: Public<Exchange>,
    app: App,
    Body(body): Body<TokenAsk>,
) -> Result<Json<TokenGiven>> {
    if body.grant_type != "client_credentials" {
        return Err(Error::field("grant_type", "Only client_credentials is spoken here."));
    }
    let ip = who.stamp().ip.unwrap_or_default();
    guesses::take(&app, &guesses::of_asking("token", &ip, 600)).await?;
    let refused = || Error::new(Code::TokenInvalid);
    let mut tx = app.db.write(&who).await?;
    let key = shown(&app, &mut tx, &body).await?.ok_or_else(refused)?;
    let owner = find_user(&mut tx, key.owner_id).await?.ok_or_else(refused)?;
    let works = key.parent_id.is_none()
        && key.revoked_at.is_none()
        && key.paused_at.is_none()
        && key.expires_at > tx.now()
        && owner.state == UserState::Active;
    if !works {
        return Err(refused());
    }
    let end = tx.now().plus(SHORT).min(key.expires_at);
    let lasts = end.since(tx.now());
    let short = ApiKey {
        id: tx.new_id(),
        parent_id: Some(key.id),
        created_at: tx.now(),
        expires_at: end,
        last_used_at: None,
        public_key: None,
        ..key.clone()
    };
    let (_, token) = mint(&app, &mut tx, short).await?;
    tx.belongs_to(key.org_id, Some(key.project_id));
    tx.target(key.id);
    tx.note(Key::Person, key.owner_id);
    tx.commit().await?;
    Ok(Json(TokenGiven {
        access_token: token.reveal().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: lasts.as_secs(),
    }))
}
