//! A server from its begin to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, Parts};
use crate::auth::caller::{LONGEST_IDLE, LONGEST_LOGIN};
use crate::auth::password::NoHash;
use crate::auth::token;
use crate::clock::DAY;
use crate::fleet::listener::FleetListener;
use crate::fleet::{Entrance, FleetParts};
use crate::http::certificate::Certificate;
use crate::http::headers::StrictTransport;
use crate::http::listener;
use crate::ingest::Ingest;
use crate::notify;
use crate::notify::notice::Event;
use crate::routes::openapi;
use crate::secret::Secret;

/// A server that is ready to run.
pub struct Server {
    app: App,
    listener: TcpListener,
    tls: ServerConfig,
    strict: StrictTransport,
    agents: Option<FleetListener>,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoServer {
    /// The socket cannot be used.
    #[error("cannot listen: {0}")]
    Socket(#[from] io::Error),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The system has no randomness.
    #[error(transparent)]
    NoHash(#[from] NoHash),
    /// The certificate cannot be used.
    #[error("the certificate cannot be used: {0}")]
    Tls(#[from] rustls::Error),
}

impl Server {
    /// Reads the policies. Call it within a runtime.
    ///
    /// # Errors
    /// See [`NoServer`].
    pub fn new(
        listener: std::net::TcpListener,
        certificate: &Certificate,
        parts: Parts,
        fleet: Option<FleetParts>,
    ) -> Result<Self, NoServer> {
        let agents = fleet.map(listen_for_agents).transpose()?;
        let app = App::new(parts, agents.as_ref().map(|agents| Arc::clone(&agents.entrance)))?;
        app.judge.reload(&*app.parts.control)?;
        app.fleet.register.load(&*app.parts.control)?;
        app.fleet.guidance.load(&*app.parts.control)?;
        for (policy, reason) in &app.judge.rules().refused {
            app.log(&format!("the policy '{policy}' does not judge: {reason}"));
        }
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let strict = if certificate.is_given() {
            StrictTransport::Insist
        } else {
            StrictTransport::DoNotInsist
        };
        Ok(Self { app, listener, tls: certificate.config()?, strict, agents })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system reports.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// A new token for making the first user, if there is none yet. Tokens of before are void.
    ///
    /// # Errors
    /// The store does not keep its digest.
    pub fn setup_token(&self) -> Result<Option<Secret>, store::StoreError> {
        let control = &self.app.parts.control;
        if !control.users()?.is_empty() {
            return Ok(None);
        }
        // Of several servers that start at the same time, each tells the same one.
        let shared = control.derived_secret("setup").map(|it| it.dangerous_text().to_owned());
        let Some(secret) = shared.or_else(|| token::random().ok()) else { return Ok(None) };
        control.set_setup_token(token::digest(&secret))?;
        Ok(Some(Secret::new(secret)))
    }

    /// Where records of this process go in.
    #[must_use]
    pub fn ingest(&self) -> Ingest {
        Ingest(self.app.clone())
    }

    /// Serves until `stop` is done.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { app, listener, tls, strict, agents } = self;
        let router = openapi::router(&app, strict);
        let (end, ended) = watch::channel(false);
        let agents = agents.map(|agents| tokio::spawn(agents.run(app.clone(), ended)));
        let work = [
            tokio::spawn(judge(app.clone())),
            tokio::spawn(tidy(app.clone())),
            tokio::spawn(note_agents(app.clone())),
            tokio::spawn({
                let app = app.clone();
                async move { app.following.run(&app).await }
            }),
            tokio::spawn({
                let app = app.clone();
                async move { app.duties.run(&app).await }
            }),
            tokio::spawn({
                let app = app.clone();
                async move { app.courier.run(&app).await }
            }),
        ];
        listener::serve(listener, tls, router, stop).await;
        end.send(true).ok();
        if let Some(agents) = agents {
            // A panic was printed.
            agents.await.ok();
        }
        for task in work {
            task.abort();
        }
        app.duties.give_up(&app).await;
        // A database that does not answer keeps nobody from ending.
        tokio::time::timeout(LAST_PATIENCE, save_agents(&app)).await.ok();
    }
}

fn listen_for_agents(parts: FleetParts) -> io::Result<FleetListener> {
    let FleetParts { listener, authority, addresses, folder } = parts;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let entrance = Arc::new(Entrance { authority, addresses, folder });
    Ok(FleetListener { listener, entrance })
}

/// Keeps now and then what agents say of themselves.
async fn note_agents(app: App) {
    let is_shared = app.parts.control.position().is_some();
    loop {
        tokio::time::sleep(if is_shared { TELL_EVERY } else { NOTE_EVERY }).await;
        save_agents(&app).await;
        if is_shared {
            let own = app.clone();
            // Failures were logged; what was not read is read the next time.
            app.control(move |control| {
                own.fleet.register.hear(&control.agents_elsewhere()?, own.parts.clock.now());
                Ok(())
            })
            .await
            .ok();
        }
    }
}

async fn save_agents(app: &App) {
    let own = app.clone();
    // Failures were logged; what was not kept is said again.
    app.control(move |control| own.fleet.register.save(control)).await.ok();
}

/// Judges everything when policies change, and now and then.
async fn judge(app: App) {
    loop {
        app.judge.due(SWEEP_EVERY).await;
        if !app.duties.are_here(&app) {
            continue;
        }
        let own = app.clone();
        let swept = app
            .blocking(move || {
                let parts = &own.parts;
                let swept =
                    own.judge.sweep(&*parts.sessions, &*parts.control, parts.clock.now())?;
                own.left_out(swept.left_out);
                notify::tell(&own, swept.new, Event::Active);
                notify::tell(&own, swept.gone, Event::Resolved);
                Ok(())
            })
            .await;
        if swept.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Forgets what is too old.
async fn tidy(app: App) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        let now = app.parts.clock.now();
        let own = Arc::clone(&app.parts.sessions);
        // Failures were logged, and are part of the store's status.
        app.blocking(move || own.maintain(now)).await.ok();
        if !app.duties.are_here(&app) {
            continue;
        }
        app.control(move |control| {
            control.remove_old_enrolment_tokens(now.plus_nanos(-TOKENS_SHOWN))?;
            control.remove_old_logins(now.plus_nanos(-LONGEST_LOGIN), now.plus_nanos(-LONGEST_IDLE))
        })
        .await
        .ok();
    }
}

/// Certificates expire, snoozes end and postures go away by the minute at most.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

const TIDY_EVERY: Duration = Duration::from_secs(60);

/// What agents say of themselves is lost for so long if the process is killed.
const NOTE_EVERY: Duration = Duration::from_secs(30);

/// What agents say of themselves is as old as this on other servers.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// For what is kept at the end.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// Enrolment tokens that have ended are shown for so long.
const TOKENS_SHOWN: i64 = 30 * DAY;

/// After a failure of the store.
const PAUSE: Duration = Duration::from_secs(5);
