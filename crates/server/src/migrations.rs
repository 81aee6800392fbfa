//! The numbered list of migrations, for both databases.

use kernel::db::Migration;

macro_rules! migration {
    ($name:literal) => {
        Migration { name: $name, sql: include_str!(concat!("../migrations/", $name)) }
    };
}

/// Every migration, in order.
pub const MIGRATIONS: &[Migration] = &[
    migration!("0001_kernel.sql"),
    migration!("0002_identity.sql"),
    migration!("0003_tenancy.sql"),
    migration!("0004_billing.sql"),
    migration!("0005_steps.sql"),
    migration!("0006_fleet.sql"),
    migration!("0007_catalog.sql"),
    migration!("0008_allocations.sql"),
    migration!("0009_open_rows.sql"),
    migration!("0010_over.sql"),
    migration!("0011_factors.sql"),
    migration!("0012_people.sql"),
    migration!("0013_password_resets.sql"),
    migration!("0014_sso.sql"),
    migration!("0015_device.sql"),
    migration!("0016_confirmations.sql"),
    migration!("0017_authority.sql"),
    migration!("0018_quotas.sql"),
    migration!("0019_staff.sql"),
    migration!("0020_assertions.sql"),
    migration!("0021_webhooks.sql"),
    migration!("0022_payments.sql"),
    migration!("0023_budgets.sql"),
    migration!("0024_credit_lots.sql"),
    migration!("0025_metering.sql"),
    migration!("0026_statements.sql"),
    migration!("0027_spend_alerts.sql"),
    migration!("0028_price_books.sql"),
    migration!("0029_cards.sql"),
    migration!("0030_budget_stop.sql"),
    migration!("0031_reconciliation.sql"),
    migration!("0032_usage_write_offs.sql"),
    migration!("0033_mail_attachments.sql"),
    migration!("0034_reach.sql"),
    migration!("0035_recordings.sql"),
    migration!("0036_terminal_shares.sql"),
    migration!("0037_ssh_certificates.sql"),
    migration!("0038_work_times.sql"),
    migration!("0039_sku_keys.sql"),
];
