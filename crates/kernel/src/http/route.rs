//! A route: method, path, entrance, input, output and the verb, in one value.

use super::{
    Head,
    dispatch::{self, Erased},
    input::{Described, Input},
    output::Output,
};
use crate::{
    App, Result,
    audit::{Accountable, Record, Stamp},
    db::Lane,
};
use api::{OrgId, ProjectId, UserId, audit::ActorKind};
use http::Method;
use std::{future::Future, marker::PhantomData, sync::Arc};

/// The six kinds of entrance; there is no seventh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntranceKind {
    /// Anybody.
    Public,
    /// A provider whose signature is verified.
    Signed,
    /// A source of usage events, by its token.
    Source,
    /// A signed-in person, about their own account.
    Myself,
    /// A person whose role allows the action on the row.
    Allowed,
    /// A person who runs the platform.
    Operator,
    /// A machine of the fleet, by its certificate.
    Node,
}

impl EntranceKind {
    /// Returns its name in the golden files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Signed => "signed",
            Self::Source => "source",
            Self::Myself => "myself",
            Self::Allowed => "allowed",
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }
}

/// What lets a caller in: made only from a request, by its own checks.
pub trait Entrance: Accountable + Sized + Send + Sync + 'static {
    /// Which of them.
    const KIND: EntranceKind;
    /// The action's name: permission, audit word, route id and idempotency scope in one.
    const ACTION: &'static str;
    /// The scope the action is checked in; `-` where there is none.
    const SCOPE: &'static str;
    /// Lets the caller in or says why not.
    fn enter(app: &App, head: &Arc<Head>) -> impl Future<Output = Result<Self>> + Send;
}

/// The entrance of routes for everybody; `A` names the action.
pub struct Public<A> {
    stamp: Stamp,
    head: Arc<Head>,
    action: PhantomData<fn() -> A>,
}

/// The name of something the public may do.
pub trait Named: 'static {
    /// `auth.login`
    const NAME: &'static str;
}

impl<A> Public<A> {
    /// Returns the request.
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }
}

impl<A> Accountable for Public<A> {
    fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }
}

impl<A: Named> Entrance for Public<A> {
    const KIND: EntranceKind = EntranceKind::Public;
    const ACTION: &'static str = A::NAME;
    const SCOPE: &'static str = "-";

    async fn enter(_: &App, head: &Arc<Head>) -> Result<Self> {
        if head.mutates() && !head.is_api() {
            super::same_origin(head)?;
        }
        let stamp = anonymous(head, A::NAME);
        Ok(Self { stamp, head: head.clone(), action: PhantomData })
    }
}

/// Returns the stamp of somebody unknown.
pub fn anonymous(head: &Arc<Head>, action: &'static str) -> Stamp {
    Stamp {
        actor_kind: ActorKind::Anonymous,
        actor: "anonymous".to_owned(),
        user_id: None,
        session_id: None,
        org_id: None,
        project_id: None,
        action,
        correlation_id: head.correlation_id,
        ip: Some(head.ip.to_string()),
        lane: Lane::Interactive,
        record: Record::Entry,
        request: head.mutates().then(|| head.slot.clone()),
        guard: None,
    }
}

/// What a client is (for the frame around pages).
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The person.
    pub user_id: UserId,
    /// How people address them.
    pub name: String,
    /// Sign-in name.
    pub email: String,
    /// What their role of the platform allows, of those who have one.
    pub platform: Option<fn(&str) -> bool>,
    /// The token their forms carry.
    pub csrf: String,
    /// The organization they are in.
    pub org: Option<(OrgId, String)>,
    /// The project they are in.
    pub project: Option<(ProjectId, String)>,
    /// The projects they may switch to: id, organization, name.
    pub projects: Vec<(ProjectId, String, String)>,
}

/// Where a route is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The JSON API.
    Api,
    /// A page.
    Page,
    /// A form of a page.
    Form,
    /// A socket or an event stream.
    Stream,
}

