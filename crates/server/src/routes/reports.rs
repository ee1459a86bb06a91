//! Reports of the cryptography that was seen, as downloads.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use event::{KeyExchangeClass, Timestamp};
use report::{CbomVersion, Format, Head, Kind, Report, Use};
use store::{CertificateQuery, EdgeQuery, EdgeSort, Page, Sessions, StoreError, Window};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::params::{ReportAsked, ReportFormat, ReportVersion};
use crate::app::App;
use crate::http::extract::{Asked, Named};
use crate::http::window::WindowAsked;
use crate::problem::Problem;

/// What all users may.
pub(crate) fn viewer() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(report))
}

/// Reports what was seen: `cbom`, `pqc`, `certificates` or `pci`
#[utoipa::path(
    get, path = "/reports/{kind}", tag = "reports",
    params(("kind" = String, Path, pattern = "^(cbom|pqc|certificates|pci)$"), ReportAsked, WindowAsked),
    responses(
        (status = 200, content(
            (serde_json::Value = "application/json"), (String = "text/csv"), (String = "text/html"),
            (String = "text/calendar"),
        )),
        (status = 404, body = Problem),
    )
)]
async fn report(
    State(app): State<App>,
    Named(kind): Named,
    Asked(asked): Asked<ReportAsked>,
    Asked(window): Asked<WindowAsked>,
) -> Result<Response, Problem> {
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = kind.ok_or_else(|| Problem::not_found("report"))?;
    let format = match asked.format {
        None | Some(ReportFormat::Json) => Format::Json,
        Some(ReportFormat::Csv) => Format::Csv,
        Some(ReportFormat::Html) => Format::Html,
        Some(ReportFormat::Ics) => Format::Ics,
    };
    let version = match asked.version {
        None | Some(ReportVersion::V1_6) => CbomVersion::V1_6,
        Some(ReportVersion::V1_7) => CbomVersion::V1_7,
    };
    let now = app.parts.clock.now();
    let window = window.window(now)?;
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial)
        .map_err(|_unspecified| Problem::unavailable("the system gives no randomness"))?;
    let head = Head { now, serial, program_version: crate::VERSION.to_owned() };
    let written = app
        .sessions(move |sessions| {
            let mut report = Report::new(kind);
            each_use(sessions, window, now, |seen| report.add(&seen))?;
            if kind == Kind::Pqc {
                for point in sessions.series(window)? {
                    for (class, count) in CLASSES.into_iter().zip(point.classes) {
                        report.add_step(point.time, class, count);
                    }
                }
            }
            Ok(report.write(&head, format, version))
        })
        .await?;
    let text = written.map_err(|error| Problem::bad_request(error.to_string()))?;
    let name = format!("attachment; filename=\"tlsight-{}.{}\"", kind.name(), format.name());
    let mut response = ([(header::CONTENT_DISPOSITION, name)], text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    Ok(response)
}

/// Hands out each posture of each edge that was seen in a window, with its counts there.
fn each_use(
    sessions: &dyn Sessions,
    window: Window,
    now: Timestamp,
    mut take: impl FnMut(Use),
) -> Result<(), StoreError> {
    let certificates = certificates(sessions, now)?;
    // What is seen meanwhile changes the order by anything else.
    let query = EdgeQuery { sort: EdgeSort::FirstSeen, ..EdgeQuery::all(window) };
    let mut page = Page::first(Page::MAX_LIMIT);
    loop {
        let edges = sessions.edges(&query, page)?;
        for edge in edges.items {
            for it in &edge.postures {
                let fingerprint = it.posture.certificate.fingerprint.as_ref();
                let certificate = fingerprint.and_then(|it| certificates.get(it));
                take(Use {
                    source: (*edge.source).clone(),
                    destination: (*edge.destination).clone(),
                    port: edge.port,
                    transport: edge.transport,
                    server_name: edge.server_names.first().map(ToString::to_string),
                    posture: (*it.posture).clone(),
                    sessions: it.sessions,
                    first: it.first_seen,
                    last: it.last_seen,
                    certificate: certificate.map(|it| (**it).clone()),
                });
            }
        }
        match edges.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// All certificates by their fingerprints; the store bounds how many there are.
fn certificates(
    sessions: &dyn Sessions,
    now: Timestamp,
) -> Result<HashMap<String, Arc<policy::Certificate>>, StoreError> {
    let query = CertificateQuery::all(now);
    let mut page = Page::first(Page::MAX_LIMIT);
    let mut all = HashMap::new();
    loop {
        let found = sessions.certificates(&query, page)?;
        let named = found.items.into_iter().map(|it| it.certificate);
        all.extend(named.map(|it| (it.fingerprint.clone(), it)));
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(all),
        }
    }
}

/// The order in which a store counts classes over time.
const CLASSES: [Option<KeyExchangeClass>; 5] = [
    Some(KeyExchangeClass::HybridPq),
    Some(KeyExchangeClass::Pq),
    Some(KeyExchangeClass::Classical),
    Some(KeyExchangeClass::None),
    None,
];

/// A page to print has its styles in it and does nothing.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
