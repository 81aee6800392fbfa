//! SQL of saved cards and automatic top-up.

use api::{
    CardId, Micros, OrgId, PaymentId, Time, UserId,
    cards::{AutoState, CardState},
    payments::Provider,
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// A card that a processor keeps, or is asked to.
    pub struct Card in "cards" {
        /// Identifier.
        pub id: CardId,
        /// Whose.
        pub org_id: OrgId,
        /// Who enters it.
        pub user_id: UserId,
        /// Who keeps it.
        pub provider: Provider,
        /// Whether no money moves.
        pub simulated: bool,
        /// Where it stands.
        pub state: CardState,
        /// The page at the processor on which it is entered.
        pub session_ref: Option<String>,
        /// Where that page is.
        pub page_url: Option<String>,
        /// The organization's name at the processor.
        pub customer_ref: Option<String>,
        /// Its own name there.
        pub method_ref: Option<String>,
        /// `visa`
        pub brand: String,
        /// The last four digits.
        pub last4: String,
        /// The month it expires in.
        pub exp_month: i64,
        /// And the year.
        pub exp_year: i64,
        /// Why it was not saved.
        pub fault: Option<String>,
        /// When it was asked for.
        pub created_at: Time,
        /// Until when it can be entered.
        pub expires_at: Time,
        /// When it was saved.
        pub saved_at: Option<Time>,
        /// When the processor is asked next.
        pub due_at: Time,
        /// How often it was asked.
        pub attempts: i64,
    }
}

row! {
    /// An organization as a processor knows it.
    pub struct Customer in "payment_customers" {
        /// The organization.
        pub org_id: OrgId,
        /// The processor.
        pub provider: Provider,
        /// Whether no money moves there.
        pub simulated: bool,
        /// Its name there.
        pub customer_ref: String,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// How an organization adds funds by itself.
    pub struct Auto in "auto_top_ups" {
        /// The organization.
        pub org_id: OrgId,
        /// The card that is charged.
        pub card_id: CardId,
        /// Whether it is done.
        pub state: AutoState,
        /// When less than this can be spent.
        pub below: Micros,
        /// How much is added at once.
        pub amount: Micros,
        /// At most so much in a calendar month.
        pub month_limit: Micros,
        /// Why it is paused.
        pub why: Option<String>,
        /// In which month people were told that its limit is reached.
        pub told_month: Option<i64>,
        /// Who set it.
        pub set_by: UserId,
        /// When.
        pub set_at: Time,
    }
}

/// Returns a card.
pub async fn find(tx: &mut Reader, id: CardId) -> Result<Option<Card>> {
    tx.find("SELECT {} FROM cards WHERE id = $1", (id,)).await
}

/// Returns an organization's cards that are not gone, the newest first.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<Card>> {
    tx.list(
        "SELECT {} FROM cards WHERE org_id = $1 AND state IN ('created', 'pending', 'saved')
          ORDER BY id DESC LIMIT 100",
        (org,),
    )
    .await
}

/// Holds a card until the end of the transaction.
pub async fn lock(tx: &mut WriteTx, id: CardId) -> Result<Option<Card>> {
    let rows = tx.list_locked("SELECT {} FROM cards WHERE id = $1", (id,), Lock::Update).await?;
    Ok(rows.into_iter().next())
}

/// The same, by its name at the processor.
pub async fn lock_method(
    tx: &mut WriteTx,
    provider: Provider,
    method: &str,
) -> Result<Option<Card>> {
    let sql = "SELECT {} FROM cards WHERE provider = $1 AND method_ref = $2";
    let rows = tx.list_locked(sql, (provider, method), Lock::Update).await?;
    Ok(rows.into_iter().next())
}

/// Makes the card of a page due: what was entered on it is asked for.
pub async fn due_now(tx: &mut WriteTx, provider: Provider, session: &str) -> Result<bool> {
    let now = tx.now();
    let sql = "UPDATE cards SET due_at = $1
                WHERE provider = $2 AND session_ref = $3 AND state = 'pending'";
    tx.run(sql, (now, provider, session)).await.map(|count| count == 1)
}

/// Writes a card that is held.
pub async fn save(tx: &mut WriteTx, row: &Card) -> Result<()> {
    tx.run(
        "UPDATE cards SET state = $1, session_ref = $2, page_url = $3, customer_ref = $4,
                method_ref = $5, fault = $6, saved_at = $7, due_at = $8
          WHERE id = $9",
        (
            row.state,
            row.session_ref.clone(),
            row.page_url.clone(),
            row.customer_ref.clone(),
            row.method_ref.clone(),
            row.fault.clone(),
            row.saved_at,
            row.due_at,
            row.id,
        ),
    )
    .await?;
    tx.run(
        "UPDATE cards SET brand = $1, last4 = $2, exp_month = $3, exp_year = $4 WHERE id = $5",
        (row.brand.clone(), row.last4.clone(), row.exp_month, row.exp_year, row.id),
    )
    .await
    .map(|_| ())
}

