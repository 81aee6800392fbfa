//! Talking to a sign-in service: its discovery document and keys, codes and refresh tokens for ID
//! tokens, and their verification (OpenID Connect Core 1.0 §3.1.3.7, RFC 9207).
//!
//! Nothing a service or a browser says is believed before its signature is checked against keys that came
//! from the issuer itself; algorithms with a shared secret, and none at all, are refused.

use super::{
    claims::Person,
    known::{Learned, Peers},
    model::groups,
    store::Provider,
};
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
    ProviderMetadata, RedirectUrl, RefreshToken, RequestTokenError, StandardErrorResponse,
    StandardTokenResponse, SubjectIdentifier, TokenResponse, UserInfoClaims, UserInfoError,
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
use std::sync::Arc;

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
pub(super) type Metadata = ProviderMetadata<
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

/// Why a sign-in service was of no help: for the log and for its administrators, never for the person.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It did not answer, or not with what it must.
    #[error("{0}")]
    Down(String),
    /// What it said cannot be accepted.
    #[error("{0}")]
    Refused(String),
    /// It no longer stands by what it gave (`invalid_grant`, RFC 6749 §5.2).
    #[error("it no longer stands by the code or token it gave")]
    Over,
}

pub(super) fn refused(words: impl std::fmt::Display) -> Fault {
    Fault::Refused(words.to_string().chars().filter(|c| !c.is_control()).take(300).collect())
}

fn down(words: impl std::fmt::Display) -> Fault {
    Fault::Down(words.to_string().chars().filter(|c| !c.is_control()).take(300).collect())
}

/// Largest document of a service, in bytes: they are a few thousand.
const LARGEST: usize = 128 * 1024;

/// A sign-in service, ready to be talked to.
pub struct Peer {
    pub(super) provider: Provider,
    metadata: Arc<Metadata>,
    pub(super) learned: Time,
    pub(super) party: Party,
    pub(super) app: App,
}

/// Sends a request of the library through the client for addresses others chose. A server that says it has
/// a fault of its own, or too much to do, has not answered. A tenant does not read what lies behind a name.
async fn send(
    app: &App,
    tenant: bool,
    request: Request<Vec<u8>>,
) -> Result<Response<Vec<u8>>, Silence> {
    let answer = app.get::<Outgoing>().of(tenant).call(request).await;
    let answer = match answer {
        Err(silence @ (Silence::Silent(_) | Silence::Forbidden(_))) if tenant => {
            tracing::info!(%silence, "a tenant's sign-in service cannot be called");
            let words = "it cannot be reached from here, or not in time: look at its name, network and certificate";
            return Err(Silence::Silent(words.to_owned()));
        }
        other => other?,
    };
    let status = answer.status();
    if status.is_server_error() || status.as_u16() == 429 {
        return Err(Silence::Silent(format!("it answers with status {}", status.as_u16())));
    }
    if answer.body().len() > LARGEST { Err(Silence::TooLarge) } else { Ok(answer) }
}

macro_rules! http {
    ($app:expr, $provider:expr) => {
        &|request: Request<Vec<u8>>| {
            let (app, tenant) = ($app.clone(), $provider.org_id.is_some());
            async move { send(&app, tenant, request).await }
        }
    };
}

impl Peer {
    /// Learns what is needed to talk to a service.
    ///
    /// # Errors
    /// Why it cannot be talked to.
    pub async fn of(app: &App, provider: &Provider) -> Result<Self, Fault> {
        Self::since(app, provider, Time(0)).await
    }

