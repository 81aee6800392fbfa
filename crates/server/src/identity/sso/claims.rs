//! What a service says of somebody, and whether it may be believed (OpenID Connect Core 1.0 §3.1.3.7).

use super::{
    model::{self, Assurance},
    peer::{Claims, Fault, Info, Peer, Token, Tokens, refused},
};
use api::Time;
use openidconnect::{
    AccessTokenHash, ClaimsVerificationError, Nonce, OAuth2TokenResponse,
    SignatureVerificationError, core::CoreJwsSigningAlgorithm,
};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// The algorithms signatures may have: with a public key, and of this century.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// Keys of a service are asked for again at most this often when a token names one nobody knows.
pub(super) const AGAIN: Duration = Duration::from_secs(20);
/// How far clocks may be apart.
pub(super) const SKEW: Duration = Duration::from_secs(60);

/// What a service says of somebody, verified.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their name there, for machines.
    pub subject: String,
    /// An address of theirs, where the service vouches for it.
    pub email: Option<String>,
    /// How people address them.
    pub name: Option<String>,
    /// Their groups, where it names any.
    pub groups: Option<Vec<String>>,
    /// What was proven there.
    pub assurance: Assurance,
    /// When they proved it, where it says so.
    pub proven_at: Option<Time>,
    /// Until when the service vouches.
    pub until: Time,
    /// The session's name there.
    pub sid: Option<String>,
    /// The ID token, for signing out there.
    pub id_token: String,
    /// What asks again whether it still holds.
    pub refresh: Option<String>,
}

/// A name for machines: OpenID Connect Core 1.0 §2 allows 255 characters.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control)
}

impl Peer {
    /// Verifies an ID token; keys are asked for once more when it names one nobody knows. A nonce must be
    /// there when the token answers a sign-in; afterwards (OpenID Connect Core 1.0 §12.2) it is not looked at.
    pub(super) async fn claims(
        &mut self,
        token: &Token,
        nonce: Option<&Nonce>,
    ) -> Result<Claims, Fault> {
        match self.verify(token, nonce) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) if self.app.seams.clock.now().since(self.learned) >= AGAIN => {
                *self = self.anew().await?;
                self.verify(token, nonce).map_err(refused)
            }
            result => result.map_err(refused),
        }
    }

    fn verify(
        &self,
        token: &Token,
        nonce: Option<&Nonce>,
    ) -> Result<Claims, ClaimsVerificationError> {
        let now = SystemTime::from(self.app.seams.clock.now());
        let other = |words: &str| ClaimsVerificationError::Other(words.to_owned());
        let verifier = self.party.id_token_verifier().set_allowed_algs(ALGORITHMS);
        let early = move |issued: SystemTime| issued > now + SKEW;
        let verifier =
            verifier.set_time_fn(move || now.into()).set_issue_time_verifier_fn(move |issued| {
                let early = early(issued.into());
                if early { Err("issued in the future".to_owned()) } else { Ok(()) }
            });
        let claims = match nonce {
            Some(nonce) => token.claims(&verifier, nonce)?,
            None => token.claims(&verifier, |_: Option<&Nonce>| Ok(()))?,
        };
        let azp = claims.authorized_party().map(|party| party.as_str());
        if azp.is_some_and(|party| party != self.provider.client_id) {
            return Err(other("the token was issued to another party (azp)"));
        }
        let subject = claims.subject().as_str();
        if !is_plain(subject) {
            return Err(other("the token names nobody (sub)"));
        }
        Ok(claims.clone())
    }

    pub(super) fn access_token_belongs(
        &self,
        tokens: &Tokens,
        token: &Token,
        claims: &Claims,
    ) -> Result<(), Fault> {
        let Some(expected) = claims.access_token_hash() else { return Ok(()) };
        let verifier = self.party.id_token_verifier();
        let algorithm = token.signing_alg().map_err(refused)?;
        let key = token.signing_key(&verifier).map_err(refused)?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        let same = actual.map_err(refused)? == *expected;
        if same { Ok(()) } else { Err(refused("the access token is another one's (at_hash)")) }
    }

    /// Returns the groups, from the token where it names any, else from what the service says besides.
    pub(super) fn groups(&self, claims: &Claims, info: Option<&Info>) -> Option<Vec<String>> {
        let (own, claim) = (&claims.additional_claims().all, &self.provider.groups_claim);
        match info {
            Some(info) if !own.contains_key(claim) => {
                model::groups(own, claim)?;
                model::groups(&info.additional_claims().all, claim)
            }
            _ => model::groups(own, claim),
        }
    }

    pub(super) fn person(
        &self,
        token: &Token,
        claims: &Claims,
        info: Option<&Info>,
        tokens: &Tokens,
    ) -> Person {
        let amr: Vec<String> = claims
            .auth_method_refs()
            .map(|list| list.iter().map(|word| (**word).clone()).collect())
            .unwrap_or_default();
        let said = claims.auth_context_ref().map(|acr| acr.as_str());
        let mut assurance = model::assurance(&amr, said);
        assurance.second_factor &= self.provider.trust_mfa;
        let of_token = (claims.email(), claims.email_verified());
        let of_info = info.map(|info| (info.email(), info.email_verified()));
        let (address, vouched) =
            if of_token.0.is_some() { of_token } else { of_info.unwrap_or_default() };
        // An organization's service vouches for its own people; of others, it must say that it checked.
        let trusted =
            vouched == Some(true) || (self.provider.org_id.is_some() && vouched.is_none());
        let name = claims.name().or_else(|| info.and_then(|info| info.name()));
        let handle = claims.preferred_username().map(|name| name.as_str().to_owned());
        let extra = &claims.additional_claims().all;
        let groups = self.groups(claims, info);
        Person {
            subject: claims.subject().to_string(),
            email: address.filter(|_| trusted).map(|address| address.to_string()),
            name: name.and_then(|name| name.get(None)).map(|name| name.to_string()).or(handle),
            groups,
            assurance,
            proven_at: claims.auth_time().map(|at| SystemTime::from(at).into()),
            until: SystemTime::from(claims.expiration()).into(),
            sid: extra
                .get("sid")
                .and_then(Value::as_str)
                .filter(|sid| is_plain(sid))
                .map(str::to_owned),
            id_token: token.to_string(),
            refresh: tokens.refresh_token().map(|token| token.secret().clone()),
        }
    }
}
