//! Logs and metrics for a collector of OpenTelemetry: OTLP 1.x over HTTP, in protobuf.

mod attributes;
mod logs;
mod totals;
mod wire;

use std::sync::Arc;
use std::time::{Duration, Instant};

use event::Timestamp;
use prost::Message as _;

use crate::http::{Answer, Http};
use crate::line::Line;
use crate::receiver::{Failure, Outcome, Receiver, told};
use crate::settings::{HttpSettings, WrongSetting};
pub(crate) use totals::Totals;
use wire::{KeyValue, Resource, Response, Scope};

/// Which collector, and what it gets.
#[derive(Clone)]
pub struct OtlpSettings {
    /// The collector; `/v1/logs` and `/v1/metrics` are added to the URL.
    pub http: HttpSettings,
    /// Whether it gets lines as log records.
    pub logs: bool,
    /// Whether it gets sums of them as metrics.
    pub metrics: bool,
    /// How often it gets metrics.
    pub metrics_every: Duration,
}

/// A collector.
pub(crate) struct Otlp {
    http: Http,
    totals: Option<Arc<Totals>>,
    every: Duration,
    told: Instant,
}

impl Otlp {
    pub(crate) fn new(
        settings: OtlpSettings,
        totals: Option<Arc<Totals>>,
    ) -> Result<Self, WrongSetting> {
        let OtlpSettings { http, metrics_every: every, .. } = settings;
        Ok(Self { http: Http::new(&http)?, totals, every, told: Instant::now() })
    }

    /// Sends a request, and says how much of it was rejected, and why.
    fn export(&self, path: &str, body: &[u8]) -> Result<(u64, String), Failure> {
        let answer = self.http.post(path, "application/x-protobuf", body)?;
        match answer.status {
            200..=299 => Ok(partial_success(&answer)),
            // The only ones that may be tried again (OTLP specification, "Retryable Response Codes").
            429 | 502..=504 => {
                Err(Failure::Later { why: self.http.said(&answer), wait: answer.retry_after })
            }
            413 => Err(Failure::TooLarge),
            _ => Err(Failure::Refused { why: self.http.said(&answer) }),
        }
    }
}

impl Receiver for Otlp {
    fn take(&mut self, lines: &[Line]) -> Result<Outcome, Failure> {
        let request = logs::request(lines, observed());
        let (rejected, why) = self.export("/v1/logs", &request.encode_to_vec())?;
        let rejected = rejected.min(lines.len() as u64);
        let why = (!why.is_empty()).then_some(why);
        Ok(Outcome { rejected, why, ..Outcome::default() })
    }

    fn tend(&mut self) -> Result<(), Failure> {
        if self.told.elapsed() < self.every { Ok(()) } else { self.finish() }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let Some(totals) = &self.totals else { return Ok(()) };
        self.told = Instant::now();
        let now = i64::try_from(observed()).unwrap_or(i64::MAX);
        let Some(request) = totals.request(Timestamp::from_nanos(now)) else { return Ok(()) };
        match self.export("/v1/metrics", &request.encode_to_vec())? {
            (0, _) => Ok(()),
            (rejected, why) => {
                Err(Failure::later(format!("{rejected} points were rejected: {why}")))
            }
        }
    }
}

/// What an answer says of what it did not take. One that cannot be read says nothing.
fn partial_success(answer: &Answer) -> (u64, String) {
    let partial = Response::decode(answer.body.as_slice()).ok().and_then(|it| it.partial_success);
    let partial = partial.unwrap_or_default();
    (u64::try_from(partial.rejected).unwrap_or(0), told(partial.error_message.as_bytes()))
}

/// Who tells it: the host of lines, or this one with its sums.
fn resource(host: Option<&str>) -> Resource {
    let own = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host =
        host.filter(|it| !it.is_empty()).map_or_else(|| own().trim().to_owned(), str::to_owned);
    let attributes = vec![
        KeyValue::text("service.name", "tlsight"),
        KeyValue::text("service.version", VERSION),
        KeyValue::text("host.name", host),
    ];
    Resource { attributes }
}

fn scope() -> Scope {
    Scope { name: "tlsight".to_owned(), version: VERSION.to_owned() }
}

/// When a request is made, in nanoseconds since 1970.
fn observed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
