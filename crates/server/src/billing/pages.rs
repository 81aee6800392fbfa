//! Pages of billing: balance, statement, usage.

use super::{
    balance,
    http::{ReadBilling, UsageQuery, credits, statement, usage},
    metering,
};
use crate::tenancy::{self, Allowed, find_organization};
use api::{
    AllocationId, Currency, GrantId, Micros, Money, PostingId, ProjectId, Time, TxnId, UsageId,
    billing::{Balance, CreditLot, MoneyState, StatementLine, TxnKind, UsageLine},
    metering::{MeteredLine, UsageMeter},
};
use kernel::{
    App, Error, Result,
    html::{
        Markup, Page, badge, col, empty, html, icon, moment, next_page, num, page_head,
        simulated_badge, stat, table, tabs,
    },
    http::Paging,
};

/// The page of an organization's money.
#[derive(Debug, Clone)]
pub struct BillingView {
    /// The organization's name.
    pub org: String,
    /// Where it stands.
    pub balance: Balance,
    /// The statement.
    pub lines: Vec<StatementLine>,
    /// Given credit, newest first.
    pub credits: Vec<CreditLot>,
    /// The project's usage.
    pub usage: Vec<UsageLine>,
    /// What else the project used.
    pub metered: Vec<MeteredLine>,
    /// The statement's next page.
    pub next: Option<String>,
    /// Whether one may add funds here, and see what was paid in.
    pub pays: bool,
}

