//! Notifiers, which administrators set: they send to any address that the server reaches.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use store::{Collection, Expected, StoreError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, Control};
use crate::auth::token;
use crate::http::extract::{Given, Named};
use crate::notify::notice::Notice;
use crate::notify::{all, courier, notifier};
use crate::problem::Problem;
use crate::view::notifier::{NewNotifier, Notifier};

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(notifiers))
}

/// What administrators may.
pub(crate) fn admin() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(change, remove)).routes(routes!(test))
}

/// Lists notifiers
#[utoipa::path(
    get, path = "/notifiers", tag = "notifiers", responses((status = 200, body = [Notifier]))
)]
async fn notifiers(State(app): State<App>) -> Result<Json<Vec<Notifier>>, Problem> {
    let told = app
        .control(|control| {
            let all = all(control)?.into_iter();
            all.map(|(id, notifier)| tell(control, id, notifier)).collect::<Result<_, _>>()
        })
        .await?;
    Ok(Json(told))
}

/// Adds a notifier
#[utoipa::path(
    post, path = "/notifiers", tag = "notifiers", request_body = NewNotifier,
    responses((status = 201, body = Notifier), (status = 409, body = Problem))
)]
async fn add(
    State(app): State<App>,
    Given(new): Given<NewNotifier>,
) -> Result<(StatusCode, Json<Notifier>), Problem> {
    let id: String = token::random()?.chars().take(ID_LEN).collect();
    let notifier = valid(new, None)?;
    let now = app.parts.clock.now();
    let added = app
        .control(move |control| {
            let count = control.documents(Collection::Notifiers)?.len();
            if count >= MAX_NOTIFIERS {
                let (what, limit) = ("notifiers", MAX_NOTIFIERS);
                return Err(StoreError::LimitReached { what, limit });
            }
            let body = serde_json::to_vec(&notifier).unwrap_or_default();
            control.put_document(Collection::Notifiers, &id, &body, Expected::Absent, now)?;
            tell(control, id, notifier)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(added)))
}

/// Changes a notifier
#[utoipa::path(
    put, path = "/notifiers/{id}", tag = "notifiers", params(("id" = String, Path)),
    request_body = NewNotifier,
    responses((status = 200, body = Notifier), (status = 404, body = Problem))
)]
async fn change(
    State(app): State<App>,
    Named(id): Named,
    Given(new): Given<NewNotifier>,
) -> Result<Json<Notifier>, Problem> {
    let old = found(&app, &id).await?;
    let notifier = valid(new, Some(old))?;
    let now = app.parts.clock.now();
    let changed = app
        .control(move |control| {
            let body = serde_json::to_vec(&notifier).unwrap_or_default();
            control.put_document(Collection::Notifiers, &id, &body, Expected::Any, now)?;
            tell(control, id, notifier)
        })
        .await?;
    Ok(Json(changed))
}

/// Removes a notifier with what waits to be sent
#[utoipa::path(
    delete, path = "/notifiers/{id}", tag = "notifiers", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem))
)]
async fn remove(State(app): State<App>, Named(id): Named) -> Result<StatusCode, Problem> {
    let was_there = app
        .control(move |control| {
            control.remove_queue(&id)?;
            control.remove_document(Collection::Notifiers, &id, Expected::Any)
        })
        .await?;
    was_there.then_some(StatusCode::NO_CONTENT).ok_or_else(|| Problem::not_found("notifier"))
}

/// Sends a test at once
#[utoipa::path(
    post, path = "/notifiers/{id}/test", tag = "notifiers", params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 404, body = Problem),
        (status = 502, description = "It could not be sent", body = Problem),
    )
)]
async fn test(State(app): State<App>, Named(id): Named) -> Result<StatusCode, Problem> {
    let notifier = found(&app, &id).await?;
    let now = app.parts.clock.now();
    match courier::send(&notifier, &[Notice::test(now)], now).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(failure) => Err(Problem::new(StatusCode::BAD_GATEWAY).because(failure.to_string())),
    }
}

async fn found(app: &App, id: &str) -> Result<notifier::Notifier, Problem> {
    let id = id.to_owned();
    let found = app.control(move |control| courier::read(control, &id)).await?;
    found.ok_or_else(|| Problem::not_found("notifier"))
}

/// The notifier that is asked for, with the secret of the old one if there is no new one.
fn valid(new: NewNotifier, old: Option<notifier::Notifier>) -> Result<notifier::Notifier, Problem> {
    let NewNotifier { name, kind, settings, secret, min_severity } = new;
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!("name: 1 to {MAX_NAME} characters")));
    }
    let is_long = |value: &String| value.len() > MAX_SETTING;
    let secret = secret.map(|secret| secret.dangerous_text().to_owned());
    if settings.len() > MAX_SETTINGS || settings.values().chain(&secret).any(is_long) {
        return Err(Problem::bad_request("settings: there are too many, or one is too long"));
    }
    // A secret goes only where it was meant for.
    let old = old.filter(|old| old.kind == kind && old.settings_of_place() == place(&settings));
    let secret = secret.or_else(|| old.and_then(|old| old.secret)).filter(|it| !it.is_empty());
    let notifier = notifier::Notifier { name, kind, settings, secret, min_severity };
    notifier.target().map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(notifier)
}

fn place(settings: &std::collections::BTreeMap<String, String>) -> Vec<&String> {
    notifier::PLACE.iter().filter_map(|key| settings.get(*key)).collect()
}

fn tell(
    control: &dyn Control,
    id: String,
    notifier: notifier::Notifier,
) -> Result<Notifier, StoreError> {
    let queue = control.queue(&id)?;
    Ok(Notifier {
        id,
        name: notifier.name,
        kind: notifier.kind,
        settings: notifier.settings,
        has_secret: notifier.secret.is_some(),
        min_severity: notifier.min_severity,
        queued: queue.queued,
        dropped: queue.dropped,
        last_error: queue.last_error,
        last_sent: queue.last_sent,
    })
}

/// Each has its queue.
const MAX_NOTIFIERS: usize = 100;

const MAX_NAME: usize = 64;

const MAX_SETTINGS: usize = 16;

/// A certificate in PEM has some kilobytes.
const MAX_SETTING: usize = 16 << 10;

const ID_LEN: usize = 12;
