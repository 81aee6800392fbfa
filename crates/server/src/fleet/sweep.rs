//! Looking after the fleet: signs of life written down, silence noticed, intents delivered.

use super::{Live, model, store, works};
use kernel::{App, Result, audit::System, sweeps::Sweep};
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
            let last = app.get::<Live>().last(node.id).or(node.last_heartbeat_at);
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

fn deliver(app: App) -> Run {
    Box::pin(async move {
        let nodes = app.get::<Live>().linked_nodes();
        let told = nodes.iter().map(|node| works::deliver(&app, *node));
        let mut count = 0;
        for (told, node) in futures::future::join_all(told).await.into_iter().zip(&nodes) {
            match told {
                Ok(told) => count += usize::from(told),
                Err(error) => {
                    tracing::warn!(%node, %error, "a node was not told; it is told again")
                }
            }
        }
        Ok(format!("{count} of {} nodes told", nodes.len()))
    })
}

/// Returns the sweeps.
pub fn sweeps() -> Vec<Sweep> {
    vec![
        Sweep { name: "fleet.beat", every: Duration::from_secs(1), run: beat },
        Sweep { name: "fleet.status", every: Duration::from_secs(3), run: status },
        Sweep { name: "fleet.deliver", every: Duration::from_secs(2), run: deliver },
    ]
}
