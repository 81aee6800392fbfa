//! Setting budgets and taking them away.

use super::store::{self, Budget};
use crate::tenancy::{
    self, Action, Allowed, Ask, Found, InOrg, check_place, find_organization, somebody,
};
use api::{BudgetId, Micros, budgets::BudgetSet};
use kernel::{App, Error, Result, audit::Key, db::Reader};

/// Most budgets of an organization.
const MOST: usize = 500;

async fn in_context(ask: &Ask<'_>) -> Result<Option<Found<()>>> {
    Ok(ask.context.as_ref().map(|project| Found::in_org(project.org_id, ())))
}

async fn find_budget(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Budget>>> {
    let id: BudgetId = ask.head.id("budget_id")?;
    Ok(store::find(tx, id).await?.map(|row| Found::in_org(row.org_id, row)))
}

/// Lists budgets and what was spent of each.
pub struct List;
impl Action for List {
    const NAME: &'static str = "budget.list";
    type Scope = InOrg;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        in_context(ask).await
    }
}

/// Sets a budget, or changes it.
pub struct Set;
impl Action for Set {
    const NAME: &'static str = "budget.set";
    type Scope = InOrg;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        in_context(ask).await
    }
}

/// Takes a budget away.
pub struct Remove;
impl Action for Remove {
    const NAME: &'static str = "budget.remove";
    type Scope = InOrg;
    type Row = Budget;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Budget>>> {
        find_budget(tx, ask).await
    }
}

fn check(ask: &BudgetSet) -> Result<()> {
    let named = [ask.department_id.is_some(), ask.project_id.is_some(), ask.email.is_some()];
    if named.iter().filter(|named| **named).count() > 1 {
        return Err(Error::field("project_id", "Name a department, a project or a person: one."));
    }
    if ask.stop && !ask.hard {
        return Err(Error::field("stop", "Only a hard budget releases what runs."));
    }
    Ok(())
}

/// Sets a budget; one of the same place and period is changed.
///
/// # Errors
/// `validation_error`.
pub async fn set(app: &App, who: &Allowed<Set>, ask: &BudgetSet) -> Result<Budget> {
    let org_id = who.scope().org_id();
    check(ask)?;
    let mut tx = app.db.write(who).await?;
    // Two who set the same budget at the same moment wait for each other.
    crate::billing::store::lock_money(&mut tx, org_id).await?;
    let org = find_organization(&mut tx, org_id).await?.ok_or_else(Error::not_found)?;
    if ask.amount.currency != org.currency {
        return Err(Error::field(
            "amount",
            format!("This organization counts in {}.", org.currency),
        ));
    }
    if ask.amount.micros <= Micros::ZERO || ask.amount.micros > Micros(1_000_000_000_000_000) {
        return Err(Error::field("amount", "Enter an amount above zero, and at most a billion."));
    }
    check_place(&mut tx, org_id, ask.department_id, ask.project_id).await?;
    let user = match &ask.email {
        Some(email) => Some(somebody(&mut tx, org_id, email).await?.id),
        None => None,
    };
    let all = store::list(&mut tx, org_id).await?;
    let same = |row: &&Budget| {
        (row.department_id, row.project_id, row.user_id, row.period)
            == (ask.department_id, ask.project_id, user, ask.period)
    };
    let (set_by, set_at, amount) = (who.caller().user_id(), tx.now(), ask.amount.micros);
    let row = match all.iter().find(same) {
        Some(old) => {
            let (hard, stops) = (ask.hard, ask.stop);
            Budget { amount, hard, stops, set_by, set_at, warned: 0, ..old.clone() }
        }
        None if all.len() >= MOST => {
            return Err(Error::field(
                "amount",
                format!("An organization has at most {MOST} budgets."),
            ));
        }
        None => Budget {
            id: tx.new_id(),
            org_id,
            department_id: ask.department_id,
            project_id: ask.project_id,
            user_id: user,
            period: ask.period,
            amount,
            hard: ask.hard,
            set_by,
            set_at,
            warned: 0,
            warned_from: 0,
            stops: ask.stop,
        },
    };
    if store::change(&mut tx, &row).await? == 0 {
        tx.insert(&row).await?;
    }
    tx.target(row.id);
    tx.note(Key::Amount, ask.amount);
    let does = match (row.hard, row.stops) {
        (_, true) => "releases",
        (true, false) => "hard",
        (false, false) => "soft",
    };
    tx.note(Key::State, does);
    tx.commit().await?;
    Ok(row)
}

/// Takes a budget away.
///
/// # Errors
/// `conflict` when somebody did at the same moment.
pub async fn remove(app: &App, who: &Allowed<Remove>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if store::remove(&mut tx, who.row().id).await? == 0 {
        return Err(api::Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.commit().await
}

/// Says of what a budget is, by name.
///
/// # Errors
/// What the database says.
pub async fn place(tx: &mut Reader, row: &Budget) -> Result<String> {
    if let Some(id) = row.user_id {
        let user = crate::identity::find_user(tx, id).await?;
        return Ok(user.map_or_else(|| "somebody".to_owned(), |user| user.display_name));
    }
    if let Some(id) = row.project_id {
        let project = tenancy::find_project(tx, id).await?;
        return Ok(format!("project {}", project.map(|one| one.name.clone()).unwrap_or_default()));
    }
    if let Some(id) = row.department_id {
        let all = tenancy::list_departments(tx, row.org_id).await?;
        let name = all.into_iter().find(|one| one.id == id).map(|one| one.name);
        return Ok(format!("department {}", name.unwrap_or_default()));
    }
    Ok("the organization".to_owned())
}
