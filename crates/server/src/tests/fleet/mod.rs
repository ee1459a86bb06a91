//! The fleet as its agents see it: calls over real connections.

mod joining;
pub(super) mod member;
mod orders;
mod telling;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleet::{Authority, JoinToken, v1};
use serde_json::{Value, json};
use store::{
    ClickHouseSessions, Control, EnrolmentToken, Labels, Retention, Role, SecretDigest, Sessions,
    Settings, SqliteSessions, Token,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{App, DataKind, Parts};
use crate::auth::token;
use crate::clock::{Clock, DAY};
use crate::fleet::Entrance;
use crate::fleet::authority::share_authority;
use crate::fleet::listener::FleetListener;
use crate::http::headers::StrictTransport;
use crate::http::listener::Peer;
use crate::routes::openapi;

/// A server with its agents' port, which can be started again over the same files.
pub(in crate::tests) struct Place {
    pub(in crate::tests) folder: PathBuf,
    authority: (String, String),
    /// The database that it shares with others, and their key.
    shared: Option<(String, PathBuf)>,
}

/// A server that runs.
pub(in crate::tests) struct Running {
    pub(in crate::tests) app: App,
    pub(in crate::tests) address: SocketAddr,
    authority: Authority,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    following: JoinHandle<()>,
}

impl Place {
    pub(in crate::tests) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tlsight-fleet-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Authority::generate(Clock::system().now()).unwrap();
        let authority = (authority.certificate_pem(), authority.key_pem());
        Self { folder, authority, shared: None }
    }

    /// One of several servers over a database.
    pub(in crate::tests) fn shared(database: &str, key: &std::path::Path) -> Self {
        let mut place = Self::new();
        place.shared = Some((database.to_owned(), key.to_owned()));
        place
    }

    pub(in crate::tests) fn authority(&self) -> Authority {
        Authority::from_pem(&self.authority.0, &self.authority.1).unwrap()
    }

    pub(in crate::tests) async fn start(&self) -> Running {
        self.start_that(Follow::All).await
    }

    /// Starts one that follows others, or only when it is made to.
    pub(in crate::tests) async fn start_that(&self, follow: Follow) -> Running {
        let path = self.folder.join("control.db");
        let (sessions, control): (Arc<dyn Sessions>, _) = match &self.shared {
            Some((url, key)) => {
                let url: store::ClickHouseUrl = url.parse().unwrap();
                let sessions = ClickHouseSessions::open(url.clone(), Retention::default());
                (Arc::new(sessions.unwrap()), Control::open_shared(&path, url, key).unwrap())
            }
            None => {
                let sessions = self.folder.join("sessions.db");
                let sessions = SqliteSessions::open(&sessions, Settings::default()).unwrap();
                (Arc::new(sessions), Control::open(&path).unwrap())
            }
        };
        let folder = self.folder.join("fleet");
        let authority = match &self.shared {
            Some(_) => share_authority(&control, &folder, Clock::system().now()).unwrap(),
            None => self.authority(),
        };
        let same =
            || Authority::from_pem(&authority.certificate_pem(), &authority.key_pem()).unwrap();
        let parts = Parts {
            sessions,
            control: Arc::new(control),
            clock: Clock::system(),
            log: Arc::new(|_text: &str| {}),
            data: DataKind::Real,
            outlet: None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let entrance =
            Arc::new(Entrance { authority: same(), addresses: vec![address.to_string()], folder });
        let app = App::new(parts, Some(Arc::clone(&entrance))).unwrap();
        app.judge.reload(&*app.parts.control).unwrap();
        app.fleet.register.load(&*app.parts.control).unwrap();
        app.fleet.guidance.load(&*app.parts.control).unwrap();
        let (stop, stopped) = watch::channel(false);
        let listener = FleetListener { listener, entrance };
        let serving = tokio::spawn(listener.run(app.clone(), stopped));
        let own = app.clone();
        let following = tokio::spawn(async move {
            if follow == Follow::All {
                own.following.run(&own).await;
            }
        });
        let authority = same();
        Running { app, address, authority, stop, serving, following }
    }
}

/// Whether a server follows what others decide by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tests) enum Follow {
    All,
    WhenAsked,
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

impl Running {
    /// Ends it, as a server is told to; its files are free then.
    pub(in crate::tests) async fn stop(self) {
        self.stop.send(true).unwrap();
        self.serving.await.unwrap();
        self.following.abort();
        self.app.fleet.register.save(&*self.app.parts.control).unwrap();
        let parts = Arc::downgrade(&self.app.parts.sessions);
        drop(self.app);
        until("the files are free", async || parts.strong_count() == 0).await;
    }

    /// A token for so many agents, with labels.
    pub(in crate::tests) fn token(&self, most_uses: u32, labels: &[(&str, &str)]) -> JoinToken {
        let made = JoinToken::generate(self.authority.fingerprint()).unwrap();
        let now = self.app.parts.clock.now();
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let token = EnrolmentToken {
            id: token::random().unwrap(),
            labels: labels.collect::<Labels>(),
            created: now,
            created_by: "ann".to_owned(),
            expires: now.plus_nanos(DAY),
            most_uses,
            uses: 0,
            last_used: None,
        };
        let control = &self.app.parts.control;
        control.add_enrolment_token(&token, SecretDigest(made.digest())).unwrap();
        made
    }

    /// Asks the API as somebody of a role.
    pub(in crate::tests) async fn api(
        &self,
        method: axum::http::Method,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        use http_body_util::BodyExt as _;
        use tower::ServiceExt as _;
        let secret = token::api_token().unwrap();
        let text = secret.dangerous_text();
        let created = self.app.parts.clock.now();
        let id = token::random().unwrap();
        let (role, name) = (Role::Admin, "tester".to_owned());
        let token = Token { id, name, role, created, expires: None, last_used: None };
        self.app.parts.control.add_token(&token, token::digest(text)).unwrap();
        let peer: SocketAddr = "192.0.2.1:50000".parse().unwrap();
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {text}"))
            .header("content-type", "application/json")
            .extension(Peer(peer))
            .body(axum::body::Body::from(body.to_string()))
            .unwrap();
        let router = openapi::router(&self.app, StrictTransport::DoNotInsist);
        let answer = router.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// What the API says of an agent.
    pub(in crate::tests) async fn agent(&self, id: &str) -> Value {
        let path = format!("/api/v1/agents/{id}");
        self.api(axum::http::Method::GET, &path, Value::Null).await.1
    }

    /// Sessions that are kept, as counts say.
    pub(in crate::tests) fn counted(&self) -> u64 {
        let now = self.app.parts.clock.now();
        let window = store::Window { from: now.plus_nanos(-300 * DAY), to: now.plus_nanos(DAY) };
        self.app.parts.sessions.overview(window, now).unwrap().sessions
    }
}

/// Waits for something that happens by itself.
pub(in crate::tests) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1800 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within three minutes");
}

/// So many lines of edges of the last minutes, each of `sessions` sessions.
pub(in crate::tests) fn lines(count: usize, sessions: u64) -> String {
    let now = Clock::system().now();
    let mut text = String::new();
    for number in 0..count {
        let line = json!({
            "@timestamp": now.to_rfc3339().as_str(),
            "event": { "dataset": "tlsight.edge", "outcome": "success",
                "start": now.to_rfc3339().as_str(), "end": now.to_rfc3339().as_str() },
            "client": { "ip": "10.0.0.1", "process": { "executable": "/usr/bin/curl" } },
            "server": { "ip": "10.0.0.2", "port": 443 + number },
            "network": { "transport": "tcp" },
            "tls": { "version": "1.3", "version_protocol": "tls", "curve": "x25519",
                "cipher": "TLS_AES_128_GCM_SHA256", "established": true, "server": {} },
            "tlsight": {
                "key_exchange": { "class": "classical", "forward_secret": true },
                "certificate": { "state": "encrypted" },
                "carrier": "tcp", "evidence": "socket", "edge": { "sessions": sessions } },
        });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

/// A batch of lines.
pub(in crate::tests) fn batch(segment: u8, number: u64, lines: &str) -> v1::Batch {
    v1::Batch {
        segment: vec![segment; 16],
        number,
        lines: fleet::compress(lines.as_bytes()).unwrap(),
        lines_len: u32::try_from(lines.len()).unwrap(),
    }
}
