//! From a request to its answer, in one order for every route: size, parse, entrance (401, 404,
//! 403), input (422), idempotency, verb; then the write and the answer become durable together.

use super::{
    Answer, Entrance, Head, Input, Output, Route, RouteInfo, anonymous,
    detour::{prove_first, sent_to},
    headers,
    idempotency::{self, Ticket},
    output::Content,
    problem::problem,
    request::Upgrade,
    route::KeyRule,
};
use crate::{
    App, Context, Error, Result,
    audit::{Looked, Stamp},
    html,
};
use api::Code;
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, RawPathParams, Request, State},
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use futures::FutureExt;
use http::{HeaderValue, Method, StatusCode, header};
use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

const MOST_HEADER_BYTES: usize = 32 * 1024;
const SLOWEST: Duration = Duration::from_secs(30);
const RERUNS: usize = 3;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A verb behind its entrance and input, without its types.
pub(super) type Erased =
    Arc<dyn Fn(App, Arc<Head>, KeyRule) -> Boxed<Result<Answer>> + Send + Sync>;

/// Wraps a verb: entrance, input, idempotency, verb, durable answer.
pub(super) fn erase<E, I, O, F, Fut>(verb: F) -> Erased
where
    E: Entrance,
    I: Input,
    O: Output,
    F: Fn(E, App, I) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<O>> + Send + 'static,
{
    Arc::new(move |app, head, rule| {
        let verb = verb.clone();
        Box::pin(async move {
            let who = E::enter(&app, &head).await?;
            let stamp = who.stamp();
            head.remember(Arc::new(stamp.clone()));
            let input = I::read(&head)?;
            let ticket = match idempotency::begin(&app, &head, &stamp, rule).await? {
                idempotency::Begin::Replay(answer) => return Ok(answer),
                idempotency::Begin::Go(ticket) => ticket,
            };
            let done = tokio::time::timeout(SLOWEST, verb(who, app.clone(), input)).await;
            let busy = Error::new(Code::Overloaded).retry_after(Duration::from_secs(5));
            let answer = done.map_err(|_| busy)??.answer()?;
            settle(&app, &head, ticket, answer).await
        })
    })
}

/// Makes the request's write durable together with its answer.
async fn settle(app: &App, head: &Head, ticket: Option<Ticket>, answer: Answer) -> Result<Answer> {
    let Some(mut tx) = head.slot.take() else { return Ok(answer) };
    let kept = ticket.as_ref().and_then(|ticket| idempotency::kept(ticket, &answer, tx.now()));
    if let (Some(ticket), Some(kept)) = (&ticket, kept)
        && let Err(error) = tx.insert(&kept).await
    {
        drop(tx);
        return idempotency::replay_after_race(app, ticket, error).await;
    }
    tx.make_durable().await?;
    Ok(answer)
}

/// Returns the router of a list of routes.
pub fn router(app: App, routes: Vec<Route>) -> Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter<App>> = BTreeMap::new();
    for route in routes {
        let filter = match route.info.method {
            Method::POST => MethodFilter::POST,
            Method::PATCH => MethodFilter::PATCH,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let path = route.info.path;
        let route = Arc::new(route);
        let handler = move |State(app): State<App>, params: RawPathParams, request: Request| {
            let route = route.clone();
            async move { serve(app, route, params, request).await }
        };
        let methods = match by_path.remove(path) {
            Some(methods) => methods.on(filter, handler),
            None => on(filter, handler),
        };
        by_path.insert(path, methods);
    }
    let mut router = Router::new();
    for (path, methods) in by_path {
        router = router.route(path, methods.fallback(no_such_method));
    }
    router.fallback(no_such_path).with_state(app)
}

async fn no_such_path(State(app): State<App>, request: Request) -> Response {
    refuse_unrouted(app, request, Code::NotFound).await
}

async fn no_such_method(State(app): State<App>, request: Request) -> Response {
    refuse_unrouted(app, request, Code::MethodNotAllowed).await
}

async fn refuse_unrouted(app: App, request: Request, code: Code) -> Response {
    let (parts, _) = request.into_parts();
    let ip = client_ip(&app, &parts);
    let head = Arc::new(Head::new(&app, &parts, HashMap::new(), ip, Default::default()));
    let answer = refuse(&app, &head, None, Error::new(code));
    finish(&app, &head, answer).await
}

