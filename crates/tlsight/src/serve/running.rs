//! A server that runs beside the rest of the program.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use server::{
    Certificate, Clock, Control, DataKind, FleetParts, Identity, Ingest, Outlet, Parts, Secret,
    Server,
};
use sinks::SinkSettings;
use store::{
    ClickHouseSessions, NotShared, Retention, Sessions, Settings, Source, SqliteSessions,
    StoreError,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::settings::{FLEET_FOLDER, ServeSettings};
use crate::agent::Sink;
use crate::config::Config;
use crate::outlets::{self, Outlets};
use crate::{message, signals};

/// Where a server is to run: an address that is bound, and a folder.
pub(crate) struct Place {
    settings: ServeSettings,
    folder: PathBuf,
    listener: TcpListener,
    agents: Option<TcpListener>,
    data: DataKind,
    sinks: Vec<SinkSettings>,
}

/// A server that runs until it is stopped.
pub(crate) struct Running {
    runtime: Runtime,
    serving: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    ingest: Ingest,
    address: String,
    /// Where agents connect.
    agents: Option<String>,
    fingerprint: Option<String>,
    setup_token: Option<Secret>,
    /// A folder that is gone at the end.
    temporary: Option<PathBuf>,
    outlets: Option<Outlets>,
}

impl Place {
    /// Binds the address, and that for `agents` if there is one, and makes the folder, with the privileges that the program has then.
    ///
    /// # Errors
    /// What the system reports.
    pub(crate) fn open(
        config: &Config,
        agents: Option<SocketAddr>,
        data: DataKind,
    ) -> Result<Self> {
        let settings = config.serve.clone().with_defaults()?;
        let folder = match data {
            DataKind::Real => settings.folder()?,
            DataKind::Demo => {
                std::env::temp_dir().join(format!("tlsight-demo-{}", std::process::id()))
            }
        };
        // In a folder that all may write to, one that is there already may be somebody else's.
        DirBuilder::new()
            .recursive(data == DataKind::Real)
            .mode(FOLDER_MODE)
            .create(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let address = settings.listen;
        let listener =
            TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
        let sinks = match data {
            DataKind::Real => outlets::resolve(config, &folder.join(outlets::FOLDER))?,
            // Samples are for nobody else.
            DataKind::Demo => Vec::new(),
        };
        let agents = agents.map(|address| {
            TcpListener::bind(address).with_context(|| {
                format!("cannot listen for agents at {address} (--agents off if there are none)")
            })
        });
        Ok(Self { settings, folder, listener, agents: agents.transpose()?, data, sinks })
    }
}

impl Running {
    /// Opens the store and begins to serve.
    ///
    /// # Errors
    /// A store or a certificate that cannot be used.
    pub(crate) fn start(place: Place) -> Result<Self> {
        let Place { settings, folder, listener, agents, data, sinks } = place;
        let outlets = (!sinks.is_empty()).then(|| outlets::start(sinks)).transpose()?;
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .worker_threads(WORKERS)
            .thread_name("tlsight-server")
            .build()?;
        let clock = Clock::system();
        let certificate = Arc::new(Certificate::open(identity(&settings, &folder), clock.now())?);
        let control: Arc<dyn Control> = Arc::new(open_control(&settings, &folder, data)?);
        let parts = Parts {
            sessions: open_sessions(&settings, &folder, data)?,
            control: Arc::clone(&control),
            clock: clock.clone(),
            log: Arc::new(|text: &str| message::error(text)),
            data,
            outlet: outlets.clone().map(|it| Arc::new(it) as Arc<dyn Outlet>),
        };
        let port = listener.local_addr()?.port();
        let host = settings.listen.ip();
        let host = if host.is_unspecified() { host_name() } else { bracketed(host) };
        let fleet = match agents {
            Some(agents) => Some(fleet_parts(&settings, &folder, agents, &*control, clock.now())?),
            None => None,
        };
        let agents = fleet.as_ref().and_then(|fleet| fleet.addresses.first().cloned());
        let server = {
            let _entered = runtime.enter();
            Server::new(listener, &certificate, parts, fleet)?
        };
        let (ingest, setup_token) = (server.ingest(), server.setup_token()?);
        let fingerprint = (!certificate.is_given()).then(|| certificate.fingerprint());
        runtime.spawn(renew(signals::reload_on_request()?, certificate, clock));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = runtime.spawn(server.run(async {
            // A sender that is gone says the same.
            stopped.await.ok();
        }));
        let address = format!("https://{host}:{port}/");
        let temporary = (data == DataKind::Demo).then_some(folder);
        Ok(Self {
            runtime,
            serving,
            stop,
            ingest,
            address,
            agents,
            fingerprint,
            setup_token,
            temporary,
            outlets,
        })
    }

    /// Says where the server is and, as long as there is no user, how to become the first.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub(crate) fn tell(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "tlsight is at {}", self.address)?;
        if let Some(fingerprint) = &self.fingerprint {
            writeln!(
                out,
                "It made its certificate itself, so browsers warn; its SHA-256 is {fingerprint}"
            )?;
        }
        if let Some(agents) = &self.agents {
            writeln!(out, "Agents join at {agents}: `tlsight serve token` says how")?;
        }
        if let Some(token) = &self.setup_token {
            let token = token.dangerous_text();
            writeln!(out, "Make the first user there, with this token: {token}")?;
        }
        if !server::has_web_ui() {
            writeln!(
                out,
                "This program was built without the web UI; the API is described at {}openapi.json",
                self.address
            )?;
        }
        out.flush()
    }

    /// Where lines of this process go in.
    pub(crate) const fn ingest(&self) -> &Ingest {
        &self.ingest
    }

    /// Says now and then that the agent of this process is there, also when it has nothing to tell.
    pub(crate) fn beat(&self, source: Source) {
        let ingest = self.ingest.clone();
        self.runtime.spawn(async move {
            loop {
                let (ingest, source) = (ingest.clone(), source.clone());
                // A store that fails says so elsewhere.
                tokio::task::spawn_blocking(move || ingest.beat(source)).await.ok();
                tokio::time::sleep(BEAT_EVERY).await;
            }
        });
    }

    /// Ends the server, with what it is doing.
    pub(crate) fn stop(self) {
        let Self { runtime, serving, stop, ingest, temporary, outlets, .. } = self;
        stop.send(()).ok();
        // Panics were printed.
        runtime.block_on(serving).ok();
        // What holds the store last closes its files.
        drop(ingest);
        runtime.shutdown_timeout(LAST_PATIENCE);
        if let Some(outlets) = outlets {
            outlets.stop(LAST_PATIENCE);
        }
        if let Some(folder) = temporary
            && let Err(error) = std::fs::remove_dir_all(&folder)
        {
            message::error(&format!("{} stays: {error}", folder.display()));
        }
    }
}

/// Hands lines of the agent to the server.
pub(crate) struct ToServer {
    ingest: Ingest,
    source: Source,
    begin: i64,
    count: AtomicU64,
}

impl ToServer {
    /// A sink for the lines of this host's agent.
    pub(crate) fn new(ingest: Ingest, source: Source) -> Self {
        let begin = crate::watch::wall_clock().as_nanos();
        Self { ingest, source, begin, count: AtomicU64::new(0) }
    }
}

impl Sink for ToServer {
    fn take(&mut self, lines: &[u8]) -> io::Result<()> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}:{count}", self.begin);
        self.ingest.take(self.source.clone(), id, lines).map(|_taken| ()).map_err(io::Error::other)
    }

    fn name(&self) -> &'static str {
        "the store"
    }
}

