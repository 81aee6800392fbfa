//! Monthly statements.

use super::Shape;
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use anyhow::Context;
use api::{
    Page, StatementId,
    statements::{BillingProfile, Statement, StatementHead},
};
use clap::Subcommand;
use std::path::PathBuf;

/// `gpuaas statements …`
#[derive(Subcommand)]
pub enum Statements {
    /// List them, newest first.
    List(Shape),
    /// Print one.
    Show {
        /// The statement (stmt_…).
        id: StatementId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Write one as PDF.
    Pdf {
        /// The statement (stmt_…).
        id: StatementId,
        /// The file; one that is there is not touched.
        file: PathBuf,
    },
    /// Say who statements are for, or change it.
    Profile {
        /// The name in law.
        #[arg(long)]
        name: Option<String>,
        /// The address; lines end with a line feed.
        #[arg(long)]
        address: Option<String>,
        /// The number the tax office knows one by.
        #[arg(long)]
        tax_id: Option<String>,
    },
}

const PATH: &str = "/api/v1/billing/statements";

/// Runs one of them.
pub async fn run(what: Statements) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Statements::List(shape) => {
            let page: Page<StatementHead> = client.get(PATH).await?;
            let row = |one: &StatementHead| {
                let sums = [&one.opening, &one.used, &one.closing].map(|sum| sum.exact());
                let mut cells = vec![one.month.clone()];
                cells.extend(sums);
                cells.push(one.id.to_string());
                cells
            };
            let heads = ["month", "began with", "charged", "ended with", "id"];
            print(shape.output, &page, &heads, page.items.iter().map(row).collect());
        }
        Statements::Show { id, shape } => {
            let said: Statement = client.get(&format!("{PATH}/{id}")).await?;
            print(shape.output, &said, &["what", "of", "amount"], lines(&said));
        }
        Statements::Pdf { id, file } => {
            let bytes = client.bytes(&format!("{PATH}/{id}/pdf")).await?;
            let mut out = std::fs::File::create_new(&file).context("write the statement")?;
            std::io::Write::write_all(&mut out, &bytes).context("write the statement")?;
            say(&format!("written {}", file.display()));
        }
        Statements::Profile { name, address, tax_id } => {
            let path = "/api/v1/billing/profile";
            let mut known: BillingProfile = client.get(path).await?;
            if name.is_some() || address.is_some() || tax_id.is_some() {
                known.legal_name = name.unwrap_or(known.legal_name);
                known.address = address.unwrap_or(known.address);
                known.tax_id = tax_id.unwrap_or(known.tax_id);
                known = client.post(path, Some(&known), None).await?;
            }
            say(&format!("name     {}", known.legal_name));
            say(&format!("address  {}", known.address.replace('\n', ", ")));
            say(&format!("tax      {}", known.tax_id));
        }
    }
    Ok(())
}

fn lines(said: &Statement) -> Vec<Vec<String>> {
    let line = |what: &str, of: String, amount: String| vec![what.to_owned(), of, amount];
    let mut rows = vec![line("began with", said.month.clone(), said.opening.exact())];
    rows.extend(said.usage.iter().map(|row| {
        let of = format!("{} {} in {}", row.quantity, row.unit, row.project);
        line(&row.what, of, row.charge.exact())
    }));
    rows.push(line("charged", String::new(), said.used.exact()));
    rows.extend(said.entries.iter().map(|row| line(&row.memo, row.at.plain(), row.amount.exact())));
    rows.push(line("ended with", said.number.clone(), said.closing.exact()));
    rows
}
