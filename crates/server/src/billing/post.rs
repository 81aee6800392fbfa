//! The only writer of money: [`post`].

use super::{
    model::AccountKind,
    store::{self, Account, Posting, Transaction},
};
use api::{
    AccountId, AllocationId, Code, Currency, Micros, OrgId, ProjectId, TxnId, billing::TxnKind,
};
use kernel::{
    Error, Result,
    db::{WriteTx, broke},
};
use std::collections::BTreeMap;

/// What a transaction is about: one business fact.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Kind.
    pub kind: TxnKind,
    /// Where the fact comes from: `usage`, `hold`, `welcome`.
    pub source: &'static str,
    /// Its name there; a fact is posted once.
    pub source_id: String,
    /// In plain words.
    pub memo: String,
    /// Whose money.
    pub org_id: OrgId,
    /// What it paid.
    pub currency: Currency,
    /// The project it belongs to.
    pub project_id: Option<ProjectId>,
    /// The allocation it belongs to.
    pub allocation_id: Option<AllocationId>,
    /// Whether the hardware behind it is simulated.
    pub simulated: bool,
    /// The transaction it corrects.
    pub corrects: Option<TxnId>,
}

/// A movement: from the debit account to the credit account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Loses.
    pub debit: AccountKind,
    /// Gains.
    pub credit: AccountKind,
    /// How much; movements of nothing are left out.
    pub amount: Micros,
}

/// No transfer is larger: sums over all of them stay sums.
const LARGEST: Micros = Micros(1_000_000_000_000_000);

/// What posting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// A transaction was written.
    Now(TxnId),
    /// This fact was posted before; nothing changed.
    Before,
}

/// Makes the accounts of a new organization.
///
/// # Errors
/// What the database says.
pub async fn open_accounts(tx: &mut WriteTx, org: OrgId, currency: Currency) -> Result<()> {
    let mut known = store::accounts(tx, org).await?;
    for kind in [AccountKind::Available, AccountKind::Held] {
        account(tx, &mut known, kind, (org, currency)).await?;
    }
    Ok(())
}

/// Returns an account of an organization: one of those that are known, or a new one.
async fn account(
    tx: &mut WriteTx,
    known: &mut Vec<Account>,
    kind: AccountKind,
    (org, currency): (OrgId, Currency),
) -> Result<AccountId> {
    if let Some(found) = known.iter().find(|one| {
        // Not one of those that every organization shared before.
        one.org_id == Some(org) && one.kind == kind && one.currency == currency
    }) {
        return Ok(found.id);
    }
    let account =
        Account { id: tx.new_id(), kind, org_id: Some(org), currency, created_at: tx.now() };
    store::make_account(tx, &account).await?;
    let made = store::find_account(tx, kind, org, currency).await?;
    let made = made.ok_or_else(|| {
        Error::internal(anyhow::anyhow!("an account in another currency than its organization's"))
    })?;
    store::make_balance(tx, made.id, kind.is_customer()).await?;
    let id = made.id;
    known.push(made);
    Ok(id)
}

/// Writes a business fact: its transaction, its transfers, and the balances they change, all within
/// the caller's transaction.
///
/// # Errors
/// `insufficient_balance` when a customer's account would go below zero; `internal_error` when an
/// amount is negative, beyond a billion or overflows, or the currency is not the organization's.
pub async fn post(tx: &mut WriteTx, fact: &Fact, transfers: &[Transfer]) -> Result<Posted> {
    store::lock_money(tx, fact.org_id).await?;
    if store::fact_exists(tx, fact.source, &fact.source_id).await? {
        return Ok(Posted::Before);
    }
    let moving: Vec<&Transfer> = transfers.iter().filter(|t| t.amount != Micros::ZERO).collect();
    if moving.iter().any(|t| t.amount < Micros::ZERO || t.debit == t.credit) {
        return Err(Error::internal(anyhow::anyhow!("a transfer that is negative or to itself")));
    }
    if moving.iter().any(|t| t.amount > LARGEST) {
        return Err(Error::internal(anyhow::anyhow!("a transfer of more than a billion")));
    }
    let txn = Transaction {
        id: tx.new_id(),
        kind: fact.kind,
        source: fact.source.to_owned(),
        source_id: fact.source_id.clone(),
        memo: fact.memo.clone(),
        org_id: fact.org_id,
        project_id: fact.project_id,
        allocation_id: fact.allocation_id,
        simulated: fact.simulated,
        corrects: fact.corrects,
        actor: tx.stamp().actor.clone(),
        correlation_id: tx.stamp().correlation_id.to_string(),
        at: tx.now(),
    };
    tx.insert(&txn).await?;
    let mut changes: BTreeMap<AccountId, Micros> = BTreeMap::new();
    let mut postings = Vec::with_capacity(moving.len());
    let of = (fact.org_id, fact.currency);
    let mut known = store::accounts(tx, of.0).await?;
    for transfer in moving {
        let debit_account = account(tx, &mut known, transfer.debit, of).await?;
        let credit_account = account(tx, &mut known, transfer.credit, of).await?;
        let amount = transfer.amount;
        postings.push(Posting {
            id: tx.new_id(),
            txn_id: txn.id,
            debit_account,
            credit_account,
            amount,
            at: tx.now(),
        });
        let overflow = || Error::internal(anyhow::anyhow!("an amount overflows"));
        let lost = changes.entry(debit_account).or_default();
        *lost = lost.minus(amount).ok_or_else(overflow)?;
        let gained = changes.entry(credit_account).or_default();
        *gained = gained.plus(amount).ok_or_else(overflow)?;
    }
    tx.insert_all(&postings).await?;
    // All of them are held; in id order beside, for whoever holds less.
    let changes: Vec<(AccountId, Micros)> = changes.into_iter().collect();
    for pair in changes.chunks(2) {
        if let Some(one) = pair.first() {
            let other = pair.get(1).copied();
            store::change_balances(tx, *one, other).await.map_err(not_covered)?;
        }
    }
    Ok(Posted::Now(txn.id))
}

fn not_covered(error: Error) -> Error {
    if broke(&error, "balance_covers") { Error::new(Code::InsufficientBalance) } else { error }
}
