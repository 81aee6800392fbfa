//! Who an organization's statements are for. What was made keeps what was written then.

use super::store::{self, Profile};
use crate::tenancy::{Action, Allowed, Ask, Found, InOrg};
use api::statements::BillingProfile;
use kernel::{App, Error, Result, audit::Key, db::Reader, names};

/// Reads statements and who they are for.
pub struct Look;
impl Action for Look {
    const NAME: &'static str = "statement.read";
    type Scope = InOrg;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.context.as_ref().map(|project| Found::in_org(project.org_id, ())))
    }
}

/// Changes who statements are for.
pub struct Set;
impl Action for Set {
    const NAME: &'static str = "billing_profile.set";
    type Scope = InOrg;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.context.as_ref().map(|project| Found::in_org(project.org_id, ())))
    }
}

/// Returns a profile as it travels.
pub fn view(row: Option<Profile>) -> BillingProfile {
    row.map_or_else(BillingProfile::default, |row| BillingProfile {
        legal_name: row.legal_name,
        address: row.address,
        tax_id: row.tax_id,
    })
}

fn line(field: &'static str, text: &str, most: usize) -> Result<String> {
    if text.trim().is_empty() {
        return Ok(String::new());
    }
    let wrong = || Error::field(field, format!("Write at most {most} plain characters."));
    names::name(text, most).ok_or_else(wrong)
}

/// Lines of plain characters; empty ones are left out.
fn lines(text: &str) -> Result<String> {
    let wrong =
        || Error::field("address", "Write at most eight lines, 400 plain characters together.");
    let mut kept = Vec::new();
    for one in text.lines().filter(|line| !line.trim().is_empty()) {
        kept.push(names::name(one, 400).ok_or_else(wrong)?);
    }
    let whole = kept.join("\n");
    if kept.len() > 8 || whole.chars().count() > 400 {
        return Err(wrong());
    }
    Ok(whole)
}

/// Writes down who statements are for.
///
/// # Errors
/// `validation_error`.
pub async fn set(app: &App, who: &Allowed<Set>, ask: &BillingProfile) -> Result<BillingProfile> {
    let legal_name = line("legal_name", &ask.legal_name, 120)?;
    let address = lines(&ask.address)?;
    let tax_id = line("tax_id", &ask.tax_id, 40)?;
    let mut tx = app.db.write(who).await?;
    let row = Profile {
        org_id: who.scope().org_id(),
        legal_name,
        address,
        tax_id,
        set_by: who.caller().user_id(),
        set_at: tx.now(),
    };
    store::save_profile(&mut tx, &row).await?;
    tx.target(row.org_id);
    tx.note(Key::Name, &row.legal_name);
    tx.commit().await?;
    Ok(view(Some(row)))
}
