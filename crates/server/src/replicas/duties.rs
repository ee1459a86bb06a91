//! What one of the servers does for all: it sweeps, tidies, sends and reminds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::App;

/// Whether this server has the duties.
#[derive(Debug)]
pub(crate) struct Duties {
    /// Their clock counts from here.
    begin: Instant,
}

impl Default for Duties {
    fn default() -> Self {
        Self { begin: Instant::now() }
    }
}

impl Duties {
    /// Has one of the servers have them, for as long as this one runs.
    pub(crate) async fn run(&self, app: &App) {
        while app.parts.control.position().is_some() {
            self.look_after(app).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Says that this server is there, or looks whether whoever has the duties is.
    pub(crate) async fn look_after(&self, app: &App) {
        let now = self.begin.elapsed();
        let had = self.are_here(app);
        let control = Arc::clone(&app.parts.control);
        // Whoever follows tells that the database does not answer. A server that cannot say that it is there
        // has no duties soon.
        tokio::task::spawn_blocking(move || control.look_after_duties(now).ok()).await.ok();
        if !had && self.are_here(app) {
            app.judge.wake();
            app.courier.wake();
        }
    }

    /// Whether this server has them.
    pub(crate) fn are_here(&self, app: &App) -> bool {
        app.parts.control.has_duties(self.begin.elapsed()).unwrap_or(false)
    }

    /// Lets another server have them at once.
    pub(crate) async fn give_up(&self, app: &App) {
        let given = app.control(|control| control.give_up_duties());
        // Else another one takes them a bit later.
        tokio::time::timeout(PATIENCE, given).await.ok();
    }
}

/// Several times within the time after which a server is taken to be gone.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// A server that ends does not wait for a database for longer.
const PATIENCE: Duration = Duration::from_secs(3);
