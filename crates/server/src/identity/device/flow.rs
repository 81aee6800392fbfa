//! What a device does: begin, and ask again until somebody decided. What a person does: look and decide.

use super::store::{self, Grant, GrantState};
use crate::identity::{
    caller::Caller,
    guesses::{self, Bucket},
    sign_in::{Opened, Place, Proof, open_session},
    sso,
    store::{Session, UserState, hold_session, lock_user},
};
use api::{
    Code, SessionId,
    people::{DeviceCode, SessionKind},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, System},
    outbox::{About, Notice, Recipient, tell},
    secret::Secret,
};
use std::time::Duration;

/// Counts how often devices ask.
pub const WRITER: System = System {
    name: "identity.device",
    unaudited: Some("asking is no act; what comes of it is audited"),
};

const LIFE: Duration = Duration::from_secs(600);
const PAUSE: i64 = 5;
/// Consonants without those that look alike or spell words: 20 letters, eight of them are 34.5 bits.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const TRIES: i64 = 5;

fn user_hash(code: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let plain: String =
        code.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_uppercase();
    Sha256::digest(format!("device\0{plain}")).to_vec()
}

/// Returns eight letters, each as likely as the other.
fn user_code(rng: &dyn seams::Rng) -> String {
    let mut code = String::with_capacity(9);
    while code.len() < 9 {
        for byte in rng.bytes32() {
            // 240 is the largest multiple of 20 in a byte: above it some letters would be likelier.
            if byte < 240 && code.len() < 9 {
                if code.len() == 4 {
                    code.push('-');
                }
                code.push(char::from(*LETTERS.get(usize::from(byte % 20)).unwrap_or(&b'B')));
            }
        }
    }
    code
}

/// Begins: the device keeps one code, its person types the other.
///
/// # Errors
/// `rate_limit_exceeded`.
pub async fn begin(app: &App, who: &impl Accountable, label: &str, ip: &str) -> Result<DeviceCode> {
    guesses::take(app, &guesses::of_asking("device", ip, 60)).await?;
    let rng = &*app.seams.rng;
    let device = Secret::generate(rng, "gpuaas_d_");
    let code = user_code(rng);
    let label = kernel::names::name(label, 80).unwrap_or_else(|| "command line".to_owned());
    let mut tx = app.db.write(who).await?;
    store::forget(&mut tx).await?;
    let grant = Grant {
        id: tx.new_id(),
        device_hash: device.digest(),
        user_hash: user_hash(&code),
        device_label: label,
        ip_address: ip.to_owned(),
        state: GrantState::Pending,
        pause_seconds: PAUSE,
        polled_at: tx.now().minus(Duration::from_secs(60)),
        created_at: tx.now(),
        expires_at: tx.now().plus(LIFE),
        user_id: None,
        session_id: None,
        strong: false,
        methods: String::new(),
    };
    tx.insert(&grant).await?;
    tx.target(grant.id);
    tx.note(Key::Name, &grant.device_label);
    tx.commit().await?;
    let page = format!("{}/auth/device", app.site.public_url);
    Ok(DeviceCode {
        device_code: device.reveal().to_owned(),
        verification_uri_complete: format!("{page}?code={code}"),
        verification_uri: page,
        user_code: code,
        expires_in: i64::try_from(LIFE.as_secs()).unwrap_or(600),
        interval: PAUSE,
    })
}

/// A browser decides: a command line that was signed in so does not sign others in.
fn browser_only(caller: &Caller) -> Result<()> {
    if caller.session().kind == SessionKind::Browser {
        Ok(())
    } else {
        Err(Code::HumanRequired.into())
    }
}

/// Returns what waits under a user code. Wrong codes are counted, five in a quarter of an hour.
///
/// # Errors
/// `link_invalid`, `rate_limit_exceeded`, `human_required`.
pub async fn find(app: &App, caller: &Caller, code: &str) -> Result<Grant> {
    browser_only(caller)?;
    let hash = user_hash(code);
    let found = store::find_waiting(&mut *app.db.read().await?, &hash).await?;
    let bucket = Bucket::new(format!("device-code:{}", caller.user_id()), TRIES - 1)
        .waits(Duration::from_secs(900));
    match found {
        // Who is locked out is not let in by the right code either.
        Some(grant) => guesses::free(app, &bucket).await.map(|()| grant),
        None => {
            guesses::take(app, &[bucket]).await?;
            Err(Error::new(Code::LinkInvalid)
                .detail("There is no such code, or it is older than ten minutes. Look again."))
        }
    }
}

