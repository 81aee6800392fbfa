//! Loops without business state (group commit, chainer, flushers): started by name, started again
//! when they die, ended with the program.

use crate::App;
use futures::FutureExt;
use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

impl App {
    /// Runs a loop for as long as the program runs; a panic is logged and the loop starts again.
    #[allow(clippy::disallowed_methods, reason = "the one place that starts loops")]
    pub fn supervise<F, Fut>(&self, name: &'static str, make: F)
    where
        F: Fn(App) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let app = self.clone();
        tokio::spawn(async move {
            loop {
                let run = AssertUnwindSafe(make(app.clone())).catch_unwind();
                tokio::select! {
                    () = app.ending.cancelled() => return,
                    ended = run => match ended {
                        Ok(()) => return,
                        Err(_) => tracing::error!(name, "a loop panicked; it starts again"),
                    },
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
    }
}
