//! What a person is told: their inbox, and what of it is mailed; what an organization is told: webhooks.
//!
//! Promises: a notice is there when the change it tells of is; nobody reads another's; notices about the safety
//! of an account cannot be switched off. Absent here: mail itself (the kernel's outbox).

mod http;
mod pages;
mod preferences;
mod store;
mod webhooks;

pub use http::routes;
pub use pages::NoticesView;
pub use webhooks::{
    EVENTS, FRESH, SLOW, STOPPER as WEBHOOK_STOPPER, WRITER as WEBHOOK_WRITER, WebhookMadeView,
    WebhooksView, sweeps,
};

use kernel::{
    App, Result,
    html::{Chip, NavFor, NavItem},
    http::Viewer,
};
use std::{future::Future, pin::Pin};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![NavItem {
        group: "Account",
        label: "Notices",
        href: "/account/notices",
        icon: "bell",
        who: NavFor::Everyone,
    }]
}

/// The chip of the top bar: how many were not read, when there are any.
pub fn chrome<'a>(
    app: &'a App,
    viewer: &'a Viewer,
) -> Pin<Box<dyn Future<Output = Result<Option<Chip>>> + Send + 'a>> {
    Box::pin(async move {
        let unread = store::unread(&mut *app.db.read().await?, viewer.user_id).await?;
        Ok((unread > 0).then(|| Chip {
            href: "/account/notices".into(),
            icon: "bell",
            text: unread.to_string(),
            title: format!("{unread} notices you have not read"),
            tone: "warn",
            banner: None,
        }))
    })
}
