//! Puts the product together: the one file that names every domain.

use crate::{
    access, allocations, billing, catalog,
    config::Config,
    evidence, fleet,
    identity::{self, factors::Passkeys},
    notices, onboarding, operations, recordings, ssh_keys, tenancy, web,
};
use kernel::{
    App, Result,
    app::{Parts, Site},
    audit,
    db::Db,
    html::NavItem,
    http::{self, Route},
    outbox::{self, Mailbox},
    outgoing::Outgoing,
    seal::{self, Seal},
    sweeps::{Sweep, Sweeps},
};
use seams::Seams;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
};

/// Returns every route of the product.
pub fn routes() -> Vec<Route> {
    let mut routes = web::routes();
    routes.extend(identity::routes());
    routes.extend(notices::routes());
    routes.extend(onboarding::routes());
    routes.extend(tenancy::routes());
    routes.extend(billing::routes());
    routes.extend(fleet::routes());
    routes.extend(catalog::routes());
    routes.extend(ssh_keys::routes());
    routes.extend(allocations::routes());
    routes.extend(recordings::routes());
    routes.extend(access::routes());
    routes.extend(evidence::routes());
    routes
}

fn nav() -> Vec<NavItem> {
    let mut nav = web::nav();
    let mut operations = nav.split_off(1);
    let help = operations.split_off(1);
    let (compute, platform) = split(catalog::nav(), allocations::nav());
    let (access, people) = split(tenancy::nav(), evidence::nav());
    nav.extend(compute);
    nav.extend(access);
    nav.extend(ssh_keys::nav());
    nav.extend(recordings::nav());
    let (money, finance) = split(billing::nav(), Vec::new());
    nav.extend(money);
    nav.extend(identity::nav());
    nav.extend(notices::nav());
    nav.extend(operations);
    nav.extend(fleet::nav());
    nav.extend(finance);
    nav.extend(platform);
    nav.extend(people);
    nav.extend(help);
    nav
}

/// Sorts entries into those for everybody and those for operators.
fn split(one: Vec<NavItem>, other: Vec<NavItem>) -> (Vec<NavItem>, Vec<NavItem>) {
    one.into_iter().chain(other).partition(|item| item.who == kernel::html::NavFor::Everyone)
}

/// Returns every sweep.
pub fn sweeps() -> Vec<Sweep> {
    let mut sweeps = vec![billing::sweep(), evidence::sweep(), outbox::sweep()];
    sweeps.push(identity::factors::sweep());
    sweeps.push(onboarding::sso_sweep());
    sweeps.extend([kernel::steps::sweep(), catalog::sweep(), allocations::sweep()]);
    sweeps.extend(fleet::sweeps());
    sweeps.extend(notices::sweeps());
    sweeps.extend(billing::payment_sweeps());
    sweeps.extend([
        billing::ladder_sweep(),
        billing::lots_sweep(),
        billing::metering_sweep(),
        billing::statements_sweep(),
        billing::unusual_sweep(),
        billing::budget_sweep(),
        billing::cards_sweep(),
        billing::auto_sweep(),
        billing::reconciliation_sweep(),
    ]);
    sweeps.push(recordings::sweep());
    sweeps.extend(operations::sweeps());
    sweeps
}

/// Returns every background writer, for the golden file.
pub fn writers() -> Vec<audit::System> {
    vec![
        audit::QUEUE_WRITER,
        audit::chain::WRITER,
        http::IDEMPOTENCY_WRITER,
        identity::GUESSES_WRITER,
        identity::LINK_WRITER,
        identity::SEEN_WRITER,
        identity::factors::RECOVERY_WRITER,
        identity::sso::WRITER,
        identity::device::WRITER,
        onboarding::SSO_WRITER,
        outbox::WRITER,
        notices::WEBHOOK_WRITER,
        notices::WEBHOOK_STOPPER,
        seal::WRITER,
        operations::CLOCK_WRITER,
        billing::HOLDS_WRITER,
        billing::METERS_WRITER,
        billing::PAYMENTS_WRITER,
        billing::LADDER_WRITER,
        billing::LOTS_WRITER,
        billing::METERING_WRITER,
        billing::STATEMENTS_WRITER,
        billing::UNUSUAL_WRITER,
        billing::BUDGETS_WRITER,
        billing::CARDS_WRITER,
        billing::AUTO_WRITER,
        billing::EVENTS_WRITER,
        billing::RECONCILIATION_WRITER,
        billing::SIMULATOR_WRITER,
        kernel::steps::WRITER,
        fleet::JOIN_WRITER,
        fleet::WORK_WRITER,
        fleet::BEAT_WRITER,
        fleet::ADVICE_WRITER,
        catalog::WRITER,
        allocations::WRITER,
        recordings::WRITER,
        recordings::SWEEP_WRITER,
    ]
}