/// Returns cards the processor is to be asked about by now.
pub async fn due(
    tx: &mut Reader,
    (provider, simulated): (Provider, bool),
    now: Time,
    limit: i64,
) -> Result<Vec<Card>> {
    tx.list(
        "SELECT {} FROM cards
          WHERE state IN ('created', 'pending', 'removing') AND due_at <= $1 AND provider = $2
            AND simulated = $3
          ORDER BY due_at, id LIMIT $4",
        (now, provider, simulated, limit),
    )
    .await
}

/// Takes a card's turn; somebody else may have taken it.
pub async fn claim(tx: &mut WriteTx, row: &Card, until: Time) -> Result<bool> {
    let sql = "UPDATE cards SET due_at = $1, attempts = attempts + 1 WHERE id = $2 AND due_at = $3";
    tx.run(sql, (until, row.id, row.due_at)).await.map(|count| count == 1)
}

/// Returns an organization as a processor knows it.
pub async fn customer(
    tx: &mut Reader,
    org: OrgId,
    (provider, simulated): (Provider, bool),
) -> Result<Option<Customer>> {
    let sql = "SELECT {} FROM payment_customers
                WHERE org_id = $1 AND provider = $2 AND simulated = $3";
    tx.find(sql, (org, provider, simulated)).await
}

/// Writes that down, unless it is known.
pub async fn keep_customer(tx: &mut WriteTx, row: &Customer) -> Result<()> {
    tx.run(
        "INSERT INTO payment_customers (org_id, provider, simulated, customer_ref, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        (row.org_id, row.provider, row.simulated, row.customer_ref.clone(), row.created_at),
    )
    .await
    .map(|_| ())
}

/// Returns how an organization adds funds by itself.
pub async fn auto(tx: &mut Reader, org: OrgId) -> Result<Option<Auto>> {
    tx.find("SELECT {} FROM auto_top_ups WHERE org_id = $1", (org,)).await
}

/// Returns those that do, in id order.
pub async fn autos(tx: &mut Reader, after: OrgId, limit: i64) -> Result<Vec<Auto>> {
    let sql = "SELECT {} FROM auto_top_ups WHERE state = 'on' AND org_id > $1
                ORDER BY org_id LIMIT $2";
    tx.list(sql, (after, limit)).await
}

/// Writes how an organization adds funds by itself.
pub async fn set_auto(tx: &mut WriteTx, row: &Auto) -> Result<()> {
    tx.run(
        "INSERT INTO auto_top_ups (org_id, card_id, state, below, amount, month_limit, why, told_month,
                set_by, set_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (org_id) DO UPDATE SET card_id = excluded.card_id, state = excluded.state,
                below = excluded.below, amount = excluded.amount, month_limit = excluded.month_limit,
                why = excluded.why, told_month = excluded.told_month, set_by = excluded.set_by,
                set_at = excluded.set_at",
        (
            row.org_id,
            row.card_id,
            row.state,
            row.below,
            row.amount,
            row.month_limit,
            row.why.clone(),
            row.told_month,
            row.set_by,
            row.set_at,
        ),
    )
    .await
    .map(|_| ())
}

/// Pauses what adds funds from a card; false when it is set otherwise by now.
pub async fn pause_auto(tx: &mut WriteTx, row: &Auto, why: &str) -> Result<bool> {
    let sql = "UPDATE auto_top_ups SET state = 'paused', why = $1
                WHERE org_id = $2 AND card_id = $3 AND state = 'on'";
    tx.run(sql, (why, row.org_id, row.card_id)).await.map(|count| count == 1)
}

row! {
    /// What automatic top-up asked for.
    pub struct Asked {
        /// How much in a month: paid, or on its way.
        pub month: Micros,
        /// When it asked last.
        pub last: Option<Time>,
        /// The payment that is on its way.
        pub open: Option<PaymentId>,
    }
}

/// Returns what automatic top-up asked for since a moment.
pub async fn asked(tx: &mut Reader, org: OrgId, since: Time) -> Result<Asked> {
    tx.get(
        "SELECT CAST(COALESCE((SELECT SUM(amount) FROM payments WHERE org_id = $1 AND auto
                   AND created_at >= $2 AND state IN ('created', 'pending', 'processing', 'paid')), 0) AS BIGINT),
                (SELECT MAX(created_at) FROM payments WHERE org_id = $1 AND auto),
                (SELECT id FROM payments WHERE org_id = $1 AND auto
                    AND state IN ('created', 'pending', 'processing') LIMIT 1)",
        (org, since),
    )
    .await
}
