//! Routes of onboarding.

use super::{
    pages,
    sign_up::{Standing, create_account},
};
use crate::identity::{self, parse_account};
use api::{
    Code,
    people::{SessionKind, SignUp, SignedIn},
};
use kernel::{
    App, Error, Result,
    audit::Accountable,
    http::{Body, Created, Named, Public, Route},
};

/// Makes an account.
pub struct SigningUp;
impl Named for SigningUp {
    const NAME: &'static str = "auth.signup";
}

/// Returns the routes of onboarding.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::post("/api/v1/auth/personal/signup", sign_up)
            .shows_secret()
            .says("Makes an account with a personal organization and a default project."),
    ];
    routes.extend(pages::routes());
    routes.extend(super::organization::routes());
    routes.extend(super::sso::routes());
    routes
}

/// Refuses sign-up where operators switched it off.
pub(super) fn sign_up_is_open(app: &App) -> Result<()> {
    if app.get::<identity::Settings>().sign_up {
        return Ok(());
    }
    Err(Error::new(Code::InsufficientPermissions)
        .detail("Accounts are made by the people who run this site. Ask them for one."))
}

async fn sign_up(
    who: Public<SigningUp>,
    app: App,
    Body(body): Body<SignUp>,
) -> Result<Created<SignedIn>> {
    sign_up_is_open(&app)?;
    let account = parse_account(&body.email, &body.display_name, &body.password)?;
    let ip = who.stamp().ip.unwrap_or_default();
    let new =
        create_account(&app, &who, account, Standing::Customer, SessionKind::Cli, &ip).await?;
    Ok(Created(SignedIn {
        token: new.opened.token.reveal().to_owned(),
        session_id: new.opened.session.id,
        expires_at: new.opened.session.expires_at,
        user: identity::view(&new.user),
    }))
}
