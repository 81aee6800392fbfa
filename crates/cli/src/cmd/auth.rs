//! One's own account: how it is protected, second factors, recovery codes, proof that it is oneself.

use super::{Login, Shape, account, device};
use crate::{
    client::{Client, Failure, Kept},
    output::{print, say},
};
use api::{
    FactorId, SessionId,
    factors::{
        FactorAdded, FactorCode, FactorRename, RecoveryCodes, RecoveryCreate, RecoveryView,
        SecurityView, StepUp, TotpBegin, TotpSeed,
    },
    people::SignedIn,
};
use clap::Subcommand;

const BASE: &str = "/api/v1/account/security";

/// `gpuaas auth …`
#[derive(Subcommand)]
pub enum Auth {
    /// Sign in; the same as `gpuaas login`.
    Login(Login),
    /// List where you are signed in.
    Tokens(Shape),
    /// End one of these.
    EndToken {
        /// The session.
        id: SessionId,
    },
    /// Sign out on this machine.
    Logout,
    /// Say who one is and what one may enter.
    Whoami(Shape),
    /// Say how the account is protected.
    Security(Shape),
    /// Prove that it is you; sensitive acts ask for it every ten minutes.
    Confirm {
        /// Give the password instead of a code: only without a second factor.
        #[arg(long)]
        password: bool,
    },
    /// Set up an authenticator app: prints its seed, then asks for a code of it.
    AddApp {
        /// A name to recognise it by.
        #[arg(long, default_value = "Authenticator app")]
        name: String,
    },
    /// Rename a factor.
    RenameFactor {
        /// The factor.
        id: FactorId,
        /// Its new name.
        name: String,
    },
    /// Remove a factor; needs fresh proof of another one.
    RemoveFactor {
        /// The factor.
        id: FactorId,
    },
    /// Make new recovery codes; older ones end.
    RecoveryCodes,
    /// Ask for a recovery of your account without its factors.
    Recover {
        /// What happened; read by whoever approves.
        reason: String,
    },
    /// Have the link sent again that confirms your mail address.
    ConfirmMail,
    /// Take your open recovery request back.
    CancelRecovery,
}

/// Runs a command.
pub async fn run(what: Auth) -> Result<(), Failure> {
    match what {
        Auth::Login(login) => login.run().await,
        Auth::Tokens(shape) => device::tokens(shape).await,
        Auth::EndToken { id } => device::end(id).await,
        Auth::Logout => account::logout().await,
        Auth::Whoami(shape) => account::whoami(shape.output).await,
        Auth::Security(shape) => security(shape).await,
        Auth::Confirm { password } => confirm(password).await,
        Auth::AddApp { name } => add_app(name).await,
        Auth::RenameFactor { id, name } => {
            let path = format!("{BASE}/factors/{id}");
            let _: Option<()> = Client::signed_in()?.patch(&path, &FactorRename { name }).await?;
            Ok(())
        }
        Auth::RemoveFactor { id } => {
            let path = format!("{BASE}/factors/{id}");
            let _: Option<()> = Client::signed_in()?.delete(&path).await?;
            say("removed");
            Ok(())
        }
        Auth::RecoveryCodes => {
            let path = format!("{BASE}/recovery-codes");
            let made: RecoveryCodes = Client::signed_in()?.post(&path, None::<&()>, None).await?;
            codes(&made.recovery_codes);
            Ok(())
        }
        Auth::Recover { reason } => recover(reason).await,
        Auth::ConfirmMail => {
            let path = format!("{BASE}/email-confirmation");
            let _: Option<()> = Client::signed_in()?.post(&path, None::<&()>, None).await?;
            say("a mail is on its way");
            Ok(())
        }
        Auth::CancelRecovery => {
            let path = format!("{BASE}/mfa/recovery-requests/cancel");
            let _: Option<()> = Client::signed_in()?.post(&path, None::<&()>, None).await?;
            say("taken back");
            Ok(())
        }
    }
}

async fn security(shape: Shape) -> Result<(), Failure> {
    let view: SecurityView = Client::signed_in()?.get(BASE).await?;
    let rows = view
        .factors
        .iter()
        .map(|factor| {
            let used = factor.last_used_at.map_or_else(|| "never".to_owned(), |at| at.plain());
            vec![factor.name.clone(), factor.kind.to_string(), used, factor.id.to_string()]
        })
        .collect();
    if shape.output == crate::output::Format::Table {
        say(&format!("{}; {} recovery codes left", view.state, view.recovery_codes_left));
        if view.required {
            say(&view.required_reason);
        }
        if let Some(open) = &view.recovery {
            say(&format!(
                "recovery {}: {} of {} approvals, not before {}",
                open.state,
                open.approvals,
                open.approvals_needed,
                open.ready_at.plain()
            ));
        }
    }
    print(shape.output, &view, &["name", "kind", "last used", "id"], rows);
    Ok(())
}

/// Keeps the token a session was raised to: the one before has ended.
fn keep(client: &Client, token: Option<String>) -> Result<(), Failure> {
    if let Some(token) = token {
        Kept { url: client.url.clone(), token }.write()?;
    }
    Ok(())
}

async fn confirm(by_password: bool) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let ask = if by_password {
        StepUp { password: Some(account::password()?), code: None }
    } else {
        StepUp { code: Some(account::code()?), password: None }
    };
    let signed: SignedIn = client.post(&format!("{BASE}/step-up"), Some(&ask), None).await?;
    keep(&client, Some(signed.token))?;
    say("confirmed");
    Ok(())
}

async fn add_app(name: String) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let seed: TotpSeed =
        client.post(&format!("{BASE}/totp"), Some(&TotpBegin { name }), None).await?;
    say(&format!("seed  {}\nuri   {}", seed.secret, seed.uri));
    let path = format!("{BASE}/totp/{}/confirm", seed.factor_id);
    let added: FactorAdded =
        client.post(&path, Some(&FactorCode { code: account::code()? }), None).await?;
    keep(&client, added.token)?;
    say(&format!("{} protects your account now", added.factor.name));
    codes(&added.recovery_codes);
    Ok(())
}

fn codes(codes: &[String]) {
    if !codes.is_empty() {
        say(&format!("recovery codes, shown this once:\n{}", codes.join("\n")));
    }
}

async fn recover(reason: String) -> Result<(), Failure> {
    let ask = RecoveryCreate { reason };
    let path = format!("{BASE}/mfa/recovery-requests");
    let open: RecoveryView = Client::signed_in()?.post(&path, Some(&ask), None).await?;
    say(&format!("asked; not before {}", open.ready_at.plain()));
    Ok(())
}
