//! The data plane: links to nodes, terminal sockets and SSH. No database; asks through the small traits
//! [`Nodes`] and [`ssh::Shells`].
//!
//! Promises: nothing dials a node; a link exists only for a certificate of our authority whose node
//! may connect now; what one terminal stream does not read, no other waits for.

pub mod authority;
pub mod link;
pub mod ssh;
mod strangers;
pub mod tap;
pub mod terminal;
pub mod tunnel;

#[cfg(test)]
mod fuzz;

use api::{NodeId, node::JoinAsk, node::Observation};
use std::{future::Future, pin::Pin, sync::Arc};

/// A boxed future.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the gateway asks the product about nodes.
pub trait Nodes: Send + Sync + 'static {
    /// Decides about a machine that wants to join with a token, or a node that renews.
    ///
    /// # Errors
    /// Plain words why not.
    fn join<'a>(
        &'a self,
        ask: &'a JoinAsk,
        renewing: Option<NodeId>,
    ) -> Boxed<'a, Result<NodeId, String>>;
    /// Returns whether a node may connect now.
    fn admit(&self, node: NodeId) -> Boxed<'_, bool>;
    /// A node's link is up; called once, before its first observation.
    fn connected(&self, link: Arc<link::Link>) -> Boxed<'_, ()>;
    /// A node said something.
    fn observed(&self, node: NodeId, observation: Observation) -> Boxed<'_, ()>;
    /// A node's link is down.
    fn disconnected(&self, link: Arc<link::Link>) -> Boxed<'_, ()>;
}
