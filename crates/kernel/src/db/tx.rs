//! Transactions: reading, and writing in somebody's name.

use super::{
    dialect::Dialect,
    link::Link,
    row::{Row, Single, Table},
    value::Params,
};
use crate::{
    Error, Result,
    audit::{self, Detail, Stamp},
};
use api::{Code, Stored, Time, TypedId};
use seams::Seams;
use std::ops::{Deref, DerefMut};

/// How rows are held until the end of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Others may look, nobody may change them.
    Share,
    /// They are about to be changed here.
    Update,
    /// The same, leaving out rows that somebody else holds: nobody waits.
    UpdateFree,
}

/// What both kinds of transaction can do: look.
pub struct Reader {
    link: Link,
    dialect: Dialect,
    seams: Seams,
    now: Time,
}

impl Reader {
    pub(super) fn new(link: Link, dialect: Dialect, seams: Seams) -> Self {
        let now = seams.clock.now();
        Self { link, dialect, seams, now }
    }

    /// Returns the moment this transaction began: one moment for all its rows.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Returns where its statements go.
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Returns a fresh identifier.
    pub fn new_id<T: TypedId>(&self) -> T {
        self.seams.ids().new_id()
    }

    /// Returns which database it is, for the few statements that differ.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the rows of a `SELECT`; `{}` stands for the columns of the row type.
    ///
    /// # Errors
    /// What the database says, as `internal_error` or `service_unavailable`.
    pub async fn list<R: Row>(&mut self, sql: &'static str, params: impl Params) -> Result<Vec<R>> {
        self.link.fetch(sql.replace("{}", R::COLS), params.values()).await
    }

    /// Returns the rows of a `SELECT` over many keys at once; `{in}` stands for the keys:
    /// `SELECT {} FROM nodes WHERE id IN ({in})`, and `{rows}` for as many rows of one key:
    /// `VALUES {rows}`. Rows come in no order; a key may stand there twice.
    ///
    /// # Errors
    /// As [`Reader::list`].
    pub async fn list_of<R: Row, K: Stored>(
        &mut self,
        sql: &'static str,
        keys: &[K],
    ) -> Result<Vec<R>> {
        let mut rows = Vec::with_capacity(keys.len());
        for part in keys.chunks(256) {
            // A few lengths only, so that prepared statements are used again; the last key repeats.
            let length = part.len().next_power_of_two();
            let places: Vec<String> = (1..=length).map(|place| format!("${place}")).collect();
            let text = sql
                .replace("{}", R::COLS)
                .replace("{in}", &places.join(", "))
                .replace("{rows}", &format!("({})", places.join("), (")));
            let repeated = part.iter().chain(part.last().into_iter().cycle()).take(length);
            let values = repeated.map(Stored::to_value).collect();
            rows.append(&mut self.link.fetch(text, values).await?);
        }
        Ok(rows)
    }

    /// Returns the only row, or none.
    ///
    /// # Errors
    /// As [`Reader::list`].
    pub async fn find<R: Row>(
        &mut self,
        sql: &'static str,
        params: impl Params,
    ) -> Result<Option<R>> {
        Ok(self.list(sql, params).await?.into_iter().next())
    }

    /// Returns the only row.
    ///
    /// # Errors
    /// `internal_error` when there is none.
    pub async fn get<R: Row>(&mut self, sql: &'static str, params: impl Params) -> Result<R> {
        self.find(sql, params)
            .await?
            .ok_or_else(|| Error::internal(anyhow::anyhow!("no row: {sql}")))
    }

    /// Returns rows that stay as they are until this transaction ends: nobody else changes them
    /// meanwhile. The text must not name locks itself.
    ///
    /// # Errors
    /// As [`Reader::list`].
    pub async fn list_locked<R: Row>(
        &mut self,
        sql: &'static str,
        params: impl Params,
        lock: Lock,
    ) -> Result<Vec<R>> {
        let suffix = match lock {
            Lock::Share => self.dialect.for_share(),
            Lock::Update => self.dialect.for_update(),
            Lock::UpdateFree => self.dialect.for_update_of_free(),
        };
        let text = format!("{}{suffix}", sql.replace("{}", R::COLS));
        self.link.fetch(text, params.values()).await
    }

    /// Returns a single value, such as a count.
    ///
    /// # Errors
    /// `internal_error` when there is no row.
    pub async fn value<T: Stored + Send>(
        &mut self,
        sql: &'static str,
        params: impl Params,
    ) -> Result<T> {
        self.get::<Single<T>>(sql, params).await.map(|single| single.0)
    }

    /// Returns rows of two types side by side; `{a}` and `{b}` stand for their columns, each with
    /// its alias: `SELECT {a}, {b} FROM members a JOIN users b …`.
    ///
    /// # Errors
    /// As [`Reader::list`].
    pub async fn pairs<A: Row, B: Row>(
        &mut self,
        sql: &'static str,
        params: impl Params,
    ) -> Result<Vec<(A, B)>> {
        let text =
            sql.replace("{a}", &aliased(A::COLS, "a")).replace("{b}", &aliased(B::COLS, "b"));
        self.link.fetch(text, params.values()).await
    }

    /// Runs a migration's statements.
    pub(super) async fn script(&mut self, sql: String) -> Result<()> {
        self.link.script(sql).await
    }

