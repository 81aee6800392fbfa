//! How accounts stand: one's own, and everybody's in counts.

use super::{enrol, model, passkeys::Passkeys, recovery, remove::required, store};
use crate::identity::{Settings, caller::Caller, http::view as person, sso};
use api::factors::{ConnectedService, ExternalPosture, MfaReadiness, ReadinessGroup, SecurityView};
use kernel::{App, Result, db::Reader};

/// Returns how the caller's account stands.
///
/// # Errors
/// What the database says.
pub async fn own(app: &App, caller: &Caller) -> Result<SecurityView> {
    let (user, session) = (caller.user(), caller.session());
    let mut tx = app.db.read().await?;
    let factors = store::list(&mut tx, user.id).await?;
    let confirmed = factors.iter().filter(|factor| factor.confirmed_at.is_some()).count();
    let open = recovery::open_of(&mut tx, user).await?;
    let state = model::state(confirmed, factors.len() - confirmed, open.is_some());
    let reason = required(app, user).unwrap_or_default();
    let services = services(&mut tx, caller).await?;
    Ok(SecurityView {
        state,
        required: !reason.is_empty(),
        required_reason: reason.to_owned(),
        factors: factors.iter().map(enrol::view).collect(),
        recovery_codes_left: store::codes_left(&mut tx, user.id).await?,
        recovery: open,
        session_strong: session.strong,
        session_methods: session.methods.split_whitespace().map(str::to_owned).collect(),
        fresh_until: enrol::fresh_until(app, session),
        email_confirmed: user.email_confirmed_at.is_some() || user.provider_id.is_some(),
        external: overall(&services),
        services,
        passkeys_possible: app.get::<Passkeys>().possible(),
    })
}

/// Returns the sign-in services of an account. What is not known is said to be not known.
async fn services(tx: &mut Reader, caller: &Caller) -> Result<Vec<ConnectedService>> {
    let user = caller.user();
    let pending = sso::on_their_way(tx, caller.session().id).await?;
    let mut found = Vec::new();
    for (identity, provider) in sso::identities::of_user(tx, user.id).await? {
        let words: Vec<String> = identity.methods.split_whitespace().map(str::to_owned).collect();
        let posture = match () {
            () if pending => ExternalPosture::Pending,
            () if provider.is_down() || !provider.is_live() => ExternalPosture::Unavailable,
            () if words.iter().any(|word| word == "mfa") => ExternalPosture::Observed,
            () => ExternalPosture::Unqueried,
        };
        found.push(ConnectedService {
            id: identity.id,
            label: provider.label,
            posture,
            methods: words,
            seen_at: identity.seen_at,
            manage_url: provider.manage_url,
            made_account: user.provider_id.is_some(),
        });
    }
    Ok(found)
}

fn overall(services: &[ConnectedService]) -> ExternalPosture {
    let all = [
        ExternalPosture::Pending,
        ExternalPosture::Observed,
        ExternalPosture::Unavailable,
        ExternalPosture::Unqueried,
    ];
    let any = |posture: &ExternalPosture| services.iter().any(|one| one.posture == *posture);
    all.into_iter().find(any).unwrap_or(ExternalPosture::NotUsed)
}

kernel::row! {
    struct Count {
        people: i64,
        protected: i64,
        with_backup: i64,
    }
}

/// Returns how many people have second factors, and what waits.
///
/// # Errors
/// What the database says.
pub async fn readiness(app: &App, tx: &mut Reader) -> Result<MfaReadiness> {
    let excused = app.get::<Settings>().operators_without_factor;
    let everybody = counts(tx, "people").await?;
    let staff = counts(tx, "operators").await?;
    let owners = counts(tx, "owners").await?;
    let group = |name: &str, count: Count, required| ReadinessGroup {
        group: name.to_owned(),
        people: count.people,
        protected: count.protected,
        with_backup: count.with_backup,
        required,
    };
    let mut without = Vec::new();
    for (user, _) in crate::identity::list_staff(tx).await? {
        if store::count(tx, user.id).await? == 0 {
            without.push(person(&user));
        }
    }
    let (break_glass_left, break_glass_used_at) = store::glass_left(tx).await?;
    Ok(MfaReadiness {
        read_at: tx.now(),
        groups: vec![
            group("operators", staff, !excused),
            group("owners", owners, true),
            group("people", everybody, false),
        ],
        operators_without: without,
        operators_excused: excused,
        recovery_open: store::list_open(tx).await?.len().try_into().unwrap_or(i64::MAX),
        break_glass_left,
        break_glass_used_at,
    })
}

/// Counts people of a kind who can sign in by themselves; the break-glass account cannot. Owners are those of
/// organizations that ask them for a factor: all but personal ones.
async fn counts(tx: &mut Reader, of: &str) -> Result<Count> {
    tx.get(
        "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN n > 0 THEN 1 ELSE 0 END), 0) AS BIGINT),
                CAST(COALESCE(SUM(CASE WHEN n > 1 THEN 1 ELSE 0 END), 0) AS BIGINT)
           FROM (SELECT u.id, (SELECT COUNT(*) FROM factors f
                                WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL) AS n
                   FROM users u
                  WHERE u.state = 'active' AND NOT u.glass
                    AND ($1 = 'people' OR ($1 = 'operators' AND u.platform_role IS NOT NULL)
                      OR ($1 = 'owners' AND EXISTS
                          (SELECT 1 FROM org_members m JOIN organizations o ON o.id = m.org_id
                            WHERE m.user_id = u.id AND m.role = 'owner' AND o.kind = 'enterprise')))) AS each",
        (of,),
    )
    .await
}
