//! Migrations: one numbered list, forward only, for both databases.

use super::{Dialect, Reader};
use crate::{Error, Result, secret::hex_digest};

/// One migration: its number and name from the file name, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// `0001_identity.sql`
    pub name: &'static str,
    /// PostgreSQL flavour; see `dialect.rs`.
    pub sql: &'static str,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    name TEXT PRIMARY KEY,
    checksum TEXT NOT NULL
)";

/// On PostgreSQL the product's role reads and writes every table, but only adds to those whose
/// trigger refuses changes.
const GRANTS: &str = r#"DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() LOOP
    EXECUTE format('REVOKE ALL ON %I FROM gpuaas_app', t.name);
    IF t.name = 'schema_migrations' THEN
      EXECUTE format('GRANT SELECT ON %I TO gpuaas_app', t.name);
    ELSIF EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = t.name || '_append_only') THEN
      EXECUTE format('GRANT SELECT, INSERT ON %I TO gpuaas_app', t.name);
    ELSE
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO gpuaas_app', t.name);
    END IF;
  END LOOP;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO gpuaas_app', current_schema());
END $$"#;

const ROLE: &str = r#"DO $$ BEGIN
  CREATE ROLE gpuaas_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  EXECUTE format('GRANT gpuaas_app TO %I', current_user);
END $$"#;

/// Brings the database to the newest schema within one transaction.
pub(super) async fn apply(mut tx: Reader, list: &[Migration]) -> Result<()> {
    if tx.dialect() == Dialect::Postgres {
        tx.script("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0".to_owned()).await?;
        tx.script("SELECT pg_advisory_xact_lock(7305799214385)".to_owned()).await?;
        tx.script(ROLE.to_owned()).await?;
    }
    let fresh = run_all(&mut tx, list).await?;
    if tx.dialect() == Dialect::Postgres && fresh > 0 {
        tx.script(GRANTS.to_owned()).await?;
    }
    tx.finish().await
}

async fn run_all(tx: &mut Reader, list: &[Migration]) -> Result<usize> {
    tx.script(TABLE.to_owned()).await?;
    let done: Vec<Done> = tx.list("SELECT {} FROM schema_migrations ORDER BY name", ()).await?;
    if let Some(unknown) = done.iter().find(|done| !list.iter().any(|m| m.name == done.name)) {
        return Err(Error::internal(anyhow::anyhow!(
            "the database knows migration {}, this program does not: it was made by a newer version",
            unknown.name
        )));
    }
    let mut fresh = 0;
    for migration in list {
        let checksum = hex_digest(migration.sql.as_bytes());
        match done.iter().find(|done| done.name == migration.name) {
            Some(done) if done.checksum == checksum => {}
            Some(_) => {
                return Err(Error::internal(anyhow::anyhow!(
                    "migration {} was changed after it was applied",
                    migration.name
                )));
            }
            None => {
                tx.script(tx.dialect().rewrite(migration.sql)).await?;
                tx.record(
                    "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)",
                    migration.name,
                    &checksum,
                )
                .await?;
                fresh += 1;
            }
        }
    }
    Ok(fresh)
}

crate::row! {
    struct Done {
        name: String,
        checksum: String,
    }
}
