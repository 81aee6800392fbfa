//! Pages in a browser, on this machine alone, and the same pages in a folder.

use super::{Global, hold, look, print};
use crate::{
    board::{Board, LIVE, STYLE},
    gate::Answer,
    load,
    model::Level,
    tree::Tree,
    world::World,
};
use anyhow::{Context, Result, bail};
use axum::{
    Form, Router,
    extract::{Path as At, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use clap::Args;
use std::{
    collections::BTreeMap,
    io::Read,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// `serve`
#[derive(Args)]
pub struct Serve {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4180)]
    port: u16,
    /// Let pages claim, review and close tasks in the working tree.
    #[arg(long)]
    write: bool,
}

/// `site`
#[derive(Args)]
pub struct Site {
    /// The folder; it must be empty or not there.
    dir: PathBuf,
}

/// Writes every page to a folder.
pub fn site(global: &Global, args: &Site) -> Result<Answer> {
    global.world(Level::L3, |world| {
        let dir = &args.dir;
        if dir.read_dir().is_ok_and(|mut list| list.next().is_some()) {
            bail!("{} is not empty", dir.display());
        }
        for folder in ["flow", "gate"] {
            std::fs::create_dir_all(dir.join(folder)).context("make the folders")?;
        }
        let board = Board::new(world, false, None);
        let paths = board.paths();
        for path in &paths {
            let page = board.page(path).with_context(|| format!("make {path}"))?;
            std::fs::write(dir.join(path), page).with_context(|| format!("write {path}"))?;
        }
        std::fs::write(dir.join("style.css"), STYLE).context("write the style")?;
        print(&format!("{} pages in {}\n", paths.len(), dir.display()));
        Ok(Answer::Holds)
    })
}

/// What requests share.
struct Shared {
    global: Global,
    token: Option<String>,
    kept: Mutex<Kept>,
}

/// Pages made of the files as they were at one look.
#[derive(Default)]
struct Kept {
    version: String,
    pages: BTreeMap<String, String>,
}

/// Serves pages until it is ended.
pub fn serve(global: &Global, args: &Serve) -> Result<Answer> {
    if args.write && global.at.is_some() {
        bail!("a commit cannot be written to: leave out --at or --write");
    }
    let graph = global.graph(&global.tree()?)?;
    look::config(&graph)?;
    let token = if args.write { Some(token()?) } else { None };
    let shared =
        Arc::new(Shared { global: global.clone(), token: token.clone(), kept: Mutex::default() });
    let app = Router::new()
        .route("/", get(home))
        .route("/style.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], STYLE) }))
        .route("/live.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript")], LIVE) }))
        .route("/version", get(version))
        .route("/task/{id}/{what}", post(change))
        .route("/{*path}", get(page))
        .layer(middleware::from_fn(guard))
        .with_state(shared);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("start")?.block_on(async {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address}"))?;
        // Who may write is who read this line: another user of this machine did not.
        let address = listener.local_addr().context("read the address")?;
        let key = token.map(|token| format!("/?key={token}")).unwrap_or_default();
        print(&format!("http://{address}{key}\n"));
        let end = async { drop(tokio::signal::ctrl_c().await) };
        axum::serve(listener, app).with_graceful_shutdown(end).await.context("serve")
    })?;
    Ok(Answer::Holds)
}