    /// The same, learned at a moment or after it.
    async fn since(app: &App, provider: &Provider, since: Time) -> Result<Self, Fault> {
        let now = app.seams.clock.now();
        let learned =
            app.get::<Peers>().since(provider.id, now, since, || learn(app, provider)).await;
        match learned {
            Learned::Well(at, metadata) => Self::with(app, provider, metadata, at),
            Learned::Ill(_, words) => Err(down(words)),
        }
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
        let redirect = RedirectUrl::new(redirect_uri(app, provider.id)).map_err(down)?;
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

    /// Returns where people sign out there.
    pub(super) fn end_session(&self) -> Option<&str> {
        let url = self.metadata.additional_metadata().end_session_endpoint.as_deref()?;
        self.app.get::<Outgoing>().of(self.provider.org_id.is_some()).may(url).ok().map(|()| url)
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
        let tokens =
            request.set_pkce_verifier(verifier).request_async(http!(self.app, self.provider)).await;
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
    pub async fn refresh(mut self, refresh: &str, subject: &str) -> Result<Renewal, Fault> {
        let refresh = RefreshToken::new(refresh.to_owned());
        let request = self.party.exchange_refresh_token(&refresh).map_err(down)?;
        let tokens =
            request.request_async(http!(self.app, self.provider)).await.map_err(token_fault)?;
        let next = tokens.refresh_token().map(|token| token.secret().clone());
        let Some(token) = tokens.id_token().cloned() else {
            let info = self.ask_info(&tokens, SubjectIdentifier::new(subject.to_owned())).await?;
            let said = info.as_ref().map(|info| &info.additional_claims().all);
            let groups = said.and_then(|all| groups(all, &self.provider.groups_claim));
            return Ok(Renewal { next, id_token: None, groups });
        };
        let claims = self.claims(&token, None).await?;
        if claims.subject().as_str() != subject {
            return Err(refused("the ID token names somebody else than before"));
        }
        let info = self.user_info(&tokens, &claims).await?;
        let groups = self.groups(&claims, info.as_ref());
        Ok(Renewal { next, id_token: Some(token.to_string()), groups })
    }

    /// Asks for what an ID token leaves out, where the service has more to say.
    async fn user_info(&self, tokens: &Tokens, claims: &Claims) -> Result<Option<Info>, Fault> {
        let groups = &self.provider.groups_claim;
        let wanting = claims.email().is_none()
            || claims.name().is_none()
            || (!groups.is_empty() && !claims.additional_claims().all.contains_key(groups));
        if wanting { self.ask_info(tokens, claims.subject().clone()).await } else { Ok(None) }
    }

    async fn ask_info(
        &self,
        tokens: &Tokens,
        subject: SubjectIdentifier,
    ) -> Result<Option<Info>, Fault> {
        if self.metadata.userinfo_endpoint().is_none() {
            return Ok(None);
        }
        let token = tokens.access_token().clone();
        let request = self.party.user_info(token, Some(subject)).map_err(down)?;
        request.request_async(http!(self.app, self.provider)).await.map(Some).map_err(|error| {
            match error {
                UserInfoError::ClaimsVerification(error) => refused(error),
                other => down(other),
            }
        })
    }

    /// The same service, its documents read anew.
    pub(super) async fn anew(&self) -> Result<Self, Fault> {
        Self::since(&self.app, &self.provider, self.app.seams.clock.now()).await
    }

    pub(super) fn signing_keys(&self) -> &[CoreJsonWebKey] {
        self.metadata.jwks().keys()
    }
}

/// What a service says when it is asked whether a sign-in still holds.
pub struct Renewal {
    /// What asks the next time.
    pub next: Option<String>,
    /// A new ID token.
    pub id_token: Option<String>,
    /// The groups, where they are known.
    pub groups: Option<Vec<String>>,
}

/// Returns where a service sends people back to: an address of its own, so that no service is given what
/// another one answered (RFC 9700 §4.4.2).
pub fn redirect_uri(app: &App, provider: ProviderId) -> String {
    format!("{}/auth/sso/callback/{provider}", app.site.public_url)
}

fn token_fault<E: std::error::Error + 'static>(
    error: RequestTokenError<E, StandardErrorResponse<CoreErrorResponseType>>,
) -> Fault {
    match error {
        // What the client is or asks for is wrong: its administrators must look, nobody is signed out for it.
        RequestTokenError::ServerResponse(answer) => match answer.error() {
            CoreErrorResponseType::InvalidGrant => Fault::Over,
            other => down(format!("it answers: {other}")),
        },
        RequestTokenError::Request(silence) => down(silence),
        RequestTokenError::Parse(error, _) => down(format!("its answer cannot be read: {error}")),
        RequestTokenError::Other(words) => down(words),
    }
}

/// Reads a service's discovery document and keys.
async fn learn(app: &App, provider: &Provider) -> Result<Metadata, Fault> {
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(down)?;
    let metadata = Metadata::discover_async(issuer, http!(app, provider)).await.map_err(
        |error| match error {
            openidconnect::DiscoveryError::Request(silence) => down(silence),
            openidconnect::DiscoveryError::Response(status, ..) => {
                down(format!("the discovery document answers with status {status}"))
            }
            other => down(other),
        },
    )?;
    let more = metadata.additional_metadata();
    if more
        .code_challenge_methods_supported
        .as_ref()
        .is_some_and(|list| !list.iter().any(|m| m == "S256"))
    {
        return Err(down("it does not support PKCE with S256"));
    }
    let outgoing = app.get::<Outgoing>().of(provider.org_id.is_some());
    outgoing.may(metadata.authorization_endpoint().as_str()).map_err(down)?;
    if metadata.token_endpoint().is_none() {
        return Err(down("the discovery document names no token endpoint"));
    }
    Ok(metadata)
}
