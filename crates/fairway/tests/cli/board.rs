//! The board: the same pages from a server and in a folder.

use crate::common::{NOW, Repo};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

struct Server {
    child: Child,
    address: String,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(repo: &Repo, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fairway"))
            .arg("--root")
            .arg(repo.path())
            .args(["--now", NOW, "serve", "--port", "0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let line = line.trim().strip_prefix("http://").unwrap();
        let (address, key) = line.split_once("/?key=").unwrap_or((line, ""));
        Self { child, address: address.to_owned(), key: key.to_owned() }
    }

    /// Sends a request; returns status line, head and body.
    fn ask(&self, host: &str, head: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let text = format!(
            "{head}\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> String {
        self.ask(&self.address, &format!("GET {path} HTTP/1.1"), "")
    }

    /// The same as who read the key.
    fn writer(&self, head: &str, body: &str) -> String {
        self.ask(&self.address, &format!("{head}\r\nCookie: fairway={}", self.key), body)
    }
}

#[test]
fn pages_are_read_only_and_for_this_machine_alone() {
    let repo = Repo::new();
    repo.change(
        "fairway/flows/FLOW-BOIL-001.md",
        "Words.",
        "<script>alert(1)</script> [x](javascript:alert(1))",
    );
    repo.change("fairway/tasks/KETTLE-NEXT-001.md", "Go on when power is back", "<b>Go</b>");
    let server = Server::start(&repo, &[]);
    for (path, words) in [
        ("/", "Work"),
        ("/matrix.html", "FLOW-BOIL-001"),
        ("/gates.html", "may it begin?"),
        ("/tasks.html", "&lt;b&gt;Go"),
        ("/evidence.html", "counts"),
        ("/recon.html", "ideas#tea"),
        ("/operations.html", "kettle boil --again"),
        ("/inbox.html", "to look at"),
        ("/flow/FLOW-BOIL-001.html", "e2e:boil.spec#boils"),
        ("/gate/sellable.html", "Findings"),
    ] {
        let page = server.get(path);
        assert!(page.starts_with("HTTP/1.1 200") && page.contains(words), "{path}: {page}");
        assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
        assert!(!page.contains("<script>alert") && !page.contains("href=\"javascript"), "{page}");
        assert!(!page.contains("<form"), "nothing can be changed: {page}");
    }
    for path in ["/flow/NO.html", "/flow/../fairway.toml", "/fairway.toml", "/gate/x.html"] {
        assert!(server.get(path).starts_with("HTTP/1.1 404"), "{path}");
    }
    let other = server.ask("rebound.example:80", "GET / HTTP/1.1", "");
    assert!(other.starts_with("HTTP/1.1 421"), "{other}");
    let post = server.ask(&server.address, "POST /task/KETTLE-NEXT-001/claim HTTP/1.1", "by=eve");
    assert!(post.starts_with("HTTP/1.1 403"), "{post}");
}

#[test]
fn an_edit_is_on_the_next_page_and_writing_is_asked_for() {
    let repo = Repo::new();
    let server = Server::start(&repo, &["--write"]);
    let before = server.get("/version");
    repo.change("fairway/flows/FLOW-BOIL-001.md", "Boil water", "Boil much water");
    assert_ne!(server.get("/version"), before);
    assert!(server.get("/matrix.html").contains("Boil much water"));
    assert!(!server.get("/tasks.html").contains("<form"), "whoever did not read the key");
    let entered = server.get(&format!("/?key={}", server.key));
    assert!(entered.starts_with("HTTP/1.1 303") && entered.contains("HttpOnly"), "{entered}");
    let page = server.writer("GET /tasks.html HTTP/1.1", "");
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let claim = "POST /task/KETTLE-RECOVERY-001/claim HTTP/1.1";
    let away = format!("{claim}\r\nSec-Fetch-Site: cross-site");
    for (head, body) in [(claim, "by=eve".to_owned()), (&away, format!("token={token}&by=eve"))] {
        assert!(server.writer(head, &body).starts_with("HTTP/1.1 403"), "{body}");
    }
    let bare = server.ask(&server.address, claim, &format!("token={token}&by=eve"));
    assert!(bare.starts_with("HTTP/1.1 403"), "{bare}");
    let done = server.writer(claim, &format!("token={token}&by=ada"));
    assert!(done.starts_with("HTTP/1.1 303"), "{done}");
    assert!(repo.read("fairway/tasks/KETTLE-RECOVERY-001.md").contains("assignee = \"ada\""));
    let twice = server.writer(claim, &format!("token={token}&by=eve"));
    assert!(twice.starts_with("HTTP/1.1 409") && twice.contains("held by ada"), "{twice}");
    let close = "POST /task/KETTLE-RECOVERY-001/close HTTP/1.1";
    let early = server.writer(close, &format!("token={token}"));
    assert!(early.starts_with("HTTP/1.1 409") && early.contains("cannot be closed"), "{early}");
}

#[test]
fn a_site_is_the_same_pages_in_a_folder() {
    let repo = Repo::new();
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("site");
    let args = ["site", dir.to_str().unwrap()];
    let (code, text) = repo.ask(&args);
    assert!(code == 0 && text.starts_with("14 pages"), "{text}");
    let page = std::fs::read_to_string(dir.join("flow/FLOW-BOIL-001.html")).unwrap();
    assert!(page.contains("href=\"../style.css\"") && !page.contains("<script"), "{page}");
    assert_eq!(repo.ask(&args).0, 2, "a folder that holds something is left alone");
    let again = folder.path().join("again");
    repo.ask(&["site", again.to_str().unwrap()]);
    let same = Command::new("diff").arg("-r").arg(&dir).arg(&again).status().unwrap();
    assert!(same.success(), "same input, same bytes");
}
