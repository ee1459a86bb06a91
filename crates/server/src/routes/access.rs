//! Logging in and out, and the first user.

use std::net::IpAddr;

use axum::Extension;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use store::{AuditEntry, AuditOutcome, Login, Role, SecretText, User};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, DataKind};
use crate::auth::caller::{self, Caller, Credential};
use crate::auth::token;
use crate::http::extract::Given;
use crate::http::listener::Peer;
use crate::problem::Problem;
use crate::routes::accounts::valid_name;
use crate::view::account::{Credentials, SessionInfo, Setup};

/// What needs no log-in.
pub(crate) fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(session)).routes(routes!(setup)).routes(routes!(login))
}

/// What needs one.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(logout))
}

/// Says who is logged in
#[utoipa::path(get, path = "/session", tag = "access", responses((status = 200, body = SessionInfo)))]
async fn session(State(app): State<App>, headers: HeaderMap) -> Result<Json<SessionInfo>, Problem> {
    let caller = caller::identify(&app, &headers).await?;
    info(&app, caller).await.map(Json)
}

/// Makes the first user
#[utoipa::path(
    post, path = "/setup", tag = "access", request_body = Setup,
    responses(
        (status = 200, body = SessionInfo),
        (status = 403, description = "The token is another", body = Problem),
        (status = 409, description = "There are users already", body = Problem),
        (status = 429, description = "Too many tries", body = Problem),
    )
)]
async fn setup(
    State(app): State<App>,
    From(address): From,
    Given(setup): Given<Setup>,
) -> Result<Response, Problem> {
    let now = app.parts.clock.now();
    let name = valid_name(&setup.user)?.to_owned();
    if !app.control(|control| control.users()).await?.is_empty() {
        return Err(Problem::conflict("there are users already: log in"));
    }
    app.throttle.attempt(address, SETUP, now).map_err(slow_down)?;
    let password = SecretText::new(app.passwords.hash(setup.password).await?);
    let user =
        User { name: name.clone(), role: Role::Admin, password, created: now, last_login: None };
    let digest = token::digest(setup.token.dangerous_text());
    let is_first = app.control(move |control| control.set_up(digest, &user)).await?;
    let outcome = if is_first { AuditOutcome::Ok } else { AuditOutcome::Denied };
    write(&app, &name, "setup", address, outcome).await?;
    if !is_first {
        return Err(Problem::forbidden("this is not the token that the server printed"));
    }
    app.throttle.succeeded(address, SETUP);
    enter(&app, name, Role::Admin).await
}

/// Logs in
#[utoipa::path(
    post, path = "/login", tag = "access", request_body = Credentials,
    responses(
        (status = 200, body = SessionInfo),
        (status = 401, description = "User or password is wrong", body = Problem),
        (status = 429, description = "Too many tries; `Retry-After` says for how long", body = Problem),
    )
)]
async fn login(
    State(app): State<App>,
    From(address): From,
    Given(given): Given<Credentials>,
) -> Result<Response, Problem> {
    let Credentials { user: name, password } = given;
    let now = app.parts.clock.now();
    if let Err(seconds) = app.throttle.attempt(address, &name, now) {
        return Err(slow_down(seconds));
    }
    let asked = name.clone();
    // What no user can be called is not worth a query.
    let user = match valid_name(&asked) {
        Ok(_) => app.control(move |control| control.user(&asked)).await?,
        Err(_) => None,
    };
    let hash = user.as_ref().map(|user| user.password.dangerous_text().to_owned());
    let is_right = app.passwords.verify(password, hash).await;
    let outcome = if is_right { AuditOutcome::Ok } else { AuditOutcome::Denied };
    write(&app, &name, "login", address, outcome).await?;
    if !is_right {
        app.meter.login_failed();
    }
    match user.filter(|_| is_right) {
        Some(user) => {
            app.throttle.succeeded(address, &name);
            enter(&app, user.name, user.role).await
        }
        None => Err(Problem::unauthorized("user or password is wrong")),
    }
}

/// Logs out
#[utoipa::path(post, path = "/logout", tag = "access", responses((status = 204)))]
async fn logout(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Problem> {
    if let Credential::Cookie { digest, .. } = caller.by {
        app.control(move |control| control.remove_login(digest)).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, caller::remove_cookie())]).into_response())
}

/// Begins a log-in.
async fn enter(app: &App, user: String, role: Role) -> Result<Response, Problem> {
    let now = app.parts.clock.now();
    let (cookie, csrf) = (token::random()?, SecretText::new(token::random()?));
    let digest = token::digest(&cookie);
    let login = Login {
        cookie: digest,
        user: user.clone(),
        csrf: csrf.clone(),
        created: now,
        last_used: now,
    };
    app.control(move |control| control.add_login(&login)).await?;
    let caller = Caller { name: user, role, by: Credential::Cookie { digest, csrf } };
    let info = info(app, Some(caller)).await?;
    Ok(([(header::SET_COOKIE, caller::set_cookie(&cookie))], Json(info)).into_response())
}

async fn info(app: &App, caller: Option<Caller>) -> Result<SessionInfo, Problem> {
    let csrf = caller.as_ref().and_then(|caller| match &caller.by {
        Credential::Cookie { csrf, .. } => Some(csrf.dangerous_text().to_owned()),
        Credential::Token => None,
    });
    let setup_needed = match &caller {
        Some(_) => false,
        None => app.control(|control| control.users()).await?.is_empty(),
    };
    Ok(SessionInfo {
        setup_needed,
        role: caller.as_ref().map(|caller| caller.role),
        user: caller.map(|caller| caller.name),
        csrf_token: csrf,
        version: crate::VERSION,
        demo: app.parts.data == DataKind::Demo,
    })
}

async fn write(
    app: &App,
    actor: &str,
    action: &str,
    address: IpAddr,
    outcome: AuditOutcome,
) -> Result<(), Problem> {
    let entry = AuditEntry {
        time: app.parts.clock.now(),
        actor: actor.chars().take(MAX_ACTOR).collect(),
        action: action.to_owned(),
        target: String::new(),
        address: address.to_string(),
        outcome,
    };
    app.control(move |control| control.append_audit(&entry)).await
}

fn slow_down(seconds: u64) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS)
        .because(format!("too many tries: wait {seconds} s"))
        .retry_after(seconds)
}

/// The address of who asks.
#[derive(Clone, Copy, Debug)]
struct From(IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(Peer(peer)) = parts.extensions.get::<Peer>() else {
            return Err(Problem::unavailable("it is not known who asks"));
        };
        Ok(Self(peer.ip().to_canonical()))
    }
}

/// Under which tries of the set-up token are counted; no user has this name.
const SETUP: &str = "/setup";

/// Of a name that somebody tried, in the audit log.
const MAX_ACTOR: usize = 64;
