//! The commands.

mod account;
mod auth;
mod budget;
mod card;
mod certificate;
mod compute;
mod dept;
mod device;
mod grant;
mod idp;
mod keys;
mod machines;
mod metering;
mod operate;
mod org;
mod payment;
mod price;
mod project;
mod quota;
mod reach;
mod reconciliation;
mod recordings;
mod role;
mod staff;
mod statements;
mod webhook;

use crate::{client::Failure, output::Format, shell};
use clap::Subcommand;
use std::process::ExitCode;

/// What people and scripts can do.
#[derive(Subcommand)]
pub enum Command {
    /// Sign in: from a browser, or with a password where an address is given.
    Login(Login),
    /// Sign out on this machine.
    Logout,
    /// Say who one is and what one may enter.
    Whoami(Shape),
    /// Your account: second factors, recovery codes, proof that it is you.
    Auth {
        /// What to do.
        #[command(subcommand)]
        what: auth::Auth,
    },
    /// Organizations: make, rename, invite, archive, leave.
    Org {
        /// What to do.
        #[command(subcommand)]
        what: org::Orgs,
    },
    /// Departments of an organization: cost centres that group projects.
    Dept {
        /// What to do.
        #[command(subcommand)]
        what: dept::Departments,
    },
    /// Groups of an organization's people, to give roles to.
    Group {
        /// What to do.
        #[command(subcommand)]
        what: dept::Groups,
    },
    /// Projects: make, rename, use, move, archive, delete.
    Project {
        /// What to do.
        #[command(subcommand)]
        what: project::Projects,
    },
    /// People of an organization or project, and their roles.
    Member {
        /// What to do.
        #[command(subcommand)]
        what: org::Members,
    },
    /// Roles: what each may, who has them, who can do something, why you cannot.
    Role {
        /// What to do.
        #[command(subcommand)]
        what: role::Roles,
    },
    /// Outgoing webhooks: addresses that are told what happens in an organization.
    Webhook {
        /// What.
        #[command(subcommand)]
        what: webhook::Webhooks,
    },
    /// People of the platform (operators).
    Staff {
        /// What.
        #[command(subcommand)]
        what: staff::Staff,
    },
    /// Looks of the platform's people into organizations.
    Support {
        /// What.
        #[command(subcommand)]
        what: staff::Support,
    },
    /// Quotas: the most that may be held at once.
    Quota {
        /// What to do.
        #[command(subcommand)]
        what: quota::Quotas,
    },
    /// Sign-in services (OpenID Connect) of an organization or of the platform.
    Idp {
        /// What to do.
        #[command(subcommand)]
        what: idp::Services,
    },
    /// Service accounts of the project: what acts in it without a person.
    Sa {
        /// What to do.
        #[command(subcommand)]
        what: machines::Accounts,
    },
    /// Keys of service accounts.
    Key {
        /// What to do.
        #[command(subcommand)]
        what: machines::Keys,
    },
    /// List what can be launched, with price and what is free.
    Catalog(Shape),
    /// List what things cost in the project, with the list price where one pays another.
    Prices(Shape),
    /// Price books: prices and discounts instead of the list (operators).
    PriceBook {
        /// What to do.
        #[command(subcommand)]
        what: price::Books,
    },
    /// Launch; shows the plan with its price first.
    Launch(compute::LaunchArgs),
    /// List workloads.
    Ls(Shape),
    /// Look at a workload.
    Show {
        /// The workload.
        id: String,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Open a shell in a workload.
    Shell {
        /// Agree that what it shows is recorded.
        #[arg(long)]
        record: bool,
        /// The workload.
        id: String,
    },
    /// Open a workload with this machine's own ssh, told where it is and whom to believe.
    Ssh {
        /// Have what it shows recorded, where the organization does that when asked.
        #[arg(long)]
        record: bool,
        /// The workload: its identifier or its name.
        workload: String,
        /// Options of ssh, then a command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Copy files from or to a workload: `gpuaas scp data.tar train:/root/`.
    Scp {
        /// Folders with all that is in them.
        #[arg(short)]
        recursive: bool,
        /// What, and where to; WORKLOAD:PATH on one side.
        #[arg(required = true, num_args = 2..)]
        paths: Vec<String>,
    },
    /// Bring a port of a workload to this machine.
    Forward {
        /// The workload: its identifier or its name.
        workload: String,
        /// The port, or LOCAL:REMOTE.
        ports: String,
    },
    /// Write a file for ~/.ssh/config, so that ssh and editors know the workloads by name.
    SshConfig,
    /// Your public keys for SSH.
    Keys {
        /// What to do.
        #[command(subcommand)]
        what: keys::Keys,
    },
    /// What terminals showed, where it was recorded.
    Recordings {
        /// What to do.
        #[command(subcommand)]
        what: recordings::Recordings,
    },
    /// Who reaches a workload over SSH.
    Access {
        /// What to do.
        #[command(subcommand)]
        what: keys::Access,
    },
    /// Release a workload; the meter stops at once.
    Release {
        /// The workload.
        id: String,
        /// Wait until nothing is left.
        #[arg(long)]
        wait: bool,
    },
    /// Say what can be spent and how long it lasts.
    Balance(Shape),
    /// List given credit: what is left of it, and when it expires.
    Credits(Shape),
    /// List metered usage.
    Usage(Shape),
    /// List what came into and went out of the organization's money.
    Statement(Shape),
    /// Monthly statements: what each month moved, closed and unchanging.
    Statements {
        /// What to do.
        #[command(subcommand)]
        what: statements::Statements,
    },
    /// Explain a transaction of the statement: what moved, and the sum behind a charge.
    Explain {
        /// The transaction (txn_…).
        id: api::TxnId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Say what a month cost, by department, project, person, hardware or workload.
    Costs(budget::CostsArgs),
    /// Budgets: how much may be spent, and where.
    Budget {
        /// What to do.
        #[command(subcommand)]
        what: budget::Budgets,
    },
    /// Payments: add funds, look where one stands, take one back.
    Payment {
        /// What to do.
        #[command(subcommand)]
        what: payment::Payments,
    },
    /// Saved cards: what is charged without entering it again.
    Card {
        /// What to do.
        #[command(subcommand)]
        what: card::CardActs,
    },
    /// Automatic top-up: funds that are added by themselves from a saved card.
    TopUp {
        /// What to do.
        #[command(subcommand)]
        what: card::TopUps,
    },
    /// The finance desk: payments of all tenants, refunds, credit (operators).
    Finance {
        /// What to do.
        #[command(subcommand)]
        what: payment::Finance,
    },
    /// What is charged besides time of hardware: events, prices, what was used.
    Metering {
        /// What to do.
        #[command(subcommand)]
        what: metering::Meters,
    },
    /// List nodes (operators).
    Nodes(Shape),
    /// Look at this machine: what is missing for running work here.
    Doctor,
    /// The audit record (operators).
    Audit {
        /// `verify` walks the whole chain.
        #[command(subcommand)]
        what: operate::Audit,
    },
    /// Print completions for a shell.
    Completion {
        /// bash, zsh, fish.
        shell: clap_complete::Shell,
    },
}

/// How one signs in.
#[derive(clap::Args)]
pub struct Login {
    /// The server (http://127.0.0.1:8080).
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// E-mail address; the password is read from the terminal, or from standard input.
    #[arg(long)]
    email: Option<String>,
    /// Open no browser: the address and the code are printed.
    #[arg(long)]
    no_browser: bool,
}

impl Login {
    async fn run(self) -> Result<(), Failure> {
        match self.email {
            Some(email) => account::login(&self.server, &email).await,
            None => device::login(&self.server, !self.no_browser).await,
        }
    }
}

/// How an answer is printed.
#[derive(clap::Args, Clone, Copy)]
pub struct Shape {
    /// `table` for people, `json` for scripts.
    #[arg(long, short, value_enum, default_value_t)]
    pub output: Format,
}

/// Runs a command.
pub async fn run(command: Command) -> ExitCode {
    let done = match command {
        Command::Login(login) => login.run().await,
        Command::Logout => account::logout().await,
        Command::Whoami(shape) => account::whoami(shape.output).await,
        Command::Auth { what } => auth::run(what).await,
        Command::Org { what } => org::orgs(what).await,
        Command::Dept { what } => dept::departments(what).await,
        Command::Group { what } => dept::groups(what).await,
        Command::Project { what } => project::run(what).await,
        Command::Member { what } => org::members(what).await,
        Command::Role { what } => role::run(what).await,
        Command::Quota { what } => quota::run(what).await,
        Command::Webhook { what } => webhook::run(what).await,
        Command::Staff { what } => staff::run(what).await,
        Command::Support { what } => staff::support(what).await,
        Command::Idp { what } => idp::run(what).await,
        Command::Sa { what } => machines::accounts(what).await,
        Command::Key { what } => machines::keys(what).await,
        Command::Balance(shape) => account::balance(shape.output).await,
        Command::Metering { what } => metering::run(what).await,
        Command::Statements { what } => statements::run(what).await,
        Command::Credits(shape) => account::credits(shape.output).await,
        Command::Usage(shape) => account::usage(shape.output).await,
        Command::Statement(shape) => account::statement(shape.output).await,
        Command::Explain { id, shape } => account::explain(id, shape.output).await,
        Command::Costs(args) => budget::costs(args).await,
        Command::Budget { what } => budget::run(what).await,
        Command::Payment { what } => payment::run(what).await,
        Command::Card { what } => card::run(what).await,
        Command::TopUp { what } => card::top_up(what).await,
        Command::Finance { what } => payment::finance(what).await,
        Command::Catalog(shape) => compute::catalog(shape.output).await,
        Command::Prices(shape) => price::prices(shape).await,
        Command::PriceBook { what } => price::run(what).await,
        Command::Launch(args) => compute::launch(args).await,
        Command::Ls(shape) => compute::list(shape.output).await,
        Command::Show { id, shape } => compute::show(&id, shape.output).await,
        Command::Release { id, wait } => compute::release(&id, wait).await,
        Command::Ssh { record, workload, rest } => {
            return ended(reach::ssh(&workload, record, rest).await);
        }
        Command::Scp { recursive, paths } => return ended(reach::scp(recursive, paths).await),
        Command::Forward { workload, ports } => {
            return ended(reach::forward(&workload, &ports).await);
        }
        Command::SshConfig => reach::ssh_config().await,
        Command::Keys { what } => keys::keys(what).await,
        Command::Access { what } => keys::access(what).await,
        Command::Shell { record, id } => return ended(shell::run(&id, record).await),
        Command::Recordings { what } => recordings::recordings(what).await,
        Command::Nodes(shape) => operate::nodes(shape.output).await,
        Command::Doctor => operate::doctor(),
        Command::Audit { what } => operate::audit(what).await,
        Command::Completion { shell } => operate::completion(shell),
    };
    ended(done.map(|()| ExitCode::SUCCESS))
}

#[allow(clippy::print_stderr, reason = "the last words of a command that failed")]
fn ended(done: Result<ExitCode, Failure>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(failure) => {
            let (code, words) = failure.report();
            eprintln!("gpuaas: {words}");
            code
        }
    }
}
