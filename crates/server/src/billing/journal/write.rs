//! Entries for accounting software: what a day moved of an organization between two accounts is one entry.

use super::store::Moved;
use crate::billing::{model::AccountKind, spend::decimal};
use api::{OrgId, journal::JournalFormat};

/// Returns an account's name in a chart of accounts.
fn account(kind: AccountKind, org: OrgId) -> String {
    // Beancount takes letters, digits and dashes, a large letter first.
    let org = org.to_string().replacen("org_", "Org-", 1);
    match kind {
        AccountKind::Available => format!("Liabilities:Customers:Paid:{org}"),
        AccountKind::Promotional => format!("Liabilities:Customers:Given:{org}"),
        AccountKind::Held => format!("Liabilities:Customers:Held:{org}"),
        AccountKind::Revenue => "Income:Usage".to_owned(),
        AccountKind::Promotions => "Expenses:Credit".to_owned(),
        AccountKind::Loss => "Expenses:Uncovered".to_owned(),
        AccountKind::Clearing => "Assets:Processor".to_owned(),
        AccountKind::Bank => "Assets:Bank".to_owned(),
        AccountKind::Refunds => "Expenses:Refunds".to_owned(),
        AccountKind::Disputes => "Expenses:Disputes".to_owned(),
    }
}

/// Returns what stands before the first entry.
pub fn head(format: JournalFormat) -> &'static str {
    match format {
        JournalFormat::Csv => "date,organization,kind,debit,credit,amount,currency,postings\r\n",
        JournalFormat::Beancount => "plugin \"beancount.plugins.auto_accounts\"\n\n",
        JournalFormat::Ledger => "",
    }
}

/// Writes an entry.
pub fn entry(format: JournalFormat, day: &str, row: &Moved) -> String {
    let (debit, credit) = (account(row.debit, row.org_id), account(row.credit, row.org_id));
    let (amount, currency, org) = (decimal(row.amount), row.currency, row.org_id);
    let (kind, count) = (row.kind, row.entries);
    match format {
        JournalFormat::Csv => {
            format!("{day},{org},{kind},{debit},{credit},{amount},{currency},{count}\r\n")
        }
        JournalFormat::Beancount => format!(
            "{day} * \"{kind}\" \"{org}, {count} postings\"\n  {debit}  {amount} {currency}\n  {credit}  -{amount} {currency}\n\n"
        ),
        JournalFormat::Ledger => format!(
            "{day} * {kind} {org} ; {count} postings\n    {debit}  {amount} {currency}\n    {credit}  -{amount} {currency}\n\n"
        ),
    }
}
