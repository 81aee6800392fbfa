//! Every page with every sample: it renders, escapes, loads nothing inline, and says nothing it must
//! not say.

use kernel::html::Markup;
use server::{
    access, allocations, billing, catalog, evidence, fleet, identity, notices, onboarding,
    recordings, ssh_keys, tenancy, web,
};

macro_rules! samples {
    ($($name:literal = $view:ty),+ $(,)?) => {{
        let mut pages: Vec<(&'static str, Markup)> = Vec::new();
        $(for sample in <$view>::samples() { pages.push(($name, sample.draw())); })+
        pages
    }};
}

fn money() -> Vec<(&'static str, Markup)> {
    samples!(
        "billing" = billing::BillingView,
        "transaction" = billing::EntryView,
        "costs" = billing::CostsView,
        "budgets" = billing::BudgetsView,
        "add funds" = billing::AddFundsView,
        "payment" = billing::PaymentPageView,
        "payments" = billing::PaymentsView,
        "simulator" = billing::SimulatorView,
        "finance" = billing::FinanceView,
        "desk payment" = billing::DeskPaymentView,
        "credits" = billing::CreditsView,
        "metering" = billing::MeteringView,
        "cards" = billing::CardsView,
        "card" = billing::CardView,
        "simulated-card" = billing::SimulatedCardView,
        "price-books" = catalog::PriceBooksView,
        "price-book" = catalog::PriceBookView,
        "prices" = catalog::PricesView,
        "source" = billing::SourceMadeView,
        "books" = billing::BooksView,
        "statements" = billing::StatementsView,
        "statement" = billing::StatementView,
        "approvals" = billing::ApprovalsView,
        "reconciliation" = billing::ReconciliationView,
        "payment case" = billing::CaseDeskView,
    )
}

fn all() -> Vec<(&'static str, Markup)> {
    let mut pages = money();
    pages.extend(rest());
    pages
}

fn rest() -> Vec<(&'static str, Markup)> {
    samples!(
        "sign in" = identity::LogInView,
        "confirm" = identity::confirm::ConfirmView,
        "device" = identity::device::EnterView,
        "device consent" = identity::device::ConsentView,
        "sign in at work" = identity::sso::WorkView,
        "leave" = identity::sso::LeaveView,
        "come back" = identity::sso::BackView,
        "sign-in failed" = identity::sso::FailedView,
        "organization's sign-in" = tenancy::OrgSignInView,
        "sign-in services" = tenancy::PlatformSignInView,
        "forgotten" = identity::passwords::ForgottenView,
        "new password" = identity::passwords::NewPasswordView,
        "factor" = identity::factors::ChallengeView,
        "security" = identity::factors::SecurityPageView,
        "authenticator app" = identity::factors::TotpView,
        "recovery codes" = identity::factors::CodesView,
        "break glass" = identity::factors::GlassView,
        "break-glass codes" = tenancy::GlassCodesView,
        "identity" = tenancy::IamView,
        "rollout" = tenancy::RolloutView,
        "organizations" = tenancy::OrganizationsView,
        "organization" = tenancy::OrganizationPageView,
        "departments" = tenancy::DepartmentsView,
        "groups and roles" = tenancy::AuthorityView,
        "quotas" = tenancy::QuotasView,
        "platform quotas" = tenancy::PlatformQuotasView,
        "people of the platform" = tenancy::StaffPageView,
        "support access" = tenancy::SupportPageView,
        "support access of an organization" = tenancy::OrgSupportView,
        "restricted" = tenancy::RestrictedView,
        "who can" = tenancy::WhoView,
        "invited" = tenancy::InvitedView,
        "invitation" = tenancy::WelcomeView,
        "service accounts" = tenancy::ServiceAccountsView,
        "service account" = tenancy::ServiceAccountPageView,
        "key made" = tenancy::KeyMadeView,
        "sessions" = identity::SessionsView,
        "notices" = notices::NoticesView,
        "webhooks" = notices::WebhooksView,
        "webhook made" = notices::WebhookMadeView,
        "sign up" = onboarding::SignUpView,
        "first link" = onboarding::FirstView,
        "projects" = tenancy::ProjectsView,
        "project" = tenancy::ProjectView,
        "audit" = evidence::AuditView,
        "own audit" = evidence::OwnAuditView,
        "home" = web::HomeView,
        "nodes" = fleet::NodesView,
        "node" = fleet::NodeView,
        "catalog" = catalog::CatalogView,
        "prices" = catalog::CatalogAdminView,
        "launch" = allocations::LaunchView,
        "task" = allocations::TaskPageView,
        "workloads" = allocations::WorkloadsView,
        "workload" = allocations::WorkloadPageView,
        "allocations" = allocations::AllocationsAdminView,
        "terminal" = access::TerminalView,
        "shared terminals" = access::SharedView,
        "ssh keys" = ssh_keys::CredentialsView,
        "reach policy" = ssh_keys::ReachPolicyView,
        "recordings" = recordings::RecordingsView,
        "recording" = recordings::PlayView,
        "recording policy" = recordings::RecordingPolicyView,
        "docs" = web::DocsView,
        "operations" = web::OpsView,
        "components" = web::ComponentsView,
        "edge error" = web::EdgeErrorView,
    )
}

#[test]
fn every_sample_renders_without_inline_code() {
    let pages = all();
    assert!(pages.len() > 25);
    for (name, markup) in pages {
        let text = markup.into_string();
        for bad in [" style=\"", " onclick", "javascript:", "<style"] {
            assert!(!text.contains(bad), "{name}: {bad}");
        }
        // An icon that is not there is an empty box.
        assert!(!text.contains("aria-hidden=\"true\"></svg>"), "{name}: an icon that is not known");
        let inline = text
            .split("<script")
            .skip(1)
            .any(|script| !script.starts_with(" defer src=\"/static/"));
        assert!(!inline, "{name}: a script of its own");
        assert!(text.contains("<h1") || name == "edge error", "{name} has no heading");
    }
}

#[test]
fn every_field_has_a_label_and_every_form_its_token() {
    for (name, markup) in all() {
        let text = markup.into_string();
        for part in text.split("<form ").skip(1) {
            let form = part.split("</form>").next().unwrap_or_default();
            let public = form.contains("action=\"/auth/") && !form.contains("/auth/logout");
            if form.starts_with("method=\"post\"") && !public {
                assert!(form.contains("name=\"_csrf\""), "{name}: a form without a token");
            }
            for input in form.split("<input ").skip(1) {
                let id = input.split("id=\"").nth(1).and_then(|rest| rest.split('"').next());
                let hidden = input.starts_with("type=\"hidden\"");
                let labelled = input.contains("aria-label=")
                    || input.contains("type=\"radio\"")
                    || input.contains("type=\"checkbox\"")
                    || id.is_some_and(|id| form.contains(&format!("for=\"{id}\"")));
                assert!(hidden || labelled, "{name}: a field without a label: {input}");
            }
        }
    }
}

#[test]
fn every_component_is_on_the_components_page() {
    let root = crate::golden::root();
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let page = read("crates/server/src/web/ops/components.rs");
    let made = read("crates/kernel/src/html/components.rs");
    let more = ["select", "segments", "icon"].map(str::to_owned);
    let names = made
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub fn ")?.split('(').next()?.to_owned()));
    for name in names.chain(more) {
        assert!(
            page.contains(&format!("({name}(")) || page.contains(&format!(" {name}(")),
            "{name} is not shown"
        );
    }
}

#[test]
fn words_of_the_house() {
    for (name, markup) in all() {
        let text = markup.into_string();
        let lower = text.to_lowercase();
        for bad in ["oops", "keycloak", "stripe", "postgres", "sqlite", "lorem"] {
            assert!(!lower.contains(bad), "{name}: {bad}");
        }
        assert!(!text.contains("! <") && !text.contains("!</"), "{name}: an exclamation mark");
    }
}
