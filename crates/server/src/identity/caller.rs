//! Who calls: found from the session's cookie or bearer token, once per request.

use super::{
    Settings, factors,
    keys::{self, Machine},
    sessions::Seen,
    store::{self, Session, Stage, User},
};
use api::{
    Code, SessionId, UserId,
    audit::ActorKind,
    people::{PlatformRole, SessionKind},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Record, Stamp},
    db::{Known, Lane},
    html::FormCtx,
    http::{self, Entrance, EntranceKind, Head, cookie},
    secret::Secret,
};
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// Who calls, by the digest of what they show.
pub struct Callers(Known<Vec<u8>, Arc<Caller>>);

impl Default for Callers {
    fn default() -> Self {
        Self(Known::new(4096))
    }
}

/// A signed-in person on one device. Made only here.
#[derive(Debug)]
pub struct Caller {
    user: User,
    session: Session,
    csrf: String,
    machine: Option<Machine>,
}

impl Caller {
    /// Returns the person.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Returns the person's id.
    pub fn user_id(&self) -> UserId {
        self.user.id
    }

    /// Returns the session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Returns what the key it came with may; nothing for a person.
    pub fn machine(&self) -> Option<&Machine> {
        self.machine.as_ref()
    }

    /// Returns the token this session's forms carry.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Returns what a form of this session needs.
    pub fn form(&self, app: &App) -> FormCtx {
        FormCtx::new(&self.csrf, &*app.seams.rng)
    }

    /// Ends when the session does: within five seconds of its revocation, on any replica.
    pub async fn revoked(&self, app: &App) {
        let mut topics = app.topics.subscribe();
        let wanted = session_topic(self.session.id);
        let mut look = tokio::time::interval(Duration::from_secs(3));
        loop {
            tokio::select! {
                _ = look.tick() => {}
                told = topics.recv() => {
                    if matches!(&told, Ok(topic) if *topic != wanted) {
                        continue;
                    }
                }
            }
            let live = async {
                let mut tx = app.db.read().await?;
                match &self.machine {
                    Some(machine) => keys::is_live(&mut tx, machine.shown).await,
                    None => store::is_live(&mut tx, self.session.id).await,
                }
            };
            if matches!(live.await, Ok(false)) {
                return;
            }
        }
    }

    /// Returns the stamp of an act of this person.
    pub fn stamp(&self, head: &Arc<Head>, action: &'static str) -> Stamp {
        let machine = self.machine.as_ref().map(|machine| machine.account.to_string());
        Stamp {
            actor_kind: ActorKind::User,
            actor: machine.unwrap_or_else(|| self.user.id.to_string()),
            user_id: Some(self.user.id),
            session_id: Some(self.session.id),
            org_id: None,
            project_id: None,
            action,
            correlation_id: head.correlation_id,
            ip: Some(head.ip.to_string()),
            lane: Lane::Interactive,
            record: Record::Entry,
            request: head.mutates().then(|| head.slot.clone()),
            guard: None,
        }
    }
}

/// Returns the topic that tells a session's streams to look again.
pub fn session_topic(id: SessionId) -> String {
    format!("session:{id}")
}

