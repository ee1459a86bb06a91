//! Lets through who may.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use store::{AuditEntry, AuditOutcome, Role};

use super::caller::{Caller, Credential, identify};
use super::token;
use crate::app::App;
use crate::http::listener::Peer;
use crate::problem::Problem;

/// What a route needs.
#[derive(Clone, Debug)]
pub(crate) struct Needs {
    pub(crate) app: App,
    pub(crate) role: Role,
}

/// Lets a request through if who asks may, and keeps changes, and tries of them, in the audit log.
pub(crate) async fn guard(State(needs): State<Needs>, request: Request, next: Next) -> Response {
    match guarded(&needs, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn guarded(needs: &Needs, mut request: Request, next: Next) -> Result<Response, Problem> {
    let app = &needs.app;
    let Some(caller) = identify(app, request.headers()).await? else {
        return Err(Problem::unauthorized("log in, or send an API token as a bearer"));
    };
    let deed = Deed::of(&request, caller.name.clone());
    if let Err(problem) = permit(&caller, needs.role, &request) {
        deed.write(app, AuditOutcome::Denied).await?;
        return Err(problem);
    }
    let is_change = !request.method().is_safe();
    request.extensions_mut().insert(caller);
    let response = next.run(request).await;
    if is_change && response.status().is_success() {
        deed.write(app, AuditOutcome::Ok).await?;
    }
    Ok(response)
}

fn permit(caller: &Caller, needed: Role, request: &Request) -> Result<(), Problem> {
    if let Credential::Cookie { csrf, .. } = &caller.by
        && !request.method().is_safe()
        && !carries(request.headers(), csrf.dangerous_text())
    {
        return Err(Problem::forbidden("a change needs the header X-CSRF-Token of this log-in"));
    }
    if caller.role < needed {
        let (has, needs) = (caller.role.name(), needed.name());
        return Err(Problem::forbidden(format!("this needs the role {needs}, and you have {has}")));
    }
    Ok(())
}

fn carries(headers: &HeaderMap, csrf: &str) -> bool {
    let given = headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
    given.is_some_and(|given| token::same(given, csrf))
}

/// What somebody does, for the audit log.
struct Deed {
    actor: String,
    action: String,
    target: String,
    address: String,
}

impl Deed {
    fn of(request: &Request, actor: String) -> Self {
        let path = request.uri().path();
        let route = request.extensions().get::<MatchedPath>().map_or(path, MatchedPath::as_str);
        Self {
            actor,
            action: format!("{} {route}", request.method()),
            target: path.strip_prefix("/api/v1/").unwrap_or(path).to_owned(),
            address: address(request),
        }
    }

    async fn write(self, app: &App, outcome: AuditOutcome) -> Result<(), Problem> {
        let Self { actor, action, target, address } = self;
        let time = app.parts.clock.now();
        let entry = AuditEntry { time, actor, action, target, address, outcome };
        app.control(move |control| control.append_audit(&entry)).await
    }
}

/// The address of who asks.
pub(crate) fn address(request: &Request) -> String {
    let peer = request.extensions().get::<Peer>();
    peer.map(|Peer(address)| address.ip().to_canonical().to_string()).unwrap_or_default()
}

/// Refuses what has no route of this method, as a problem.
pub(crate) async fn no_such_method(method: Method) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED).because(format!("{method} is not for this path"))
}
