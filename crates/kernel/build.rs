//! Fetches the pinned browser libraries when they are missing, and turns everything pages load into
//! one table of files with their content hash, so that the binary carries them all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a build stops aloud, and is no part of the product"
)]

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

/// Name under `/static/`, media type, and the file below `web/`.
const FILES: &[(&str, &str, &str)] = &[
    (
        "inter.woff2",
        "font/woff2",
        "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    ),
    (
        "mono.woff2",
        "font/woff2",
        "node_modules/@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
    ),
    ("favicon.svg", "image/svg+xml", "src/favicon.svg"),
    ("app.css", "text/css; charset=utf-8", "src/app.css"),
    ("app.js", "text/javascript; charset=utf-8", "src/app.js"),
    ("htmx.js", "text/javascript; charset=utf-8", "node_modules/htmx.org/dist/htmx.min.js"),
    ("xterm.js", "text/javascript; charset=utf-8", "node_modules/@xterm/xterm/lib/xterm.js"),
    ("xterm.css", "text/css; charset=utf-8", "node_modules/@xterm/xterm/css/xterm.css"),
    (
        "xterm-fit.js",
        "text/javascript; charset=utf-8",
        "node_modules/@xterm/addon-fit/lib/addon-fit.js",
    ),
    ("terminal.js", "text/javascript; charset=utf-8", "src/terminal.js"),
    ("terminal-tools.js", "text/javascript; charset=utf-8", "src/terminal-tools.js"),
    ("player.js", "text/javascript; charset=utf-8", "src/player.js"),
    (
        "xterm-search.js",
        "text/javascript; charset=utf-8",
        "node_modules/@xterm/addon-search/lib/addon-search.js",
    ),
];

/// Icons by their lucide names.
const ICONS: &[&str] = &[
    "activity",
    "bell",
    "book-open",
    "building",
    "building-2",
    "check",
    "chevron-down",
    "chevron-right",
    "chevrons-up-down",
    "circle-alert",
    "circle-check",
    "circle-help",
    "circle-play",
    "circle-x",
    "clock",
    "copy",
    "cpu",
    "download",
    "external-link",
    "file-lock",
    "file-search",
    "folder-kanban",
    "gauge",
    "gauge",
    "house",
    "info",
    "key-round",
    "laptop",
    "layers",
    "link",
    "list-checks",
    "log-in",
    "log-out",
    "menu",
    "monitor",
    "moon",
    "pencil",
    "plus",
    "receipt",
    "refresh-cw",
    "rocket",
    "search",
    "send",
    "server",
    "settings",
    "shield-check",
    "square-terminal",
    "sun",
    "tag",
    "terminal",
    "trash-2",
    "triangle-alert",
    "user",
    "users",
    "wallet",
    "x",
    "zap",
];

fn main() {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let web = manifest.join("../../web");
    for watched in ["src", "package.json", "package-lock.json"] {
        println!("cargo:rerun-if-changed={}", web.join(watched).display());
    }
    fetch(&web);
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let mut table = String::from("/// Every file pages load.\npub static FILES: &[Asset] = &[\n");
    let mut known: Vec<(String, String)> = Vec::new();
    for (name, media, from) in FILES {
        let mut bytes = fs::read(web.join(from)).unwrap_or_else(|e| panic!("{from}: {e}"));
        if name.ends_with(".css") {
            bytes = with_hashes(bytes, &known);
        }
        if name.ends_with(".js") {
            bytes = without_map(bytes);
        }
        let hash = fnv(&bytes);
        known.push(((*name).to_owned(), hash.clone()));
        fs::write(out.join(name), &bytes).unwrap();
        fs::write(out.join(format!("{name}.gz")), gzip(&bytes)).unwrap();
        table.push_str(&format!(
            "Asset {{ name: {name:?}, hash: {hash:?}, media: {media:?}, plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}\")), gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\")) }},\n"
        ));
    }
    table.push_str(
        "];\n/// Icons by name: the inside of their SVG.\npub static ICONS: &[(&str, &str)] = &[\n",
    );
    for name in ICONS {
        let path = web.join(format!("node_modules/lucide-static/icons/{name}.svg"));
        let svg = fs::read_to_string(&path).unwrap_or_else(|e| panic!("icon {name}: {e}"));
        let inner = svg.split_once("stroke-linejoin=\"round\"\n>").unwrap().1;
        let inner = inner.rsplit_once("</svg>").unwrap().0;
        let inner: String = inner.split_whitespace().collect::<Vec<_>>().join(" ");
        table.push_str(&format!("({name:?}, {inner:?}),\n"));
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table).unwrap();
}

/// Runs `npm ci` when the lock file is newer than what is installed.
fn fetch(web: &Path) {
    let stamp = web.join("node_modules/.package-lock.json");
    let lock = web.join("package-lock.json");
    let age = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    if age(&stamp).is_some() && age(&stamp) >= age(&lock) {
        return;
    }
    let done = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .current_dir(web)
        .status();
    let fine = done.is_ok_and(|status| status.success());
    assert!(fine, "`npm ci` in web/ failed; Node.js 20 or later with npm is needed to build");
    let touched = fs::File::options().append(true).open(&stamp).expect("npm wrote no stamp");
    touched.set_modified(std::time::SystemTime::now()).expect("touch the stamp");
}

fn with_hashes(bytes: Vec<u8>, known: &[(String, String)]) -> Vec<u8> {
    let mut text = String::from_utf8(bytes).expect("style sheets are text");
    for (name, hash) in known {
        text = text.replace(&format!("/static/{name}"), &format!("/static/{hash}/{name}"));
    }
    text.into_bytes()
}

fn without_map(bytes: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(bytes).expect("scripts are text");
    let kept: Vec<&str> =
        text.lines().filter(|line| !line.starts_with("//# sourceMappingURL")).collect();
    kept.join("\n").into_bytes()
}

fn fnv(bytes: &[u8]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
