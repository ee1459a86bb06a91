//! Whether the agent does its work.

use serde::Serialize;

use super::http::Answer;
use super::monitor::Monitor;
use super::uplink;
use super::workers::LONGEST_SILENCE;

/// The answer of `/healthz`. An output that fails is no reason to start the agent anew: that would
/// lose what it still sees and counts.
pub(super) fn answer(monitor: &Monitor) -> Answer {
    let is_alive = monitor.silence() < LONGEST_SILENCE;
    let is_told = monitor.uplink().is_none_or(|meter| uplink::state(meter) == "up");
    let health = Health {
        status: match (is_alive, monitor.output_works() && is_told) {
            (true, true) => "ok",
            (true, false) => "degraded",
            (false, _) => "failing",
        },
        capture: if is_alive { "ok" } else { "stuck" },
        output: if monitor.output_works() { "ok" } else { "failing" },
        server: monitor.uplink().map(uplink::state),
    };
    let mut body = serde_json::to_string(&health).unwrap_or_default();
    body.push('\n');
    let status = if is_alive { "200 OK" } else { "503 Service Unavailable" };
    Answer { status, kind: "application/json", body }
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Health {
    status: &'static str,
    capture: &'static str,
    output: &'static str,
    /// How it stands with the server, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_output_degrades_and_does_not_fail() {
        let monitor = Monitor::new(1, false);
        monitor.beat(0);
        assert_eq!(answer(&monitor).status, "200 OK");
        monitor.set_output_works(false);
        let answer = answer(&monitor);
        assert_eq!(answer.status, "200 OK");
        assert!(answer.body.contains("\"degraded\""), "{}", answer.body);
    }
}
