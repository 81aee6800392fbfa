//! One's own keys: add, import, delete.

use super::store::{self, SshKey};
use crate::{
    identity::{Myself, MyselfAction, lock_user},
    tenancy,
};
use api::{
    Code, SshKeyId, UserId,
    ssh::{SshKeyImported, SshKeyView},
};
use gateway::ssh::keys::{self as text, Key, Unfit};
use kernel::{
    App, Error, Result,
    audit::Key as Fact,
    db::{WriteTx, broke},
    names,
    outbox::{About, Notice, Recipient, tell},
};

/// Most keys of a person.
pub(super) const MOST: usize = 50;
/// Longest text of an import.
const MOST_TEXT: usize = 64 * 1024;

macro_rules! own_key {
    ($(#[$meta:meta])* $name:ident = $text:literal, step_up = $step:literal) => {
        $(#[$meta])*
        pub struct $name;
        impl MyselfAction for $name {
            const NAME: &'static str = $text;
            const STEP_UP: bool = $step;
        }
    };
}

own_key!(
    /// Lists one's keys.
    List = "ssh_key.list", step_up = false
);
own_key!(
    /// Adds keys. Each is a way in from then on.
    Add = "ssh_key.add", step_up = true
);
own_key!(
    /// Deletes one.
    Delete = "ssh_key.delete", step_up = false
);

/// Returns a key as people see it.
pub(super) fn view(key: SshKey) -> SshKeyView {
    SshKeyView {
        id: key.id,
        user_id: key.user_id,
        name: key.name,
        algorithm: key.algorithm,
        bits: key.bits,
        fingerprint: key.fingerprint,
        public_key: key.public_key,
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        projects: Vec::new(),
    }
}

/// Returns one's keys, each with the projects it is offered in.
///
/// # Errors
/// What the database says.
pub async fn list(app: &App, user: UserId) -> Result<Vec<SshKeyView>> {
    let mut tx = app.db.read().await?;
    let keys = store::list_of(&mut tx, user).await?;
    let offers = store::list_offers(&mut tx, user).await?;
    let mut seen = Vec::new();
    for (project, _) in tenancy::own_projects(&mut tx, user).await? {
        seen.push(project.id);
    }
    let mut views: Vec<SshKeyView> = keys.into_iter().map(view).collect();
    for one in &mut views {
        let here = offers.iter().filter(|offer| offer.ssh_key_id == one.id);
        one.projects = here.map(|offer| offer.project_id).filter(|id| seen.contains(id)).collect();
    }
    Ok(views)
}

fn unfit(why: Unfit) -> Error {
    Error::field("public_key", why.to_string())
}

fn taken() -> Error {
    Error::new(Code::NameTaken).detail("You have this key already.")
}

/// What a key is called: by its owner, or by the comment behind it.
fn called(name: Option<&str>, key: &Key) -> Result<String> {
    if let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) {
        let words = "A name has 1 to 60 characters.";
        return names::name(name, 60).ok_or_else(|| Error::field("name", words));
    }
    let comment: String = key.comment.chars().take(60).collect();
    Ok(names::name(&comment, 60).unwrap_or_else(|| key.algorithm.clone()))
}

fn row(tx: &WriteTx, who: &Myself<Add>, name: String, key: Key) -> SshKey {
    SshKey {
        id: tx.new_id(),
        user_id: who.caller().user_id(),
        name,
        algorithm: key.algorithm,
        bits: key.bits.map(i64::from),
        fingerprint: key.fingerprint,
        public_key: key.line,
        created_at: tx.now(),
        last_used_at: None,
        deleted_at: None,
    }
}

/// Adds a key.
///
/// # Errors
/// `validation_error` with what is wrong about it; `name_taken`; `state_conflict` with too many.
pub async fn add(
    app: &App,
    who: &Myself<Add>,
    public_key: &str,
    name: Option<&str>,
) -> Result<SshKeyView> {
    let key = text::read(public_key).map_err(unfit)?;
    let name = called(name, &key)?;
    let mut tx = app.db.write(who).await?;
    lock_user(&mut tx, who.caller().user_id()).await?;
    room(&mut tx, who, 1).await?;
    let row = row(&tx, who, name, key);
    insert(&mut tx, &row).await?;
    told(&mut tx, who, &[&row]).await?;
    tx.target(row.id);
    tx.note(Fact::Name, &row.name);
    tx.note(Fact::Method, &row.fingerprint);
    tx.commit().await?;
    Ok(view(row))
}

async fn insert(tx: &mut WriteTx, row: &SshKey) -> Result<()> {
    // Asked before, so that one line of an import that is taken loses none of the others.
    let there: i64 = tx
        .value(
            "SELECT COUNT(*) FROM ssh_keys WHERE fingerprint = $1 AND user_id = $2 AND deleted_at IS NULL",
            (row.fingerprint.as_str(), row.user_id),
        )
        .await?;
    if there > 0 {
        return Err(taken());
    }
    tx.insert(row)
        .await
        .map_err(|error| if broke(&error, "fingerprint") { error.worth_rerun() } else { error })
}

async fn room(tx: &mut WriteTx, who: &Myself<Add>, more: usize) -> Result<()> {
    let now = store::list_of(tx, who.caller().user_id()).await?.len();
    if now + more > MOST {
        return Err(Error::new(Code::NotNow)
            .detail(format!("You have {now} keys; {MOST} are the most. Delete some first.")));
    }
    Ok(())
}

/// A new way in is told, in case it was not them.
async fn told(tx: &mut WriteTx, who: &Myself<Add>, rows: &[&SshKey]) -> Result<()> {
    let user = who.caller().user();
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let list: Vec<String> =
        rows.iter().map(|row| format!("{} ({})", row.name, row.fingerprint)).collect();
    let notice = Notice {
        kind: "ssh_key.added",
        about: About::Security,
        title: if rows.len() == 1 {
            "A key for SSH was added".into()
        } else {
            "Keys for SSH were added".into()
        },
        body: format!(
            "{}. They open your workloads from now on. If it was not you, delete them and end all other sessions.",
            list.join(", ")
        ),
        href: "/access/credentials",
    };
    tell(tx, &to, &notice).await
}

/// Adds the keys of an `authorized_keys` text: each line that has a fit one; the others are named.
///
/// # Errors
/// `validation_error` when there is none, or the text holds a private key.
pub async fn import(app: &App, who: &Myself<Add>, given: &str) -> Result<Vec<SshKeyImported>> {
    if text::is_private(given) {
        return Err(Error::field("authorized_keys", Unfit::Private.to_string()));
    }
    if given.len() > MOST_TEXT {
        return Err(Error::field("authorized_keys", "64 KiB are the most at once."));
    }
    let lines: Vec<(i64, &str)> = (1..)
        .zip(given.lines())
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with('#'))
        .collect();
    if lines.is_empty() || lines.len() > MOST {
        let words = format!("Give one to {MOST} keys, each on a line of its own.");
        return Err(Error::field("authorized_keys", words));
    }
    let mut tx = app.db.write(who).await?;
    lock_user(&mut tx, who.caller().user_id()).await?;
    let (mut done, mut rows): (Vec<SshKeyImported>, Vec<SshKey>) = (Vec::new(), Vec::new());
    for (line, words) in lines {
        let refused = match text::read(words) {
            Err(why) => Some(why.to_string()),
            Ok(key) => {
                let row = row(&tx, who, called(None, &key)?, key);
                let added = match room(&mut tx, who, 1).await {
                    Ok(()) => insert(&mut tx, &row).await,
                    Err(error) => Err(error),
                };
                match added {
                    Ok(()) => {
                        done.push(SshKeyImported {
                            line,
                            added: Some(view(row.clone())),
                            refused: None,
                        });
                        rows.push(row);
                        continue;
                    }
                    Err(error) if error.code() == Code::Internal => return Err(error),
                    Err(error) if error.is_worth_rerun() => return Err(error),
                    Err(error) => Some(error.sentence()),
                }
            }
        };
        done.push(SshKeyImported { line, added: None, refused });
    }
    if let Some(first) = rows.first() {
        told(&mut tx, who, &rows.iter().collect::<Vec<_>>()).await?;
        tx.target(first.id);
        tx.note(Fact::Count, i64::try_from(rows.len()).unwrap_or(i64::MAX));
        let all: Vec<&str> = rows.iter().map(|row| row.fingerprint.as_str()).collect();
        tx.note(Fact::Reason, all.join(" "));
    }
    tx.commit().await?;
    Ok(done)
}

/// Deletes one of one's keys; what it has open ends within five seconds.
///
/// # Errors
/// `not_found`.
pub async fn delete(app: &App, who: &Myself<Delete>, id: SshKeyId) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let user = who.caller().user_id();
    let key = store::find(&mut tx, id).await?.filter(|key| key.user_id == user);
    let key = key.ok_or_else(Error::not_found)?;
    store::delete(&mut tx, user, id).await?;
    tx.target(id);
    tx.note(Fact::Name, &key.name);
    tx.note(Fact::Method, &key.fingerprint);
    tx.commit().await
}

/// Notes that a key opened something.
///
/// # Errors
/// What the database says.
pub async fn used(tx: &mut WriteTx, id: SshKeyId) -> Result<()> {
    store::note_used(tx, id).await
}
