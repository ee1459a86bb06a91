//! Who has changed something through one server sees it through all others: each answer to a change says
//! how far that server was, and a request that has seen more than this server has it catch up first.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;

/// Has the server catch up with what a client has seen, and tells it what it has changed.
pub(crate) async fn hint(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(position) = app.parts.control.position() else { return next.run(request).await };
    // Anybody can say anything here: it is a look at the log, which many share.
    if seen(request.headers()).is_some_and(|seen| seen > position) {
        app.following.catch_up(&app).await;
    }
    let is_change = !request.method().is_safe();
    let mut response = next.run(request).await;
    if let Some(position) = app.parts.control.position().filter(|_| is_change) {
        let headers = response.headers_mut();
        headers.insert(POSITION, HeaderValue::from(position));
        let cookie = format!(
            "{COOKIE}={position}; Path=/; Max-Age={REMEMBERED_SECONDS}; HttpOnly; Secure; \
             SameSite=Strict"
        );
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// How far the server was that the client has asked before.
fn seen(headers: &HeaderMap) -> Option<u64> {
    let told = headers.get(POSITION).and_then(|value| value.to_str().ok()?.parse().ok());
    let cookies =
        headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let kept = cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .find_map(|(_, value)| value.parse().ok());
    told.max(kept)
}

/// The header, for clients that keep no cookies.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("x-tlsight-position");

/// The cookie.
pub(crate) const COOKIE: &str = "tlsight_position";

/// For so long a server may be behind at most, unless the database does not answer it.
const REMEMBERED_SECONDS: u32 = 60;
