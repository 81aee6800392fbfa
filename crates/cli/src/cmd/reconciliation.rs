//! Reconciliation at the finance desk.

use super::{Shape, payment::DESK};
use crate::{
    client::{Client, Failure},
    output::{Format, print, say},
};
use api::{
    CaseId, Money, Page,
    reconciliation::{CaseClose, CaseView, ProcessorDay, Reconciliation},
};

/// Says how far the processor's account agrees with the books.
pub async fn stand(client: &Client, month: Option<String>, shape: Shape) -> Result<(), Failure> {
    let month = month.map_or_else(String::new, |month| format!("?month={month}"));
    let found: Reconciliation = client.get(&format!("{DESK}/reconciliation{month}")).await?;
    let row = |one: &ProcessorDay| {
        let sums = [one.charged, one.refunded, one.disputed, one.fees, one.paid_out, one.other];
        let mut cells = vec![one.day.clone()];
        cells.extend(sums.map(|sum| sum.exact()));
        cells
    };
    if shape.output == Format::Table {
        let sums = |word: &str, sums: &[Money]| -> Vec<String> {
            sums.iter().map(|sum| format!("{} {word}", sum.exact())).collect()
        };
        let mut more = sums("more there", &found.more);
        more.extend(sums("less there", &found.less));
        let more = match more.is_empty() {
            true if found.agrees() => "none".to_owned(),
            true => "not known".to_owned(),
            false => more.join(", "),
        };
        let until = found.compared_until.map_or_else(|| "never".to_owned(), |at| at.plain());
        say(&format!("difference  {more}\nopen cases  {}\ncompared    {until}", found.open));
        if let Some(fault) = &found.fault {
            say(&format!("fault       {fault}"));
        }
    }
    let heads = ["day", "charged", "refunded", "disputed", "fees", "to the bank", "other"];
    print(shape.output, &found, &heads, found.days.iter().map(row).collect());
    Ok(())
}

/// Lists cases.
pub async fn cases(client: &Client, closed: bool, shape: Shape) -> Result<(), Failure> {
    let state = if closed { "closed" } else { "open" };
    let page: Page<CaseView> = client.get(&format!("{DESK}/cases?state={state}")).await?;
    let sum = |sum: Option<Money>| sum.map_or_else(String::new, |sum| sum.exact());
    let row = |one: &CaseView| {
        let words = if closed { one.reason.clone() } else { one.note.clone() };
        let (kind, at) = (one.kind.to_string(), one.opened_at.plain());
        vec![at, kind, sum(one.theirs), sum(one.ours), words, one.id.to_string()]
    };
    let heads = ["since", "about", "processor", "books", if closed { "why" } else { "what" }, "id"];
    print(shape.output, &page, &heads, page.items.iter().map(row).collect());
    Ok(())
}

/// Closes a case.
pub async fn close(client: &Client, id: CaseId, reason: String) -> Result<(), Failure> {
    // As it stands now: one that changes meanwhile is looked at again.
    let seen: CaseView = client.get(&format!("{DESK}/cases/{id}")).await?;
    let ask = CaseClose { reason, changed_at: Some(seen.changed_at) };
    let _: CaseView = client.post(&format!("{DESK}/cases/{id}/close"), Some(&ask), None).await?;
    say("closed");
    Ok(())
}
