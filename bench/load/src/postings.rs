//! Durable double-entry postings: our ledger's own function, or pgledger's, on the same server and by the same driver.
//!
//! A batch moves a cent each time from one account of an organization to another of it, each movement a fact of its
//! own, all in one transaction of the database; the next batch is another organization's, or with `--hot` the same one's.

use anyhow::anyhow;
use api::{Currency, Micros, OrgId, billing::TxnKind};
use clap::Parser;
use futures::future::try_join_all;
use kernel::{
    Error, Result,
    audit::System,
    db::{Db, Place},
};
use seams::Seams;
use serde_json::json;
use server::{
    MIGRATIONS,
    billing::{AccountKind, Fact, Posted, Transfer, post},
};
use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const WRITER: System = System { name: "bench", unaudited: Some("a bench") };
/// How many organizations there are.
const ORGS: u64 = 64;
const CENT: Micros = Micros(10_000);

/// What is posted, where, by how many.
#[derive(Parser)]
pub struct Post {
    /// Where: a PostgreSQL address, or a file of SQLite.
    #[arg(long)]
    place: String,
    /// pgledger's functions instead of ours; they stand in the database.
    #[arg(long)]
    pgledger: bool,
    /// How many movements in a transaction.
    #[arg(long)]
    batch: u64,
    /// How many at once.
    #[arg(long, default_value_t = 1)]
    clients: u64,
    /// Whether all is of one organization.
    #[arg(long)]
    hot: bool,
    /// For how long.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

fn org(number: u64) -> OrgId {
    OrgId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(number)))
}

fn wrong(words: String) -> Error {
    Error::internal(anyhow!(words))
}

/// Makes the organizations, where they are not there.
async fn prepare(db: &Db, post: &Post) -> Result<()> {
    let mut tx = db.write(&WRITER).await?;
    for number in 0..ORGS {
        if post.pgledger {
            for side in ["bank", "money"] {
                tx.run(
                    "INSERT INTO pgledger_accounts (id, name, currency, allow_negative_balance, allow_positive_balance,
                            created_at, updated_at)
                     VALUES ($1, $1, 'EUR', TRUE, TRUE, now(), now()) ON CONFLICT DO NOTHING",
                    (format!("{side}-{number}"),),
                )
                .await?;
            }
            continue;
        }
        tx.run(
            "INSERT INTO organizations (id, name, slug, kind, currency, policy_epoch, created_at)
             VALUES ($1, $2, $2, 'enterprise', 'EUR', 0, 0) ON CONFLICT DO NOTHING",
            (org(number), format!("bench-{number}")),
        )
        .await?;
        server::billing::open_accounts(&mut tx, org(number), Currency::EUR).await?;
    }
    tx.commit().await
}

async fn ours(db: &Db, number: u64, batch: (u64, u64), run: &str) -> Result<()> {
    let mut tx = db.write(&WRITER).await?;
    for place in 0..batch.1 {
        let fact = Fact {
            kind: TxnKind::Adjustment,
            source: "bench",
            source_id: format!("{run}-{}-{place}", batch.0),
            memo: "Bench".to_owned(),
            org_id: org(number),
            currency: Currency::EUR,
            project_id: None,
            allocation_id: None,
            simulated: false,
            corrects: None,
        };
        let (debit, credit) = (AccountKind::Bank, AccountKind::Available);
        let posted = post(&mut tx, &fact, &[Transfer { debit, credit, amount: CENT }]).await?;
        if posted == Posted::Before {
            return Err(wrong("posted before".to_owned()));
        }
    }
    tx.commit().await
}

async fn theirs(db: &Db, number: u64, batch: u64) -> Result<()> {
    let mut tx = db.write(&WRITER).await?;
    let made: i64 = tx
        .value(
            "SELECT COUNT(*) FROM pgledger_create_transfers(
               (SELECT array_agg(($1, $2, 0.01)::transfer_request) FROM generate_series(1, $3)))",
            (format!("bank-{number}"), format!("money-{number}"), batch.cast_signed()),
        )
        .await?;
    if made != batch.cast_signed() {
        return Err(wrong(format!("{made} of {batch}")));
    }
    tx.commit().await
}

/// Posts for a while.
///
/// # Errors
/// What the database says.
pub async fn run(post: Post) -> anyhow::Result<()> {
    measure(&post).await.map_err(|error| anyhow!("{error:?}"))
}

async fn measure(post: &Post) -> Result<()> {
    let place = if post.place.starts_with("postgres:") {
        Place::Postgres(post.place.clone())
    } else {
        Place::File { path: PathBuf::from(&post.place), durable: true, max_pages: None }
    };
    let seams = Seams::real();
    let run = seams.clock.now().0.to_string();
    let db = Db::open(&place, seams, MIGRATIONS).await?;
    prepare(&db, post).await?;
    let (next, posted) = (AtomicU64::new(0), AtomicU64::new(0));
    let began = tokio::time::Instant::now();
    let until = began + Duration::from_secs(post.seconds);
    let client = async || -> Result<()> {
        while tokio::time::Instant::now() < until {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let number = if post.hot { 0 } else { turn % ORGS };
            if post.pgledger {
                theirs(&db, number, post.batch).await?;
            } else {
                ours(&db, number, (turn, post.batch), &run).await?;
            }
            posted.fetch_add(post.batch, Ordering::Relaxed);
        }
        Ok(())
    };
    try_join_all((0..post.clients).map(|_| client())).await?;
    let seconds = began.elapsed().as_secs_f64();
    println!("{}", json!({ "posted": posted.load(Ordering::Relaxed), "seconds": seconds }));
    db.close().await;
    Ok(())
}