/// Returns 128 bits nobody can guess.
fn token() -> Result<String> {
    let mut bytes = [0u8; 16];
    let mut random = std::fs::File::open("/dev/urandom").context("open /dev/urandom")?;
    random.read_exact(&mut bytes).context("read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Answers only those who ask for this machine by its own name: another site's page cannot.
async fn guard(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    if !matches!(host, Some("127.0.0.1" | "localhost")) {
        return (StatusCode::MISDIRECTED_REQUEST, "ask for 127.0.0.1\n").into_response();
    }
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

fn failed(error: &anyhow::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response()
}

/// Returns what tells one state of the files from another, and the files.
fn looked(global: &Global) -> Result<(String, Tree)> {
    let tree = global.tree()?;
    let mut text = String::new();
    for file in tree.files() {
        let meta = std::fs::metadata(tree.root().join(file));
        let meta = meta.ok().and_then(|meta| Some((meta.len(), meta.modified().ok()?)));
        text.push_str(&format!("{file} {meta:?}\n"));
    }
    let minute = global.now()?.as_second() / 60;
    let head = crate::git::commit(tree.root(), "HEAD").unwrap_or_default();
    Ok((crate::evidence::sha256(format!("{head}\n{minute}\n{text}").as_bytes()), tree))
}

/// Returns whether a request carries the cookie of who read the key.
fn may_write(shared: &Shared, headers: &HeaderMap) -> bool {
    let Some(token) = &shared.token else { return false };
    let cookies =
        headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    cookies.split("; ").any(|one| one.strip_prefix("fairway=") == Some(token))
}

/// The board; with the key, leaves the cookie that lets pages write.
async fn home(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    match query.get("key") {
        Some(key) if shared.token.as_ref() == Some(key) => {
            let cookie = format!("fairway={key}; HttpOnly; SameSite=Strict; Path=/");
            ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        _ => page(State(shared), At("index.html".to_owned()), headers).await,
    }
}

async fn version(State(shared): State<Arc<Shared>>) -> Response {
    match looked(&shared.global) {
        Ok((version, _)) => version.into_response(),
        Err(error) => failed(&error),
    }
}

async fn page(
    State(shared): State<Arc<Shared>>,
    At(path): At<String>,
    headers: HeaderMap,
) -> Response {
    match made(&shared, &path, may_write(&shared, &headers)) {
        Ok(Some(page)) => {
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
        }
        Ok(None) => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
        Err(error) => failed(&error),
    }
}

/// Returns a page, made anew when a file changed.
fn made(shared: &Shared, path: &str, write: bool) -> Result<Option<String>> {
    let (version, tree) = looked(&shared.global)?;
    let mut kept = shared.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if kept.version != version {
        *kept = Kept { version, pages: BTreeMap::new() };
    }
    let key = format!("{write} {path}");
    if let Some(page) = kept.pages.get(&key) {
        return Ok(Some(page.clone()));
    }
    let graph = shared.global.graph(&tree)?;
    let config = look::config(&graph)?;
    let world = World::new(&tree, &graph, config, shared.global.ask(Level::L3)?);
    let token = shared.token.clone().filter(|_| write);
    let page = Board::new(&world, true, token).page(path);
    if let Some(page) = &page {
        kept.pages.insert(key, page.clone());
    }
    Ok(page)
}

/// Claims, reviews or closes a task, by the same functions as the command line.
async fn change(
    State(shared): State<Arc<Shared>>,
    At((id, what)): At<(String, String)>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let from = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let ours = may_write(&shared, &headers) && form.get("token") == shared.token.as_ref();
    if !ours || !matches!(from, None | Some(b"same-origin")) {
        return (StatusCode::FORBIDDEN, "these pages change nothing\n").into_response();
    }
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    match done(&shared.global, &id, &what, &field) {
        Ok((Answer::Holds, _)) => Redirect::to(&format!("/tasks.html#{id}")).into_response(),
        Ok((_, words)) => (StatusCode::CONFLICT, format!("{words}\n")).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error:#}\n")).into_response(),
    }
}

fn done<'a>(
    global: &Global,
    id: &str,
    what: &str,
    field: &dyn Fn(&str) -> &'a str,
) -> Result<hold::Said> {
    let tree = global.tree()?;
    let graph = load::graph(&tree);
    let config = look::config(&graph)?;
    let task = graph.tasks.get(id).with_context(|| format!("there is no task {id}"))?;
    let (root, now) = (tree.root(), global.now()?);
    match what {
        "claim" => hold::claim(root, &graph, task, field("by"), now, 24),
        "review" => hold::review(root, config, task, field("by"), field("note"), now),
        "close" => hold::close(&World::new(&tree, &graph, config, global.ask(Level::L0)?), task),
        _ => bail!("a task is claimed, reviewed or closed"),
    }
}
