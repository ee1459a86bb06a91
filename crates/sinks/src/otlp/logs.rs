//! A line as a log record.

use crate::dataset::Dataset;
use crate::line::Line;
use crate::otlp::attributes;
use crate::otlp::wire::{AnyValue, LogRecord, LogsRequest, ResourceLogs, ScopeLogs};

/// The lines, by the host that told them.
pub(super) fn request(lines: &[Line], observed: u64) -> LogsRequest {
    let mut hosts: Vec<(&str, Vec<LogRecord>)> = Vec::new();
    for line in lines {
        let record = record(line, observed);
        match hosts.iter_mut().find(|(host, _)| *host == &*line.host) {
            Some((_, records)) => records.push(record),
            None => hosts.push((&line.host, vec![record])),
        }
    }
    let resource_logs = hosts.into_iter().map(|(host, log_records)| ResourceLogs {
        resource: Some(super::resource(Some(host))),
        scope_logs: vec![ScopeLogs { scope: Some(super::scope()), log_records }],
    });
    LogsRequest { resource_logs: resource_logs.collect() }
}

fn record(line: &Line, observed: u64) -> LogRecord {
    let (severity_number, severity_text) = severity(line);
    let time = line.timestamp().and_then(|at| u64::try_from(at.as_nanos()).ok());
    LogRecord {
        time_unix_nano: time.unwrap_or(0),
        severity_number,
        severity_text: severity_text.to_owned(),
        body: Some(AnyValue::text(line.text.clone())),
        attributes: attributes::of(&line.value),
        observed_time_unix_nano: observed,
        event_name: format!("tlsight.{}", line.dataset.event_name()),
    }
}

/// As the data model of OpenTelemetry numbers them.
fn severity(line: &Line) -> (i32, &'static str) {
    match line.dataset {
        Dataset::Session | Dataset::Edge if line.str("/event/outcome") == Some("failure") => {
            (13, "WARN")
        }
        Dataset::Session | Dataset::Edge => (9, "INFO"),
        Dataset::Loss => (13, "WARN"),
        Dataset::Violation => match line.str("/tlsight/violation/severity") {
            _ if line.str("/event/action") == Some("resolved") => (9, "INFO"),
            Some("critical") => (19, "ERROR3"),
            Some("high") => (17, "ERROR"),
            Some("medium") => (14, "WARN2"),
            _ => (13, "WARN"),
        },
    }
}
