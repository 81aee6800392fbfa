//! Sending a file into a workload from the browser: dropped on a terminal, it goes through the same tunnel.
//!
//! A socket as a terminal's, with a ticket of the same kind; the bytes go to a program in the workload that writes
//! them under a name nobody has yet, and gives the file its own once all of it is there.

use super::{
    http::OpenTerminal,
    open::Terminals,
    socket::{Redeems, access_ends, same_site, ticket_of, upgrade},
    tickets,
};
use crate::{fleet, tenancy::Allowed};
use api::{
    Code,
    allocations::{AllocationState, TERMINAL_PROTOCOL as PROTOCOL},
    node::{RunAsk, StreamAsk},
};
use gateway::terminal::{self, Look};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    http::{Raw, Route},
};

/// Longest name, bytes: what file systems take, less what is put before and behind it meanwhile.
const LONGEST: usize = 200;

/// Writes what comes, and gives it its name at the end; what is there already stays.
const SCRIPT: &str = r#"cd && umask 022 && part=".$name.part-$$" && trap 'rm -f -- "$part"' EXIT HUP TERM &&
[ ! -e "$name" ] || { echo "there is a $name already" >&2; exit 17; }
cat > "$part" && ln -- "$part" "$name" 2>/dev/null || { echo "it could not be written" >&2; exit 1; }"#;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/ws/files/{allocation_id}", open).says(
        "Sends a file, `?name=`, into the home folder of a workload; the ticket is a terminal's.",
    )]
}

/// Returns a plain name; none for what is a path, hidden, or no name.
fn plain(name: &str) -> Option<&str> {
    let fine = !name.is_empty()
        && name.len() <= LONGEST
        && !name.starts_with(['.', '-'])
        && !name.contains('/')
        && !name.chars().any(char::is_control);
    fine.then_some(name)
}

/// Returns what a shell is given, with the name as a word of its own whatever is in it.
fn command(name: &str) -> String {
    format!("name='{}'\n{SCRIPT}", name.replace('\'', r"'\''"))
}

async fn open(who: Allowed<OpenTerminal>, app: App, (): ()) -> Result<Raw> {
    let head = who.head();
    if !head.has_header("authorization") {
        same_site(head)?;
    }
    let ticket = ticket_of(head).ok_or(Code::TicketInvalid)?;
    let name = head.query("name").unwrap_or_default();
    let name = plain(&name).ok_or_else(|| {
        Error::field("name", "A file's name without folders, not hidden, of at most 200 bytes.")
    })?;
    let row = who.row();
    if row.state != AllocationState::Active {
        return Err(Error::new(Code::NotNow).detail("Files go in while the workload is active."));
    }
    let caller = who.caller().clone();
    let places = app.get::<Terminals>().enter(row.id, caller.user_id())?;
    let upgrade = upgrade(head).await?;
    let mut tx = app.db.write(&Redeems(who.stamp(), "terminal.upload")).await?;
    let person = (caller.user_id(), caller.session().id);
    let origin = tickets::origin_of(head);
    let id = tickets::redeem(&mut tx, &ticket, (row.id, None), person, &origin).await?.id;
    tx.target(row.id);
    tx.note(Key::Person, caller.user_id());
    tx.note(Key::Name, name);
    tx.commit().await?;
    let ask = StreamAsk::Run(RunAsk { command: Some(command(name)), ..RunAsk::default() });
    let node = fleet::stream(&app, row.node_id, row.id, &ask).await?;
    let allocation = row.id;
    let response = upgrade
        .protocols([PROTOCOL])
        .max_message_size(128 * 1024)
        .max_frame_size(128 * 1024)
        .on_upgrade(move |socket| async move {
            // Files are not recorded, wherever terminals are.
            let over = access_ends(&app, &caller, (allocation, true));
            let look = Look { id, from: 0, follows: false };
            terminal::carry(socket, node, look, over).await;
            drop(places);
        });
    Ok(Raw(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_and_no_path() {
        for fine in ["a.tar", "two words", "it's", "ä", "$(id)", "`x`", "a;b"] {
            assert_eq!(plain(fine), Some(fine));
        }
        for not in
            ["", ".", "..", ".bashrc", "-rf", "a/b", "/etc/passwd", "a\nb", "a\0", &"x".repeat(201)]
        {
            assert_eq!(plain(not), None, "{not:?}");
        }
        assert!(command("it's; rm $(x)").starts_with("name='it'\\''s; rm $(x)'\n"));
    }
}
