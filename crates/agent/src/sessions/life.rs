//! A shell's life: what it prints is kept, what is typed goes in, and it ends with its program, when it is hung up, or
//! when nobody has looked for too long.

use super::{BEHIND, CHUNK, Session};
use crate::{
    keeper::{About, Keeper},
    program::{End, Program, Running},
    pty::{self, Pty},
};
use anyhow::Result;
use api::TerminalId;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How long a shell goes on while nobody looks.
const ALONE: Duration = Duration::from_secs(15 * 60);
/// How long one does that goes with whoever started it, once the link to them is lost.
const BRIEF: Duration = Duration::from_secs(60);
/// How long a shell that is hung up may take to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long is waited between two reads while nobody looks: a flood costs the machine little then.
const PACE: Duration = Duration::from_millis(20);

/// What a shell runs in.
pub(super) struct Shell {
    pub(super) id: TerminalId,
    pub(super) program: Program,
    pub(super) pty: Arc<Pty>,
    pub(super) keeper: Option<Keeper>,
}

/// Carries the shell to its end, looked at or not.
pub(super) async fn run(session: &Session, shell: Shell, signals: mpsc::Receiver<String>) {
    let mut hang_up = session.hang_up.subscribe();
    let Shell { id, program, pty, keeper } = &shell;
    let ended = tokio::select! {
        () = hear(session, program, pty) => true,
        () = alone(session) => false,
        _ = hang_up.wait_for(|over| *over) => false,
        never = outlive(session, &shell) => never,
        never = pass_on(program, signals) => never,
    };
    if !ended {
        program.hang_up();
    }
    // Its terminal is gone once nobody has it.
    if let Some(keeper) = keeper {
        keeper.forget(*id).await;
    }
    let Shell { program, pty, .. } = shell;
    session.close();
    drop(pty);
    let end = tokio::time::timeout(PATIENCE, program.wait()).await.unwrap_or(End::KILLED);
    session.change(|state| state.end = Some(end));
}

async fn pass_on(program: &Program, mut signals: mpsc::Receiver<String>) -> bool {
    while let Some(name) = signals.recv().await {
        program.signal(&name);
    }
    std::future::pending().await
}

/// Has it kept for the agent after this one, as soon as it runs, and again whenever its keeper is gone.
async fn outlive(session: &Session, shell: &Shell) -> bool {
    if let Some(keeper) = &shell.keeper
        && let Some(running) = shell.program.running().await
    {
        let mut lost = keeper.lost();
        loop {
            lost.mark_unchanged();
            let kept = keep(session, shell, keeper, &running).await;
            shell.program.stays(kept.is_ok());
            if let Err(error) = kept {
                tracing::warn!(error = format!("{error:#}"), "a shell will end with this agent");
            }
            let _ = lost.changed().await;
        }
    }
    std::future::pending().await
}

async fn keep(
    session: &Session,
    Shell { id, program, pty, .. }: &Shell,
    keeper: &Keeper,
    (pid, process): &Running,
) -> Result<()> {
    let (of, brief, group) = (session.of, session.brief, program.group().map(str::to_owned));
    let about = About { of, pid: *pid, group, brief };
    let output = session.state().output.memory().try_clone()?;
    let fds = [pty.as_fd().try_clone_to_owned()?, process.try_clone()?, output];
    keeper.keep(*id, about, fds).await
}

/// Reads the output: as fast as whoever looks takes it, slowly while nobody does.
async fn hear(session: &Session, program: &Program, pty: &Pty) {
    let mut buffer = vec![0; CHUNK];
    let mut news = session.news.subscribe();
    loop {
        news.mark_unchanged();
        let (looked_at, full) = {
            let state = session.state();
            let behind = state.at.map(|at| state.output.total() - at);
            (state.at.is_some(), behind.is_some_and(|behind| behind >= BEHIND))
        };
        if full {
            if news.changed().await.is_err() {
                return;
            }
            continue;
        }
        match pty.read(&mut buffer).await {
            Ok(0) | Err(_) => {
                if tokio::time::timeout(pty::AGAIN, program.wait()).await.is_ok() {
                    return;
                }
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                if let Err(error) = session.change(|state| state.output.push(bytes)) {
                    tracing::error!(%error, "a shell ends: its output cannot be kept");
                    return program.hang_up();
                }
            }
        }
        if !looked_at {
            tokio::time::sleep(PACE).await;
        }
    }
}

/// Ends when nobody has looked for too long.
async fn alone(session: &Session) {
    let mut looked_at = session.looked_at.subscribe();
    let most = if session.brief { BRIEF } else { ALONE };
    loop {
        if looked_at.wait_for(|so| !so).await.is_err() {
            return;
        }
        let back = looked_at.wait_for(|so| *so);
        if tokio::time::timeout(most, back).await.is_err() {
            return;
        }
    }
}
