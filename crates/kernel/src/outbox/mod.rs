//! What people are told: written in the transaction of the change it tells of, delivered after it.
//!
//! Promises: a change that commits is told of, one that does not is not; a mail is sent at least
//! once, and tried again with growing pauses until it is; what is told holds no secret but a
//! one-time link.

mod deliver;

pub use deliver::{Mailbox, Smtp, WRITER, check_from, sweep};

use crate::{
    Result,
    db::{Reader, WriteTx},
    row,
};
use api::{MailId, NoticeId, Time, UserId};
use std::time::Duration;

/// Who is told.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The person.
    pub user_id: UserId,
    /// Their address.
    pub email: String,
}

/// What a notice is about: of what is not the safety of an account, people choose whether it is mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The safety of an account, or who may do what: always mailed.
    Security,
    /// Who comes and goes.
    People,
    /// What runs, and what ended.
    Work,
}

impl About {
    /// Returns the word of what can be switched off.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Security => None,
            Self::People => Some("people"),
            Self::Work => Some("work"),
        }
    }
}

/// What somebody is told.
#[derive(Debug, Clone)]
pub struct Notice {
    /// `mfa.factor_added`
    pub kind: &'static str,
    /// What it is about.
    pub about: About,
    /// One line.
    pub title: String,
    /// A few sentences: what happened, and what to do if it was not you.
    pub body: String,
    /// The page where one acts on it.
    pub href: &'static str,
}

row! {
    /// A notice of somebody's inbox.
    pub struct NoticeRow in "notices" {
        /// Identifier.
        pub id: NoticeId,
        /// Whose.
        pub user_id: UserId,
        /// `mfa.factor_added`
        pub kind: String,
        /// Whether it is about the safety of the account.
        pub security: bool,
        /// One line.
        pub title: String,
        /// A few sentences.
        pub body: String,
        /// The page where one acts on it.
        pub href: String,
        /// When.
        pub created_at: Time,
        /// When it was read.
        pub read_at: Option<Time>,
    }
}

row! {
    /// A mail on its way.
    pub struct Mail in "mails" {
        /// Identifier.
        pub id: MailId,
        /// To whom.
        pub address: String,
        /// Subject.
        pub subject: String,
        /// Plain text.
        pub body: String,
        /// When it was written.
        pub created_at: Time,
        /// When it is tried next.
        pub due_at: Time,
        /// How often it was tried.
        pub attempts: i64,
        /// When it went out.
        pub sent_at: Option<Time>,
        /// What the last try met.
        pub fault: Option<String>,
    }
}

row! {
    /// What goes with a mail.
    pub struct Attachment in "mail_attachments" {
        /// Which mail.
        pub mail_id: MailId,
        /// The file's name: letters, digits, dashes, one dot.
        pub name: String,
        /// `application/pdf`
        pub media: String,
        /// The file.
        pub bytes: Vec<u8>,
    }
}

/// The largest file that goes with a mail; many servers take no more than ten megabytes.
pub const LARGEST: usize = 5 * 1024 * 1024;

/// A file that goes with what is mailed: its name, what it is, its bytes.
pub type File<'a> = (&'a str, &'static str, &'a [u8]);

/// The same as [`tell`], with a file where it is mailed; one that is too large stays out.
///
/// # Errors
/// What the database says.
pub async fn tell_with(
    tx: &mut WriteTx,
    to: &Recipient,
    notice: &Notice,
    (name, media, bytes): File<'_>,
) -> Result<()> {
    let mail = told(tx, to, notice).await?;
    if let Some(mail_id) = mail.filter(|_| bytes.len() <= LARGEST) {
        let (name, media) = (name.to_owned(), media.to_owned());
        tx.insert(&Attachment { mail_id, name, media, bytes: bytes.to_vec() }).await?;
    }
    Ok(())
}

/// Tells somebody: in their inbox, and by mail.
///
/// # Errors
/// What the database says.
pub async fn tell(tx: &mut WriteTx, to: &Recipient, notice: &Notice) -> Result<()> {
    told(tx, to, notice).await.map(|_| ())
}

/// Returns the mail, where it is mailed.
async fn told(tx: &mut WriteTx, to: &Recipient, notice: &Notice) -> Result<Option<MailId>> {
    let row = NoticeRow {
        id: tx.new_id(),
        user_id: to.user_id,
        kind: notice.kind.to_owned(),
        security: notice.about == About::Security,
        title: notice.title.clone(),
        body: notice.body.clone(),
        href: notice.href.to_owned(),
        created_at: tx.now(),
        read_at: None,
    };
    tx.insert(&row).await?;
    if let Some(word) = notice.about.word()
        && muted(tx, to.user_id, word).await?
    {
        return Ok(None);
    }
    let security = notice.about == About::Security;
    write(tx, &to.email, &notice.title, &notice.body, security).await
}

/// Returns whether somebody does not want to be mailed about something.
async fn muted(tx: &mut Reader, user: UserId, about: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM notice_mutes WHERE user_id = $1 AND about = $2";
    Ok(tx.value::<i64>(sql, (user, about)).await? > 0)
}

/// Writes a mail.
///
/// # Errors
/// What the database says.
pub async fn mail(tx: &mut WriteTx, address: &str, subject: &str, body: &str) -> Result<()> {
    write(tx, address, subject, body, false).await.map(|_| ())
}

/// What is about safety has been due for a day: no flood of other mails stands before it.
async fn write(
    tx: &mut WriteTx,
    address: &str,
    subject: &str,
    body: &str,
    urgent: bool,
) -> Result<Option<MailId>> {
    // Whom a sign-in service named without an address reads the inbox alone.
    if address.is_empty() {
        return Ok(None);
    }
    let day = Duration::from_secs(24 * 3600);
    let due_at = if urgent { tx.now().minus(day) } else { tx.now() };
    let row = Mail {
        id: tx.new_id(),
        address: address.to_owned(),
        subject: subject.to_owned(),
        body: body.to_owned(),
        created_at: tx.now(),
        due_at,
        attempts: 0,
        sent_at: None,
        fault: None,
    };
    tx.insert(&row).await?;
    Ok(Some(row.id))
}
