//! Setting up sign-in services: an organization's by its owners, the platform's by whoever runs it.

use super::{
    flow, model,
    peer::{Peer, redirect_uri},
    store::{self, Provider},
    ties,
};
use crate::identity::guesses::{self, Bucket};
use api::{
    Code, OrgId, ProviderId, TypedId, UserId,
    sso::{
        Newcomers, ProviderChange, ProviderCheck, ProviderCreate, ProviderFinding, ProviderState,
        ProviderView,
    },
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Lock, WriteTx},
    names,
    outgoing::Outgoing,
    seal::Seal,
};

const MOST: usize = 10;

/// Returns a sign-in service as its administrators see it; its secret is never shown.
pub fn view(app: &App, row: &Provider) -> ProviderView {
    ProviderView {
        id: row.id,
        org_id: row.org_id,
        label: row.label.clone(),
        issuer: row.issuer.clone(),
        client_id: row.client_id.clone(),
        scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
        groups_claim: row.groups_claim.clone(),
        trust_mfa: row.trust_mfa,
        newcomers: row.newcomers,
        manage_url: row.manage_url.clone(),
        state: row.state,
        created_at: row.created_at,
        last_ok_at: row.last_ok_at,
        last_fault: row.last_fault.clone().filter(|_| row.is_down()),
        last_fault_at: row.last_fault_at,
        redirect_uri: redirect_uri(app, row.id),
        backchannel_logout_uri: ties::backchannel_uri(app, row.id),
        post_logout_redirect_uri: ties::post_logout_uri(app),
    }
}

/// Returns the sign-in services of an organization, or of the platform.
///
/// # Errors
/// What the database says.
pub async fn list(app: &App, org: Option<OrgId>) -> Result<Vec<ProviderView>> {
    let mut tx = app.db.read().await?;
    let rows = match org {
        Some(org) => store::list_of(&mut tx, org).await?,
        None => store::list_platform(&mut tx).await?,
    };
    Ok(rows.iter().map(|row| view(app, row)).collect())
}

fn label(text: &str) -> Result<String> {
    names::name(text, 40).ok_or_else(|| Error::field("label", "Enter 1 to 40 characters."))
}

fn plain(field: &str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_graphic());
    if fits { Ok(text.to_owned()) } else { Err(Error::field(field, "This cannot be right.")) }
}

fn claim(text: &str) -> Result<String> {
    if text.trim().is_empty() { Ok(String::new()) } else { plain("groups_claim", text, 100) }
}

