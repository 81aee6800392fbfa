//! `/platform/allocations`: all tenants' workloads, and what operators may do to them.

use crate::{
    allocations::{
        force::{self, ForceCleanup, ForceRelease},
        http::{ListAll, ListQuery, page},
        model, store, views,
    },
    tenancy::Operator,
};
use api::{
    Time,
    allocations::{AllocationState, AllocationView},
};
use kernel::{
    App, Result,
    html::{
        FormCtx, Markup, Page, ago, badge, col, danger, empty, html, id_copy, next_page, num,
        page_head, simulated_badge, table,
    },
    http::{Form, Go, Route},
};

const HOME: &str = "/platform/allocations";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/allocations", admin_page),
        Route::post("/platform/allocations/{allocation_id}/force-release", force_release_form),
        Route::post("/platform/allocations/{allocation_id}/force-cleanup", force_cleanup_form),
    ]
}

/// All tenants' workloads.
#[derive(Debug, Clone)]
pub struct AllocationsAdminView {
    /// They.
    pub rows: Vec<AllocationView>,
    /// Only this state.
    pub state: Option<AllocationState>,
    /// The next page.
    pub next: Option<String>,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

impl AllocationsAdminView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let rows: Vec<AllocationView> =
            AllocationState::ALL.iter().map(|s| super::sample(*s)).collect();
        let now = Time(1_795_000_100_000_000);
        vec![
            Self {
                rows: vec![],
                state: Some(AllocationState::ReleaseFailed),
                next: None,
                now,
                form: form.clone(),
            },
            Self { rows, state: None, next: Some("bmV4dA".into()), now, form },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Allocations", "Every tenant's work. Ending it against its owner's will, or settling a clean-up by hand, is recorded with its reason.", None))
            nav class="filters" aria-label="Filter by state" {
                a class="filter" href=(HOME) aria-current=[self.state.is_none().then_some("true")] { "all" }
                @for state in AllocationState::ALL {
                    a class="filter" href={ (HOME) "?state=" (state) } aria-current=[(self.state == Some(*state)).then_some("true")] { (model::words(*state)) }
                }
            }
            @if self.rows.is_empty() {
                (empty("layers", "Nothing here", "No allocation is in this state. That is good news for release failed.", Some(html! { a class="button" href=(HOME) { "Show all" } })))
            } @else { (self.table()) }
        }
    }

    fn table(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .rows
            .iter()
            .map(|row| {
                let (tone, words) = views::tone(row.state, row.unreachable);
                vec![
                    id_copy(&row.id.to_string()),
                    html! { (badge(tone, &words)) @if row.simulated { " " (simulated_badge()) } },
                    html! { (row.count) " × " (row.sku) },
                    id_copy(&row.requested_by.to_string()),
                    ago(row.created_at, self.now),
                    html! { (row.charged.exact()) },
                    self.acts(row),
                ]
            })
            .collect();
        let state = self.state.map_or("", AllocationState::as_str);
        html! {
            (table("Allocations", &[col("Identifier"), col("State"), col("Hardware"), col("Launched by"), col("Launched"), num("Charged"), col("")], &rows))
            (next_page(HOME, &[("state", state)], self.next.as_deref()))
        }
    }

    fn reason(&self, row: &AllocationView, verb: &str) -> Markup {
        let id = format!("reason-{verb}-{}", row.id);
        html! {
            div class="field" { label for=(id) { "Reason" } input id=(id) name="reason" required minlength="3" maxlength="200"; }
        }
    }

    fn acts(&self, row: &AllocationView) -> Markup {
        use AllocationState as State;
        match row.state {
            State::Requested | State::Provisioning | State::Active => danger(
                "Force release",
                "End this against its owner's will?",
                "Everything in it is removed; its owner sees the reason.",
                html! {
                    form method="post" action={ (HOME) "/" (row.id) "/force-release" } {
                        (self.form.hidden(&format!("release-{}", row.id))) (self.reason(row, "release"))
                        button class="button danger-go" { "Force release" }
                    }
                },
            ),
            State::Releasing | State::ReleaseFailed => danger(
                "Settle clean-up",
                "Settle this clean-up by hand?",
                "Say that nothing is left only if you looked at the machine. Otherwise its slots stay blocked until the machine proves it.",
                html! {
                    form method="post" action={ (HOME) "/" (row.id) "/force-cleanup" } {
                        (self.form.hidden(&format!("cleanup-{}", row.id))) (self.reason(row, "cleanup"))
                        label { input type="checkbox" name="verified" value="yes"; " I looked: nothing is left on the machine" }
                        button class="button danger-go" { "Settle" }
                    }
                },
            ),
            State::Released | State::Failed => html! {},
        }
    }
}

async fn admin_page(who: Operator<ListAll>, app: App, (): ()) -> Result<Page> {
    let state = who.head().query("state").and_then(|text| AllocationState::parse(&text));
    let query = ListQuery { status: state, cursor: who.head().query("cursor"), limit: None };
    let (limit, before) = query.paging()?;
    let mut tx = app.db.read().await?;
    let ids = store::list_all_ids(&mut tx, state, before, limit + 1).await?;
    let list = page(&app, &mut tx, ids, limit).await?;
    let view = AllocationsAdminView {
        rows: list.items,
        state,
        next: list.next_cursor,
        now: app.seams.clock.now(),
        form: who.form(&app),
    };
    Ok(Page::new("Allocations", view.draw()).frozen(who.frozen("allocation.force_release")))
}

async fn force_release_form(
    who: Operator<ForceRelease>,
    app: App,
    Form(fields): Form,
) -> Result<Go> {
    force::force_release(&app, &who, &fields.text("reason")).await?;
    Ok(Go::to(HOME).saying("It is being released."))
}

async fn force_cleanup_form(
    who: Operator<ForceCleanup>,
    app: App,
    Form(fields): Form,
) -> Result<Go> {
    force::force_cleanup(&app, &who, fields.ticked("verified"), &fields.text("reason")).await?;
    Ok(Go::to(HOME).saying("The clean-up is settled."))
}
