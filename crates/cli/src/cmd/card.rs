//! Saved cards, and funds that are added by themselves.

use super::{
    Shape,
    compute::key,
    payment::{amount, currency},
};
use crate::{
    client::{Client, Failure},
    output::{Format, print, say},
};
use api::{
    CardId, Currency, Micros, Money,
    cards::{AutoTopUp, AutoTopUpSet, Card, CardState, Cards, Portal},
};
use clap::Subcommand;
use std::time::Duration;

/// `gpuaas card …`
#[derive(Subcommand)]
pub enum CardActs {
    /// List saved cards.
    List(Shape),
    /// Have a card saved: prints where it is entered.
    Save,
    /// Remove a card: it is not charged any more.
    Remove {
        /// The card.
        id: CardId,
    },
    /// Print where the payment service shows its own receipts and cards.
    Portal,
}

/// `gpuaas top-up …`
#[derive(Subcommand)]
pub enum TopUps {
    /// Show how funds are added by themselves.
    Show(Shape),
    /// Have funds added by themselves.
    Set(TopUpArgs),
    /// Add no more funds by themselves.
    Stop,
}

/// When funds are added, and how much.
#[derive(clap::Args)]
pub struct TopUpArgs {
    /// The card that is charged.
    #[arg(long)]
    card: CardId,
    /// When less than this can be spent: 20.
    #[arg(long, value_parser = amount)]
    below: Micros,
    /// How much is added at once: 100.
    #[arg(long, value_parser = amount)]
    add: Micros,
    /// At most so much in a calendar month (UTC): 500.
    #[arg(long, value_parser = amount)]
    month_limit: Micros,
    /// What the organization pays in.
    #[arg(long, value_parser = currency, default_value = "EUR")]
    currency: Currency,
}

const CARDS: &str = "/api/v1/billing/cards";
const AUTO: &str = "/api/v1/billing/auto-top-up";

/// Runs `gpuaas card …`.
pub async fn run(what: CardActs) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        CardActs::List(shape) => {
            let cards: Cards = client.get(CARDS).await?;
            let row = |card: &Card| {
                let expires = match card.exp_year {
                    0 => String::new(),
                    year => format!("{:02}/{year}", card.exp_month),
                };
                let name = format!("{} {}", card.brand, card.last4);
                vec![card.id.to_string(), card.state.to_string(), name.trim().to_owned(), expires]
            };
            let rows = cards.items.iter().map(row).collect();
            print(shape.output, &cards, &["card", "state", "what", "expires"], rows);
        }
        CardActs::Save => save(&client).await?,
        CardActs::Remove { id } => {
            let _: Option<()> = client.delete(&format!("{CARDS}/{id}")).await?;
            say(&format!("removed {id}"));
        }
        CardActs::Portal => {
            let opened: Portal = client.post("/api/v1/billing/portal", None::<&()>, None).await?;
            say(&opened.url);
        }
    }
    Ok(())
}

/// Asks for a card's page and waits until it is there.
async fn save(client: &Client) -> Result<(), Failure> {
    let mut card: Card = client.post(CARDS, None::<&()>, Some(&key()?)).await?;
    for _ in 0..60 {
        if card.state != CardState::Created {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        card = client.get(&format!("{CARDS}/{}", card.id)).await?;
    }
    match card.page_url {
        Some(url) => say(&format!("card    {}\nenter   {url}", card.id)),
        None => {
            let why = card.fault.unwrap_or_else(|| "its page is not there yet".to_owned());
            return Err(Failure::Ended(why));
        }
    }
    Ok(())
}

/// Runs `gpuaas top-up …`.
pub async fn top_up(what: TopUps) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        TopUps::Show(shape) => {
            let cards: Cards = client.get(CARDS).await?;
            match &cards.auto_top_up {
                Some(auto) => show(auto, shape),
                None if shape.output == Format::Json => print(shape.output, &cards, &[], vec![]),
                None => say("Automatic top-up was never set."),
            }
        }
        TopUps::Set(args) => {
            let money = |micros| Money::new(micros, args.currency);
            let ask = AutoTopUpSet {
                card_id: args.card,
                below: money(args.below),
                amount: money(args.add),
                month_limit: money(args.month_limit),
            };
            let set: AutoTopUp = client.post(AUTO, Some(&ask), Some(&key()?)).await?;
            show(&set, Shape { output: Format::Table });
        }
        TopUps::Stop => {
            let _: Option<()> = client.delete(AUTO).await?;
            say("stopped");
        }
    }
    Ok(())
}

fn show(auto: &AutoTopUp, shape: Shape) {
    let row = vec![
        auto.state.to_string(),
        auto.below.exact(),
        auto.amount.exact(),
        format!("{} of {}", auto.this_month.exact(), auto.month_limit.exact()),
        auto.why.clone().unwrap_or_default(),
    ];
    print(shape.output, auto, &["state", "below", "adds", "this month", "why"], vec![row]);
}
