//! What the gateway asks about nodes.

use super::{
    Live,
    join::{bounded, let_in, may_connect},
    store, works,
};
use api::{
    NodeId,
    node::{JoinAsk, Observation},
};
use gateway::{Boxed, Nodes, link::Link};
use kernel::{App, Result, sweeps::Sweeps};
use std::sync::Arc;

/// More than an agent can run.
const MOST_WORKS: usize = 4096;

/// Answers the gateway.
pub struct FleetNodes(pub App);

impl FleetNodes {
    async fn take(&self, node: NodeId, observation: Observation) -> Result<()> {
        let app = &self.0;
        if observation.works.len() > MOST_WORKS {
            if let Some(link) = app.get::<Live>().link(node) {
                link.close();
            }
            tracing::error!(%node, count = observation.works.len(), "a node names more work than any has");
            return Ok(());
        }
        let now = app.seams.clock.now();
        let news = app.get::<Live>().heard(node, now, observation.works);
        if let Some(inventory) = observation.inventory {
            let mut tx = app.db.write(&works::WORK_WRITER).await?;
            let text = serde_json::to_string(&bounded(&inventory)).unwrap_or_default();
            store::set_inventory(&mut tx, node, &text).await?;
            tx.commit().await?;
        }
        works::observed(app, node, &news).await?;
        app.get::<Live>().remember(node, &news);
        Ok(())
    }
}

impl Nodes for FleetNodes {
    fn join<'a>(
        &'a self,
        ask: &'a JoinAsk,
        renewing: Option<NodeId>,
    ) -> Boxed<'a, Result<NodeId, String>> {
        Box::pin(async move {
            let_in(&self.0, ask, renewing).await.map_err(|error| {
                tracing::warn!(%error, "a machine was not let in");
                error.sentence()
            })
        })
    }

    fn admit(&self, node: NodeId) -> Boxed<'_, bool> {
        Box::pin(async move {
            let found = async { store::find_node(&mut *self.0.db.read().await?, node).await };
            matches!(found.await, Ok::<_, kernel::Error>(Some(node)) if may_connect(node.status))
        })
    }

    fn connected(&self, link: Arc<Link>) -> Boxed<'_, ()> {
        Box::pin(async move {
            self.0.get::<Live>().linked(link);
            for name in ["fleet.deliver", "fleet.status"] {
                self.0.get::<Sweeps>().nudge(name);
            }
        })
    }

    fn observed(&self, node: NodeId, observation: Observation) -> Boxed<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.take(node, observation).await {
                tracing::warn!(%node, %error, "an observation cannot be written; it is said again");
            }
        })
    }

    fn disconnected(&self, link: Arc<Link>) -> Boxed<'_, ()> {
        Box::pin(async move {
            tracing::info!(node = %link.node(), "a node's link ended");
            self.0.get::<Live>().unlinked(&link);
        })
    }
}
