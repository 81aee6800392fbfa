//! Payments, and the finance desk.

use super::{Shape, compute::key, reconciliation};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    CardId, CaseId, CreditId, Currency, Micros, Money, OrgId, Page, PaymentId, RefundId,
    billing::Balance,
    journal::{JournalFormat, Owed, Revenue, RevenueDay},
    payments::{
        Approvals, Borne, CreditCreate, CreditKind, CreditView, Decision, DeskPayment,
        PaymentCreate, PaymentState, PaymentView, RefundCreate, RefundView,
    },
};
use clap::Subcommand;
use std::time::Duration;

/// `gpuaas payment …`
#[derive(Subcommand)]
pub enum Payments {
    /// List what was paid in, newest first.
    List(Shape),
    /// Add funds: prints where one pays.
    Create {
        /// How much, in units of the organization's currency: 50 or 12.50.
        #[arg(value_parser = amount)]
        amount: Micros,
        /// The saved card that is charged at once.
        #[arg(long)]
        card: Option<CardId>,
    },
    /// Say where a payment stands.
    Show {
        /// The payment.
        id: PaymentId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Take one back that was not paid.
    Cancel {
        /// The payment.
        id: PaymentId,
    },
}

/// `gpuaas finance …`
#[derive(Subcommand)]
pub enum Finance {
    /// List the payments of all tenants, newest first.
    Payments(Shape),
    /// List the refunds of a payment.
    Refunds {
        /// The payment.
        id: PaymentId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Refund a payment; above the limit a second person decides.
    Refund {
        /// The payment.
        id: PaymentId,
        /// How much: 50 or 12.50.
        #[arg(value_parser = amount)]
        amount: Micros,
        /// balance: credit that was not spent; platform: usage that was charged.
        #[arg(long, value_parser = borne, default_value = "balance")]
        borne: Borne,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// List the credit that was given, newest first.
    Credits(Shape),
    /// Give an organization credit; above the limit a second person decides.
    Credit {
        /// The organization.
        org: OrgId,
        /// How much: 50 or 12.50.
        #[arg(value_parser = amount)]
        amount: Micros,
        /// The bank's reference of the transfer that arrived; goodwill without one.
        #[arg(long)]
        transfer: Option<String>,
        /// Why, as the tenant reads it.
        #[arg(long)]
        reason: String,
        /// After how many days goodwill expires; never without it.
        #[arg(long)]
        expires_days: Option<i64>,
        /// In what.
        #[arg(long, value_parser = currency, default_value = "EUR")]
        currency: Currency,
    },
    /// Say what each day of a month charged, took in, gave and bore.
    Revenue {
        /// 2026-11; the present month without it.
        #[arg(long)]
        month: Option<String>,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Print a month's entries for accounting software.
    Journal {
        /// 2026-11; the present month without it.
        #[arg(long)]
        month: Option<String>,
        /// csv, beancount or ledger.
        #[arg(long, value_parser = format, default_value = "csv")]
        format: JournalFormat,
    },
    /// List what organizations owe, the oldest first.
    Ageing(Shape),
    /// List what waits for a second person.
    Waiting(Shape),
    /// Say how far the processor's account agrees with the books, and what its days moved.
    Reconciliation {
        /// 2026-11; the present month without it.
        #[arg(long)]
        month: Option<String>,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// List where the processor and the books differ, newest first.
    Cases {
        /// The ones that came right or were closed.
        #[arg(long)]
        closed: bool,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Close a case as it stands; it opens again when its sums change.
    CloseCase {
        /// The case.
        id: CaseId,
        /// What was found and done.
        #[arg(long)]
        reason: String,
    },
    /// Say yes to a refund or credit somebody else asked for.
    Approve {
        /// The refund (ref_…) or credit (cred_…).
        id: String,
    },
    /// Say no to one.
    Decline {
        /// The refund (ref_…) or credit (cred_…).
        id: String,
    },
}

pub(super) fn amount(text: &str) -> Result<Micros, String> {
    Micros::parse_decimal(text).ok_or_else(|| "an amount such as 50 or 12.50".to_owned())
}

fn format(text: &str) -> Result<JournalFormat, String> {
    JournalFormat::parse(text).ok_or_else(|| "csv, beancount or ledger".to_owned())
}

async fn revenue(client: &Client, month: Option<String>, shape: Shape) -> Result<(), Failure> {
    let month = month.map_or_else(String::new, |month| format!("?month={month}"));
    let found: Revenue = client.get(&format!("{DESK}/revenue{month}")).await?;
    let row = |one: &RevenueDay| {
        let sums = [one.charged, one.not_covered, one.paid_in, one.given, one.borne];
        let mut cells = vec![one.day.clone()];
        cells.extend(sums.map(|sum| sum.exact()));
        cells
    };
    let heads = ["day", "charged", "not covered", "paid in", "given", "borne"];
    let rows = found.days.iter().chain(&found.totals).map(row).collect();
    print(shape.output, &found, &heads, rows);
    Ok(())
}

fn borne(text: &str) -> Result<Borne, String> {
    Borne::parse(text).ok_or_else(|| "balance or platform".to_owned())
}

pub(super) fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| "three letters such as EUR".to_owned())
}

const PATH: &str = "/api/v1/billing/payments";
pub(super) const DESK: &str = "/api/v1/platform/finance";

fn cells(one: &PaymentView) -> Vec<String> {
    let simulated = if one.simulated { "simulated" } else { "" };
    let (state, at) = (one.state.to_string(), one.created_at.plain());
    vec![at, state, one.amount.exact(), simulated.to_owned(), one.id.to_string()]
}

/// Waits a moment for a payment's page.
async fn opened(client: &Client, id: PaymentId) -> Result<PaymentView, Failure> {
    let mut last: PaymentView = client.get(&format!("{PATH}/{id}")).await?;
    for _ in 0..40 {
        if last.state != PaymentState::Created {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        last = client.get(&format!("{PATH}/{id}")).await?;
    }
    Ok(last)
}

/// Runs `gpuaas payment …`.
pub async fn run(what: Payments) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let heads = ["when", "state", "amount", "", "id"];
    match what {
        Payments::List(shape) => {
            let page: Page<PaymentView> = client.get(PATH).await?;
            print(shape.output, &page, &heads, page.items.iter().map(cells).collect());
        }
        Payments::Create { amount, card } => {
            let balance: Balance = client.get("/api/v1/billing/balance").await?;
            let amount = Money::new(amount, balance.available.currency);
            let ask = PaymentCreate { amount, card_id: card };
            let made: PaymentView = client.post(PATH, Some(&ask), Some(&key()?)).await?;
            let now = opened(&client, made.id).await?;
            let label = if now.simulated { " (simulated: no money moves)" } else { "" };
            say(&format!(
                "payment  {}\namount   {}{label}\nstate    {}",
                now.id,
                now.amount.exact(),
                now.state
            ));
            if let Some(place) = now.checkout_url.or(now.fault) {
                say(&format!("pay at   {place}"));
            }
        }
        Payments::Show { id, shape } => {
            let one: PaymentView = client.get(&format!("{PATH}/{id}")).await?;
            print(shape.output, &one, &heads, vec![cells(&one)]);
        }
        Payments::Cancel { id } => {
            let path = format!("{PATH}/{id}/cancel");
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("it is being cancelled; money that arrives meanwhile counts");
        }
    }
    Ok(())
}

async fn decide(client: &Client, id: &str, approve: bool) -> Result<(), Failure> {
    let body = Decision { approve };
    let words = if let Ok(id) = id.parse::<RefundId>() {
        let path = format!("{DESK}/refunds/{id}/decision");
        client.post::<RefundView>(&path, Some(&body), Some(&key()?)).await?.state.to_string()
    } else if let Ok(id) = id.parse::<CreditId>() {
        let path = format!("{DESK}/credits/{id}/decision");
        client.post::<CreditView>(&path, Some(&body), Some(&key()?)).await?.state.to_string()
    } else {
        return Err(Failure::Usage(format!("`{id}` is no refund (ref_…) or credit (cred_…)")));
    };
    say(&words);
    Ok(())
}

async fn refund(
    client: &Client,
    id: PaymentId,
    (amount, borne): (Micros, Borne),
    reason: String,
) -> Result<(), Failure> {
    let payment: DeskPayment = client.get(&format!("{DESK}/payments/{id}")).await?;
    let amount = Money::new(amount, payment.payment.amount.currency);
    let ask = RefundCreate { amount, borne, reason };
    let path = format!("{DESK}/payments/{id}/refunds");
    let made: RefundView = client.post(&path, Some(&ask), Some(&key()?)).await?;
    say(&format!("refund  {}\nstate   {}", made.id, made.state));
    Ok(())
}

/// Lists what waits for a second person.
async fn waiting(client: &Client, shape: Shape) -> Result<(), Failure> {
    let all: Approvals = client.get(&format!("{DESK}/approvals")).await?;
    let refund = |one: &RefundView| {
        vec!["refund".to_owned(), one.amount.exact(), one.reason.clone(), one.id.to_string()]
    };
    let credit = |one: &CreditView| {
        vec!["credit".to_owned(), one.amount.exact(), one.reason.clone(), one.id.to_string()]
    };
    let mut rows: Vec<Vec<String>> = all.refunds.iter().map(refund).collect();
    rows.extend(all.credits.iter().map(credit));
    print(shape.output, &all, &["what", "amount", "why", "id"], rows);
    Ok(())
}

/// Lists what is owed.
async fn ageing(client: &Client, shape: Shape) -> Result<(), Failure> {
    let page: Page<Owed> = client.get(&format!("{DESK}/ageing")).await?;
    let row = |one: &Owed| {
        let (days, why) = (format!("{} days", one.days), one.why.to_string());
        vec![one.org.clone(), why, days, one.amount.exact(), one.org_id.to_string()]
    };
    let heads = ["organization", "for", "age", "owed", "id"];
    print(shape.output, &page, &heads, page.items.iter().map(row).collect());
    Ok(())
}

/// Runs `gpuaas finance …`.
pub async fn finance(what: Finance) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Finance::Payments(shape) => {
            let page: Page<DeskPayment> = client.get(&format!("{DESK}/payments")).await?;
            let row = |one: &DeskPayment| {
                let mut row = cells(&one.payment);
                row.insert(1, one.org.clone());
                row
            };
            let heads = ["when", "organization", "state", "amount", "", "id"];
            print(shape.output, &page, &heads, page.items.iter().map(row).collect());
        }
        Finance::Refunds { id, shape } => {
            let page: Page<RefundView> =
                client.get(&format!("{DESK}/payments/{id}/refunds")).await?;
            let row = |one: &RefundView| {
                let (state, at) = (one.state.to_string(), one.created_at.plain());
                vec![at, state, one.amount.exact(), one.reason.clone(), one.id.to_string()]
            };
            let heads = ["when", "state", "amount", "why", "id"];
            print(shape.output, &page, &heads, page.items.iter().map(row).collect());
        }
        Finance::Refund { id, amount, borne, reason } => {
            refund(&client, id, (amount, borne), reason).await?;
        }
        Finance::Credits(shape) => {
            let page: Page<CreditView> = client.get(&format!("{DESK}/credits")).await?;
            let row = |one: &CreditView| {
                let (state, at) = (one.state.to_string(), one.created_at.plain());
                vec![at, one.org.clone(), state, one.amount.exact(), one.id.to_string()]
            };
            let heads = ["when", "organization", "state", "amount", "id"];
            print(shape.output, &page, &heads, page.items.iter().map(row).collect());
        }
        Finance::Credit { org, amount, transfer, reason, currency, expires_days } => {
            let kind =
                if transfer.is_some() { CreditKind::BankTransfer } else { CreditKind::Goodwill };
            let amount = Money::new(amount, currency);
            let reference = transfer.unwrap_or_default();
            let ask = CreditCreate { org_id: org, amount, kind, reference, reason, expires_days };
            let path = format!("{DESK}/credits");
            let made: CreditView = client.post(&path, Some(&ask), Some(&key()?)).await?;
            say(&format!("credit  {}\nstate   {}", made.id, made.state));
        }
        Finance::Revenue { month, shape } => revenue(&client, month, shape).await?,
        Finance::Journal { month, format } => {
            let month = month.map_or_else(String::new, |month| format!("&month={month}"));
            let path = format!("{DESK}/journal?format={format}{month}");
            let text = client.bytes(&path).await?;
            say(String::from_utf8_lossy(&text).trim_end());
        }
        Finance::Ageing(shape) => ageing(&client, shape).await?,
        Finance::Waiting(shape) => waiting(&client, shape).await?,
        Finance::Reconciliation { month, shape } => {
            reconciliation::stand(&client, month, shape).await?;
        }
        Finance::Cases { closed, shape } => reconciliation::cases(&client, closed, shape).await?,
        Finance::CloseCase { id, reason } => reconciliation::close(&client, id, reason).await?,
        Finance::Approve { id } => decide(&client, &id, true).await?,
        Finance::Decline { id } => decide(&client, &id, false).await?,
    }
    Ok(())
}
