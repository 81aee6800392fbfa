//! Outgoing webhooks.

use super::{Shape, dept::Of};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    Page, WebhookId,
    webhooks::{DeliveryView, WebhookChange, WebhookCreate, WebhookMade, WebhookView},
};
use clap::Subcommand;

/// `gpuaas webhook …`
#[derive(Subcommand)]
pub enum Webhooks {
    /// List the webhooks of an organization.
    List {
        /// Of which organization.
        #[command(flatten)]
        of: Of,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Make one; the secret its events are signed with is printed once.
    Create {
        /// Where events are posted.
        url: String,
        /// Of which actions: allocation.create, allocation.*, or * for all.
        #[arg(long, value_delimiter = ',', default_value = "*")]
        actions: Vec<String>,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Tell it nothing from now on.
    Pause(One),
    /// Tell it again from now on.
    Resume(One),
    /// Send it a test event.
    Test(One),
    /// Remove it.
    Remove(One),
    /// List its newest events and what became of each.
    Deliveries {
        /// Which.
        #[command(flatten)]
        one: One,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
}

/// One webhook.
#[derive(clap::Args)]
pub struct One {
    /// The webhook.
    id: WebhookId,
    /// Of which organization.
    #[command(flatten)]
    of: Of,
}

impl One {
    async fn path(&self, client: &Client, rest: &str) -> Result<String, Failure> {
        self.of.path(client, &format!("webhooks/{}{rest}", self.id)).await
    }

    async fn change(&self, client: &Client, active: bool) -> Result<(), Failure> {
        let path = self.path(client, "").await?;
        let _: Option<()> = client.patch(&path, &WebhookChange { active }).await?;
        say(if active { "resumed" } else { "paused" });
        Ok(())
    }
}

/// Runs `gpuaas webhook …`.
pub async fn run(what: Webhooks) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Webhooks::List { of, shape } => {
            let page: Page<WebhookView> = client.get(&of.path(&client, "webhooks").await?).await?;
            let row = |one: &WebhookView| {
                let (state, waiting) = (one.state.to_string(), one.waiting.to_string());
                vec![one.url.clone(), one.actions.join(" "), state, waiting, one.id.to_string()]
            };
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["address", "of", "state", "waiting", "id"], rows);
        }
        Webhooks::Create { url, actions, of } => {
            let path = of.path(&client, "webhooks").await?;
            let ask = WebhookCreate { url, actions };
            let made: WebhookMade = client.post(&path, Some(&ask), None).await?;
            say(&format!("webhook  {}\nsecret   {}", made.webhook.id, made.secret));
        }
        Webhooks::Pause(one) => one.change(&client, false).await?,
        Webhooks::Resume(one) => one.change(&client, true).await?,
        Webhooks::Test(one) => {
            let path = one.path(&client, "/test").await?;
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("a test event is on its way");
        }
        Webhooks::Remove(one) => {
            let _: Option<()> = client.delete(&one.path(&client, "").await?).await?;
            say("removed");
        }
        Webhooks::Deliveries { one, shape } => {
            let page: Page<DeliveryView> =
                client.get(&one.path(&client, "/deliveries").await?).await?;
            let row = |one: &DeliveryView| {
                let state = match (one.done_at, &one.fault) {
                    (Some(_), None) => "taken",
                    (Some(_), Some(_)) => "given up",
                    (None, _) => "waits",
                };
                let fault = one.fault.clone().unwrap_or_default();
                let attempts = one.attempts.to_string();
                vec![one.action.clone(), one.created_at.plain(), state.to_owned(), attempts, fault]
            };
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["action", "when", "state", "attempts", "fault"], rows);
        }
    }
    Ok(())
}
