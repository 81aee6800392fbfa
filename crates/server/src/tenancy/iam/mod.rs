//! Who runs the platform and how they are protected: readiness of second factors, the queue of
//! recoveries, the break-glass codes. For operators.

mod http;
mod pages;
mod rollout;

pub use http::routes;
pub use pages::{GlassCodesView, IamView};
pub use rollout::RolloutView;