/// Returns where a request comes from: the peer, or, behind a proxy the operator named, the last hop
/// that is not one.
fn client_ip(app: &App, parts: &http::request::Parts) -> IpAddr {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip());
    if !app.site.trusts(peer) {
        return peer;
    }
    let hops: Vec<IpAddr> = parts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|hop| hop.trim().parse().ok())
        .collect();
    hops.into_iter().rev().find(|hop| !app.site.trusts(*hop)).unwrap_or(peer)
}

async fn serve(app: App, route: Arc<Route>, params: RawPathParams, request: Request) -> Response {
    let began = app.seams.clock.now();
    let params = params.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let (mut parts, body) = request.into_parts();
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    name_host(&mut parts);
    let ip = client_ip(&app, &parts);
    let read = read_body(&parts, body, route.info.max_body).await;
    let (bytes, fault) = match read {
        Ok(bytes) => (bytes, None),
        Err(error) => (Default::default(), Some(error)),
    };
    let head = Arc::new(Head::new(&app, &parts, params, ip, bytes));
    if let Some(upgrade) = upgrade {
        head.remember(Arc::new(Upgrade::new(Some(upgrade))));
    }
    let result = match fault.or_else(|| unreadable(&head)) {
        Some(error) => Err(error),
        None => run(&app, &route, &head).await,
    };
    let answer = match result {
        Ok(answer) => {
            looked(&app, &head, &route.info);
            answer
        }
        Err(error) => refuse(&app, &head, Some(&route.info), error),
    };
    log(&route.info, &head, &answer);
    let now = app.seams.clock.now();
    app.traffic.count(route.info.action, answer.status.as_u16(), began, now);
    finish(&app, &head, answer).await
}

/// HTTP/2 names the host in the address (RFC 9113 §8.3.1), HTTP/1 in a header: from here on a header.
fn name_host(parts: &mut http::request::Parts) {
    if let Some(host) = parts.uri.authority()
        && let Ok(host) = HeaderValue::try_from(host.as_str())
    {
        parts.headers.insert(header::HOST, host);
    }
}

async fn read_body(
    parts: &http::request::Parts,
    body: Body,
    limit: usize,
) -> Result<axum::body::Bytes> {
    let bytes: usize =
        parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > MOST_HEADER_BYTES {
        return Err(Error::new(Code::HeadersTooLarge));
    }
    let reading = axum::body::to_bytes(body, limit);
    match tokio::time::timeout(SLOWEST, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Error::new(Code::TooLarge).detail(format!(
            "The request's body is larger than the {limit} bytes this address reads."
        ))),
        Err(_) => Err(Error::new(Code::InvalidRequest).detail("The request came too slowly.")),
    }
}

/// A body that says it is JSON and is not is refused before anybody is asked who they are.
fn unreadable(head: &Head) -> Option<Error> {
    if head.params.values().any(|text| text.chars().any(char::is_control)) {
        return Some(Error::not_found());
    }
    let nul = |bytes: &[u8], text: &[u8]| memchr::memmem::find(bytes, text).is_some();
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let json = nul(&head.body, b"\\u0000");
    if nul(query, b"%00")
        || head.body.contains(&0)
        || json
        || (head.is_form() && nul(&head.body, b"%00"))
    {
        return Some(
            Error::new(Code::InvalidRequest).and_field("body", "NUL is not allowed in texts."),
        );
    }
    let is_json = head.content_type() == Some("application/json") && head.mutates();
    if !is_json {
        return None;
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&head.body) {
        Ok(_) if too_deep(&head.body) => Some(
            Error::new(Code::InvalidRequest).and_field("body", "This JSON is nested too deep."),
        ),
        Ok(_) => None,
        Err(_) => Some(Error::new(Code::InvalidRequest).and_field("body", "This is not JSON.")),
    }
}

