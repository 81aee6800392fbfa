//! Opening a session for somebody who came from a sign-in service, and making one fresh.

use super::{flow::Arrival, identities, store, ties};
use crate::identity::{
    factors,
    sign_in::{Opened, Place, Proof, open_session},
    store::{Session, Stage, User, lock_user, raise_session},
};
use api::{Code, IdentityId};
use kernel::{App, Result, db::Reader, db::WriteTx, secret::Secret};

/// Opens a session. Who has a second factor here shows it, unless the service proved one and its word is
/// taken.
///
/// # Errors
/// What the database says.
pub async fn open(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    place: &Place,
    arrival: &Arrival,
    identity: IdentityId,
) -> Result<Opened> {
    let assurance = &arrival.person.assurance;
    lock_user(tx, user.id).await?;
    let factors = factors::count(tx, user.id).await?;
    let proof = Proof::Service {
        methods: assurance.methods.clone(),
        strong: assurance.second_factor,
        half: factors > 0 && !assurance.second_factor,
        until: ties::bound(arrival),
    };
    let opened = open_session(app, tx, user, place, proof).await?;
    ties::tie(app, tx, opened.session.id, arrival, identity).await?;
    Ok(opened)
}

/// Makes a session fresh by a proof given anew at the service it came from.
///
/// # Errors
/// `sso_refused` when it is somebody else or another session, `conflict`.
pub async fn make_fresh(
    app: &App,
    tx: &mut WriteTx,
    session: &Session,
    arrival: &Arrival,
) -> Result<Opened> {
    let known = identities::find(tx, &arrival.provider, &arrival.person.subject).await?;
    let tie = store::find_tie(tx, session.id).await?;
    let same = known.as_ref().is_some_and(|known| {
        known.user_id == session.user_id && tie.as_ref().is_some_and(|t| t.identity_id == known.id)
    });
    if !same || arrival.attempt.session_id != Some(session.id) || session.stage != Stage::Full {
        return Err(Code::SsoRefused.into());
    }
    // Who has a second factor here proves that one, unless the service's word is taken for one.
    let proven = arrival.person.assurance.second_factor;
    if !proven && factors::count(tx, session.user_id).await? > 0 {
        return Err(Code::StepUpRequired.into());
    }
    let token = Secret::generate(&*app.seams.rng, "gpuaas_s_");
    let assurance = &arrival.person.assurance;
    let next = Session {
        token_hash: token.digest(),
        fresh_at: tx.now(),
        fresh_by: None,
        strong: proven,
        methods: assurance.methods.clone(),
        ..session.clone()
    };
    if !raise_session(tx, &next, &session.token_hash).await? {
        return Err(Code::Raced.into());
    }
    if let Some(known) = known {
        let groups = arrival.person.groups.as_deref();
        identities::seen(tx, known.id, arrival.provider.id, &assurance.methods, groups).await?;
        ties::tie(app, tx, session.id, arrival, known.id).await?;
    }
    let keep = next.expires_at.since(tx.now());
    Ok(Opened { token, session: next, keep })
}

/// Returns whether any sign-in service knows of anybody: then pages offer the way there.
///
/// # Errors
/// What the database says.
pub async fn people_of(tx: &mut Reader) -> Result<(Vec<store::Provider>, bool)> {
    let platform = store::list_platform(tx).await?;
    let live = platform.into_iter().filter(store::Provider::is_live).collect();
    Ok((live, store::any_of_organizations(tx).await?))
}
