//! A statement on paper.

use api::statements::{Party, Statement, StatementEntry, StatementUsage};
use kernel::paper::{Line, Paper};

fn party(title: &str, one: &Party, lines: &mut Vec<Line>) {
    if one.name.is_empty() {
        return;
    }
    lines.push(Line::Heading(title.to_owned()));
    lines.push(Line::Text(one.name.clone()));
    lines.extend(one.address.lines().map(|line| Line::Text(line.to_owned())));
    if !one.tax_id.is_empty() {
        lines.push(Line::Text(format!("Tax number {}", one.tax_id)));
    }
}

fn used(row: &StatementUsage) -> Line {
    let label = if row.simulated { " (simulated)" } else { "" };
    Line::Row(
        format!("{}{label} in {}", row.what, row.project),
        format!("{} {} at {} per {}", row.quantity, row.unit, row.price.exact(), row.per),
        row.charge.exact(),
    )
}

fn moved(row: &StatementEntry) -> Line {
    let label = if row.simulated { " (simulated)" } else { "" };
    Line::Row(format!("{}{label}", row.memo), row.at.plain(), row.amount.exact())
}

/// Draws a statement.
pub fn draw(said: &Statement, digest: &str) -> Vec<u8> {
    let mut lines = vec![
        Line::Title(format!("Statement {}", said.month)),
        Line::Text(format!("Number {}, closed on {}", said.number, said.closed_at.plain())),
        Line::Text(format!("From {} to {}", said.from.plain(), said.to.plain())),
    ];
    party("From", &said.seller, &mut lines);
    party("For", &said.customer, &mut lines);
    lines.push(Line::Heading("Balance".into()));
    let row = |words: &str, amount: String| Line::Row(words.into(), String::new(), amount);
    lines.push(row("When the month began", said.opening.exact()));
    lines.push(Line::Heading("Usage".into()));
    lines.extend(said.usage.iter().map(used));
    if said.borne.micros != api::Micros::ZERO {
        let borne = api::Money::new(api::Micros(-said.borne.micros.0), said.borne.currency);
        lines.push(row("Not covered by the balance, or paid of before", borne.exact()));
    }
    lines.push(Line::Sum("Charged for usage".into(), said.used.exact()));
    if let Some(tax) = &said.tax {
        let words = format!("of it {} {} %", tax.name, tax.percent);
        lines.push(row(&words, tax.amount.exact()));
        lines.push(row("net", tax.net.exact()));
    }
    if !said.entries.is_empty() {
        lines.push(Line::Heading("Other movements".into()));
        lines.extend(said.entries.iter().map(moved));
    }
    lines.push(Line::Gap);
    lines.push(Line::Sum("When the month ended".into(), said.closing.exact()));
    let foot = format!("{}   {}", said.number, digest.chars().take(16).collect::<String>());
    Paper { title: format!("Statement {}", said.number), lines, foot }.pdf()
}
