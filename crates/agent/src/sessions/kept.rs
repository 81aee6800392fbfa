//! Shells that an agent before this one left with the keeper.

use super::{New, Sessions, life::Shell, ring::Ring};
use crate::{
    keeper::{Keeper, Left},
    program::Program,
    pty::Pty,
};
use anyhow::{Context, Result};
use std::sync::Arc;

impl Sessions {
    /// Takes up the shells that were left; those that come are kept from now on.
    pub(crate) async fn open(keeper: Option<Keeper>) -> Self {
        let this = Self { keeper, ..Self::default() };
        let Some(keeper) = &this.keeper else { return this };
        for left in keeper.take() {
            let (id, of) = (left.id, left.about.of);
            match this.take_up(left) {
                Ok(()) => tracing::info!(%id, %of, "took up a shell"),
                Err(error) => {
                    tracing::warn!(%id, error = format!("{error:#}"), "a shell cannot be taken up");
                    keeper.forget(id).await;
                }
            }
        }
        this
    }

    fn take_up(&self, Left { id, about, pty, process, output }: Left) -> Result<()> {
        let output = Ring::taken_up(output)?;
        let size = rustix::termios::tcgetwinsize(&pty).context("ask a terminal for its size")?;
        let program = Program::taken_up((about.pid, process), about.group)?;
        let shell =
            Shell { id, program, pty: Arc::new(Pty::new(pty)?), keeper: self.keeper.clone() };
        let size = (size.ws_col, size.ws_row);
        self.carry(New { of: about.of, size, brief: about.brief }, output, shell);
        Ok(())
    }
}
