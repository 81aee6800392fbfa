//! Sending a file into a workload from the browser: dropped on a terminal, it goes through the same tunnel.
//!
//! A socket as a terminal's, with a ticket of the same kind; the bytes go to a program in the workload that writes
//! them under a name nobody has yet, and gives the file its own once all of it is there.

use super::{
    http::OpenTerminal,
    open::Terminals,
    socket::{Redeems, access_ends, presented, upgrade},
    tickets,
};
use crate::{fleet, tenancy::Allowed};
use api::{
    Code,
    allocations::AllocationState,
    node::{RunAsk, StreamAsk},
};
use gateway::terminal::{self, Look, Role};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    http::{Raw, Route},
};

/// Longest name, bytes: what file systems take, less what is put before and behind it meanwhile.
const LONGEST: usize = 200;

/// Writes what comes, and gives it its name at the end; what is there already stays.
const SCRIPT: &str = r#"cd && umask 022 && part=".$name.part-$$" || exit 1
trap 'rm -f -- "$part"' EXIT; trap 'exit 1' HUP TERM
[ ! -e "$name" ] && [ ! -L "$name" ] || { echo "there is a $name already" >&2; exit 17; }
cat > "$part" && [ "$(wc -c < "$part")" -eq "$size" ] || { echo "it did not come whole" >&2; exit 1; }
ln -- "$part" "$name" 2>/dev/null || { echo "it could not be given its name" >&2; exit 1; }"#;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/ws/files/{allocation_id}", open).says(
        "Sends a file, `?name=` of `?size=` bytes, into the home folder of a workload; the ticket is a terminal's.",
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
fn command(name: &str, size: u64) -> String {
    format!("name='{}' size={size}\n{SCRIPT}", name.replace('\'', r"'\''"))
}

async fn open(who: Allowed<OpenTerminal>, app: App, (): ()) -> Result<Raw> {
    let head = who.head();
    let ticket = presented(head)?;
    let name = head.query("name").unwrap_or_default();
    let name = plain(&name).ok_or_else(|| {
        Error::field("name", "A file's name without folders, not hidden, of at most 200 bytes.")
    })?;
    let size = head.query("size").and_then(|text| text.parse().ok());
    let size: u64 = size.ok_or_else(|| Error::field("size", "How many bytes it has."))?;
    let row = who.row();
    if row.state != AllocationState::Active {
        return Err(Error::new(Code::NotNow).detail("Files go in while the workload is active."));
    }
    let caller = who.caller().clone();
    let places = app.get::<Terminals>().enter_upload(row.id, caller.user_id())?;
    let upgrade = upgrade(head).await?;
    let mut tx = app.db.write(&Redeems(who.stamp(), "terminal.upload")).await?;
    let person = (caller.user_id(), caller.session().id);
    let origin = tickets::origin_of(head);
    let id = tickets::redeem(&mut tx, &ticket, (row.id, None), person, &origin).await?.id;
    tx.target(row.id);
    tx.note(Key::Person, caller.user_id());
    tx.note(Key::Name, name);
    tx.commit().await?;
    let ask = StreamAsk::Run(RunAsk { command: Some(command(name, size)), ..RunAsk::default() });
    let node = fleet::stream(&app, row.node_id, row.id, &ask).await?;
    let allocation = row.id;
    let response = upgrade.on_upgrade(move |socket| async move {
        // Files are not recorded, wherever terminals are.
        let over = access_ends(&app, &caller, (allocation, true));
        let look = Look { id, from: 0, role: Role::Sends };
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
        assert!(command("it's; rm $(x)", 5).starts_with("name='it'\\''s; rm $(x)' size=5\n"));
    }
}
