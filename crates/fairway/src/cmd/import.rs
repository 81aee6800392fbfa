//! Takes over a hand-kept flow matrix, or a task kept as a page.

use super::{Format, Global, print};
use crate::{
    config::{Config, Lane, Role},
    gate::Answer,
    import::{contradictions, items, matrix, spec, task},
    load,
    model::{Flow, Task, UatRow},
    report::{self, Style},
};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// `import`
#[derive(Args)]
pub struct Import {
    /// The document.
    file: PathBuf,
    /// The folder to write to; it must be empty or not there.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The product's name.
    #[arg(long, default_value = "imported")]
    product: String,
}

/// Reads the document, writes items, says what it contradicts in itself.
pub fn import(global: &Global, args: &Import) -> Result<Answer> {
    let text =
        std::fs::read(&args.file).with_context(|| format!("read {}", args.file.display()))?;
    let text = String::from_utf8(text).map_err(|error| {
        anyhow::anyhow!(
            "{}: no UTF-8 text after byte {}",
            args.file.display(),
            error.utf8_error().valid_up_to()
        )
    })?;
    let name =
        args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if task::is_one(&text) {
        return import_task(&name, &text, args);
    }
    if spec::is_one(&text) {
        return import_spec(&name, &text, args);
    }
    let read = matrix::read(&name, &text)
        .and_then(|document| items::items(&document).map(|items| (document, items)));
    let (document, items) = match read {
        Ok(read) => read,
        Err(faults) => {
            print(&report::findings(&faults, Style { warnings: true }));
            return Ok(Answer::Unreadable);
        }
    };
    if args.into.join(load::CONFIG).exists() || args.into.join("fairway").exists() {
        bail!("{} holds a product already", args.into.display());
    }
    write_all(&args.into, &config(&args.product, &items), &items)?;
    let found = contradictions::find(&document);
    match global.format {
        Format::Text => {
            print(&report::findings(&found, Style { warnings: true }));
            print(&format!(
                "{} flows, {} cells; {} gap rows, {} cells; {} tasks; {} decision entries; {} contradictions\n",
                document.flows.len(),
                document.flows.iter().map(|(_, row)| row.cells.len()).sum::<usize>(),
                document.gaps.len(),
                document.gaps.iter().map(|row| row.cells.len()).sum::<usize>(),
                items.tasks.len(),
                document.decisions.len(),
                found.len(),
            ));
        }
        _ => {
            print(&format!("{}\n", serde_json::to_string_pretty(&found).context("write findings")?))
        }
    }
    Ok(Answer::Holds)
}

/// Writes one task; settings are made where there are none.
fn import_task(name: &str, text: &str, args: &Import) -> Result<Answer> {
    let (task, body) = match task::read(name, text) {
        Ok(read) => read,
        Err(fault) => {
            print(&report::findings(&[*fault], Style { warnings: true }));
            return Ok(Answer::Unreadable);
        }
    };
    let path = format!("fairway/tasks/{}.md", task.id);
    if args.into.join(&path).exists() {
        bail!("{path} is there already");
    }
    if !args.into.join(load::CONFIG).exists() {
        let items = items::Items { tasks: vec![task.clone()], ..items::Items::default() };
        let settings =
            toml::to_string_pretty(&config(&args.product, &items)).context("write settings")?;
        put(&args.into, load::CONFIG, &settings)?;
    }
    put(&args.into, &path, &format!("{}{body}", page(&task)?))?;
    print(&format!("{path}\n"));
    Ok(Answer::Holds)
}

/// Writes one spec; settings are made where there are none.
fn import_spec(name: &str, text: &str, args: &Import) -> Result<Answer> {
    let spec = match spec::read(name, text) {
        Ok(spec) => spec,
        Err(fault) => {
            print(&report::findings(&[*fault], Style { warnings: true }));
            return Ok(Answer::Unreadable);
        }
    };
    let path = format!("specs/{}/spec.md", spec.id);
    if spec.id.contains(['/', '\\']) || args.into.join(&path).exists() {
        bail!("{path} is there already, or is no path");
    }
    if !args.into.join(load::CONFIG).exists() {
        let settings = config(&args.product, &items::Items::default());
        put(
            &args.into,
            load::CONFIG,
            &toml::to_string_pretty(&settings).context("write settings")?,
        )?;
    }
    put(&args.into, &path, &spec::page(&spec, &format!("\n{text}"))?)?;
    let fields = spec.intake.len() + spec.origin.len() + spec.scope.len();
    print(&format!(
        "{path}: {fields} questions, {} sections, {} criteria, score {} of 12\n",
        spec.sections.len(),
        spec.criteria.len(),
        spec.score.get("total").copied().unwrap_or(0)
    ));
    Ok(Answer::Holds)
}

fn put(into: &Path, path: &str, text: &str) -> Result<()> {
    let path = into.join(path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}

/// Returns settings with every word the document uses; nobody is bound to a role.
fn config(product: &str, items: &items::Items) -> Config {
    let words = |pick: &dyn Fn(&Flow) -> Vec<String>| -> BTreeSet<String> {
        items.flows.iter().flat_map(pick).collect()
    };
    let task_words = |pick: fn(&Task) -> &Option<String>| -> Vec<String> {
        let set: BTreeSet<String> =
            items.tasks.iter().filter_map(|task| pick(task).clone()).collect();
        set.into_iter().collect()
    };
    let mut roles =
        words(&|flow| std::iter::once(&flow.owner).chain(&flow.with).cloned().collect());
    roles.extend(items.tasks.iter().flat_map(|task| task.owner.iter().chain(&task.with)).cloned());
    let lanes = words(&|flow| flow.lanes.iter().chain(&flow.optional_lanes).cloned().collect());
    Config {
        version: 1,
        product: product.to_owned(),
        personas: words(&|flow| flow.personas.clone()).into_iter().collect(),
        roles: roles.into_iter().map(|role| (role, Role::default())).collect(),
        lanes: lanes.into_iter().map(|lane| (lane, Lane::default())).collect(),
        fixtures: BTreeMap::new(),
        anchors: Default::default(),
        evidence: Default::default(),
        gaps: Default::default(),
        portal: Default::default(),
        uat: Default::default(),
        boundaries: BTreeMap::new(),
        sources: Vec::new(),
        detected_by: task_words(|task| &task.detected_by),
        expected_gates: task_words(|task| &task.expected_gate),
        buckets: Vec::new(),
        gates: super::init::gates(),
    }
}

fn write_all(into: &Path, config: &Config, items: &items::Items) -> Result<()> {
    let put = |path: String, text: String| put(into, &path, &text);
    put(load::CONFIG.to_owned(), toml::to_string_pretty(config).context("write settings")?)?;
    for flow in &items.flows {
        put(format!("fairway/flows/{}.md", flow.id), page(flow)?)?;
    }
    for task in &items.tasks {
        put(format!("fairway/tasks/{}.md", task.id), page::<Task>(task)?)?;
    }
    for row in &items.uat {
        put(format!("fairway/uat/{}.md", row.id), page::<UatRow>(row)?)?;
    }
    put(
        "fairway/kept.toml".to_owned(),
        toml::to_string_pretty(&items.kept).context("write what was kept")?,
    )
}

fn page<T: serde::Serialize>(item: &T) -> Result<String> {
    Ok(format!("+++\n{}+++\n", toml::to_string_pretty(item).context("write an item")?))
}
