//! Looking after the fleet: signs of life written down, silence noticed, intents delivered.

use super::{Live, model, store, works};
use api::NodeId;
use kernel::{
    App, Result,
    audit::System,
    sweeps::{Sweep, Sweeps},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Writes signs of life.
pub const BEAT_WRITER: System =
    System { name: "fleet.beat", unaudited: Some("a sign of life is no act") };
/// Moves nodes between active and offline.
pub const ADVICE_WRITER: System = System { name: "fleet.status", unaudited: None };

type Run = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

fn beat(app: App) -> Run {
    Box::pin(async move {
        let marks = app.get::<Live>().take_unwritten();
        if marks.is_empty() {
            return Ok("nothing heard".to_owned());
        }
        let mut tx = app.db.write(&BEAT_WRITER).await?;
        for (node, at) in &marks {
            store::heard(&mut tx, *node, *at).await?;
        }
        tx.commit().await?;
        Ok(format!("{} nodes heard", marks.len()))
    })
}

fn status(app: App) -> Run {
    Box::pin(async move {
        let nodes = store::list_nodes(&mut *app.db.read().await?).await?;
        let mut moved = 0;
        for node in nodes {
            let last = app.get::<Live>().last(node.id).max(node.last_heartbeat_at);
            let event = if works::is_reachable(&app, last) {
                model::Event::Heard
            } else {
                model::Event::Silent
            };
            let next = model::after(node.status, event)?;
            if next == node.status {
                continue;
            }
            let mut tx = app.db.write(&ADVICE_WRITER).await?;
            if store::set_status(&mut tx, &node, next).await? {
                tx.target(node.id);
                tx.note(kernel::audit::Key::State, next);
                tx.after_commit(app.teller("fleet"));
                tx.commit().await?;
                moved += 1;
            }
        }
        Ok(format!("{moved} nodes changed their status"))
    })
}

/// Tells each node by itself: one that does not answer holds up no other.
#[allow(clippy::disallowed_methods, reason = "at most one per node, ended by the link's patience")]
fn deliver(app: App) -> Run {
    Box::pin(async move {
        let nodes = app.get::<Live>().linked_nodes();
        let count = nodes.len();
        for node in nodes {
            if app.get::<Live>().begin_telling(node) {
                tokio::spawn(tell(app.clone(), node));
            }
        }
        Ok(format!("{count} nodes are linked"))
    })
}

async fn tell(app: App, node: NodeId) {
    let told = tokio::select! {
        told = works::deliver(&app, node) => told,
        () = app.ending.cancelled() => return,
    };
    if let Err(error) = told {
        tracing::warn!(%node, %error, "a node was not told; it is told again");
    }
    if app.get::<Live>().end_telling(node) {
        app.get::<Sweeps>().nudge("fleet.deliver");
    }
}

/// Returns the sweeps.
pub fn sweeps() -> Vec<Sweep> {
    vec![
        Sweep { name: "fleet.beat", every: Duration::from_secs(1), walks: false, run: beat },
        Sweep { name: "fleet.status", every: Duration::from_secs(3), walks: false, run: status },
        Sweep { name: "fleet.deliver", every: Duration::from_secs(2), walks: false, run: deliver },
    ]
}
