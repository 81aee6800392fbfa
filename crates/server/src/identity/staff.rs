//! Who has a role of the platform: all SQL of it.

use super::store::User;
use api::{UserId, people::PlatformRole};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
};

/// Returns everybody who runs the platform.
pub async fn list_operators(tx: &mut Reader) -> Result<Vec<User>> {
    tx.list(
        "SELECT {} FROM users WHERE platform_role = 'operator' AND state = 'active' AND NOT glass
          ORDER BY id LIMIT 1000",
        (),
    )
    .await
}

/// Returns everybody with a role of the platform, by name.
pub async fn list_staff(tx: &mut Reader) -> Result<Vec<(User, PlatformRole)>> {
    let found: Vec<User> = tx
        .list(
            "SELECT {} FROM users WHERE platform_role IS NOT NULL AND state = 'active' AND NOT glass
              ORDER BY display_name, id LIMIT 1000",
            (),
        )
        .await?;
    let with_role = |user: User| user.platform_role.map(|role| (user, role));
    Ok(found.into_iter().filter_map(with_role).collect())
}

/// Gives somebody a role of the platform, or none.
pub async fn set_platform_role(
    tx: &mut WriteTx,
    user: UserId,
    role: Option<PlatformRole>,
) -> Result<u64> {
    tx.run("UPDATE users SET platform_role = $1 WHERE id = $2", (role, user)).await
}

/// Returns whether anybody runs the platform.
pub async fn has_operator(tx: &mut Reader) -> Result<bool> {
    tx.value::<i64>(
        "SELECT COUNT(*) FROM users WHERE platform_role = 'operator' AND state = 'active'",
        (),
    )
    .await
    .map(|count| count > 0)
}

/// Returns everybody with a role of the platform, and holds them: who changes such roles waits.
pub async fn lock_staff(tx: &mut Reader) -> Result<Vec<User>> {
    let sql = "SELECT {} FROM users WHERE platform_role IS NOT NULL AND NOT glass ORDER BY id";
    tx.list_locked(sql, (), Lock::Update).await
}

/// Returns the accounts that have an address, whoever made them, and that a person uses.
pub async fn by_address(tx: &mut Reader, email: &str) -> Result<Vec<User>> {
    tx.list(
        "SELECT {} FROM users WHERE email = $1 AND state = 'active' AND NOT glass ORDER BY id LIMIT 20",
        (email,),
    )
    .await
}
