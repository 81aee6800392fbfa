//! What of one's notices is mailed. Those about the safety of an account always are.

use super::store::{self, Mute};
use crate::identity::{Myself, MyselfAction};
use api::{
    Page, UserId,
    notices::{NoticeAbout, NoticePreference},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::Reader,
    http::{Body, Fields, Form, Go, Json, NoContent, Route},
};

/// Reads what of one's notices is mailed.
pub struct Read;
impl MyselfAction for Read {
    const NAME: &'static str = "notice.preferences";
}

/// Changes it.
pub struct Change;
impl MyselfAction for Change {
    const NAME: &'static str = "notice.prefer";
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/account/notices/preferences", read_http).says(
            "Lists of what notices one is mailed; those about an account's safety always are.",
        ),
        Route::patch("/api/v1/account/notices/preferences", change_http)
            .says("Switches mail about something off, or on again."),
        Route::post("/account/notices/preferences", change_form),
    ]
}

/// Returns what of somebody's notices is mailed.
pub(super) async fn of(tx: &mut Reader, user: UserId) -> Result<Vec<NoticePreference>> {
    let mutes = store::mutes(tx, user).await?;
    let muted = |about| mutes.iter().any(|mute| mute.about == about);
    let view = |about: &NoticeAbout| NoticePreference { about: *about, mail: !muted(*about) };
    Ok(NoticeAbout::ALL.iter().map(view).collect())
}

async fn change(app: &App, who: &Myself<Change>, ask: &NoticePreference) -> Result<()> {
    let user_id = who.caller().user_id();
    let mut tx = app.db.write(who).await?;
    store::unmute(&mut tx, user_id, ask.about).await?;
    if !ask.mail {
        tx.insert(&Mute { user_id, about: ask.about }).await?;
    }
    tx.note(Key::Name, ask.about);
    tx.note(Key::State, if ask.mail { "mailed" } else { "inbox only" });
    tx.commit().await
}

async fn read_http(who: Myself<Read>, app: App, (): ()) -> Result<Json<Page<NoticePreference>>> {
    let items = of(&mut *app.db.read().await?, who.caller().user_id()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn change_http(
    who: Myself<Change>,
    app: App,
    Body(body): Body<NoticePreference>,
) -> Result<NoContent> {
    change(&app, &who, &body).await.map(|()| NoContent)
}

fn read(fields: &Fields) -> Result<NoticePreference> {
    let about = NoticeAbout::parse(&fields.text("about"))
        .ok_or_else(|| Error::field("about", "Choose one from the list."))?;
    Ok(NoticePreference { about, mail: fields.text("mail") == "true" })
}

async fn change_form(who: Myself<Change>, app: App, Form(fields): Form) -> Result<Go> {
    change(&app, &who, &read(&fields)?).await?;
    Ok(Go::to("/account/notices").saying("Saved."))
}
