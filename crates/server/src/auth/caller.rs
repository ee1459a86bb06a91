//! Who asks: by a cookie or by a token.

use axum::http::{HeaderMap, header};
use event::Timestamp;
use store::{Login, Role, SecretDigest, StoreError};

use super::token;
use crate::app::App;
use crate::clock::{DAY, MINUTE};
use crate::problem::Problem;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Name of the user, or `token:` and that of the token.
    pub(crate) name: String,
    /// What they may.
    pub(crate) role: Role,
    /// How it is known.
    pub(crate) by: Credential,
}

/// How it is known who asks.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// By a cookie, which a browser sends whoever made it ask: changes carry this token as well.
    Cookie { digest: SecretDigest, csrf: store::SecretText },
    /// By an API token, which nobody sends unknowingly.
    Token,
}

/// Says who asks; nobody, if nothing or nothing valid says so. Somebody whom this server does not know may
/// be known to another one.
pub(crate) async fn identify(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
    let found = look_up(app, headers).await?;
    if found.is_some() || app.parts.control.position().is_none() || !is_claimed(headers) {
        return Ok(found);
    }
    app.following.catch_up(app).await;
    look_up(app, headers).await
}

/// Whether somebody says who they are.
fn is_claimed(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || cookie(headers).is_some()
}

async fn look_up(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        return match token.filter(|token| token.starts_with(token::PREFIX)) {
            Some(token) => by_token(app, token).await,
            None => Ok(None),
        };
    }
    match cookie(headers) {
        Some(cookie) => by_cookie(app, cookie).await,
        None => Ok(None),
    }
}

async fn by_token(app: &App, token: &str) -> Result<Option<Caller>, Problem> {
    let digest = token::digest(token);
    let now = app.parts.clock.now();
    app.control(move |control| {
        let Some(token) = control.token(digest)? else { return Ok(None) };
        if token.expires.is_some_and(|end| end <= now) {
            return Ok(None);
        }
        if token.last_used.is_none_or(|last| is_stale(last, now)) {
            if_it_can_be(control.touch_token(&token.id, now))?;
        }
        let name = format!("token:{}", token.name);
        Ok(Some(Caller { name, role: token.role, by: Credential::Token }))
    })
    .await
}

async fn by_cookie(app: &App, cookie: &str) -> Result<Option<Caller>, Problem> {
    let digest = token::digest(cookie);
    let now = app.parts.clock.now();
    app.control(move |control| {
        let Some((login, user)) = control.login(digest)? else { return Ok(None) };
        if is_over(&login, now) {
            if_it_can_be(control.remove_login(digest).map(drop))?;
            return Ok(None);
        }
        if is_stale(login.last_used, now) {
            if_it_can_be(control.touch_login(digest, now))?;
        }
        let by = Credential::Cookie { digest, csrf: login.csrf };
        Ok(Some(Caller { name: user.name, role: user.role, by }))
    })
    .await
}

/// When somebody was here last is noted where it can be: a database that does not answer keeps nobody
/// from reading.
fn if_it_can_be(noted: Result<(), StoreError>) -> Result<(), StoreError> {
    match noted {
        Err(StoreError::Unreachable { .. }) => Ok(()),
        noted => noted,
    }
}

/// The value of our cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values =
        headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

/// The header that gives a browser the cookie.
pub(crate) fn set_cookie(value: &str) -> String {
    let seconds = LONGEST_LOGIN / crate::clock::SECOND;
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict")
}

/// The header that takes it away.
pub(crate) fn remove_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")
}

/// Whether a log-in is too old, or was not used for too long.
fn is_over(login: &Login, now: Timestamp) -> bool {
    let (age, idle) = (now.nanos_since(login.created), now.nanos_since(login.last_used));
    age > LONGEST_LOGIN.unsigned_abs() || idle > LONGEST_IDLE.unsigned_abs()
}

/// Whether it is worth a write to the store that somebody was here.
fn is_stale(last: Timestamp, now: Timestamp) -> bool {
    now.nanos_since(last) > MINUTE.unsigned_abs()
}

/// The name of the cookie.
const COOKIE: &str = "tlsight_session";

/// A working week.
pub(crate) const LONGEST_LOGIN: i64 = 7 * DAY;

/// A working day.
pub(crate) const LONGEST_IDLE: i64 = 8 * 60 * MINUTE;
