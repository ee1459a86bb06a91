//! Follows what other servers decide, and has what is in memory be the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{Decided, StoreError};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::app::App;
use crate::fleet::dropped_tokens;

/// Looks at what others decide. One at a time does so, and whoever asks meanwhile has what it finds.
#[derive(Debug, Default)]
pub(crate) struct Following(Arc<Mutex<Look>>);

/// The last look.
#[derive(Debug, Default)]
struct Look {
    begun: Option<Instant>,
    /// What was found and is not in memory yet, because reading it failed.
    missed: BTreeSet<Decided>,
}

impl Following {
    /// Follows for as long as the server runs.
    pub(crate) async fn run(&self, app: &App) {
        let mut last_error = String::new();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if app.parts.control.position().is_none() {
                return;
            }
            let error = match self.look(app).await {
                Ok(()) => String::new(),
                Err(error) => error.to_string(),
            };
            // Twice a second would be too often.
            if error != last_error && !error.is_empty() {
                app.log(&format!("what other servers decide is not known: {error}"));
            }
            if error.is_empty() && !last_error.is_empty() {
                app.log("what other servers decide is known again");
            }
            last_error = error;
            let own = app.clone();
            // Agents may ask another server for what was left in the folder of this one. Failures were logged.
            app.control(move |control| dropped_tokens::take_up(&own, control)).await.ok();
        }
    }

    /// Looks once whether others have decided something that this server does not know, for whoever is
    /// about to be refused. Nobody waits long for it, and however many ask, there are few looks.
    pub(crate) async fn catch_up(&self, app: &App) {
        if app.parts.control.position().is_some() {
            // What failed is told by whoever follows.
            timeout(PATIENCE, self.look(app)).await.ok();
        }
    }

    async fn look(&self, app: &App) -> Result<(), StoreError> {
        let asked = Instant::now();
        let mut last = Arc::clone(&self.0).lock_owned().await;
        if let Some(begun) = last.begun {
            // One that began after this one was asked for has found all that it would.
            if begun >= asked {
                return Ok(());
            }
            tokio::time::sleep(SPACING.saturating_sub(begun.elapsed())).await;
        }
        last.begun = Some(Instant::now());
        let app = app.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let mut news = app.parts.control.follow()?;
            news.append(&mut last.missed);
            let taken = take_up(&app, &news);
            if taken.is_err() {
                last.missed = news;
            }
            // Whoever waited for it may have gone meanwhile: the next look begins when this one is over.
            drop(last);
            taken
        });
        looked.await.unwrap_or(Ok(()))
    }
}

/// Has what is in memory be as others decided.
pub(crate) fn take_up(app: &App, news: &BTreeSet<Decided>) -> Result<(), StoreError> {
    let control = &*app.parts.control;
    if news.contains(&Decided::Documents) {
        app.judge.reload(control)?;
    }
    if news.contains(&Decided::Rollouts) {
        app.fleet.guidance.load(control)?;
    }
    if news.contains(&Decided::Agents) {
        app.fleet.register.refresh(control)?;
    }
    if [Decided::Documents, Decided::Rollouts, Decided::Agents].iter().any(|it| news.contains(it)) {
        app.fleet.register.announce();
    }
    if news.contains(&Decided::Outbox) {
        app.courier.wake();
    }
    Ok(())
}

/// What others decided is known after so long.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Between two looks, however many ask for one.
const SPACING: Duration = Duration::from_millis(50);

/// A database that does not answer keeps nobody waiting for longer.
const PATIENCE: Duration = Duration::from_secs(3);
