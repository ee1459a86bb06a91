//! What happens, as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, stream};
use tokio::time::{Instant, timeout_at};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::live::{Happening, Told};
use crate::problem::Problem;

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live))
}

/// Tells sessions and violations as they come
///
/// Events `session` and `violation` have what the lists have; `dropped` says with `count` how much was
/// left out because the client did not keep up.
#[utoipa::path(
    get, path = "/live", tag = "live",
    responses(
        (status = 200, body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many look on", body = Problem),
    )
)]
async fn live(
    State(app): State<App>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Some(watching) = app.live.watch() else {
        return Err(Problem::unavailable("too many look on"));
    };
    let until = Instant::now() + LONGEST;
    let events = stream::unfold(watching, move |mut watching| async move {
        let told = timeout_at(until, watching.next()).await.ok()??;
        let event = match told {
            Told::This(Happening::Session(json)) => Event::default().event("session").data(json),
            Told::This(Happening::Violation(json)) => {
                Event::default().event("violation").data(json)
            }
            Told::Dropped(count) => {
                Event::default().event("dropped").data(format!("{{\"count\":{count}}}"))
            }
        };
        Some((Ok(event), watching))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Whether somebody may look on is asked again when the stream is opened again.
const LONGEST: Duration = Duration::from_secs(15 * 60);

const KEEP_ALIVE: Duration = Duration::from_secs(15);
