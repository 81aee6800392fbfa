//! All SQL of notices.

use api::{NoticeId, UserId, notices::NoticeAbout};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    outbox::NoticeRow,
    row,
};

/// Returns a person's notices, newest first.
pub async fn list(
    tx: &mut Reader,
    user: UserId,
    before: NoticeId,
    limit: i64,
) -> Result<Vec<NoticeRow>> {
    tx.list(
        "SELECT {} FROM notices WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        (user, before, limit),
    )
    .await
}

/// Returns how many of a person's notices were not read.
pub async fn unread(tx: &mut Reader, user: UserId) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM notices WHERE user_id = $1 AND read_at IS NULL", (user,)).await
}

/// Notes that a person read everything up to now; returns how many.
pub async fn read_all(tx: &mut WriteTx, user: UserId) -> Result<u64> {
    let now = tx.now();
    tx.run("UPDATE notices SET read_at = $1 WHERE user_id = $2 AND read_at IS NULL", (now, user))
        .await
}

row! {
    /// What somebody does not want to be mailed about.
    pub struct Mute in "notice_mutes" {
        /// Who.
        pub user_id: UserId,
        /// About what.
        pub about: NoticeAbout,
    }
}

/// Returns what somebody does not want to be mailed about.
pub async fn mutes(tx: &mut Reader, user: UserId) -> Result<Vec<Mute>> {
    tx.list("SELECT {} FROM notice_mutes WHERE user_id = $1 ORDER BY about", (user,)).await
}

/// Mails somebody again about something.
pub async fn unmute(tx: &mut WriteTx, user: UserId, about: NoticeAbout) -> Result<u64> {
    tx.run("DELETE FROM notice_mutes WHERE user_id = $1 AND about = $2", (user, about)).await
}
