//! Prices: what things cost in the project, and the books that say otherwise than the list.

use super::{
    Shape,
    compute::key,
    metering::moment,
    payment::{amount, currency},
};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    Currency, Micros, Money, OrgId, Page, PriceBookId, ProjectId, Time,
    price_books::{
        PriceBook, PriceBookCreate, PriceBookDetail, PriceKind, PriceLine, PriceLineSet, PriceNow,
        PriceUse, PriceUseSet, rounding,
    },
};
use clap::Subcommand;

/// `gpuaas price-book …`
#[derive(Subcommand)]
pub enum Books {
    /// List price books (operators).
    List(Shape),
    /// Show what a book says, and where it holds (operators).
    Show {
        /// The book.
        id: PriceBookId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Make a book (operators).
    Make {
        /// Its name.
        name: String,
        /// What its prices are in.
        #[arg(long, value_parser = currency, default_value = "EUR")]
        currency: Currency,
    },
    /// Set what a book says of an item from a moment on (operators).
    Set(SetArgs),
    /// Let a book hold for an organization or a project from a moment on (operators).
    Assign(AssignArgs),
}

/// What a line says.
#[derive(clap::Args)]
pub struct SetArgs {
    /// The book.
    id: PriceBookId,
    /// `sku` or `meter`.
    #[arg(value_parser = kind)]
    kind: PriceKind,
    /// The SKU or the meter; `*` for everything.
    item: String,
    /// Instead of the list price: 1.99. With no price and nothing else the line ends.
    #[arg(long, value_parser = amount, conflicts_with = "discount")]
    price: Option<Micros>,
    /// Off the list price, in percent: 12.5.
    #[arg(long, value_name = "PERCENT")]
    discount: Option<String>,
    /// Time is rounded up to steps of so many seconds.
    #[arg(long, value_name = "SECONDS")]
    increment: Option<i64>,
    /// A run costs at least so many seconds.
    #[arg(long, value_name = "SECONDS")]
    minimum: Option<i64>,
    /// From when on (2026-12-01T00:00:00Z); now without it.
    #[arg(long, value_parser = moment)]
    from: Option<Time>,
}

/// Where a book holds.
#[derive(clap::Args)]
pub struct AssignArgs {
    /// The organization.
    org: OrgId,
    /// The book; without it the organization's book holds again, or the list.
    #[arg(long)]
    book: Option<PriceBookId>,
    /// Only this project.
    #[arg(long)]
    project: Option<ProjectId>,
    /// From when on (2026-12-01T00:00:00Z); now without it.
    #[arg(long, value_parser = moment)]
    from: Option<Time>,
}

fn kind(text: &str) -> Result<PriceKind, String> {
    PriceKind::parse(text).ok_or_else(|| "sku or meter".to_owned())
}

const BOOKS: &str = "/api/v1/platform/price-books";

/// Runs one of them.
pub async fn run(what: Books) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Books::List(shape) => {
            let page: Page<PriceBook> = client.get(BOOKS).await?;
            let row = |one: &PriceBook| {
                let (id, name) = (one.id.to_string(), one.name.clone());
                vec![id, name, one.currency.to_string(), one.used.to_string()]
            };
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["book", "name", "in", "holds for"], rows);
        }
        Books::Show { id, shape } => show(&client, id, shape).await?,
        Books::Make { name, currency } => {
            let made: PriceBook = client
                .post(BOOKS, Some(&PriceBookCreate { name, currency }), Some(&key()?))
                .await?;
            say(&format!("book    {}", made.id));
        }
        Books::Set(args) => set(&client, args).await?,
        Books::Assign(args) => {
            let ask = PriceUseSet {
                org_id: args.org,
                project_id: args.project,
                book_id: args.book,
                valid_from: args.from,
            };
            let path = "/api/v1/platform/price-uses";
            let set: PriceUse = client.post(path, Some(&ask), Some(&key()?)).await?;
            let what = if set.book_id.is_some() { "holds   for" } else { "ended   for" };
            say(&format!("{what} {}\nfrom    {}", set.org, set.valid_from.plain()));
        }
    }
    Ok(())
}

async fn set(client: &Client, args: SetArgs) -> Result<(), Failure> {
    let SetArgs { id, kind, item, price, discount, increment, minimum, from } = args;
    let detail: PriceBookDetail = client.get(&format!("{BOOKS}/{id}")).await?;
    let ask = PriceLineSet {
        kind,
        item,
        price: price.map(|price| Money::new(price, detail.book.currency)),
        discount_percent: discount,
        increment_seconds: increment,
        minimum_seconds: minimum,
        valid_from: from,
    };
    let path = format!("{BOOKS}/{id}/lines");
    let set: PriceLine = client.post(&path, Some(&ask), Some(&key()?)).await?;
    say(&format!("says    {}\nfrom    {}", set.says(), set.valid_from.plain()));
    Ok(())
}

async fn show(client: &Client, id: PriceBookId, shape: Shape) -> Result<(), Failure> {
    let all: PriceBookDetail = client.get(&format!("{BOOKS}/{id}")).await?;
    let holds = |holds: bool| if holds { "yes" } else { "" }.to_owned();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in &all.lines {
        let what = format!("{} {}", one.kind, one.item);
        rows.push(vec![what, one.says(), one.valid_from.plain(), holds(one.holds)]);
    }
    for one in &all.uses {
        let place = one.project_id.map_or_else(|| one.org_id.to_string(), |id| id.to_string());
        rows.push(vec![place, one.org.clone(), one.valid_from.plain(), holds(one.holds)]);
    }
    print(shape.output, &all, &["of what, where", "says", "from", "holds"], rows);
    Ok(())
}

/// Lists what things cost in the project right now.
pub async fn prices(shape: Shape) -> Result<(), Failure> {
    let page: Page<PriceNow> = Client::signed_in()?.get("/api/v1/catalog/prices").await?;
    let row = |one: &PriceNow| {
        let rounded = rounding(one.increment_seconds, one.minimum_seconds);
        vec![
            one.item.clone(),
            one.name.clone(),
            one.price.exact(),
            rounded.map_or_else(|| one.per.clone(), |words| format!("{}, {words}", one.per)),
            one.list_price.map(|price| price.exact()).unwrap_or_default(),
        ]
    };
    let heads = ["item", "what", "price", "per", "list price"];
    print(shape.output, &page, &heads, page.items.iter().map(row).collect());
    Ok(())
}