fn link(text: &str) -> Result<String> {
    let text = text.trim();
    let fits = text.is_empty()
        || (text.starts_with("https://")
            && text.len() <= 500
            && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\".contains(&b)));
    let fault = || Error::field("manage_url", "Enter an address that begins with https://.");
    if fits { Ok(text.to_owned()) } else { Err(fault()) }
}

fn scopes(list: Option<Vec<String>>) -> Result<String> {
    let list = list.unwrap_or_else(|| vec!["profile".into(), "email".into()]);
    let fits = |scope: &String| {
        (1..=60).contains(&scope.len())
            && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
    };
    if list.len() > 20 || !list.iter().all(fits) {
        return Err(Error::field("scopes", "Enter up to 20 scopes, with spaces between them."));
    }
    let mut list: Vec<String> = list.into_iter().filter(|scope| scope != "openid").collect();
    list.dedup();
    Ok(list.join(" "))
}

/// Sets one up.
///
/// # Errors
/// `validation_error` naming every wrong field at once, `state_conflict` past ten.
pub async fn create(
    app: &App,
    who: &impl Accountable,
    by: UserId,
    org: Option<OrgId>,
    ask: ProviderCreate,
) -> Result<ProviderView> {
    let issuer = model::issuer(&ask.issuer).map_err(|words| Error::field("issuer", words))?;
    let may = app.get::<Outgoing>().of(org.is_some()).may(&issuer);
    may.map_err(|fault| {
        Error::field("issuer", format!("This cannot be called from here: {fault}."))
    })?;
    let newcomers = ask.newcomers.unwrap_or(Newcomers::Nothing);
    if org.is_some() && newcomers != Newcomers::Nothing {
        return Err(Error::field("newcomers", "People of an organization get no other one."));
    }
    let groups_claim = claim(ask.groups_claim.as_deref().unwrap_or("groups"))?;
    let mut row = Provider {
        id: ProviderId(uuid::Uuid::nil()),
        org_id: org,
        label: label(&ask.label)?,
        issuer,
        client_id: plain("client_id", &ask.client_id, 300)?,
        client_secret: None,
        scopes: scopes(ask.scopes)?,
        groups_claim,
        trust_mfa: ask.trust_mfa,
        newcomers,
        manage_url: link(&ask.manage_url.unwrap_or_default())?,
        state: ProviderState::Active,
        created_by: by,
        created_at: app.seams.clock.now(),
        removed_at: None,
        last_ok_at: None,
        last_fault: None,
        last_fault_at: None,
    };
    let secret = ask.client_secret.filter(|secret| !secret.trim().is_empty());
    let mut tx = app.db.write(who).await?;
    row.id = tx.new_id();
    row.created_at = tx.now();
    if let Some(secret) = secret {
        row.client_secret = Some(sealed(app, row.id, &secret)?);
    }
    let before = match org {
        Some(org) => store::list_of(&mut tx, org).await?,
        None => store::list_platform(&mut tx).await?,
    };
    if before.len() >= MOST {
        return Err(Error::new(Code::NotNow).detail("There are ten already: remove one first."));
    }
    tx.insert(&row).await?;
    tx.target(row.id);
    tx.note(Key::Name, format!("{}: {}", row.label, row.issuer));
    tx.note(Key::State, standing(&row));
    tx.commit().await?;
    Ok(view(app, &row))
}

fn sealed(app: &App, id: ProviderId, secret: &str) -> Result<Vec<u8>> {
    let secret = secret.trim();
    if secret.len() > 500 || secret.chars().any(char::is_control) {
        return Err(Error::field("client_secret", "This cannot be right."));
    }
    app.get::<Seal>().seal(&*app.seams.rng, id.uuid().as_bytes(), secret.as_bytes())
}

/// Changes one, within the transaction of whoever may. Switching it off, or taking the trust from its word,
/// signs everybody out who came from there. Returns what it is now.
///
/// # Errors
/// `validation_error`, `not_found`.
pub async fn change(
    app: &App,
    tx: &mut WriteTx,
    id: ProviderId,
    ask: ProviderChange,
) -> Result<Provider> {
    let row = store::hold(tx, id, Lock::Update).await?.ok_or_else(Error::not_found)?;
    let mut next = row.clone();
    if let Some(text) = ask.label {
        next.label = label(&text)?;
    }
    if let Some(text) = ask.client_id {
        next.client_id = plain("client_id", &text, 300)?;
    }
    if ask.scopes.is_some() {
        next.scopes = scopes(ask.scopes)?;
    }
    if let Some(text) = ask.groups_claim {
        next.groups_claim = claim(&text)?;
    }
    if let Some(text) = ask.manage_url {
        next.manage_url = link(&text)?;
    }
    if let Some(secret) = ask.client_secret.filter(|secret| !secret.trim().is_empty()) {
        next.client_secret = Some(sealed(app, row.id, &secret)?);
    }
    next.trust_mfa = ask.trust_mfa.unwrap_or(row.trust_mfa);
    next.state = ask.state.unwrap_or(row.state);
    store::change(tx, &next).await?;
    if next.state == ProviderState::Disabled || (row.trust_mfa && !next.trust_mfa) {
        sign_everybody_out(app, tx, row.id).await?;
    }
    tx.target(row.id);
    tx.note(Key::Name, format!("{}: {}", next.label, next.issuer));
    tx.note(Key::State, standing(&next));
    if next.client_secret != row.client_secret {
        tx.note(Key::Method, "another client secret");
    }
    Ok(next)
}

/// What counts of a service, for the record.
fn standing(row: &Provider) -> String {
    let trust = if row.trust_mfa {
        "its word on second factors counts"
    } else {
        "only our second factors count"
    };
    format!(
        "{}; {trust}; client {}; groups from {}; {}",
        row.state, row.client_id, row.groups_claim, row.manage_url
    )
}

async fn sign_everybody_out(app: &App, tx: &mut WriteTx, provider: ProviderId) -> Result<usize> {
    let all = store::ties_at(tx, provider).await?;
    ties::end(app, tx, &all, "the sign-in service was switched off").await
}

/// Removes one, within the transaction of whoever may; everybody who came from there is signed out.
///
/// # Errors
/// `not_found`.
pub async fn remove(app: &App, tx: &mut WriteTx, id: ProviderId) -> Result<()> {
    let row = store::hold(tx, id, Lock::Update).await?.ok_or_else(Error::not_found)?;
    sign_everybody_out(app, tx, row.id).await?;
    store::remove(tx, row.id).await?;
    app.get::<super::Peers>().forget(row.id);
    tx.target(row.id);
    tx.note(Key::Name, &row.label);
    Ok(())
}

/// Looks at a service as far as that is possible without anybody signing in.
///
/// # Errors
/// `rate_limit_exceeded`.
pub async fn check(app: &App, row: &Provider, by: &str) -> Result<ProviderCheck> {
    guesses::take(app, &[Bucket::new(format!("sso-check:{by}"), 30)]).await?;
    Ok(look(app, row).await)
}

async fn look(app: &App, row: &Provider) -> ProviderCheck {
    let finding =
        |what: &str, ok: bool, words: String| ProviderFinding { what: what.into(), ok, words };
    app.get::<super::Peers>().forget(row.id);
    let peer = match Peer::of(app, row).await {
        Ok(peer) => peer,
        Err(fault) => {
            flow::note(app, row, Some(&fault)).await;
            let words = format!(
                "{fault}. Look whether the issuer is written exactly as its discovery document says, and \
                 whether this site can reach it."
            );
            return ProviderCheck {
                ok: false,
                findings: vec![finding("Discovery document", false, words)],
            };
        }
    };
    flow::note(app, row, None).await;
    let keys = peer.signing_keys().len();
    let mut findings = vec![
        finding("Discovery document", true, "It answers, and names the issuer it should.".into()),
        finding("Signing keys", keys > 0, format!("It publishes {keys}.")),
    ];
    let leaves = peer.end_session().is_some();
    findings.push(finding(
        "Signing out there",
        true,
        if leaves {
            "Signing out here leads to signing out there.".into()
        } else {
            "It names no address for it: signing out here ends the session here alone.".into()
        },
    ));
    let tells = peer.tells_of_sign_outs();
    findings.push(finding(
        "Being told of sign-outs",
        true,
        if tells {
            "It can tell: register the back-channel address there.".into()
        } else {
            "It cannot. With refresh tokens it is asked every ten minutes instead.".into()
        },
    ));
    ProviderCheck { ok: findings.iter().all(|one| one.ok), findings }
}