/// Says whether well-formed JSON is nested deeper than 128.
fn too_deep(json: &[u8]) -> bool {
    let (mut depth, mut text, mut escaped) = (0_u32, false, false);
    for byte in json {
        match (text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => text = !text,
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 128 {
            return true;
        }
    }
    false
}

/// A lost race is run again: three times where the database says so, else once.
fn worth_rerun(error: &Error, attempt: usize) -> bool {
    let most = if error.is_worth_rerun() { RERUNS } else { 1 };
    (error.is_worth_rerun() || error.code() == Code::Raced) && attempt < most
}

async fn run(app: &App, route: &Route, head: &Arc<Head>) -> Result<Answer> {
    let mut attempt = 0;
    loop {
        let verb = (route.run)(app.clone(), head.clone(), route.info.key);
        let result = match AssertUnwindSafe(verb).catch_unwind().await {
            Ok(result) => result,
            Err(_) => Err(Error::internal(anyhow::anyhow!("the verb panicked"))),
        };
        match result {
            Err(error) if worth_rerun(&error, attempt) => {
                attempt += 1;
                head.forget();
                drop(error);
                app.db.settled().await;
            }
            other => return other,
        }
    }
}

/// Turns an error into what the client may see, and records the refusal.
fn refuse(app: &App, head: &Arc<Head>, info: Option<&RouteInfo>, mut error: Error) -> Answer {
    drop(head.slot.take());
    let code = error.code();
    if code.status() >= 500 {
        let id = head.correlation_id;
        tracing::error!(correlation_id = %id, path = head.uri.path(), %error, "request failed");
    }
    if let Some(info) = info {
        record(app, head, info, code);
    }
    if head.is_api() {
        return problem(&error, head.correlation_id).unwrap_or_else(|_| last_resort());
    }
    if let Some(place) = prove_first(code) {
        return sent_to(head, place);
    }
    let own = error.take_page();
    let page = own.unwrap_or_else(|| html::error_page(&error, head));
    Answer { status: page.status, headers: Vec::new(), content: Content::Page(Box::new(page)) }
}

fn record(app: &App, head: &Arc<Head>, info: &RouteInfo, code: Code) {
    let looked = !head.mutates() && !matches!(code.status(), 403 | 429);
    if looked {
        return;
    }
    let stamp = match head.recall::<Stamp>() {
        Some(stamp) => (*stamp).clone(),
        None => anonymous(head, info.action),
    };
    app.audit.refused(app, &Stamp { action: info.action, ..stamp }, named(head, info), code);
}

/// Returns what the path names last.
fn named(head: &Head, info: &RouteInfo) -> Option<String> {
    let last =
        info.path.split('/').rev().find_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    last.and_then(|name| head.params.get(name)).map(|text| text.chars().take(64).collect())
}

/// Records what one of the platform's people looked at.
fn looked(app: &App, head: &Head, info: &RouteInfo) {
    if !head.mutates()
        && head.recall::<Looked>().is_some()
        && let Some(stamp) = head.recall::<Stamp>()
    {
        app.audit.looked(app, &stamp, named(head, info));
    }
}

fn last_resort() -> Answer {
    Answer::bytes(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", Vec::new())
}

async fn finish(app: &App, head: &Arc<Head>, answer: Answer) -> Response {
    let response = match answer.content {
        Content::Raw(response) => Ok(response),
        Content::Bytes(bytes) => Response::builder().status(answer.status).body(Body::from(bytes)),
        Content::Page(page) => {
            // A part of a page that is open already needs no frame around it.
            let markup =
                if head.is_fragment() { page.body } else { html::frame(app, head, *page).await };
            Response::builder()
                .status(answer.status)
                .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
                .header(header::VARY, "hx-request")
                .body(Body::from(markup.into_string()))
        }
    };
    let mut response = response.context("build a response").unwrap_or_else(|error| {
        tracing::error!(%error, "a response cannot be built");
        Response::new(Body::empty())
    });
    let target = response.headers_mut();
    for (name, value) in answer.headers {
        if name == header::SET_COOKIE {
            target.append(name, value)
        } else {
            target.insert(name, value).is_some()
        };
    }
    // Words carried to a page are spent by the page that shows them, not by a part that fetches itself.
    let words_shown = !head.is_fragment()
        && target.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"text/html"));
    if words_shown
        && super::cookie::flashed(head).is_some()
        && let Ok(cookie) = HeaderValue::try_from(super::cookie::end_flash())
    {
        target.append(header::SET_COOKIE, cookie);
    }
    if let Ok(id) = HeaderValue::try_from(head.correlation_id.to_string()) {
        target.insert("x-correlation-id", id);
    }
    headers::harden(target, app.site.over_tls);
    response
}

fn log(info: &RouteInfo, head: &Head, answer: &Answer) {
    tracing::info!(
        action = info.action,
        method = %head.method,
        route = info.path,
        status = answer.status.as_u16(),
        correlation_id = %head.correlation_id,
        "request"
    );
}