/// What a mutation asks of idempotency keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// Reads have none.
    None,
    /// Taken when given.
    Accepted,
    /// Refused without.
    Required,
    /// Not taken: the answer is a secret shown once, which is never stored.
    Secret,
}

/// Everything about a route but its verb.
#[derive(Clone)]
pub struct RouteInfo {
    /// Method.
    pub method: Method,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// Where it is used.
    pub surface: Surface,
    /// What lets callers in.
    pub entrance: EntranceKind,
    /// The action's name.
    pub action: &'static str,
    /// The scope it is checked in.
    pub scope: &'static str,
    /// Idempotency.
    pub key: KeyRule,
    /// One sentence for the API description.
    pub summary: &'static str,
    /// The status when all is well.
    pub status: u16,
    /// Largest body, in bytes.
    pub max_body: usize,
    /// Schema of the body.
    pub body: Option<Described>,
    /// Schema of the query.
    pub query: Option<Described>,
    /// Schema of the answer.
    pub answer: Option<Described>,
}

/// A route with its verb.
#[derive(Clone)]
pub struct Route {
    /// What is known about it.
    pub info: RouteInfo,
    pub(super) run: Erased,
}

impl Route {
    fn new<E, I, O, F, Fut>(method: Method, path: &'static str, verb: F) -> Self
    where
        E: Entrance,
        I: Input,
        O: Output,
        F: Fn(E, App, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        let reads = method == Method::GET;
        let surface = match () {
            () if path.starts_with("/api/") => Surface::Api,
            () if path.starts_with("/ws/") || path == "/events" => Surface::Stream,
            () if reads => Surface::Page,
            () => Surface::Form,
        };
        let info = RouteInfo {
            method,
            path,
            surface,
            entrance: E::KIND,
            action: E::ACTION,
            scope: E::SCOPE,
            key: if reads { KeyRule::None } else { KeyRule::Accepted },
            summary: "",
            status: O::STATUS,
            max_body: 64 * 1024,
            body: I::body(),
            query: I::query(),
            answer: O::schema(),
        };
        Self { info, run: dispatch::erase::<E, I, O, F, Fut>(verb) }
    }

    /// Registers a read.
    pub fn get<E, I, O, F, Fut>(path: &'static str, verb: F) -> Self
    where
        E: Entrance,
        I: Input,
        O: Output,
        F: Fn(E, App, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        Self::new(Method::GET, path, verb)
    }

    /// Registers a change.
    pub fn post<E, I, O, F, Fut>(path: &'static str, verb: F) -> Self
    where
        E: Entrance,
        I: Input,
        O: Output,
        F: Fn(E, App, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        Self::new(Method::POST, path, verb)
    }

    /// Registers a change of fields.
    pub fn patch<E, I, O, F, Fut>(path: &'static str, verb: F) -> Self
    where
        E: Entrance,
        I: Input,
        O: Output,
        F: Fn(E, App, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        Self::new(Method::PATCH, path, verb)
    }

    /// Registers a removal.
    pub fn delete<E, I, O, F, Fut>(path: &'static str, verb: F) -> Self
    where
        E: Entrance,
        I: Input,
        O: Output,
        F: Fn(E, App, I) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<O>> + Send + 'static,
    {
        Self::new(Method::DELETE, path, verb)
    }

    /// Says what it does, for the API description.
    #[must_use]
    pub fn says(mut self, summary: &'static str) -> Self {
        self.info.summary = summary;
        self
    }

    /// Requires an idempotency key: something is created or money moves.
    #[must_use]
    pub fn needs_key(mut self) -> Self {
        self.info.key = KeyRule::Required;
        self
    }

    /// Says that the answer is a secret shown once: it is never stored, so keys are not taken.
    #[must_use]
    pub fn shows_secret(mut self) -> Self {
        self.info.key = KeyRule::Secret;
        self
    }

    /// Allows a larger body, in bytes.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.info.max_body = bytes;
        self
    }
}
