//! Golden files: what a reviewer reads. `make golden` writes them anew.

use kernel::db::Single;
use server::{tenancy, testkit::World, wire};
use std::{fmt::Write, fs, path::PathBuf};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn compare(name: &str, text: &str) {
    let path = root().join("golden").join(name);
    if std::env::var_os("GPUAAS_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name} is not what the program says; look at `make golden && git diff`");
}

#[test]
fn routes() {
    let mut lines: Vec<String> = wire::routes()
        .iter()
        .map(|route| {
            let info = &route.info;
            format!(
                "{:<7}{:<70} {:<10}{:<26}{:<14}{:?}",
                info.method.as_str(),
                info.path,
                info.entrance.as_str(),
                info.action,
                info.scope,
                info.key
            )
        })
        .collect();
    lines.sort();
    compare("routes.txt", &(lines.join("\n") + "\n"));
}

#[test]
fn states() {
    let text = format!("{}\n{}", server::fleet::states(), server::allocations::states());
    compare("states.txt", &text);
}

#[test]
fn steps() {
    let mut text = String::new();
    for operation in server::allocations::operations() {
        writeln!(text, "{}", operation.kind).unwrap();
        for step in operation.steps {
            let deadline = step.deadline.as_secs();
            writeln!(text, "  {:<34}{deadline:>5} s, then {}", step.name, step.on_deadline)
                .unwrap();
        }
    }
    compare("steps.txt", &text);
}

#[test]
fn roles() {
    compare("roles.txt", &tenancy::matrix());
}

#[test]
fn writers() {
    let mut text = String::new();
    let mut writers = wire::writers();
    writers.sort_by_key(|writer| writer.name);
    for writer in writers {
        let why = writer.unaudited.map_or("audited".to_owned(), |why| format!("no entry: {why}"));
        writeln!(text, "{:<28}{why}", writer.name).unwrap();
    }
    compare("writers.txt", &text);
}

#[test]
fn openapi() {
    let registry = server::web::Registry(wire::routes().into_iter().map(|r| r.info).collect());
    let text = serde_json::to_string_pretty(&server::web::document(&registry)).unwrap() + "\n";
    compare("openapi.json", &text);
}

#[tokio::test]
async fn schema() {
    let world = World::new().await;
    let mut tx = world.app.db.read().await.unwrap();
    let parts: Vec<Single<String>> = tx
        .list(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
              ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, name",
            (),
        )
        .await
        .unwrap();
    let text: String = parts.iter().map(|part| format!("{};\n\n", part.0)).collect();
    compare("schema.sql", &text);
}