    /// Notes a migration as done.
    pub(super) async fn record(&mut self, sql: &str, name: &str, checksum: &str) -> Result<u64> {
        let values = vec![name.to_value(), checksum.to_value()];
        self.link.execute(sql.to_owned(), values).await
    }

    /// Keeps what the migrations wrote.
    pub(super) async fn finish(self) -> Result<()> {
        self.link.commit().await
    }
}

fn aliased(cols: &str, alias: &str) -> String {
    let mut out = String::with_capacity(cols.len() * 2);
    for (place, col) in cols.split(", ").enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        out.push_str(alias);
        out.push('.');
        out.push_str(col);
    }
    out
}

/// A consistent view; cannot write.
pub struct ReadTx(Reader);

impl ReadTx {
    pub(super) fn new(reader: Reader) -> Self {
        Self(reader)
    }
}

impl Deref for ReadTx {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &self.0
    }
}

impl DerefMut for ReadTx {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.0
    }
}

type AfterCommit = Box<dyn FnOnce() + Send>;

/// A write in somebody's name. Dropping it undoes everything.
///
/// Inside a request `commit` hands the transaction to the registry, which adds the idempotency row
/// with the answer and makes all of it durable before the answer leaves: one request, one
/// transaction, one answer. Anywhere else `commit` returns when it is durable.
pub struct WriteTx {
    reader: Reader,
    stamp: Stamp,
    target: Option<String>,
    detail: Detail,
    after: Vec<AfterCommit>,
}

impl Deref for WriteTx {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

impl WriteTx {
    pub(super) fn new(reader: Reader, stamp: Stamp) -> Self {
        Self { reader, stamp, target: None, detail: Detail::default(), after: Vec::new() }
    }

    pub(super) async fn check_guard(&mut self) -> Result<()> {
        let Some(guard) = self.stamp.guard.clone() else { return Ok(()) };
        if guard.holds(&mut self.reader).await? {
            return Ok(());
        }
        Err(Error::new(Code::Raced).worth_rerun())
    }

    /// Returns who answers for this write.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Names what the act was done to, for the audit entry.
    pub fn target(&mut self, target: impl std::fmt::Display) {
        self.target = Some(target.to_string());
    }

    /// Names the organization and project the act belongs to, where the caller had none yet.
    pub fn belongs_to(&mut self, org: api::OrgId, project: Option<api::ProjectId>) {
        self.stamp.org_id = Some(org);
        self.stamp.project_id = project.or(self.stamp.project_id);
    }

    /// Adds an allow-listed detail to the audit entry; never a secret.
    pub fn note(&mut self, key: audit::Key, value: impl std::fmt::Display) {
        self.detail.add(key, value);
    }

    /// Runs something once the write is durable: a nudge, never work.
    pub fn after_commit(&mut self, nudge: impl FnOnce() + Send + 'static) {
        self.after.push(Box::new(nudge));
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    /// `conflict` when a constraint refuses; otherwise as [`Reader::list`].
    pub async fn run(&mut self, sql: &'static str, params: impl Params) -> Result<u64> {
        self.reader.link.execute(sql.to_owned(), params.values()).await
    }

    /// Inserts a row.
    ///
    /// # Errors
    /// `conflict` when a constraint refuses.
    pub async fn insert<T: Table>(&mut self, row: &T) -> Result<()> {
        self.insert_all(std::slice::from_ref(row)).await
    }

    /// Inserts rows with as few statements as the parameter limit allows.
    ///
    /// # Errors
    /// `conflict` when a constraint refuses.
    pub async fn insert_all<T: Table>(&mut self, rows: &[T]) -> Result<()> {
        let most = (30_000 / T::WIDTH.max(1)).max(1);
        for chunk in rows.chunks(most) {
            let mut sql = format!("INSERT INTO {} ({}) VALUES ", T::TABLE, T::COLS);
            let mut values = Vec::with_capacity(chunk.len() * T::WIDTH);
            for (index, row) in chunk.iter().enumerate() {
                sql.push_str(if index == 0 { "(" } else { ", (" });
                for column in 0..T::WIDTH {
                    let comma = if column == 0 { "" } else { ", " };
                    sql.push_str(&format!("{comma}${}", values.len() + column + 1));
                }
                sql.push(')');
                values.extend(row.values());
            }
            self.reader.link.execute(sql, values).await?;
        }
        Ok(())
    }

    /// Keeps what was written, with its audit entry.
    ///
    /// # Errors
    /// `insufficient_storage` or `service_unavailable` when it cannot be made durable.
    pub async fn commit(mut self) -> Result<()> {
        if let Some(entry) =
            audit::entry(&self.stamp, &self.reader, self.target.take(), &self.detail)
        {
            self.insert(&entry).await?;
        }
        match self.stamp.request.take() {
            Some(request) => request.keep(self),
            None => self.make_durable().await,
        }
    }

    /// Makes it durable now.
    pub(crate) async fn make_durable(self) -> Result<()> {
        #[cfg(feature = "testkit")]
        let cut = crate::testkit::power::commit();
        #[cfg(feature = "testkit")]
        if cut == crate::testkit::power::Cut::Before {
            return Err(crate::testkit::power::gone());
        }
        self.reader.finish().await?;
        #[cfg(feature = "testkit")]
        if cut == crate::testkit::power::Cut::After {
            return Err(crate::testkit::power::gone());
        }
        for nudge in self.after {
            nudge();
        }
        Ok(())
    }
}
