//! The route registry: one list makes router, OpenAPI, permission list and test rows.
//!
//! Promises: a handler cannot be registered without an entrance; every answer carries a
//! correlation id and the security headers; every error is a problem document or an error page;
//! checks happen in one order: size, parse, 401, 404, 403, 422, idempotency, verb.

pub mod cookie;
mod csrf;
mod detour;
mod dispatch;
mod headers;
mod idempotency;
pub use idempotency::{InFlight, WRITER as IDEMPOTENCY_WRITER};
mod input;
pub mod openapi;
mod output;
mod problem;
mod request;
mod route;
mod serve;
mod tls;
mod traffic;

pub use csrf::{form_token, same_origin, token as csrf_token};
pub use dispatch::router;
pub use headers::{BASE_POLICY, terminal_policy};
pub use idempotency::{KEEP as IDEMPOTENCY_KEEP, forget_old as forget_old_keys};
pub use input::{Body, Cursor, Fields, Form, Input, Paging, Query};
pub use output::{Accepted, Answer, Created, Go, Json, NoContent, Output, Raw, Written};
pub use problem::{problem, user_safe};
pub use request::{Head, RequestSlot, Upgrade};
pub use route::{
    Entrance, EntranceKind, KeyRule, Named, Public, Route, RouteInfo, Surface, Viewer, anonymous,
};
pub use serve::{Door, serve};
pub use tls::Tls;
pub use traffic::Traffic;
