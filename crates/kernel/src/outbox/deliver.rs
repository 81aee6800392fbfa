//! Delivery of mails: into a folder by default, through an SMTP server where one is named.

use super::{Attachment, Mail};
use crate::{
    App, Context, Error, Result,
    audit::System,
    secret::write_private,
    sweeps::{Status, Sweep},
};
use api::MailId;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Attachment as Part, Mailbox as Address, MultiPart, SinglePart, header::ContentType},
    transport::smtp::authentication::Credentials,
};
use std::{future::Future, path::PathBuf, pin::Pin, time::Duration};

/// Notes which mails went out.
pub const WRITER: System =
    System { name: "kernel.outbox", unaudited: Some("the act a mail tells of is audited") };

const AT_ONCE: i64 = 20;
const SLOWEST: Duration = Duration::from_secs(20);
/// Bodies are kept no longer than they are of use: they may hold a one-time link.
const KEEP_SENT: Duration = Duration::from_secs(24 * 3600);
const KEEP_TRYING: Duration = Duration::from_secs(14 * 24 * 3600);

/// An SMTP server that takes mails.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `starttls`, `tls` or `none` (only on this machine).
    pub encryption: String,
    /// User and password, where the server asks for them.
    pub login: Option<(String, String)>,
}

/// Where mails go.
pub enum Mailbox {
    /// One `.eml` file each (RFC 5322).
    Folder {
        /// The folder.
        path: PathBuf,
        /// Who they come from.
        from: String,
    },
    /// An SMTP server.
    Server {
        /// The connection.
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        /// Who they come from.
        from: String,
    },
}

impl Mailbox {
    /// Returns a mailbox that sends through a server.
    ///
    /// # Errors
    /// A sentence for the operator when the settings cannot be meant.
    pub fn server(smtp: Smtp, from: String) -> Result<Self> {
        type Transport = AsyncSmtpTransport<Tokio1Executor>;
        let builder = match smtp.encryption.as_str() {
            "tls" => Transport::relay(&smtp.host).context("make a mail connection")?,
            "starttls" => {
                Transport::starttls_relay(&smtp.host).context("make a mail connection")?
            }
            "none" if is_here(&smtp.host) => Transport::builder_dangerous(&smtp.host),
            "none" => {
                return Err(Error::internal(anyhow::anyhow!(
                    "settings of [mail]: encryption `none` is for a server on this machine, not for {}",
                    smtp.host
                )));
            }
            other => {
                return Err(Error::internal(anyhow::anyhow!(
                    "settings of [mail]: encryption is `tls`, `starttls` or `none`, not `{other}`"
                )));
            }
        };
        let builder = builder.port(smtp.port).timeout(Some(SLOWEST));
        let builder = match smtp.login {
            Some((user, password)) => builder.credentials(Credentials::new(user, password)),
            None => builder,
        };
        Ok(Self::Server { transport: Box::new(builder.build()), from })
    }

