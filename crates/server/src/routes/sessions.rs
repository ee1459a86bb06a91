//! Single sessions, and what their fields mean.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use store::SessionId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::params::SessionsAsked;
use crate::app::App;
use crate::fields;
use crate::http::extract::{Asked, Named};
use crate::http::window::{PageAsked, WindowAsked};
use crate::problem::Problem;
use crate::view::Page;
use crate::view::session::{Field, SessionDetail, SessionRow};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sessions))
        .routes(routes!(session))
        .routes(routes!(field_list))
}

/// Lists sessions, newest first
#[utoipa::path(
    get, path = "/sessions", tag = "sessions", params(WindowAsked, PageAsked, SessionsAsked),
    responses((status = 200, body = Page<SessionRow>))
)]
async fn sessions(
    State(app): State<App>,
    Asked(window): Asked<WindowAsked>,
    Asked(page): Asked<PageAsked>,
    Asked(asked): Asked<SessionsAsked>,
) -> Result<Json<Page<SessionRow>>, Problem> {
    let query = asked.query(window.window(app.parts.clock.now())?)?;
    let page = page.page()?;
    let found = app.sessions(move |sessions| sessions.sessions(&query, page)).await?;
    Ok(Json(Page::of(found, |row| SessionRow::of(&row))))
}

/// Shows all that is known of a session
#[utoipa::path(
    get, path = "/sessions/{id}", tag = "sessions", params(("id" = String, Path)),
    responses((status = 200, body = SessionDetail), (status = 404, body = Problem))
)]
async fn session(State(app): State<App>, Named(id): Named) -> Result<Json<SessionDetail>, Problem> {
    let Ok(id) = id.parse::<SessionId>() else { return Err(Problem::not_found("session")) };
    let found = app.sessions(move |sessions| sessions.session(id)).await?;
    let found = found.ok_or_else(|| Problem::not_found("session"))?;
    let event = serde_json::from_slice(&found.line)
        .map_err(|_error| Problem::unavailable("the record of this session cannot be read"))?;
    Ok(Json(SessionDetail { row: SessionRow::of(&found.row), event }))
}

/// Says what the fields of an event mean, by their paths
#[utoipa::path(
    get, path = "/fields", tag = "sessions",
    responses((status = 200, body = BTreeMap<String, Field>))
)]
async fn field_list() -> Json<&'static BTreeMap<String, Field>> {
    static FIELDS: LazyLock<BTreeMap<String, Field>> = LazyLock::new(fields::all);
    Json(&FIELDS)
}
