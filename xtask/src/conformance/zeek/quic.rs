//! `quic.log`: one line a QUIC connection.

use super::{Baseline, Pool, QUIC};
use crate::conformance::compare::{Place, Tally};
use crate::conformance::oracle::Sessions;
use crate::conformance::session::take;

/// Compares every line of one log.
pub(super) fn compare(
    baseline: &Baseline,
    sessions: &Sessions,
    pool: &mut Pool<'_>,
    tally: &mut Tally,
) {
    for line in &baseline.lines {
        let Some(capture) = baseline.capture_of(line, sessions) else {
            continue;
        };
        let version = line.text("version").unwrap_or_default();
        if version.starts_with("unknown") {
            tally.cannot(QUIC, &baseline.name, "a QUIC version whose keys nobody knows");
            continue;
        }
        let session = line.ends().map_or_else(String::new, |ends| ends.to_string());
        let ours = match (line.ends(), pool.get_mut(capture)) {
            (Some(ends), Some(left)) => take(left, &ends),
            (None, Some(left)) if left.len() == 1 => left.pop(),
            _ => None,
        };
        let mut place = Place { tally: &mut *tally, oracle: QUIC, capture, session };
        let found = if ours.is_some() { "seen" } else { "not seen" };
        place.expect("session", "seen", Some(found.to_owned()));
        let Some(ours) = ours else {
            continue;
        };
        let our_version = ours.text("tlsight.quic_version").map(|version| number(&version));
        if !version.is_empty() {
            place.compare("version", Some(number(&version)), our_version);
        }
        if line.columns().any(|column| column == "server_name") {
            place.compare(
                "server_name",
                line.text("server_name"),
                ours.text("tls.client.server_name"),
            );
        }
        let offered = "tls.detailed.client_hello.extensions.application_layer_protocol_negotiation";
        let first = ours.list(offered).into_iter().next();
        if line.columns().any(|column| column == "client_protocol") {
            place.compare("client_protocol", line.text("client_protocol"), first);
        }
        for column in ["client_initial_dcid", "client_scid", "server_scid", "history"] {
            if line.text(column).is_some() {
                let place = format!("{} {column}", baseline.name);
                tally.cannot(
                    QUIC,
                    &place,
                    "connection ids and packet history are not in the event",
                );
            }
        }
    }
}

fn number(version: &str) -> String {
    version.chars().filter(char::is_ascii_digit).collect()
}
