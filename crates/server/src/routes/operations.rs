//! Settings, health and metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use store::{Retention, StoreKind};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::http::extract::Given;
use crate::problem::Problem;
use crate::view::overview::{NewSettings, Settings, StoreState};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(settings))
}

/// What administrators may.
pub(crate) fn admin() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(change_settings))
}

/// Shows what the server is set to and what it holds
#[utoipa::path(
    get, path = "/settings", tag = "operations", responses((status = 200, body = Settings))
)]
async fn settings(State(app): State<App>) -> Result<Json<Settings>, Problem> {
    let status = app.sessions(|sessions| sessions.status()).await?;
    Ok(Json(told(status)))
}

/// Changes how long and how much is kept
#[utoipa::path(
    put, path = "/settings", tag = "operations", request_body = NewSettings,
    responses((status = 200, body = Settings))
)]
async fn change_settings(
    State(app): State<App>,
    Given(new): Given<NewSettings>,
) -> Result<Json<Settings>, Problem> {
    if !(1..=MAX_DAYS).contains(&new.retention_days) {
        return Err(Problem::bad_request(format!("retention_days: 1 to {MAX_DAYS}")));
    }
    if !(1..=MAX_GIB).contains(&new.max_store_gib) {
        return Err(Problem::bad_request(format!("max_store_gib: 1 to {MAX_GIB}")));
    }
    let max_bytes = u64::from(new.max_store_gib) << GIB_BITS;
    let retention = Retention { days: new.retention_days, max_bytes };
    let status = app
        .sessions(move |sessions| {
            sessions.set_retention(retention)?;
            sessions.status()
        })
        .await?;
    Ok(Json(told(status)))
}

fn told(status: store::Status) -> Settings {
    Settings {
        version: crate::VERSION.to_owned(),
        store: StoreState {
            kind: match status.kind {
                StoreKind::Sqlite => "sqlite",
                StoreKind::Clickhouse => "clickhouse",
            },
            bytes: status.bytes,
            sessions: status.sessions,
            oldest: status.oldest,
            evicted_sessions: status.evicted_sessions,
        },
        retention_days: status.retention.days,
        max_store_gib: u32::try_from(status.retention.max_bytes >> GIB_BITS).unwrap_or(MAX_GIB),
    }
}

/// Whether the server does its work.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok` or `failing`.
    status: &'static str,
}

/// Says whether the server does its work
#[utoipa::path(
    get, path = "/healthz", tag = "operations",
    responses((status = 200, body = Health), (status = 503, body = Problem))
)]
async fn healthz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    let answer = app.control(|control| control.users()).await;
    answer.map_err(|_problem| Problem::unavailable("the store does not answer"))?;
    Ok(Json(Health { status: "ok" }))
}

/// What anybody may, outside of the API.
pub(crate) fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(healthz))
}

/// What all users may, outside of the API.
pub(crate) fn scraped() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Metrics in the text form of OpenMetrics
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"))
)]
async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let own = app.clone();
    let text = app.blocking(move || own.meter.text(&own)).await?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

/// The media type that the OpenMetrics specification asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const GIB_BITS: u32 = 30;

/// Ten years.
const MAX_DAYS: u32 = 3650;

/// 64 TiB.
const MAX_GIB: u32 = 1 << 16;
