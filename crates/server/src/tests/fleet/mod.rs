//! The fleet as its agents see it: calls over real connections.

mod joining;
mod member;
mod orders;
mod telling;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleet::{Authority, JoinToken, v1};
use serde_json::{Value, json};
use store::{Control, EnrolmentToken, Labels, Role, SecretDigest, Settings, SqliteSessions, Token};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::app::{App, DataKind, Parts};
use crate::auth::token;
use crate::clock::{Clock, DAY};
use crate::fleet::Entrance;
use crate::fleet::listener::FleetListener;
use crate::http::headers::StrictTransport;
use crate::http::listener::Peer;
use crate::routes::openapi;

/// A server with its agents' port, which can be started again over the same files.
pub(super) struct Place {
    pub(super) folder: PathBuf,
    authority: (String, String),
}

/// A server that runs.
pub(super) struct Running {
    pub(super) app: App,
    pub(super) address: SocketAddr,
    authority: Authority,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Place {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tlsight-fleet-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Authority::generate(Clock::system().now()).unwrap();
        Self { folder, authority: (authority.certificate_pem(), authority.key_pem()) }
    }

    pub(super) fn authority(&self) -> Authority {
        Authority::from_pem(&self.authority.0, &self.authority.1).unwrap()
    }

    pub(super) async fn start(&self) -> Running {
        let settings = Settings::default();
        let sessions = SqliteSessions::open(&self.folder.join("sessions.db"), settings).unwrap();
        let parts = Parts {
            sessions: Arc::new(sessions),
            control: Arc::new(Control::open(&self.folder.join("control.db")).unwrap()),
            clock: Clock::system(),
            log: Arc::new(|_text: &str| {}),
            data: DataKind::Real,
            outlet: None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let entrance = Arc::new(Entrance {
            authority: self.authority(),
            addresses: vec![address.to_string()],
            folder: self.folder.join("fleet"),
        });
        let app = App::new(parts, Some(Arc::clone(&entrance))).unwrap();
        app.judge.reload(&*app.parts.control).unwrap();
        app.fleet.register.load(&*app.parts.control).unwrap();
        app.fleet.guidance.load(&*app.parts.control).unwrap();
        let (stop, stopped) = watch::channel(false);
        let listener = FleetListener { listener, entrance };
        let serving = tokio::spawn(listener.run(app.clone(), stopped));
        Running { app, address, authority: self.authority(), stop, serving }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

impl Running {
    /// Ends it, as a server is told to; its files are free then.
    pub(super) async fn stop(self) {
        self.stop.send(true).unwrap();
        self.serving.await.unwrap();
        self.app.fleet.register.save(&*self.app.parts.control).unwrap();
        let parts = Arc::downgrade(&self.app.parts.sessions);
        drop(self.app);
        until("the files are free", async || parts.strong_count() == 0).await;
    }

    /// A token for so many agents, with labels.
    pub(super) fn token(&self, most_uses: u32, labels: &[(&str, &str)]) -> JoinToken {
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
    pub(super) async fn api(
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
    pub(super) async fn agent(&self, id: &str) -> Value {
        let path = format!("/api/v1/agents/{id}");
        self.api(axum::http::Method::GET, &path, Value::Null).await.1
    }

    /// Sessions that are kept, as counts say.
    pub(super) fn counted(&self) -> u64 {
        let now = self.app.parts.clock.now();
        let window = store::Window { from: now.plus_nanos(-300 * DAY), to: now.plus_nanos(DAY) };
        self.app.parts.sessions.overview(window, now).unwrap().sessions
    }
}

/// Waits for something that happens by itself.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1800 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}: not within three minutes");
}

/// So many lines of edges of the last minutes, each of `sessions` sessions.
pub(super) fn lines(count: usize, sessions: u64) -> String {
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
pub(super) fn batch(segment: u8, number: u64, lines: &str) -> v1::Batch {
    v1::Batch {
        segment: vec![segment; 16],
        number,
        lines: fleet::compress(lines.as_bytes()).unwrap(),
        lines_len: u32::try_from(lines.len()).unwrap(),
    }
}
