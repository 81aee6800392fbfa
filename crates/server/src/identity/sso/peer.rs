//! Talking to a sign-in service: its discovery document and keys, codes and refresh tokens for ID
//! tokens, and their verification (OpenID Connect Core 1.0 §3.1.3.7, RFC 9207).
//!
//! Nothing a service or a browser says is believed before its signature is checked against keys that came
//! from the issuer itself; algorithms with a shared secret, and none at all, are refused.

use super::{claims::Person, store::Provider};
use api::{ProviderId, Time, TypedId};
use http::{Request, Response};
use kernel::{
    App, Result,
    outgoing::{Fault as Silence, Outgoing},
    seal::Seal,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthorizationCode, Client, ClientId,
    ClientSecret, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken,
    IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, RefreshToken, StandardErrorResponse, StandardTokenResponse,
    TokenResponse, UserInfoClaims,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
        CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
        CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Claims beside the standard ones: groups, `sid`, `events`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct Extra {
    /// They.
    #[serde(flatten)]
    pub all: Map<String, Value>,
}
impl AdditionalClaims for Extra {}

/// What the discovery document says beside the standard.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct More {
    end_session_endpoint: Option<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    backchannel_logout_supported: bool,
}
impl AdditionalProviderMetadata for More {}

pub(super) type Token =
    IdToken<Extra, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
pub(super) type Claims = IdTokenClaims<Extra, CoreGenderClaim>;
type Fields = IdTokenFields<
    Extra,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
pub(super) type Info = UserInfoClaims<Extra, CoreGenderClaim>;
pub(super) type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Party = Client<
    Extra,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;
type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

const KEEP: Duration = Duration::from_secs(600);
/// Why a sign-in service was of no help: for the log and for its administrators, never for the person.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It did not answer, or not with what it must.
    #[error("{0}")]
    Down(String),
    /// What it said cannot be accepted.
    #[error("{0}")]
    Refused(String),
}

pub(super) fn refused(words: impl std::fmt::Display) -> Fault {
    Fault::Refused(words.to_string().chars().filter(|c| !c.is_control()).take(300).collect())
}

fn down(words: impl std::fmt::Display) -> Fault {
    Fault::Down(words.to_string().chars().filter(|c| !c.is_control()).take(300).collect())
}

/// What is known of the services, for ten minutes.
#[derive(Default)]
pub struct Peers(Mutex<HashMap<ProviderId, (Time, Arc<Metadata>)>>);

