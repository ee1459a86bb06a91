//! Gives all records out.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Serialize;
use store::{CertificateQuery, EdgeQuery, Page, SessionQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::observed::edges_told;
use super::params::{CertificatesAsked, Dataset, DatasetAsked, EdgesAsked, SessionsAsked};
use crate::app::App;
use crate::http::extract::Asked;
use crate::http::window::WindowAsked;
use crate::problem::Problem;
use crate::view::certificate::Certificate;

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Gives sessions, edges or certificates out, one JSON object a line
#[utoipa::path(
    get, path = "/export", tag = "transfer", params(DatasetAsked, WindowAsked, SessionsAsked),
    responses((status = 200, body = String, content_type = "application/x-ndjson"))
)]
async fn export(
    State(app): State<App>,
    Asked(what): Asked<DatasetAsked>,
    Asked(window): Asked<WindowAsked>,
    Asked(sessions): Asked<SessionsAsked>,
    Asked(edges): Asked<EdgesAsked>,
    Asked(certificates): Asked<CertificatesAsked>,
) -> Result<Response, Problem> {
    let now = app.parts.clock.now();
    let window = window.window(now)?;
    let (query, name) = match what.dataset.unwrap_or(Dataset::Sessions) {
        Dataset::Sessions => (Query::Sessions(sessions.query(window)?), "sessions"),
        Dataset::Edges => (Query::Edges(edges.query(window)?), "edges"),
        Dataset::Certificates => (Query::Certificates(certificates.query(now)?), "certificates"),
    };
    let first = Some((app, query, Page::first(Page::MAX_LIMIT)));
    let pages = stream::try_unfold(first, |place| async {
        let Some((app, query, page)) = place else { return Ok(None) };
        let (lines, next) = query.page(&app, page).await.map_err(std::io::Error::other)?;
        let next = next.map(|after| (app, query, Page { after: Some(after), ..page }));
        Ok::<_, std::io::Error>(Some((lines, next)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"tlsight-{name}.ndjson\"")),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

#[derive(Clone, Debug)]
enum Query {
    Sessions(SessionQuery),
    Edges(EdgeQuery),
    Certificates(CertificateQuery),
}

/// A page could not be had: the answer breaks off, so that it is not taken for whole.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off")]
struct BrokeOff;

impl Query {
    async fn page(
        &self,
        app: &App,
        page: Page,
    ) -> Result<(Vec<u8>, Option<store::Cursor>), BrokeOff> {
        let mut lines = Vec::new();
        let next = match self.clone() {
            Self::Sessions(query) => {
                let found = app.sessions(move |sessions| sessions.lines(&query, page)).await;
                let found = found.map_err(|_problem| BrokeOff)?;
                for session in found.items {
                    lines.extend_from_slice(&session.line);
                    lines.push(b'\n');
                }
                found.next
            }
            Self::Edges(query) => {
                let found = app.sessions(move |sessions| sessions.edges(&query, page)).await;
                let found = found.map_err(|_problem| BrokeOff)?;
                let edges = edges_told(app, &found.items, usize::MAX).await;
                for edge in edges.map_err(|_problem| BrokeOff)? {
                    write(&mut lines, &edge);
                }
                found.next
            }
            Self::Certificates(query) => {
                let now = query.now;
                let found = app.sessions(move |sessions| sessions.certificates(&query, page)).await;
                let found = found.map_err(|_problem| BrokeOff)?;
                for certificate in &found.items {
                    write(&mut lines, &Certificate::at(certificate, now));
                }
                found.next
            }
        };
        Ok((lines, next))
    }
}

fn write(lines: &mut Vec<u8>, value: &impl Serialize) {
    // Writing what has no map with other keys than texts to memory does not fail.
    if serde_json::to_writer(&mut *lines, value).is_ok() {
        lines.push(b'\n');
    }
}
