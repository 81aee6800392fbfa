//! Routes of access.

use super::{pages, socket, tickets};
use crate::{
    allocations::{Allocation, find_allocation},
    tenancy::{Action, Allowed, Ask, Found, InProject},
};
use api::allocations::TerminalTicket;
use kernel::{
    App, Result,
    db::Reader,
    http::{Created, Route},
};

/// Opens a terminal.
pub struct OpenTerminal;
impl Action for OpenTerminal {
    const NAME: &'static str = "terminal.open";
    type Scope = InProject;
    type Row = Allocation;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Allocation>>> {
        find_allocation(tx, ask).await
    }
}

/// Returns the routes of access.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::post("/api/v1/allocations/{allocation_id}/terminal-token", mint_http)
            .shows_secret()
            .says("Makes a terminal ticket: 60 seconds, one use, ten a minute; `terminal_id` in the query goes on with one's own terminal, `record=true` agrees to be recorded."),
        Route::get("/ws/terminal/{allocation_id}", socket::open)
            .says("The terminal's socket; the ticket comes as a subprotocol."),
    ];
    routes.extend(pages::routes());
    routes.extend(super::grants::routes());
    routes.extend(super::certificates::routes());
    routes.extend(super::shares::routes());
    routes.extend(super::guests::routes());
    routes.extend(super::shared::routes());
    routes.extend(super::upload::routes());
    routes
}

async fn mint_http(
    who: Allowed<OpenTerminal>,
    app: App,
    (): (),
) -> Result<Created<TerminalTicket>> {
    tickets::mint(&app, &who).await.map(Created)
}
