//! The server as its clients see it: requests to its router, over stores in a folder of their own.
//!
//! `captures.ndjson` is what `tlsight read --json --fingerprints sha256` writes of the first sessions of
//! `testdata/{pq-hybrid, curl-nginx, chromium-nginx, tls12-rsa, tls12-ecdsa, tls10, tls12-static-rsa,
//! tls12-expired, postgres, alert-unknown-ca}`.

mod access;
#[path = "../../../store/tests/backend/mod.rs"]
mod backend;
mod fleet;
mod importing;
mod judging;
mod matrix;
mod outgoing;
mod querying;
mod receiver;
mod replicas;
mod telling;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use event::Timestamp;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use store::{Control, Retention, Role, Settings, SqliteSessions, Token};
use tower::ServiceExt as _;

use crate::app::{App, DataKind, Outlet, Parts};
use crate::auth::token;
use crate::clock::{Clock, DAY, SECOND};
use crate::http::headers::StrictTransport;
use crate::http::listener::Peer;
use crate::routes::openapi;

/// Ten sessions of real captures, the newest of 2026-11-21T14:36:29Z.
pub(super) const CAPTURES: &str = include_str!("captures.ndjson");

/// A server without connections.
pub(super) struct World {
    pub(super) app: App,
    router: Router,
    now: Arc<AtomicI64>,
    folder: PathBuf,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum As<'a> {
    Nobody,
    Token(&'a str),
    /// A cookie, and the CSRF token that a change carries.
    Cookie(&'a str, Option<&'a str>),
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_outlet(None)
    }

    /// One that gives what comes in to an outlet as well.
    pub(super) fn with_outlet(outlet: Option<Arc<dyn Outlet>>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tlsight-server-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self::over(folder, outlet)
    }

    /// Another one over the same stores, as after a kill.
    pub(super) fn started_again(mut self, outlet: Arc<dyn Outlet>) -> Self {
        let folder = std::mem::take(&mut self.folder);
        drop(self);
        Self::over(folder, Some(outlet))
    }

    fn over(folder: PathBuf, outlet: Option<Arc<dyn Outlet>>) -> Self {
        let start: Timestamp = "2026-11-21T15:00:00Z".parse().unwrap();
        let now = Arc::new(AtomicI64::new(start.as_nanos()));
        let own = Arc::clone(&now);
        let settings = Settings {
            retention: Retention { days: 400, ..Retention::default() },
            ..Settings::default()
        };
        let parts = Parts {
            sessions: Arc::new(
                SqliteSessions::open(&folder.join("sessions.db"), settings).unwrap(),
            ),
            control: Arc::new(Control::open(&folder.join("control.db")).unwrap()),
            clock: Clock::new(move || Timestamp::from_nanos(own.load(Ordering::Relaxed))),
            log: Arc::new(|_text: &str| {}),
            data: DataKind::Real,
            outlet,
        };
        let app = App::new(parts, None).unwrap();
        app.judge.reload(&*app.parts.control).unwrap();
        let router = openapi::router(&app, StrictTransport::DoNotInsist);
        Self { app, router, now, folder }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.app.parts.clock.now()
    }

    pub(super) fn pass(&self, nanos: i64) {
        self.now.fetch_add(nanos, Ordering::Relaxed);
    }

    /// An API token of a role.
    pub(super) fn token(&self, role: Role) -> String {
        let secret = token::api_token().unwrap();
        let text = secret.dangerous_text().to_owned();
        let (name, created) = (role.name().to_owned(), self.now());
        let id = token::random().unwrap();
        let token = Token { id, name, role, created, expires: None, last_used: None };
        self.app.parts.control.add_token(&token, token::digest(&text)).unwrap();
        text
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (mut parts, body) = request.into_parts();
        let peer: SocketAddr = "192.0.2.1:50000".parse().unwrap();
        if parts.extensions.get::<Peer>().is_none() {
            parts.extensions.insert(Peer(peer));
        }
        let request = Request::from_parts(parts, body);
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(super) async fn ask(&self, who: As<'_>, method: Method, path: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        match who {
            As::Nobody => {}
            As::Token(token) => {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            As::Cookie(cookie, csrf) => {
                request = request.header(header::COOKIE, format!("a=b; tlsight_session={cookie}"));
                if let Some(csrf) = csrf {
                    request = request.header("x-csrf-token", csrf);
                }
            }
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(super) async fn get(&self, token: &str, path: &str) -> Value {
        let answer = self.ask(As::Token(token), Method::GET, path, Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        answer.json()
    }

    pub(super) async fn import(&self, token: &str, key: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post("/api/v1/import")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("idempotency-key", key)
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// The first user, by the way of a person: cookie and CSRF token.
    pub(super) async fn set_up(&self) -> (String, String) {
        let secret = token::random().unwrap();
        self.app.parts.control.set_setup_token(token::digest(&secret)).unwrap();
        let body = json!({ "token": secret, "user": "ann", "password": PASSWORD });
        let answer = self.ask(As::Nobody, Method::POST, "/api/v1/setup", body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        (answer.cookie(), answer.json()["csrf_token"].as_str().unwrap().to_owned())
    }

    /// Judges everything, as it is done each few minutes.
    pub(super) fn sweep(&self) -> crate::judge::sweep::Swept {
        let parts = &self.app.parts;
        self.app.judge.sweep(&*parts.sessions, &*parts.control, self.now()).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(super) fn cookie(&self) -> String {
        let cookie = self.headers["set-cookie"].to_str().unwrap();
        cookie.split(['=', ';']).nth(1).unwrap().to_owned()
    }
}

pub(super) const PASSWORD: &str = "correct horse battery";

pub(super) const HOUR: i64 = 3600 * SECOND;

pub(super) const A_DAY: i64 = DAY;
