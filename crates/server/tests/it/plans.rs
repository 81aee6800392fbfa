//! What grows is never walked: history must not make today's work slower.

use crate::node::{Node, failed_release, heard, id_of, launch, release, until_state};
use server::testkit::{Engine, World};
use std::collections::BTreeSet;

/// Tables whose rows are never fewer.
const GROW: &[&str] = &[
    "allocations",
    "audit_chain",
    "audit_entries",
    "claims",
    "grants",
    "hold_credits",
    "holds",
    "idempotency_keys",
    "ledger_accounts",
    "ledger_postings",
    "ledger_transactions",
    "meters",
    "node_works",
    "organizations",
    "org_members",
    "project_members",
    "projects",
    "task_steps",
    "tasks",
    "terminal_shares",
    "terminal_tickets",
    "recording_chunks",
    "recordings",
    "ssh_grants",
    "ssh_keys",
    "usage_windows",
    "factor_challenges",
    "factors",
    "mails",
    "mail_attachments",
    "notices",
    "password_resets",
    "payment_events",
    "payment_cases",
    "processor_movements",
    "simulated_movements",
    "payment_intents",
    "payments",
    "refunds",
    "disputes",
    "credits",
    "spend_days",
    "spend_alerts",
    "usage_days",
    "statements",
    "recovery_codes",
    "recovery_requests",
    "support_accesses",
    "webhook_deliveries",
    "users",
    "usage_charges",
    "usage_events",
    "usage_totals",
];

/// Indexes over what is open alone.
const OPEN: &[&str] = &[
    "allocations_open",
    "claims_live_slot",
    "claims_node",
    "grants_ending",
    "grants_left",
    "holds_open",
    "holds_to_stop",
    "ledger_accounts_platform",
    "meters_open",
    "node_works_unsettled",
    "node_works_open",
    "notices_unread",
    "payments_due",
    "payment_cases_open",
    "payment_events_parked",
    "refunds_due",
    "refunds_stuck",
    "disputes_short",
    "refunds_waiting",
    "credits_waiting",
    "tasks_due",
    "tasks_one_running",
    "support_accesses_opened",
    "tasks_open",
    "usage_events_unbilled",
    "users_staff",
    "webhook_deliveries_due",
    "webhook_deliveries_next",
    "webhook_deliveries_done",
];

/// Statements that walk a table on purpose: checks of the whole.
const MEANT: &[&str] = &[
    "SELECT COUNT(*) FROM audit_entries",
    ") wrong",
    "FROM meters m LEFT JOIN usage_windows w",
    "FROM grants g WHERE g.amount",
    // An entry's trigger asks whether its month is closed; its own row is found by its key.
    "INSERT INTO ledger_transactions",
    // How many people have a second factor is counted when an operator asks.
    "CASE WHEN n > 0",
];

/// Returns the table an alias of a statement stands for.
fn table<'a>(sql: &'a str, alias: &'a str) -> &'a str {
    let words: Vec<&str> = sql.split(|c: char| c.is_whitespace() || c == ',' || c == ')').collect();
    let named = words.windows(2).find_map(|pair| match pair {
        [name, found] if *found == alias && GROW.contains(name) => Some(*name),
        _ => None,
    });
    named.unwrap_or(alias)
}

#[tokio::test]
async fn no_statement_walks_what_grows() {
    let world = World::on(Engine::Sqlite).await;
    let node = Node::join(&world, 4).await;
    let id = id_of(&launch(&world, &world.owner, 2).await);
    until_state(&world, &id, "active").await;
    world.advance(90);
    heard(&world).await;
    release(&world, &id).await;
    until_state(&world, &id, "released").await;
    failed_release(&world, &node).await;
    let looks = server::wire::routes().into_iter().map(|route| route.info).filter(|info| {
        info.method == http::Method::GET && !info.path.contains('{') && info.path != "/events"
    });
    for info in looks {
        for who in [&world.owner, &world.operator] {
            let _ = world.get(who, info.path).await;
        }
    }
    world.sweep().await;
    let plans = world.test_db.plans();
    assert!(plans.len() > 100, "only {} statements were seen", plans.len());
    let mut walks = Vec::new();
    let mut unused: BTreeSet<&str> = MEANT.iter().copied().collect();
    for (sql, lines) in &plans {
        let text = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        for line in lines.iter().filter_map(|line| line.strip_prefix("SCAN ")) {
            let table = table(&text, line.split(' ').next().unwrap());
            let grows = GROW.contains(&table);
            let open = OPEN.iter().any(|index| line.ends_with(index));
            if !grows || open {
                continue;
            }
            match MEANT.iter().find(|meant| text.contains(**meant)) {
                Some(meant) => _ = unused.remove(meant),
                None => walks.push(format!("{line}: {text}")),
            }
        }
    }
    assert!(unused.is_empty(), "allowed for nothing: {unused:#?}");
    assert!(walks.is_empty(), "{walks:#?}");
}
