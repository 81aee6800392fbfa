//! Signing in and out; money.

use crate::{
    client::{Client, Failure, Kept},
    output::{Format, print, say},
};
use anyhow::Context;
use api::{
    Code, Page, TxnId,
    billing::{Balance, CreditLot, Explained, StatementLine, UsageLine},
    people::{Me, SignIn, SignedIn},
    time::span_words,
};
use std::io::{BufRead, IsTerminal, Write};

/// Reads a password: without echo from a terminal, else one line of standard input.
pub(super) fn password() -> Result<String, Failure> {
    use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let mut line = String::new();
    if !stdin.is_terminal() {
        stdin.lock().read_line(&mut line).context("read the password")?;
        return Ok(line.trim_end_matches('\n').to_owned());
    }
    let old = tcgetattr(&stdin).context("ask for the password")?;
    let mut quiet = old.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    let mut err = std::io::stderr();
    write!(err, "Password: ").and_then(|()| err.flush()).context("ask for the password")?;
    tcsetattr(&stdin, SetArg::TCSANOW, &quiet).context("ask for the password")?;
    let read = stdin.lock().read_line(&mut line);
    tcsetattr(&stdin, SetArg::TCSANOW, &old).context("ask for the password")?;
    let _ = writeln!(err);
    read.context("read the password")?;
    Ok(line.trim_end_matches('\n').to_owned())
}

/// Reads a code of the second factor: from the terminal, or the next line of standard input.
pub(super) fn code() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let mut err = std::io::stderr();
        write!(err, "Code of your second factor: ")
            .and_then(|()| err.flush())
            .context("ask for the code")?;
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).context("read the code")?;
    Ok(line.trim().to_owned())
}

/// Returns whether a refusal carries a code.
fn is_refusal(failure: &Failure, code: Code) -> bool {
    matches!(failure, Failure::Refused(problem) if problem.code == code)
}

/// Signs in and keeps the session.
pub async fn login(server: &str, email: &str) -> Result<(), Failure> {
    let client = Client::anonymous(server)?;
    let device_label = super::device::label();
    let mut ask =
        SignIn { email: email.to_owned(), password: password()?, device_label, code: None };
    let path = "/api/v1/auth/personal/login";
    let signed: SignedIn = match client.post(path, Some(&ask), None).await {
        Err(refused) if is_refusal(&refused, Code::SecondFactorRequired) => {
            ask.code = Some(code()?);
            client.post(path, Some(&ask), None).await?
        }
        other => other?,
    };
    Kept { url: client.url.clone(), token: signed.token }.write()?;
    say(&format!("signed in as {} until {}", signed.user.email, signed.expires_at.plain()));
    Ok(())
}

/// Ends the session and forgets it.
pub async fn logout() -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let ended: Result<Option<()>, Failure> =
        client.post("/api/v1/auth/logout", None::<&()>, None).await;
    Kept::forget();
    ended?;
    say("signed out");
    Ok(())
}

/// Says who one is.
pub async fn whoami(format: Format) -> Result<(), Failure> {
    let me: Me = Client::signed_in()?.get("/api/v1/me").await?;
    let default = me.default_project_id;
    let rows = me
        .projects
        .iter()
        .map(|project| {
            let here = if Some(project.id) == default { "*" } else { "" };
            let role = project.role.map(|role| role.to_string()).unwrap_or_default();
            vec![here.to_owned(), project.name.clone(), role, project.id.to_string()]
        })
        .collect();
    if format == Format::Table {
        say(&format!("{} <{}>", me.user.display_name, me.user.email));
    }
    print(format, &me, &["", "project", "role", "id"], rows);
    Ok(())
}

/// Says what can be spent.
pub async fn balance(format: Format) -> Result<(), Failure> {
    let balance: Balance = Client::signed_in()?.get("/api/v1/billing/balance").await?;
    let runs_out = balance.runs_out_at.map_or_else(|| "-".to_owned(), |at| at.plain());
    let rows = vec![vec![
        balance.available.exact(),
        balance.given.exact(),
        balance.held.exact(),
        balance.burn_per_hour.exact(),
        runs_out,
        balance.state.to_string(),
    ]];
    print(
        format,
        &balance,
        &["available", "of it given", "held", "per hour", "runs out", "state"],
        rows,
    );
    Ok(())
}

/// Lists given credit.
pub async fn credits(format: Format) -> Result<(), Failure> {
    let page: Page<CreditLot> =
        Client::signed_in()?.get("/api/v1/billing/credits?limit=200").await?;
    let row = |lot: &CreditLot| {
        let ends = lot.expires_at.map_or_else(|| "never".to_owned(), |at| at.plain());
        let sums = [&lot.amount, &lot.used, &lot.held, &lot.expired, &lot.remaining];
        let mut cells = vec![lot.reason.clone(), ends];
        cells.extend(sums.map(|sum| sum.exact()));
        cells
    };
    let heads = ["for", "expires", "given", "used", "reserved", "expired", "left"];
    print(format, &page, &heads, page.items.iter().map(row).collect());
    Ok(())
}

/// Lists metered usage.
pub async fn usage(format: Format) -> Result<(), Failure> {
    let page: Page<UsageLine> = Client::signed_in()?.get("/api/v1/billing/usage?limit=200").await?;
    let rows = page
        .items
        .iter()
        .map(|line| {
            let label = if line.simulated { " (simulated)" } else { "" };
            vec![
                line.from.plain(),
                span_words(line.to.since(line.from)),
                format!("{} x {}{label}", line.units, line.sku),
                line.charge.exact(),
                line.allocation_id.to_string(),
            ]
        })
        .collect();
    print(format, &page, &["from", "for", "what", "charge", "workload"], rows);
    Ok(())
}

/// Lists what came into and went out of the organization's money.
pub async fn statement(format: Format) -> Result<(), Failure> {
    let page: Page<StatementLine> = Client::signed_in()?.get("/api/v1/billing/statement").await?;
    let row = |line: &StatementLine| {
        let label = if line.simulated { "simulated" } else { "" };
        let (kind, txn) = (line.kind.to_string(), line.txn_id.to_string());
        vec![line.at.plain(), kind, line.memo.clone(), line.amount.exact(), label.to_owned(), txn]
    };
    let heads = ["when", "what", "for", "amount", "", "transaction"];
    print(format, &page, &heads, page.items.iter().map(row).collect());
    Ok(())
}

/// Explains a transaction down to the sum behind it.
pub async fn explain(id: TxnId, format: Format) -> Result<(), Failure> {
    let path = format!("/api/v1/billing/transactions/{id}");
    let entry: Explained = Client::signed_in()?.get(&path).await?;
    if format == Format::Table {
        say(&format!("{}  {}  {}", entry.at.plain(), entry.kind, entry.memo));
        say(&format!("fact {} {}, by {}", entry.source, entry.source_id, entry.actor));
        if let Some(usage) = &entry.usage {
            say(&usage.formula);
        }
        for used in &entry.metered {
            say(&format!("{} of {}: {}", used.meter.label(), used.subject, used.formula));
        }
    }
    let rows = entry
        .moved
        .iter()
        .map(|one| vec![one.from.clone(), one.to.clone(), one.amount.exact()])
        .collect();
    print(format, &entry, &["from", "to", "amount"], rows);
    Ok(())
}