impl Peers {
    /// Forgets what is known of a service, so that it is asked again.
    pub fn forget(&self, id: ProviderId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// A sign-in service, ready to be talked to.
pub struct Peer {
    pub(super) provider: Provider,
    metadata: Arc<Metadata>,
    pub(super) learned: Time,
    pub(super) party: Party,
    pub(super) app: App,
}

/// Sends a request of the library through the client for addresses others chose.
async fn send(app: &App, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Silence> {
    app.get::<Outgoing>().call(request).await
}

macro_rules! http {
    ($app:expr) => {
        &|request: Request<Vec<u8>>| {
            let app = $app.clone();
            async move { send(&app, request).await }
        }
    };
}

impl Peer {
    /// Learns what is needed to talk to a service.
    ///
    /// # Errors
    /// Why it cannot be talked to.
    pub async fn of(app: &App, provider: &Provider) -> Result<Self, Fault> {
        let now = app.seams.clock.now();
        let known = {
            let peers = app.get::<Peers>().0.lock().unwrap_or_else(PoisonError::into_inner);
            peers.get(&provider.id).filter(|(at, _)| now.since(*at) < KEEP).cloned()
        };
        let (learned, metadata) = match known {
            Some(known) => known,
            None => learn(app, provider).await?,
        };
        Self::with(app, provider, metadata, learned)
    }

    pub(super) fn with(
        app: &App,
        provider: &Provider,
        metadata: Arc<Metadata>,
        learned: Time,
    ) -> Result<Self, Fault> {
        let secret = match &provider.client_secret {
            Some(sealed) => {
                let clear = app.get::<Seal>().unseal(provider.id.uuid().as_bytes(), sealed);
                let clear = clear.map_err(|_| down("the client secret does not open"))?;
                Some(ClientSecret::new(String::from_utf8(clear).map_err(down)?))
            }
            None => None,
        };
        let redirect = RedirectUrl::new(redirect_uri(app)).map_err(down)?;
        let basic = metadata
            .token_endpoint_auth_methods_supported()
            .is_none_or(|list| list.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth = if basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        let client_id = ClientId::new(provider.client_id.clone());
        let party = Party::from_provider_metadata((*metadata).clone(), client_id, secret)
            .set_redirect_uri(redirect)
            .set_auth_type(auth);
        let (provider, app) = (provider.clone(), app.clone());
        Ok(Self { provider, metadata, learned, party, app })
    }

    pub(super) fn party(&self) -> &Party {
        &self.party
    }

    /// Returns whether its answers must name their issuer.
    pub(super) fn names_issuer(&self) -> bool {
        self.metadata.additional_metadata().authorization_response_iss_parameter_supported
    }

    /// Returns whether it tells of sign-outs.
    pub(super) fn tells_of_sign_outs(&self) -> bool {
        self.metadata.additional_metadata().backchannel_logout_supported
    }

    /// Returns how many keys it has.
    pub(super) fn keys(&self) -> usize {
        self.metadata.jwks().keys().len()
    }

    /// Returns where people sign out there.
    pub(super) fn end_session(&self) -> Option<&str> {
        let url = self.metadata.additional_metadata().end_session_endpoint.as_deref()?;
        self.app.get::<Outgoing>().may(url).ok().map(|()| url)
    }

    /// Gives a code for what it stands for.
    ///
    /// # Errors
    /// Why nobody is signed in by it.
    pub async fn exchange(
        mut self,
        code: String,
        verifier: String,
        nonce: &Nonce,
    ) -> Result<Person, Fault> {
        let request = self.party.exchange_code(AuthorizationCode::new(code)).map_err(down)?;
        let verifier = PkceCodeVerifier::new(verifier);
        let tokens = request.set_pkce_verifier(verifier).request_async(http!(self.app)).await;
        let tokens = tokens.map_err(token_fault)?;
        let token = tokens.id_token().ok_or_else(|| refused("there was no ID token"))?.clone();
        let claims = self.claims(&token, Some(nonce)).await?;
        self.access_token_belongs(&tokens, &token, &claims)?;
        let info = self.user_info(&tokens, &claims).await?;
        Ok(self.person(&token, &claims, info.as_ref(), &tokens))
    }

    /// Asks whether a sign-in still holds; the subject must be the same.
    ///
    /// # Errors
    /// Why it does not, or that nobody answers.
    pub async fn refresh(
        mut self,
        refresh: &str,
        subject: &str,
    ) -> Result<(Option<String>, Option<Person>), Fault> {
        let refresh = RefreshToken::new(refresh.to_owned());
        let request = self.party.exchange_refresh_token(&refresh).map_err(down)?;
        let tokens = request.request_async(http!(self.app)).await.map_err(token_fault)?;
        let next = tokens.refresh_token().map(|token| token.secret().clone());
        let Some(token) = tokens.id_token().cloned() else { return Ok((next, None)) };
        let claims = self.claims(&token, None).await?;
        if claims.subject().as_str() != subject {
            return Err(refused("the ID token names somebody else than before"));
        }
        let info = self.user_info(&tokens, &claims).await?;
        let person = self.person(&token, &claims, info.as_ref(), &tokens);
        Ok((next, Some(person)))
    }

    /// Asks for what an ID token leaves out, where the service has more to say.
    async fn user_info(&self, tokens: &Tokens, claims: &Claims) -> Result<Option<Info>, Fault> {
        let groups = &self.provider.groups_claim;
        let wanting = claims.email().is_none()
            || claims.name().is_none()
            || (!groups.is_empty() && !claims.additional_claims().all.contains_key(groups));
        if !wanting || self.metadata.userinfo_endpoint().is_none() {
            return Ok(None);
        }
        let (token, subject) = (tokens.access_token().clone(), claims.subject().clone());
        let request = self.party.user_info(token, Some(subject)).map_err(down)?;
        request.request_async(http!(self.app)).await.map(Some).map_err(|error| match error {
            openidconnect::UserInfoError::Request(silence) => down(silence),
            other => refused(other),
        })
    }
}

/// Returns where a service sends people back to.
pub fn redirect_uri(app: &App) -> String {
    format!("{}/auth/sso/callback", app.site.public_url)
}

fn token_fault<E: std::error::Error + 'static>(
    error: openidconnect::RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>,
) -> Fault {
    match error {
        openidconnect::RequestTokenError::ServerResponse(answer) => refused(answer.error()),
        openidconnect::RequestTokenError::Request(silence) => down(silence),
        openidconnect::RequestTokenError::Parse(error, _) => refused(error),
        openidconnect::RequestTokenError::Other(words) => down(words),
    }
}

/// Reads a service's discovery document and keys.
pub(super) async fn learn(app: &App, provider: &Provider) -> Result<(Time, Arc<Metadata>), Fault> {
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(down)?;
    let metadata =
        Metadata::discover_async(issuer, http!(app)).await.map_err(|error| match error {
            openidconnect::DiscoveryError::Request(silence) => down(silence),
            openidconnect::DiscoveryError::Response(status, ..) => {
                down(format!("the discovery document answers with status {status}"))
            }
            other => down(other),
        })?;
    let more = metadata.additional_metadata();
    if more
        .code_challenge_methods_supported
        .as_ref()
        .is_some_and(|list| !list.iter().any(|m| m == "S256"))
    {
        return Err(down("it does not support PKCE with S256"));
    }
    let outgoing = app.get::<Outgoing>();
    outgoing.may(metadata.authorization_endpoint().as_str()).map_err(down)?;
    if metadata.token_endpoint().is_none() {
        return Err(down("the discovery document names no token endpoint"));
    }
    let known = (app.seams.clock.now(), Arc::new(metadata));
    let mut peers = app.get::<Peers>().0.lock().unwrap_or_else(PoisonError::into_inner);
    peers.insert(provider.id, known.clone());
    Ok(known)
}