/// The agent of this process.
pub(crate) fn own_agent() -> Source {
    let host = host_name();
    Source { id: format!("agent:{host}"), host, version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// Opens the database that was named, or else a file. Samples are for a file in any case.
fn open_sessions(
    settings: &ServeSettings,
    folder: &Path,
    data: DataKind,
) -> Result<Arc<dyn Sessions>> {
    let usual = Retention::default();
    let days = settings.retention_days.unwrap_or(usual.days);
    if let (Some(url), DataKind::Real) = (&settings.store, data) {
        // Whose disks these are, decides how full they may be.
        let max_bytes = settings.max_store.unwrap_or(u64::MAX);
        let retention = Retention { days, max_bytes };
        return Ok(Arc::new(ClickHouseSessions::open(url.clone(), retention)?));
    }
    let max_bytes = settings.max_store.unwrap_or(usual.max_bytes);
    let retention = Retention { days, max_bytes };
    let path = folder.join("sessions.db");
    Ok(Arc::new(SqliteSessions::open(&path, Settings { retention, ..Settings::default() })?))
}

/// Opens what people decide: where the sessions are in a database, that is shared with all servers over it.
fn open_control(
    settings: &ServeSettings,
    folder: &Path,
    data: DataKind,
) -> Result<store::Control, StoreError> {
    let path = folder.join("control.db");
    if let (Some(url), DataKind::Real) = (&settings.store, data) {
        let usual = folder.join("control.key");
        let key = settings.control_key.as_ref().unwrap_or(&usual);
        match store::Control::open_shared(&path, url.clone(), key) {
            Err(StoreError::NotShared(why @ NotShared::TooOld { .. })) => {
                message::error(&format!("{why}; this server keeps it in {}", path.display()));
            }
            opened => return opened,
        }
    }
    store::Control::open(&path)
}

fn fleet_parts(
    settings: &ServeSettings,
    folder: &Path,
    listener: TcpListener,
    control: &dyn Control,
    now: event::Timestamp,
) -> Result<FleetParts> {
    let folder = folder.join(FLEET_FOLDER);
    let authority = if control.position().is_some() {
        server::share_authority(control, &folder, now)?
    } else {
        server::open_authority(&folder, now)?
    };
    let addresses = addresses(settings, listener.local_addr()?);
    Ok(FleetParts { listener, authority, addresses, folder })
}

/// How agents reach the server: by names that were given for it, and by that of this machine.
pub(super) fn addresses(settings: &ServeSettings, listen: SocketAddr) -> Vec<String> {
    let (ip, port) = (listen.ip(), listen.port());
    let own = if ip.is_unspecified() { host_name() } else { bracketed(ip) };
    let given = settings.names.iter().map(|name| match name.parse() {
        Ok(ip) => bracketed(ip),
        Err(_) => name.clone(),
    });
    given.chain([own]).map(|host| format!("{host}:{port}")).collect()
}

fn identity(settings: &ServeSettings, folder: &Path) -> Identity {
    if let Some((certificate, key)) = settings.certificate.clone() {
        return Identity::Given { certificate, key };
    }
    let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), host_name()];
    let listen = settings.listen.ip();
    let listen = (!listen.is_unspecified()).then(|| listen.to_string());
    let mut names: Vec<_> = own.into_iter().chain(listen).chain(settings.names.clone()).collect();
    names.sort_unstable();
    names.dedup();
    Identity::SelfMade { folder: folder.to_owned(), names }
}

/// Reads the certificate anew at each SIGHUP.
async fn renew(reload: Arc<AtomicBool>, certificate: Arc<Certificate>, clock: Clock) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if reload.swap(false, Ordering::Relaxed)
            && let Err(error) = certificate.reload(clock.now())
        {
            message::error(&format!("the certificate stays as it was: {error}"));
        }
    }
}

/// The name of this host.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

fn bracketed(ip: std::net::IpAddr) -> String {
    match ip {
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Requests wait for the store most of the time, and it has threads of its own.
const WORKERS: usize = 2;

/// Names of hosts and hashes of passwords are not for everybody.
const FOLDER_MODE: u32 = 0o700;

const LOOK_EVERY: Duration = Duration::from_millis(500);

const BEAT_EVERY: Duration = Duration::from_secs(60);

const LAST_PATIENCE: Duration = Duration::from_secs(5);
