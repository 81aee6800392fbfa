//! Routes of payments.

use super::{
    Taken,
    create::{self, Cancel, Create, List, Look},
    pages,
    processor::Processors,
    settle, store,
};
use crate::tenancy::Allowed;
use api::{
    Code, Page,
    audit::ActorKind,
    payments::{PaymentCreate, PaymentView, Provider},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Record, Stamp},
    db::Lane,
    http::{
        Body, Created, Cursor, Entrance, EntranceKind, Head, Json, NoContent, Paging, Query, Route,
    },
};
use std::sync::Arc;

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/billing/payments", list)
            .says("Lists the organization's payments, newest first."),
        Route::post("/api/v1/billing/payments", create)
            .needs_key()
            .says("Asks for a payment; its page is made right after, and the payment says where."),
        Route::get("/api/v1/billing/payments/{payment_id}", look)
            .says("Says where a payment stands."),
        Route::post("/api/v1/billing/payments/{payment_id}/cancel", cancel)
            .says("Takes a payment back that was not paid."),
        Route::post("/api/v1/payments/events", told)
            .max_body(512 * 1024)
            .says("Takes a signed event of the payment processor."),
    ];
    routes.extend(pages::routes());
    routes.extend(super::desk::routes());
    routes.extend(super::reconcile::routes());
    routes.extend(super::cards::routes());
    routes
}

async fn list(
    who: Allowed<List>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<PaymentView>>> {
    let limit = paging.limit()?;
    let mut tx = app.db.read().await?;
    let rows = store::list(&mut tx, who.scope().org_id(), paging.after()?, limit + 1).await?;
    let pays = who.may("payment.create");
    let views = rows.iter().map(|row| create::view(row, pays)).collect();
    let (items, next_cursor) = Cursor::page(views, limit, |row: &PaymentView| row.id);
    Ok(Json(Page { items, next_cursor }))
}

async fn create(
    who: Allowed<Create>,
    app: App,
    Body(body): Body<PaymentCreate>,
) -> Result<Created<PaymentView>> {
    create::create(&app, &who, &body).await.map(Created)
}

async fn look(who: Allowed<Look>, _: App, (): ()) -> Result<Json<PaymentView>> {
    Ok(Json(create::view(who.row(), who.may("payment.create"))))
}

async fn cancel(who: Allowed<Cancel>, app: App, (): ()) -> Result<NoContent> {
    create::cancel(&app, &who).await.map(|()| NoContent)
}

/// The entrance of a processor: an event whose signature is verified over the bytes as they came.
pub struct FromProcessor {
    stamp: Stamp,
    event: super::Event,
}

impl Accountable for FromProcessor {
    fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }
}

impl Entrance for FromProcessor {
    const KIND: EntranceKind = EntranceKind::Signed;
    const ACTION: &'static str = "payment.event";
    const SCOPE: &'static str = "-";

    async fn enter(app: &App, head: &Arc<Head>) -> Result<Self> {
        // Where no events are expected there is nothing under this address.
        let processor = app.get::<Processors>().of(Provider::Stripe);
        let processor = processor.ok_or_else(Error::not_found)?;
        let signature = head.header("stripe-signature").unwrap_or_default();
        let event = processor.read(&head.body, signature, app.seams.clock.now()).map_err(|why| {
            tracing::warn!(why = why.0, ip = %head.ip, "an event of the payment processor was refused");
            Error::new(Code::InvalidRequest)
                .detail("This event is not signed as it should be, or not for this site.")
        })?;
        let stamp = Stamp {
            actor_kind: ActorKind::System,
            actor: "payment_processor".to_owned(),
            user_id: None,
            session_id: None,
            org_id: None,
            project_id: None,
            action: Self::ACTION,
            correlation_id: head.correlation_id,
            ip: Some(head.ip.to_string()),
            lane: Lane::Interactive,
            record: Record::Entry,
            request: Some(head.slot.clone()),
            guard: None,
        };
        Ok(Self { stamp, event })
    }
}

async fn told(who: FromProcessor, app: App, (): ()) -> Result<NoContent> {
    let mut tx = app.db.write(&who).await?;
    let taken = settle::take(&mut tx, Provider::Stripe, &who.event).await?;
    tx.target(&who.event.id);
    tx.note(kernel::audit::Key::State, taken.as_str());
    // One that is known changed nothing: nothing is written.
    if taken == Taken::Before {
        return Ok(NoContent);
    }
    tx.commit().await?;
    Ok(NoContent)
}
