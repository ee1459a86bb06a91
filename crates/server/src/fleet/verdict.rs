//! How an agent does, in words.

use event::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::register::Known;
use crate::clock::{MINUTE, SECOND};

/// How an agent does; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentState {
    /// It was thrown out.
    Revoked,
    /// It sent so much that makes no sense that it is kept out for a while.
    CutOff,
    /// Nothing was heard of it lately.
    Silent,
    /// It loses something.
    Losing,
    /// Its clock differs from that of the server.
    ClockOff,
    /// What it tells comes late: it has more to tell than gets through.
    Late,
    /// It does not use the settings that it was sent.
    SettingsRefused,
    /// It does not judge by the policies that it was sent.
    PoliciesRefused,
    /// Some of what it told made no sense.
    Malformed,
    /// It could see more than it does.
    Reduced,
    /// Its program is older than that of this server.
    Outdated,
    /// All is well.
    Ok,
}

impl AgentState {
    /// Its name, as JSON has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::CutOff => "cut_off",
            Self::Silent => "silent",
            Self::Losing => "losing",
            Self::ClockOff => "clock_off",
            Self::Late => "late",
            Self::SettingsRefused => "settings_refused",
            Self::PoliciesRefused => "policies_refused",
            Self::Malformed => "malformed",
            Self::Reduced => "reduced",
            Self::Outdated => "outdated",
            Self::Ok => "ok",
        }
    }
}

/// Something about an agent that should not be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Trouble {
    /// What it is.
    pub(crate) state: AgentState,
    /// Why.
    pub(crate) reason: String,
}

/// All that should not be so of an agent, the worst first.
pub(crate) fn troubles(agent: &Known, now: Timestamp) -> Vec<Trouble> {
    let report = &agent.report;
    let mut troubles = Vec::new();
    let mut say = |state, reason| troubles.push(Trouble { state, reason });
    if let Some(revoked) = &agent.enrolled.revoked {
        let (by, at) = (&revoked.by, to_second(revoked.at));
        say(AgentState::Revoked, format!("revoked by {by} at {at}"));
        return troubles;
    }
    if let Some(until) = agent.cut_off(now) {
        let (until, last) = (to_second(until), &report.malformed_last);
        say(
            AgentState::CutOff,
            format!("kept out until {until} for batches that make no sense: {last}"),
        );
    }
    // Whoever is connected is heard of all the time, or is not connected any longer.
    let is_new = now.nanos_since(agent.enrolled.enrolled) <= SILENT_AFTER.unsigned_abs();
    if !agent.is_connected_anywhere(now) && (agent.heard.is_some() || !is_new) {
        say(AgentState::Silent, absence(agent));
    }
    if let Some(lost) = report.lost.filter(|lost| now.nanos_since(*lost) < RECENTLY.unsigned_abs())
    {
        let causes = report.lost_causes.join(", ");
        say(AgentState::Losing, format!("lost something at {}: {causes}", to_second(lost)));
    }
    if report.clock_ahead_ms.unsigned_abs() > MAX_SKEW_MS {
        let seconds = report.clock_ahead_ms.unsigned_abs() / 1000;
        let way = if report.clock_ahead_ms > 0 { "ahead of" } else { "behind" };
        let reason = format!(
            "its clock is {seconds} s {way} this server's: times of what it tells are by its clock"
        );
        say(AgentState::ClockOff, reason);
    }
    if let Some(lag) = lag(agent, now).filter(|lag| *lag > LATE_AFTER) {
        let (batches, seconds) = (report.spooled_batches, lag / SECOND);
        say(AgentState::Late, format!("{batches} batches wait, the oldest for {seconds} s"));
    }
    if !report.settings_error.is_empty() {
        say(AgentState::SettingsRefused, report.settings_error.clone());
    }
    if !report.policies_error.is_empty() {
        say(AgentState::PoliciesRefused, report.policies_error.clone());
    }
    if report.malformed > 0 && agent.malformed_lately(now) {
        let (count, last) = (report.malformed, &report.malformed_last);
        say(AgentState::Malformed, format!("{count} batches were refused: {last}"));
    }
    if !report.missing.is_empty() {
        let lacks = report.missing.join("; ");
        say(AgentState::Reduced, format!("it sees less than it could: {lacks}"));
    }
    if is_older(&report.version, VERSION) {
        let version = &report.version;
        say(AgentState::Outdated, format!("it runs {version}, this server {VERSION}"));
    }
    troubles.sort_by_key(|trouble| trouble.state);
    troubles
}

/// Since when there is no connection, and when something was heard last.
fn absence(agent: &Known) -> String {
    match (agent.heard, agent.disconnected) {
        (None, _) => "it enrolled and has not connected since".to_owned(),
        (Some(heard), Some(at)) => {
            let (heard, at) = (to_second(heard), to_second(at));
            format!("not connected since {at}; last heard of at {heard}")
        }
        (Some(heard), None) => {
            format!("not connected since this server began; last heard of at {}", to_second(heard))
        }
    }
}

/// A time for people.
fn to_second(time: Timestamp) -> String {
    let text = time.to_string();
    let second = text.split(['.', 'Z']).next().unwrap_or_default();
    format!("{} UTC", second.replace('T', " "))
}

/// Whether a version is before another one; no text that is none is.
fn is_older(version: &str, than: &str) -> bool {
    let parts = |text: &str| {
        let numbers = text.split('-').next().unwrap_or_default().split('.');
        numbers.map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()
    };
    parts(version).zip(parts(than)).is_some_and(|(version, than)| version < than)
}

/// For how long the oldest batch waits at the agent, in nanoseconds.
pub(crate) fn lag(agent: &Known, now: Timestamp) -> Option<i64> {
    let since = agent.report.spooled_since?;
    // By the agent's own clock, that of now as far as it is known.
    let ahead = agent.report.clock_ahead_ms.saturating_mul(SECOND / 1000);
    Some(now.as_nanos().saturating_add(ahead).saturating_sub(since.as_nanos()).max(0))
}

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A source without a certificate tells something every minute; some of that may take its time.
pub(crate) const SILENT_AFTER: i64 = 2 * MINUTE;

/// What was lost is worth a look for so long.
const RECENTLY: i64 = 10 * MINUTE;

/// Counts are by the minute: clocks that differ by less do no harm.
const MAX_SKEW_MS: u64 = 30_000;

/// A batch is a minute of edges, and on its way for some seconds.
const LATE_AFTER: i64 = 2 * MINUTE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, than) in [("0.9.9", "0.10.0"), ("0.1.0-rc1", "0.1.1"), ("1", "1.0.1")] {
            assert!(is_older(version, than) && !is_older(than, version), "{version} {than}");
        }
        for version in ["", "unknown", "1.x", "0.2.0"] {
            assert!(!is_older(version, "0.2.0"), "{version}");
        }
    }

    #[test]
    fn times_are_told_to_the_second() {
        for time in ["2026-11-21T15:00:00Z", "2026-11-21T15:00:00.123456Z"] {
            assert_eq!(to_second(time.parse().unwrap()), "2026-11-21 15:00:00 UTC");
        }
    }
}