/// Decides.
///
/// # Errors
/// `link_invalid` when somebody decided already, or it is over.
pub async fn decide(
    app: &App,
    who: &impl Accountable,
    caller: &Caller,
    code: &str,
    yes: bool,
) -> Result<()> {
    let grant = find(app, caller, code).await?;
    let state = if yes { GrantState::Approved } else { GrantState::Refused };
    if yes {
        let bucket = Bucket::new(format!("device-yes:{}", caller.user_id()), 9);
        guesses::take(app, &[bucket]).await?;
    }
    let mut tx = app.db.write(who).await?;
    if !store::decide(&mut tx, grant.id, state, caller.session()).await? {
        return Err(Code::LinkInvalid.into());
    }
    if yes {
        let user = caller.user();
        let to = Recipient { user_id: user.id, email: user.email.clone() };
        let notice = Notice {
            kind: "session.device",
            about: About::Security,
            title: "A command line was signed in as you".into(),
            // What the device calls itself is somebody else's text: it is on the page, not in a mail of ours.
            body: format!(
                "You approved it from {}; it asked from {}. If it was not you, end your other sessions under \
                 Sessions and change your password.",
                caller.session().ip_address,
                grant.ip_address
            ),
            href: "/account/sessions",
        };
        tell(&mut tx, &to, &notice).await?;
    }
    tx.target(grant.id);
    tx.note(Key::Name, &grant.device_label);
    tx.note(Key::State, state);
    tx.commit().await
}

fn waits(code: Code, pause: i64) -> Error {
    Error::new(code).retry_after(Duration::from_secs(pause.unsigned_abs()))
}

/// Asks whether somebody decided; the first who asks afterwards is signed in.
///
/// # Errors
/// `authorization_pending`, `slow_down`, `access_denied`, `expired_token` (RFC 8628 §3.5).
pub async fn redeem(
    app: &App,
    who: &impl Accountable,
    device: &str,
) -> Result<(crate::identity::User, Opened)> {
    let device = Secret::presented(device).ok_or(Code::DeviceExpired)?;
    let grant = poll(app, &device).await?;
    let (Some(user), Some(session)) = (grant.user_id, grant.session_id) else {
        return Err(Code::DeviceExpired.into());
    };
    let mut tx = app.db.write(who).await?;
    if !store::use_up(&mut tx, grant.id).await? {
        return Err(Code::DeviceExpired.into());
    }
    // Held: whoever ends that session at this moment waits, and then ends this one with it.
    let user = lock_user(&mut tx, user).await?.filter(|user| user.state == UserState::Active);
    let approved = hold_session(&mut tx, session).await?;
    let now = tx.now();
    let live = approved.filter(|one| one.revoked_at.is_none() && one.expires_at > now);
    let (Some(user), Some(approved)) = (user, live) else {
        return Err(Code::DeviceRefused.into());
    };
    let tied = sso::find_tie(&mut tx, approved.id).await?.is_some();
    let (strong, methods) = (grant.strong, grant.methods.clone());
    let proof = Proof::Approved { by: Box::new(approved), tied, strong, methods };
    let place = Place {
        kind: SessionKind::Cli,
        device_label: grant.device_label.clone(),
        ip: grant.ip_address.clone(),
    };
    let opened = open_session(app, &mut tx, &user, &place, proof).await?;
    tx.target(user.id);
    tx.note(Key::Person, user.id);
    tx.note(Key::Method, "device");
    tx.commit().await?;
    Ok((user, opened))
}

/// Counts a poll on its own; returns the grant once it was approved.
async fn poll(app: &App, device: &Secret) -> Result<Grant> {
    let mut tx = app.db.write(&WRITER).await?;
    let grant = store::lock_device(&mut tx, &device.digest()).await?;
    let grant = grant.filter(|grant| grant.expires_at > tx.now());
    let grant = grant.ok_or(Code::DeviceExpired)?;
    let early =
        tx.now().since(grant.polled_at) < Duration::from_secs(grant.pause_seconds.unsigned_abs());
    let pause = if early { (grant.pause_seconds + 5).min(60) } else { grant.pause_seconds };
    store::polled(&mut tx, grant.id, pause).await?;
    tx.commit().await?;
    match grant.state {
        _ if early => Err(waits(Code::DeviceSlowDown, pause)),
        GrantState::Pending => Err(waits(Code::DevicePending, pause)),
        GrantState::Refused => Err(Code::DeviceRefused.into()),
        GrantState::Approved => Ok(grant),
    }
}

/// Returns the session a command line of somebody from a sign-in service ends with.
pub(in crate::identity) fn parent(by: &Session, tied: bool) -> Option<SessionId> {
    tied.then_some(by.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_codes_are_eight_letters_nobody_confuses() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            let code = user_code(&seams::OsRng);
            assert_eq!(code.len(), 9, "{code}");
            assert!(code.bytes().all(|b| b == b'-' || LETTERS.contains(&b)), "{code}");
            seen.extend(code.chars());
        }
        assert_eq!(seen.len(), 21, "every letter comes up");
        assert!(20_f64.powi(8).log2() >= 34.0);
        assert_eq!(user_hash("wdjb-mjht"), user_hash(" WDJB MJHT "));
        assert_ne!(user_hash("WDJBMJHT"), user_hash("WDJBMJHX"));
    }
}