    async fn send(&self, mail: &Mail, file: Option<&Attachment>) -> Result<()> {
        match self {
            Self::Folder { path, from } => {
                let message = message(mail, file, from)?;
                let (folder, id) = (path.clone(), mail.id);
                let write = move || {
                    std::fs::create_dir_all(&folder).context("make the mail folder")?;
                    write_private(&folder.join(format!("{id}.eml")), &message.formatted())
                };
                tokio::task::spawn_blocking(write).await.context("write a mail")?
            }
            Self::Server { transport, from } => {
                let message = message(mail, file, from)?;
                let sent = tokio::time::timeout(SLOWEST, transport.send(message)).await;
                sent.context("wait for the mail server")?.context("send a mail").map(|_| ())
            }
        }
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Refuses an address mails could not come from.
///
/// # Errors
/// A sentence for the operator.
pub fn check_from(from: &str) -> Result<()> {
    from.parse::<Address>().map(|_| ()).map_err(|_| {
        Error::internal(anyhow::anyhow!("settings of [mail]: from `{from}` is not an address"))
    })
}

fn message(mail: &Mail, file: Option<&Attachment>, from: &str) -> Result<Message> {
    let address = |text: &str| text.parse::<Address>().context("read a mail address");
    let head = Message::builder()
        .from(address(from)?)
        .to(address(&mail.address)?)
        .subject(mail.subject.clone())
        .message_id(Some(format!("<{}@mail.invalid>", mail.id)));
    let made = match file {
        None => head.header(ContentType::TEXT_PLAIN).body(mail.body.clone()),
        Some(file) => {
            let media = ContentType::parse(&file.media).context("read a file's kind")?;
            let part = Part::new(file.name.clone()).body(file.bytes.clone(), media);
            let text = SinglePart::plain(mail.body.clone());
            head.multipart(MultiPart::mixed().singlepart(text).singlepart(part))
        }
    };
    made.context("write a mail")
}

/// Returns the sweep that sends what is due.
pub fn sweep() -> Sweep {
    Sweep { name: "kernel.outbox", every: Duration::from_secs(2), walks: false, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(deliver(app))
}

async fn deliver(app: App) -> Result<Status> {
    let due: Vec<Mail> = {
        let mut tx = app.db.read().await?;
        let now = tx.now();
        tx.list(
            "SELECT {} FROM mails WHERE sent_at IS NULL AND due_at <= $1 ORDER BY due_at, id LIMIT $2",
            (now, AT_ONCE),
        )
        .await?
    };
    let mut claimed = Vec::new();
    for mail in due {
        if claim(&app, &mail).await? {
            claimed.push(mail);
        }
    }
    let ids: Vec<MailId> = claimed.iter().map(|mail| mail.id).collect();
    let sql = "SELECT {} FROM mail_attachments WHERE mail_id IN ({in})";
    let files: Vec<Attachment> = app.db.read().await?.list_of(sql, &ids).await?;
    let sending = claimed.iter().map(|mail| {
        let file = files.iter().find(|file| file.mail_id == mail.id);
        app.get::<Mailbox>().send(mail, file)
    });
    let outcomes = futures::future::join_all(sending).await;
    let (mut sent, mut failed) = (0, 0);
    for (mail, outcome) in claimed.iter().zip(outcomes) {
        if let Err(error) = &outcome {
            tracing::warn!(mail = %mail.id, attempts = mail.attempts + 1, %error, "a mail waits");
        }
        *if outcome.is_ok() { &mut sent } else { &mut failed } += 1;
        settle(&app, mail, outcome.is_ok()).await?;
    }
    let forgotten = forget(&app).await?;
    Ok(format!("sent {sent} mails, {failed} wait, {forgotten} forgotten"))
}

/// Takes a mail for as long as sending may take: no other server sends it meanwhile.
async fn claim(app: &App, mail: &Mail) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    let until = tx.now().plus(SLOWEST * 3);
    let taken = tx
        .run(
            "UPDATE mails SET due_at = $1 WHERE id = $2 AND due_at = $3 AND sent_at IS NULL",
            (until, mail.id, mail.due_at),
        )
        .await?;
    tx.commit().await?;
    Ok(taken == 1)
}

/// The pause doubles from half a minute to six hours.
async fn settle(app: &App, mail: &Mail, sent: bool) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let now = tx.now();
    if sent {
        tx.run("UPDATE mails SET sent_at = $1, fault = NULL WHERE id = $2", (now, mail.id)).await?;
    } else {
        let doubled = 30_u64 << mail.attempts.clamp(0, 10);
        let due = now.plus(Duration::from_secs(doubled.min(6 * 3600)));
        tx.run(
            "UPDATE mails SET attempts = attempts + 1, due_at = $1, fault = 'not taken' WHERE id = $2",
            (due, mail.id),
        )
        .await?;
    }
    tx.commit().await
}

/// Forgets what went out a day ago, and gives up what nobody took for a fortnight.
async fn forget(app: &App) -> Result<u64> {
    let mut tx = app.db.read().await?;
    let (sent, tried) = (tx.now().minus(KEEP_SENT), tx.now().minus(KEEP_TRYING));
    let old: i64 = tx.value("SELECT COUNT(*) FROM mails WHERE sent_at < $1", (sent,)).await?;
    let stuck: i64 = tx
        .value("SELECT COUNT(*) FROM mails WHERE sent_at IS NULL AND created_at < $1", (tried,))
        .await?;
    drop(tx);
    if old + stuck == 0 {
        return Ok(0);
    }
    if stuck > 0 {
        tracing::error!(stuck, "mails were given up: nobody took them for two weeks");
    }
    let mut tx = app.db.write(&WRITER).await?;
    let gone = tx.run("DELETE FROM mails WHERE sent_at < $1", (sent,)).await?;
    let given_up =
        tx.run("DELETE FROM mails WHERE sent_at IS NULL AND created_at < $1", (tried,)).await?;
    tx.commit().await?;
    Ok(gone + given_up)
}