/// Returns who calls, or nothing when nobody is signed in; a session that has yet to prove a factor
/// shows no frame.
pub async fn optional_caller(app: &App, head: &Arc<Head>) -> Result<Option<Arc<Caller>>> {
    match anyone(app, head).await {
        Ok(caller) if caller.session.stage == Stage::Half => Ok(None),
        Ok(caller) => Ok(Some(caller)),
        Err(error) if error.code().status() == 401 || error.code() == Code::HumanRequired => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Returns who calls, when their session may reach everything they may.
///
/// # Errors
/// `token_missing`, `token_invalid`, `token_expired`, `cross_site_request`, `second_factor_required`, `factor_enrolment_required`.
pub async fn caller(app: &App, head: &Arc<Head>) -> Result<Arc<Caller>> {
    let caller = presented(app, head).await?;
    reaches(&caller, Stage::Full)?;
    Ok(caller)
}

/// Refuses a session that has not come as far as something needs.
fn reaches(caller: &Caller, from: Stage) -> Result<()> {
    match caller.session.stage {
        stage if stage >= from => Ok(()),
        Stage::Enrol => Err(Code::EnrolmentRequired.into()),
        _ => Err(Code::SecondFactorRequired.into()),
    }
}

/// Refuses a session that has not proven the strongest kind of factor its person has within the
/// last minutes.
///
/// # Errors
/// `step_up_required`.
pub async fn fresh(app: &App, caller: &Caller) -> Result<()> {
    person_only(caller)?;
    let session = &caller.session;
    let now = app.seams.clock.now();
    let recent = now.since(session.fresh_at) <= app.get::<Settings>().step_up();
    // Who recovers an account is there to set a factor up, and can do nothing else.
    if session.stage == Stage::Enrol {
        return Ok(());
    }
    // A sealed code is fresh for its hour: there is nothing else to ask for.
    if (recent || caller.user.glass) && session.strong {
        return Ok(());
    }
    let mut tx = app.db.read().await?;
    if recent && factors::count(&mut tx, caller.user_id()).await? == 0 {
        return Ok(());
    }
    Err(Code::StepUpRequired.into())
}

/// Refuses a session in which no second factor was proven.
///
/// # Errors
/// `factor_enrolment_required` where there is none, else `step_up_required`.
pub async fn strong(app: &App, caller: &Caller) -> Result<()> {
    if caller.session.strong {
        return Ok(());
    }
    let mut tx = app.db.read().await?;
    match factors::count(&mut tx, caller.user_id()).await? {
        0 => Err(Code::EnrolmentRequired.into()),
        _ => Err(Code::StepUpRequired.into()),
    }
}

/// Returns the person who calls, however far their session has come; a key is nobody here.
///
/// # Errors
/// Those of [`presented`]; `human_required`.
pub async fn anyone(app: &App, head: &Arc<Head>) -> Result<Arc<Caller>> {
    let caller = presented(app, head).await?;
    person_only(&caller)?;
    Ok(caller)
}

/// Returns who calls: a person, however far their session has come, or a key. A cookie request that changes something must prove that it comes from a page
/// of this site.
///
/// # Errors
/// `token_missing`, `token_invalid`, `token_expired`, `cross_site_request`.
async fn presented(app: &App, head: &Arc<Head>) -> Result<Arc<Caller>> {
    if let Some(known) = head.recall::<Caller>() {
        return Ok(known);
    }
    let (token, kind) = credential(app, head)?;
    let caller = look_up(app, &token).await?;
    let Caller { session, user, .. } = &*caller;
    let now = app.seams.clock.now();
    let idle = Duration::from_micros(session.idle_micros.unsigned_abs());
    let seen = app.get::<Seen>().latest(session.id).unwrap_or(session.last_seen_at);
    if session.kind != kind
        || session.revoked_at.is_some()
        || user.state != store::UserState::Active
    {
        return Err(Code::TokenInvalid.into());
    }
    if session.expires_at <= now || now.since(seen) > idle {
        return Err(Code::TokenExpired.into());
    }
    if kind == SessionKind::Browser && head.mutates() {
        http::same_origin(head)?;
        if head.is_form() {
            http::form_token(head, token.reveal())?;
        }
    }
    app.get::<Seen>().note(session.id, now, head.ip);
    head.remember(caller.clone());
    Ok(caller)
}

/// Returns whose a token is, whether or not it is still good.
async fn look_up(app: &App, token: &Secret) -> Result<Arc<Caller>> {
    let (digest, known) = (token.digest(), &app.get::<Callers>().0);
    let mut tx = app.db.read().await?;
    if let Some(caller) = known.get(&tx, &digest) {
        return Ok(caller);
    }
    let (session, user, machine) = if keys::is_key(token) {
        let (key, user) = keys::find_by_token(&mut tx, &digest).await?.ok_or(Code::TokenInvalid)?;
        let (session, machine) = keys::as_session(key, tx.now());
        (session, user, Some(machine))
    } else {
        let found = store::find_session(&mut tx, &digest).await?;
        let (session, user) = found.ok_or(Code::TokenInvalid)?;
        (session, user, None)
    };
    // What proves a password is not kept where it is not needed.
    let user = User { password_hash: None, ..user };
    let csrf = http::csrf_token(token.reveal());
    let caller = Arc::new(Caller { user, session, csrf, machine });
    known.keep(&tx, digest, caller.clone());
    Ok(caller)
}

/// The account of the broken glass runs the platform for an hour and changes nothing of its own or of a
/// tenant: whatever lasted would outlive the hour.
///
/// # Errors
/// `insufficient_permissions`.
pub fn no_glass(caller: &Caller, head: &Head, action: &str) -> Result<()> {
    if !caller.user.glass || !head.mutates() || action == "auth.logout" {
        return Ok(());
    }
    Err(Error::new(Code::InsufficientPermissions).detail(
        "The account of the broken glass runs the site for an hour and makes nothing that lasts.",
    ))
}

/// Refuses a key where a person is meant.
///
/// # Errors
/// `human_required`.
pub fn person_only(caller: &Caller) -> Result<()> {
    if caller.machine.is_none() { Ok(()) } else { Err(Code::HumanRequired.into()) }
}

fn credential(app: &App, head: &Head) -> Result<(Secret, SessionKind)> {
    if head.has_header("authorization") {
        let text = head.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let token = text.and_then(Secret::presented).ok_or(Code::TokenInvalid)?;
        return Ok((token, SessionKind::Cli));
    }
    let name = if app.site.secure_cookies { cookie::SESSION } else { cookie::SESSION_INSECURE };
    let text = cookie::get(head, name).filter(|text| !text.is_empty()).ok_or(Code::TokenMissing)?;
    let token = Secret::presented(text).ok_or(Code::TokenInvalid)?;
    Ok((token, SessionKind::Browser))
}

/// An act on one's own account.
pub trait MyselfAction: Send + Sync + 'static {
    /// `session.revoke`
    const NAME: &'static str;
    /// Whether a change needs fresh proof of who asks.
    const STEP_UP: bool = false;
    /// How far a session must have come.
    const FROM: Stage = Stage::Full;
}

/// The entrance to one's own account.
pub struct Myself<A> {
    caller: Arc<Caller>,
    stamp: Stamp,
    head: Arc<Head>,
    action: PhantomData<fn() -> A>,
}

/// What [`Myself`] gives a verb.
pub type Me = Arc<Caller>;

impl<A> Myself<A> {
    /// Returns who it is.
    pub fn caller(&self) -> &Me {
        &self.caller
    }

    /// Returns the request.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }
}

impl<A> Accountable for Myself<A> {
    fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }
}