/// What the application is given from outside its database.
pub struct Outside {
    /// Where this machine's agents join.
    pub join: fleet::LocalJoin,
    /// The key secrets are sealed with.
    pub seal: Seal,
    /// Where mails go.
    pub mailbox: Mailbox,
    /// Where SSH is listened for.
    pub ssh: ssh_keys::Endpoint,
    /// What signs certificates for SSH.
    pub certifier: access::Certifier,
}

/// Builds the application over a migrated database.
///
/// # Errors
/// `internal_error` when a piece cannot be made.
pub fn app(db: Db, seams: Seams, site: Site, config: &Config, outside: Outside) -> Result<App> {
    let Outside { join, seal, mailbox, ssh, certifier } = outside;
    let mut extras: HashMap<TypeId, Box<dyn Any + Send + Sync>> = HashMap::new();
    let mut add = |id: TypeId, extra: Box<dyn Any + Send + Sync>| {
        extras.insert(id, extra);
    };
    let registry = web::Registry(routes().into_iter().map(|route| route.info).collect());
    add(TypeId::of::<web::Registry>(), Box::new(registry));
    add(TypeId::of::<identity::Settings>(), Box::new(config.identity.clone()));
    add(TypeId::of::<identity::Hasher>(), Box::new(identity::Hasher::new()?));
    add(TypeId::of::<Passkeys>(), Box::new(Passkeys::of(&site)));
    add(TypeId::of::<identity::sso::Peers>(), Box::<identity::sso::Peers>::default());
    add(TypeId::of::<Outgoing>(), Box::new(Outgoing::new(&config.outgoing)?));
    add(TypeId::of::<Seal>(), Box::new(seal));
    add(TypeId::of::<Mailbox>(), Box::new(mailbox));
    add(TypeId::of::<identity::Seen>(), Box::<identity::Seen>::default());
    add(TypeId::of::<identity::Callers>(), Box::<identity::Callers>::default());
    add(TypeId::of::<tenancy::Places>(), Box::<tenancy::Places>::default());
    add(TypeId::of::<allocations::Over>(), Box::<allocations::Over>::default());
    add(TypeId::of::<tenancy::Settings>(), Box::new(config.tenancy.clone()));
    add(TypeId::of::<billing::Settings>(), Box::new(config.billing.clone()));
    add(
        TypeId::of::<billing::Processors>(),
        Box::new(billing::processors(&config.billing, &site)?),
    );
    add(TypeId::of::<billing::Audited>(), Box::<billing::Audited>::default());
    add(TypeId::of::<operations::Started>(), Box::new(operations::Started(seams.clock.now())));
    add(
        TypeId::of::<tenancy::Holdings>(),
        Box::new(tenancy::Holdings(vec![allocations::holdings])),
    );
    let meters = tenancy::Meters(vec![allocations::meter, tenancy::key_meter]);
    add(TypeId::of::<tenancy::Meters>(), Box::new(meters));
    add(TypeId::of::<fleet::Settings>(), Box::new(config.fleet.clone()));
    add(TypeId::of::<fleet::Troubles>(), Box::<fleet::Troubles>::default());
    add(TypeId::of::<fleet::Live>(), Box::new(fleet::Live::begin(seams.clock.now())));
    add(TypeId::of::<access::Terminals>(), Box::<access::Terminals>::default());
    add(TypeId::of::<ssh_keys::Endpoint>(), Box::new(ssh));
    add(TypeId::of::<access::Certifier>(), Box::new(certifier));
    add(TypeId::of::<web::Streams>(), Box::<web::Streams>::default());
    add(TypeId::of::<fleet::LocalJoin>(), Box::new(join));
    add(TypeId::of::<recordings::Tapes>(), Box::<recordings::Tapes>::default());
    add(TypeId::of::<recordings::Settings>(), Box::new(config.recordings.clone()));
    add(TypeId::of::<catalog::Settings>(), Box::new(config.catalog.clone()));
    let operations = kernel::steps::Operations(allocations::operations());
    add(TypeId::of::<kernel::steps::Operations>(), Box::new(operations));
    add(TypeId::of::<evidence::ChainWatch>(), Box::<evidence::ChainWatch>::default());
    add(TypeId::of::<Sweeps>(), Box::<Sweeps>::default());
    let chrome: Vec<kernel::html::ChromeFn> =
        vec![notices::chrome, billing::chrome, tenancy::support_chip];
    let viewer = tenancy::viewer;
    Ok(App::new(Parts { db, seams, site, nav: nav(), chrome, viewer, extras }))
}

/// Starts everything that runs beside requests.
pub fn background(app: &App) {
    app.supervise("audit.queue", audit::run_queue);
    app.supervise("audit.chain", audit::chain::run);
    app.supervise("identity.seen", identity::run_seen);
    app.get::<Sweeps>().start(app, sweeps());
}