impl BillingView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let at = Time(1_795_000_000_000_000);
        let line = |kind, micros, memo: &str, simulated| StatementLine {
            id: PostingId(nil),
            txn_id: TxnId(nil),
            at,
            kind,
            memo: memo.into(),
            amount: eur(micros),
            project_id: Some(ProjectId(nil)),
            allocation_id: Some(AllocationId(nil)),
            simulated,
        };
        let usage = UsageLine {
            id: UsageId(nil),
            allocation_id: AllocationId(nil),
            project_id: ProjectId(nil),
            sku: "h100-sxm-slice".into(),
            from: at,
            to: Time(at.0 + 60_000_000),
            units: 8,
            price_per_hour: eur(2_490_000),
            charge: eur(332_000),
            simulated: true,
        };
        let balance = |available, held, burn, state| Balance {
            available: eur(available),
            given: eur(available / 2),
            held: eur(held),
            owed: eur(available / 3),
            state,
            burn_per_hour: eur(burn),
            runs_out_at: (burn > 0).then_some(Time(at.0 + 3_600_000_000)),
        };
        let empty = Self {
            org: "Ada".into(),
            balance: balance(0, 0, 0, MoneyState::Depleted),
            lines: vec![],
            credits: vec![],
            usage: vec![],
            metered: vec![],
            next: None,
            pays: true,
        };
        vec![
            empty.clone(),
            Self {
                balance: balance(20_000_000, 0, 0, MoneyState::Healthy),
                lines: TxnKind::ALL
                    .iter()
                    .map(|kind| line(*kind, 20_000_000, "Welcome credit", false))
                    .collect(),
                ..empty.clone()
            },
            Self {
                org: "An organization with the longest name that fits on a page".into(),
                balance: balance(1_200_000, 4_980_000, 19_920_000, MoneyState::AutoReleasePending),
                lines: vec![
                    line(TxnKind::Usage, -332_001, "8 × h100-sxm-slice", true),
                    line(TxnKind::Grant, 6_512_001, "Welcome credit", false),
                ],
                credits: sample_lots(),
                usage: vec![usage],
                metered: sample_metered(),
                next: Some("bmV4dA".into()),
                pays: false,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let purpose = format!(
            "What {} can spend, what is held for running work, and every movement.",
            self.org
        );
        let add = self.pays.then(|| {
            html! { a class="button primary" href="/account/billing/add" { (icon("plus")) "Add funds" } }
        });
        html! {
            (page_head("Billing", &purpose, add))
            @if self.pays { (billing_tabs("overview")) }
            div class="stats" {
                (stat("Available", &self.balance.available.to_string(), &self.of_it()))
                (stat("Held", &self.balance.held.to_string(), "reserved for running work"))
                @if self.balance.owed.micros > Micros::ZERO {
                    (stat("Owed", &self.balance.owed.to_string(), "for usage the balance did not cover; taken from what comes next"))
                }
                (stat("Now", &format!("{} / h", self.balance.burn_per_hour), "what running work costs"))
                (stat("Lasts", &balance::runway(&self.balance).unwrap_or_else(|| "–".into()), "at the present rate"))
            }
            @if !self.credits.is_empty() {
                section class="section" { h2 { "Given credit" } (self.lots()) }
            }
            section class="section" { h2 { "Statement" } (self.statement()) }
            section class="section" { h2 { "Usage of this project" } (self.usage_table()) }
            @if !self.metered.is_empty() {
                section class="section" { h2 { "Other usage of this project" } (self.metered_table()) }
            }
        }
    }

    fn of_it(&self) -> String {
        let given = &self.balance.given;
        if given.micros > Micros::ZERO {
            format!("can be spent; {given} of it was given")
        } else {
            "can be spent".to_owned()
        }
    }

    fn lots(&self) -> Markup {
        let ends = |lot: &CreditLot| match lot.expires_at {
            Some(at) if lot.expired.micros > Micros::ZERO => {
                html! { (moment(at)) " " (badge("warn", "expired")) }
            }
            Some(at) => moment(at),
            None => html! { "never" },
        };
        let row = |lot: &CreditLot| {
            vec![
                html! { a href={ "/account/billing/transactions/" (lot.txn_id) } { (lot.reason) } },
                ends(lot),
                html! { (lot.amount) },
                html! { (lot.used.exact()) },
                html! { (lot.held.exact()) },
                html! { (lot.expired.exact()) },
                html! { (lot.remaining.exact()) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.credits.iter().map(row).collect();
        let cols = [
            col("For"),
            col("Expires"),
            num("Given"),
            num("Used"),
            num("Reserved"),
            num("Expired"),
            num("Left"),
        ];
        html! {
            (table("Given credit", &cols, &rows))
            p class="muted small" { "Given credit is used before paid money: what expires first goes first." }
        }
    }

    fn statement(&self) -> Markup {
        if self.lines.is_empty() {
            return empty(
                "receipt",
                "No movement yet",
                "Credit, reservations and charges appear here, each to the last digit, and never change afterwards.",
                None,
            );
        }
        let rows: Vec<Vec<Markup>> = self
            .lines
            .iter()
            .map(|line| {
                vec![
                    moment(line.at),
                    badge(tone(line.kind), words(line.kind)),
                    html! { (line.memo) @if line.simulated { " " (simulated_badge()) } },
                    html! { @if let Some(id) = line.allocation_id { a href={ "/workloads/" (id) } { "workload" } } },
                    html! { a href={ "/account/billing/transactions/" (line.txn_id) } { (line.amount.exact()) } },
                ]
            })
            .collect();
        html! {
            (table("Statement", &[col("When"), col("What"), col("For"), col("Workload"), num("Amount")], &rows))
            (next_page("/account/billing", &[], self.next.as_deref()))
        }
    }

    fn metered_table(&self) -> Markup {
        let row = |line: &MeteredLine| {
            vec![
                html! { (line.meter.label()) },
                html! { (line.subject) },
                html! { (line.quantity) " " (line.unit) },
                html! { (line.price.exact()) " per " (line.per) },
                html! { (line.charged.exact()) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.metered.iter().map(row).collect();
        let cols = [col("What"), col("By"), num("How much"), num("Price"), num("Charged")];
        table("Other usage", &cols, &rows)
    }

    fn usage_table(&self) -> Markup {
        if self.usage.is_empty() {
            return empty(
                "gauge",
                "No usage yet",
                "Metered time of this project's workloads appears here, from confirmed ready to the release request.",
                None,
            );
        }
        let rows: Vec<Vec<Markup>> = self
            .usage
            .iter()
            .map(|row| {
                vec![
                    html! { (row.units) " × " (row.sku) @if row.simulated { " " (simulated_badge()) } },
                    moment(row.from),
                    html! { (api::time::short_words(row.to.since(row.from))) },
                    html! { (row.price_per_hour) },
                    html! { (row.charge.exact()) },
                ]
            })
            .collect();
        table(
            "Usage",
            &[col("What"), col("From"), num("For"), num("Price per unit and hour"), num("Charge")],
            &rows,
        )
    }
}

fn sample_metered() -> Vec<MeteredLine> {
    let eur = |micros| Money::new(Micros(micros), Currency::EUR);
    let line = |meter: UsageMeter| MeteredLine {
        project_id: ProjectId(uuid::Uuid::nil()),
        meter,
        subject: "a-subject-with-a-long-name/of-its-own".into(),
        quantity: 123_456_789,
        unit: meter.unit().into(),
        price: eur(150_000),
        per: meter.priced().0.into(),
        charged: eur(18_518_518),
    };
    UsageMeter::ALL.iter().map(|meter| line(*meter)).collect()
}

fn sample_lots() -> Vec<CreditLot> {
    let eur = |micros| Money::new(Micros(micros), Currency::EUR);
    let at = Time(1_795_000_000_000_000);
    let lot = |reason: &str, expires_at| CreditLot {
        id: GrantId(uuid::Uuid::nil()),
        txn_id: TxnId(uuid::Uuid::nil()),
        reason: reason.into(),
        amount: eur(20_000_000),
        remaining: eur(12_000_000),
        held: eur(3_000_000),
        used: eur(5_000_000),
        expired: eur(0),
        expires_at,
        created_at: at,
    };
    vec![
        lot("Welcome credit", None),
        lot("For the evening of 3 November, with our excuses", Some(at)),
    ]
}

pub(super) const fn words(kind: TxnKind) -> &'static str {
    match kind {
        TxnKind::Grant => "credit",
        TxnKind::Hold => "reserved",
        TxnKind::HoldRelease => "given back",
        TxnKind::Usage => "usage",
        TxnKind::Correction => "correction",
        TxnKind::Payment => "payment",
        TxnKind::Refund => "refund",
        TxnKind::Dispute => "dispute",
        TxnKind::DisputeReversal => "dispute won",
        TxnKind::Adjustment => "credit",
        TxnKind::Expiry => "expired",
    }
}

/// Draws the tabs of billing, for those who see payments.
pub(super) fn billing_tabs(current: &str) -> Markup {
    tabs(
        current,
        &[
            ("overview", "Overview", "/account/billing"),
            ("payments", "Payments", "/account/billing/payments"),
            ("cards", "Cards", "/account/billing/cards"),
            ("costs", "Costs", "/account/billing/costs"),
            ("budgets", "Budgets", "/account/billing/budgets"),
            ("statements", "Statements", "/account/billing/statements"),
        ],
    )
}

const fn tone(kind: TxnKind) -> &'static str {
    match kind {
        TxnKind::Grant | TxnKind::Payment | TxnKind::DisputeReversal | TxnKind::Adjustment => {
            "good"
        }
        TxnKind::Dispute => "bad",
        TxnKind::Usage => "info",
        _ => "",
    }
}

pub(super) async fn billing_page(who: Allowed<ReadBilling>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let org =
        find_organization(&mut tx, who.scope().org_id()).await?.ok_or_else(Error::not_found)?;
    let paging = Paging { cursor: who.head().query("cursor"), limit: None };
    let lines = statement(&mut tx, &who, &paging).await?;
    let (user, place) = (who.caller().user_id(), (org.id, None));
    let pays = tenancy::may(&mut tx, &app, user, place, "payment.create").await?;
    let view = BillingView {
        balance: balance::balance(&app, &mut tx, org.id, org.currency).await?,
        org: org.name,
        lines: lines.items,
        credits: credits(&mut tx, &who, &Paging::default()).await?.items,
        usage: usage(&mut tx, &who, &UsageQuery::default()).await?.items,
        metered: metering::used(&mut tx, &who, &Paging::default()).await?.items,
        next: lines.next_cursor,
        pays,
    };
    Ok(Page::new("Billing", view.draw()))
}