impl<A: MyselfAction> Entrance for Myself<A> {
    const KIND: EntranceKind = EntranceKind::Myself;
    const ACTION: &'static str = A::NAME;
    const SCOPE: &'static str = "account";

    async fn enter(app: &App, head: &Arc<Head>) -> Result<Self> {
        let caller = anyone(app, head).await?;
        reaches(&caller, A::FROM)?;
        let stamp = caller.stamp(head, A::NAME);
        head.remember(Arc::new(stamp.clone()));
        no_glass(&caller, head, A::NAME)?;
        if A::STEP_UP && head.mutates() {
            fresh(app, &caller).await?;
        }
        Ok(Self { caller, stamp, head: head.clone(), action: PhantomData })
    }
}

impl<A> std::fmt::Debug for Myself<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Myself({})", self.caller.user.id)
    }
}

/// Refuses people whose role of the platform does not allow something, and those of the platform without a
/// second factor.
///
/// # Errors
/// `operator_required`, `factor_enrolment_required`, `step_up_required`.
pub async fn staff_only(
    app: &App,
    caller: &Caller,
    may: impl Fn(PlatformRole) -> bool,
    who_may: &str,
) -> Result<()> {
    person_only(caller)?;
    match caller.user.platform_role {
        Some(role) if may(role) => {}
        Some(role) => {
            let role = role.as_str().replace('_', " ");
            return Err(Error::new(Code::OperatorRequired)
                .detail(format!("You are {role} of this platform; this takes {who_may}.")));
        }
        None => return Err(Error::new(Code::OperatorRequired)),
    }
    if app.get::<Settings>().operators_without_factor { Ok(()) } else { strong(app, caller).await }
}
