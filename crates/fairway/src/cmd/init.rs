//! Makes a start, and prints schemas for editors.

use super::{Global, print};
use crate::{
    config::{Config, Gate},
    evidence::Statement,
    gate::Answer,
    load,
    model::{Decided, Flow, Gap, Level, Ops, Pass, Priority, Spec, Task, UatRow},
    portal::PageFront,
};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;

/// `init`
#[derive(Args)]
pub struct Init {
    /// The product's name.
    #[arg(long, default_value = "My product")]
    product: String,
}

/// `schema`
#[derive(Args)]
pub struct Schema {
    /// Of what.
    item: Schemas,
}

/// What has a schema.
#[derive(Clone, Copy, ValueEnum)]
enum Schemas {
    /// `fairway.toml`
    Config,
    /// `fairway/tasks/*.md`
    Task,
    /// `fairway/flows/*.md`
    Flow,
    /// `fairway/uat/*.md`
    Uat,
    /// `fairway/gaps/*.toml`
    Gap,
    /// `fairway/recon/*.toml`
    Recon,
    /// `fairway/ops.toml`
    Ops,
    /// `fairway/decisions/*.toml`
    Decision,
    /// `specs/*/spec.md`
    Spec,
    /// Front matter of pages.
    Page,
    /// `evidence/*.json`
    Evidence,
}

/// Prints a schema.
pub fn schema(args: &Schema) -> Result<Answer> {
    let schema = match args.item {
        Schemas::Config => schemars::schema_for!(Config),
        Schemas::Task => schemars::schema_for!(Task),
        Schemas::Flow => schemars::schema_for!(Flow),
        Schemas::Uat => schemars::schema_for!(UatRow),
        Schemas::Gap => schemars::schema_for!(Gap),
        Schemas::Recon => schemars::schema_for!(Pass),
        Schemas::Ops => schemars::schema_for!(Ops),
        Schemas::Decision => schemars::schema_for!(Decided),
        Schemas::Spec => schemars::schema_for!(Spec),
        Schemas::Page => schemars::schema_for!(PageFront),
        Schemas::Evidence => schemars::schema_for!(Statement),
    };
    print(&format!("{}\n", serde_json::to_string_pretty(&schema).context("write the schema")?));
    Ok(Answer::Holds)
}

/// Returns the seven gates as they are unless a product says otherwise.
pub(crate) fn gates() -> BTreeMap<String, Gate> {
    let all = vec!["*".to_owned()];
    let sound: Vec<String> = [
        "word-unknown",
        "reference-missing",
        "path-undecided",
        "anchor-unresolvable",
        "proof-unwritable",
        "gap-invalid",
    ]
    .map(str::to_owned)
    .to_vec();
    let gate =
        |about: &str, level: Option<Level>, priorities: &[Priority], rules: &[String]| Gate {
            about: about.to_owned(),
            level,
            priorities: priorities.to_vec(),
            rules: rules.to_vec(),
            ..Gate::default()
        };
    let (p0, p1) = ([Priority::P0], [Priority::P0, Priority::P1]);
    [
        ("review", gate("May this change be merged?", None, &[], &sound)),
        (
            "product-flow",
            gate(
                "Does everything people can reach belong to a flow?",
                None,
                &[],
                &["surface-unnamed".to_owned()],
            ),
        ),
        ("pre-uat", gate("May UAT of the most urgent flows begin?", Some(Level::L3), &p0, &sound)),
        ("broad-uat", gate("May broad UAT begin?", Some(Level::L3), &p1, &sound)),
        ("daily-use", gate("May people rely on it every day?", Some(Level::L4), &p0, &sound)),
        ("demoable", gate("May it be shown?", Some(Level::L3), &p0, &sound)),
        ("sellable", gate("May it be sold?", Some(Level::L5), &p1, &all)),
    ]
    .into_iter()
    .map(|(name, gate)| (name.to_owned(), gate))
    .collect()
}

const START: &str = r#"# What fairway knows of this product. Words used in items must be declared here.
version = 1
product = "PRODUCT"
personas = ["user", "operator"]
detected_by = ["manual_review", "test", "user"]
expected_gates = ["review_gate", "product_flow_gate", "pre_uat_gate"]

# Roles own things; a role nobody holds makes answers unknown.
[roles.product]
about = "What it is for"
# person = "Their name"

[roles.engineering]
about = "How it works"
# person = "Their name"

# Where evidence comes from.
[lanes.build]
about = "Tests of a checkout"
for_tests = true

[lanes.local]
about = "An installed release on one machine"

# Where anchors are looked up; leave out what there is not.
[anchors]
# openapi = "openapi.json"
# routes = "routes.txt"
# commands = "commands.txt"

"#;

const FLOW: &str = r#"+++
id = "FLOW-EXAMPLE-001"
title = "A user does the one thing the product is for"
priority = "P0"
personas = ["user"]
owner = "product"
with = ["engineering"]
lanes = ["local"]
code = ["**/*"]
ux = ["README.md"]
contracts = []

[path.happy]
text = "It works."
proof = []

[path.empty]
text = "Nothing is there yet, and the page says what to do."
proof = []

[path.blocked]
text = "Something is in the way, and it is said before anything changes."
proof = []

[path.recovery]
text = "The way back."
proof = []

[path.negative]
text = "Bad input gets plain words."
proof = []

[path.cleanup]
text = "Nothing is left behind."
proof = []
+++

What happens, for people. Replace this with your first flow, then ask `fairway why FLOW-EXAMPLE-001`.
"#;

/// Makes a start.
pub fn init(global: &Global, args: &Init) -> Result<Answer> {
    let root = match &global.root {
        Some(root) => root.clone(),
        None => std::env::current_dir().context("find the current folder")?,
    };
    if root.join(load::CONFIG).exists() {
        bail!("{} is there already", root.join(load::CONFIG).display());
    }
    let gates =
        toml::to_string_pretty(&BTreeMap::from([("gates", gates())])).context("write gates")?;
    let product = args.product.replace(['"', '\\', '\n'], "");
    let files = [
        (load::CONFIG, format!("{}{gates}", START.replace("PRODUCT", &product))),
        ("fairway/flows/FLOW-EXAMPLE-001.md", FLOW.to_owned()),
    ];
    for (path, text) in files {
        let place = root.join(path);
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("make {}", folder.display()))?;
        }
        std::fs::write(&place, text).with_context(|| format!("write {}", place.display()))?;
        print(&format!("{path}\n"));
    }
    print("next: `fairway check`, then `fairway why FLOW-EXAMPLE-001`\n");
    Ok(Answer::Holds)
}
