//! Metered usage besides time of hardware: sources tell events, each is counted once for ever, priced as of its time,
//! rated with what its subject used before and charged in the same transaction, before the answer.
//!
//! Words: a *source* may tell of any project; a *meter* is what is counted; a *subject* is what used it; a *total* is
//! what a subject used of a meter at one price, rated as a whole and rounded down once; a *charge* is a step of it.
//! Usage without a price is kept and waits for one.

mod audit;
mod days;
mod http;
mod pages;
mod prices;
mod rate;
mod sources;
mod store;
mod take;
mod waiting;
mod write_off;
mod write_off_rows;

pub use audit::audit;
pub use days::{charged_days, charged_pieces, charged_since};
pub use http::{routes, used};
pub use pages::{MeteringView, SourceMadeView};
pub use prices::listed as usage_prices;
pub use rate::explain;
pub use take::{FromMeter, take};
pub use waiting::{WRITER, sweep};

use crate::tenancy::{OperatorAction, operator_action};

/// Looks at sources, prices and what waits for a price.
pub struct Read;
impl OperatorAction for Read {
    const NAME: &'static str = "metering.read";
}
operator_action!(
    /// Makes a source of usage events.
    MakeSource = "metering_source.create", step_up = true
);
operator_action!(
    /// Ends a source.
    EndSource = "metering_source.revoke", step_up = true
);
operator_action!(
    /// Sets the price of a meter.
    SetPrice = "metering_price.set", step_up = true
);
operator_action!(
    /// Writes off usage that waits.
    WriteOffUsage = "usage.write_off", step_up = true
);
