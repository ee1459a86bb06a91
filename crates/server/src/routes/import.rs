//! Takes lines of NDJSON in.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use data_encoding::HEXLOWER;
use futures_util::StreamExt as _;
use serde::Serialize;
use store::{Batch, Record, Source};
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::params::SeenBy;
use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::http::extract::Asked;
use crate::ingest::{Pile, Taken};
use crate::problem::Problem;

/// What operators may.
pub(crate) fn operator() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(import))
}

/// What became of the lines.
#[derive(Debug, Serialize, ToSchema)]
struct Imported {
    /// Sessions and edges that are kept.
    accepted: u64,
    /// Sessions that were known.
    duplicates: u64,
    /// Lines that were not taken: the first of them, and why.
    rejected: Vec<Rejected>,
    /// How many lines were not taken.
    rejected_total: u64,
}

/// A line that was not taken.
#[derive(Debug, Serialize, ToSchema)]
struct Rejected {
    /// Its number, from 1.
    line: u64,
    /// Why not.
    reason: String,
}

/// Takes sessions, edges and losses in
///
/// Lines as `tlsight read --json`, `watch --json` and `agent` write them. With an `Idempotency-Key`, the
/// same lines sent again count once. What is answered is kept; if the connection breaks off before, the
/// whole may be sent again.
#[utoipa::path(
    post, path = "/import", tag = "transfer",
    params(SeenBy, ("Idempotency-Key" = Option<String>, Header, max_length = 128)),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses(
        (status = 200, body = Imported),
        (status = 408, description = "No more lines came", body = Problem),
        (status = 507, description = "The store has no space", body = Problem),
    )
)]
async fn import(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Asked(seen_by): Asked<SeenBy>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Imported>, Problem> {
    let key = match headers.get("idempotency-key").map(|key| key.to_str()) {
        None => token::random()?,
        Some(Ok(key)) if (1..=MAX_KEY).contains(&key.len()) => key.to_owned(),
        Some(_) => {
            return Err(Problem::bad_request(format!("Idempotency-Key: 1 to {MAX_KEY} letters")));
        }
    };
    let source = source(seen_by, &caller)?;
    let Ok(_place) = Arc::clone(&app.imports).acquire_owned().await else {
        return Err(Problem::unavailable("the server is about to end"));
    };
    let import = Import {
        pile: Pile::new(&app, source.host.clone()),
        digest: digest::Context::new(&digest::SHA256),
        part: 0,
        key,
        source,
        app,
        line: Vec::new(),
        is_skipping: false,
        taken: Taken::default(),
    };
    let taken = import.run(body.into_data_stream()).await?;
    let rejected = taken.reasons.into_iter().map(|(line, reason)| Rejected { line, reason });
    Ok(Json(Imported {
        accepted: taken.accepted,
        duplicates: taken.duplicates,
        rejected: rejected.collect(),
        rejected_total: taken.rejected,
    }))
}

fn source(seen_by: SeenBy, caller: &Caller) -> Result<Source, Problem> {
    let SeenBy { agent, host, version } = seen_by;
    for (name, text, most) in
        [("agent", &agent, 128), ("host", &host, 253), ("version", &version, 64)]
    {
        let text = text.as_deref().unwrap_or_default();
        if text.len() > most || text.chars().any(char::is_control) {
            return Err(Problem::bad_request(format!("{name}: at most {most} letters")));
        }
    }
    Ok(Source {
        id: agent.unwrap_or_else(|| format!("import:{}", caller.name)),
        host: host.unwrap_or_default(),
        version: version.unwrap_or_default(),
    })
}

/// An import on its way.
struct Import {
    app: App,
    source: Source,
    key: String,
    pile: Pile,
    /// Of the lines of the pile: the same part with other lines is another one.
    digest: digest::Context,
    part: u64,
    /// The begin of a line that has not ended yet.
    line: Vec<u8>,
    /// Whether the rest of a line that is too long is on its way.
    is_skipping: bool,
    taken: Taken,
}

impl Import {
    async fn run(mut self, mut body: BodyDataStream) -> Result<Taken, Problem> {
        loop {
            let next = timeout(PATIENCE, body.next()).await;
            let next = next.map_err(|_elapsed| {
                self.failed(StatusCode::REQUEST_TIMEOUT, "no more lines came")
            })?;
            match next {
                None => break,
                Some(Ok(bytes)) => self.bytes(&bytes).await?,
                // What was not given to the store is sent again.
                Some(Err(_)) => return Err(self.failed(StatusCode::BAD_REQUEST, "it broke off")),
            }
        }
        if !self.line.is_empty() {
            self.end_of_line();
        }
        self.give().await?;
        Ok(self.taken)
    }

    async fn bytes(&mut self, mut bytes: &[u8]) -> Result<(), Problem> {
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(at);
            bytes = rest.get(1..).unwrap_or_default();
            self.part_of_line(line);
            self.end_of_line();
            if self.pile.is_full() {
                self.give().await?;
            }
        }
        self.part_of_line(bytes);
        Ok(())
    }

    fn part_of_line(&mut self, part: &[u8]) {
        if self.is_skipping {
            return;
        }
        if self.line.len().saturating_add(part.len()) > Record::MAX_LINE_LEN {
            // One byte more than the pile takes says that the line is too long.
            self.is_skipping = true;
            self.line = vec![b'x'; Record::MAX_LINE_LEN.saturating_add(1)];
        } else {
            self.line.extend_from_slice(part);
        }
    }

    fn end_of_line(&mut self) {
        self.digest.update(&self.line);
        self.digest.update(b"\n");
        self.pile.add(&self.line);
        self.line.clear();
        self.is_skipping = false;
    }

    /// Gives the pile to the store, which it waits for: whoever sends faster waits as well.
    async fn give(&mut self) -> Result<(), Problem> {
        let next = self.pile.next();
        let pile = std::mem::replace(&mut self.pile, next);
        let digest = std::mem::replace(&mut self.digest, digest::Context::new(&digest::SHA256));
        let digest = HEXLOWER.encode(digest.finish().as_ref());
        let id = format!("{}:{}:{digest}", self.key, self.part);
        self.part = self.part.saturating_add(1);
        debug_assert!(id.len() <= Batch::MAX_ID_LEN);
        let (app, source) = (self.app.clone(), self.source.clone());
        let taken = self.app.blocking(move || pile.give(&app, source, id)).await?;
        self.taken.add(taken);
        Ok(())
    }

    fn failed(&self, status: StatusCode, what: &str) -> Problem {
        let Taken { accepted, duplicates, .. } = self.taken;
        Problem::new(status).because(format!(
            "{what}; {accepted} records were accepted and {duplicates} known: send all of it again"
        ))
    }
}

/// Of an idempotency key: a UUID with something around it.
const MAX_KEY: usize = 128;

/// For the next bytes.
const PATIENCE: Duration = Duration::from_secs(60);
