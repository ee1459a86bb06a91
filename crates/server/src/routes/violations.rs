//! What breaks a policy, and what people decide about it.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use event::Timestamp;
use store::{EdgeId, Exclusion, Sessions, StoreError, ViolationId, ViolationQuery, Window};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::params::{ViolationsAsked, search, text};
use crate::app::{App, Control};
use crate::clock::DAY;
use crate::http::extract::{Asked, Given, Named};
use crate::http::window::PageAsked;
use crate::problem::Problem;
use crate::view::Page;
use crate::view::edge::{Edge, POSTURES_IN_LIST, Posture};
use crate::view::violation::{Exclude, Snooze, Violation};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(violations)).routes(routes!(violation))
}

/// What operators may.
pub(crate) fn operator() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(snooze)).routes(routes!(unsnooze)).routes(routes!(exclude))
}

/// Lists violations, the worst first
#[utoipa::path(
    get, path = "/violations", tag = "violations", params(PageAsked, ViolationsAsked),
    responses((status = 200, body = Page<Violation>))
)]
async fn violations(
    State(app): State<App>,
    Asked(page): Asked<PageAsked>,
    Asked(asked): Asked<ViolationsAsked>,
) -> Result<Json<Page<Violation>>, Problem> {
    let edge = text(asked.edge).map(|id| id.parse::<EdgeId>()).transpose();
    let query = ViolationQuery {
        state: asked.state,
        severity: asked.severity,
        policy: text(asked.policy),
        namespace: text(asked.namespace),
        edge: edge.map_err(|error| Problem::bad_request(format!("edge: {error}")))?,
        q: search(asked.q)?,
    };
    let page = page.page()?;
    let found = app.control(move |control| control.violations(&query, page)).await?;
    let next_cursor = found.next.map(|cursor| cursor.to_string());
    Ok(Json(Page { items: told(&app, found.items).await?, next_cursor, total: found.total }))
}

/// Shows a violation
#[utoipa::path(
    get, path = "/violations/{id}", tag = "violations", params(("id" = String, Path)),
    responses((status = 200, body = Violation), (status = 404, body = Problem))
)]
async fn violation(State(app): State<App>, Named(id): Named) -> Result<Json<Violation>, Problem> {
    let id = parsed(&id)?;
    let found = app.control(move |control| control.violation(id)).await?;
    one(&app, found).await
}

/// Makes a violation quiet for a while
#[utoipa::path(
    post, path = "/violations/{id}/snooze", tag = "violations", params(("id" = String, Path)),
    request_body = Snooze,
    responses((status = 200, body = Violation), (status = 404, body = Problem))
)]
async fn snooze(
    State(app): State<App>,
    Named(id): Named,
    Given(snooze): Given<Snooze>,
) -> Result<Json<Violation>, Problem> {
    let (id, reason) = (parsed(&id)?, reason(&snooze.reason)?);
    let until = coming(&app, "until", snooze.until)?;
    let found = app.control(move |control| control.snooze(id, until, &reason)).await?;
    one(&app, Some(found)).await
}

/// Ends a snooze or an exclusion
#[utoipa::path(
    post, path = "/violations/{id}/unsnooze", tag = "violations", params(("id" = String, Path)),
    responses((status = 200, body = Violation), (status = 404, body = Problem))
)]
async fn unsnooze(State(app): State<App>, Named(id): Named) -> Result<Json<Violation>, Problem> {
    let id = parsed(&id)?;
    let found = app.control(move |control| control.unsnooze(id)).await?;
    one(&app, Some(found)).await
}

/// Takes responsibility for a violation
#[utoipa::path(
    post, path = "/violations/{id}/exclude", tag = "violations", params(("id" = String, Path)),
    request_body = Exclude,
    responses((status = 200, body = Violation), (status = 404, body = Problem))
)]
async fn exclude(
    State(app): State<App>,
    Named(id): Named,
    Given(exclude): Given<Exclude>,
) -> Result<Json<Violation>, Problem> {
    let (id, reason) = (parsed(&id)?, reason(&exclude.reason)?);
    let until = exclude.expiration.map(|end| coming(&app, "expiration", end)).transpose()?;
    let exclusion = Exclusion { reason, until };
    let found = app.control(move |control| control.exclude(id, &exclusion)).await?;
    one(&app, Some(found)).await
}

fn parsed(id: &str) -> Result<ViolationId, Problem> {
    id.parse().map_err(|_error| Problem::not_found("violation"))
}

fn reason(reason: &str) -> Result<String, Problem> {
    let reason = reason.trim();
    let is_text = (1..=MAX_REASON).contains(&reason.chars().count());
    is_text
        .then(|| reason.to_owned())
        .ok_or_else(|| Problem::bad_request(format!("reason: 1 to {MAX_REASON} characters")))
}

fn coming(app: &App, name: &str, time: Timestamp) -> Result<Timestamp, Problem> {
    let is_coming = time > app.parts.clock.now();
    is_coming
        .then_some(time)
        .ok_or_else(|| Problem::bad_request(format!("{name}: that is over already")))
}

async fn one(app: &App, found: Option<store::Violation>) -> Result<Json<Violation>, Problem> {
    let told = told(app, found.into_iter().collect()).await?;
    told.into_iter().next().map(Json).ok_or_else(|| Problem::not_found("violation"))
}

/// Violations with their edges.
pub(crate) async fn told(
    app: &App,
    violations: Vec<store::Violation>,
) -> Result<Vec<Violation>, Problem> {
    let own = app.clone();
    app.blocking(move || {
        let parts = &own.parts;
        describe(&*parts.sessions, &*parts.control, violations, parts.clock.now())
    })
    .await
}

/// The same, in a thread that may wait.
pub(crate) fn describe(
    sessions: &dyn Sessions,
    control: &dyn Control,
    violations: Vec<store::Violation>,
    now: Timestamp,
) -> Result<Vec<Violation>, StoreError> {
    let window = Window { from: now.plus_nanos(-LONG), to: now.plus_nanos(DAY) };
    let mut edges = HashMap::<EdgeId, Option<store::Edge>>::new();
    let mut told = Vec::with_capacity(violations.len());
    for violation in violations {
        let id = violation.finding.edge;
        let found = match edges.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(sessions.edge(id, window)?)
            }
        };
        let verdicts = control.verdicts(&[id])?.first().copied().unwrap_or_default();
        let (edge, posture) = match found {
            Some(edge) => {
                let of = edge.postures.iter().find(|of| of.id == violation.finding.posture);
                let posture = of.map(|of| Posture::at(&of.posture, now));
                (Edge::at(edge, verdicts, now, POSTURES_IN_LIST), posture)
            }
            None => (Edge::forgotten(&violation.finding), None),
        };
        let posture = posture.unwrap_or_else(|| Posture::forgotten(violation.finding.posture));
        told.push(Violation::of(violation, edge, posture));
    }
    Ok(told)
}

/// Longer than anything is kept by default.
const LONG: i64 = 400 * DAY;

const MAX_REASON: usize = 1024;
