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
        say(AgentState::Revoked, format!("revoked by {} at {}", revoked.by, revoked.at));
        return troubles;
    }
    if let Some(until) = agent.cut_off_until.filter(|until| *until > now) {
        let last = &report.malformed_last;
        say(
            AgentState::CutOff,
            format!("kept out until {until} for batches that make no sense: {last}"),
        );
    }
    let heard = agent.heard.unwrap_or(agent.enrolled.enrolled);
    if now.nanos_since(heard) > SILENT_AFTER.unsigned_abs() {
        let reason = match agent.heard {
            Some(heard) => format!("last heard of at {heard}"),
            None => "it enrolled and has not connected since".to_owned(),
        };
        say(AgentState::Silent, reason);
    } else if !agent.is_connected_anywhere(now) && agent.heard.is_some() {
        say(AgentState::Silent, format!("its connection ended at {heard}"));
    }
    if let Some(lost) = report.lost.filter(|lost| now.nanos_since(*lost) < RECENTLY.unsigned_abs())
    {
        let causes = report.lost_causes.join(", ");
        say(AgentState::Losing, format!("lost something at {lost}: {causes}"));
    }
    if report.clock_ahead_ms.unsigned_abs() > MAX_SKEW_MS {
        let seconds = report.clock_ahead_ms.unsigned_abs() / 1000;
        let way = if report.clock_ahead_ms > 0 { "ahead" } else { "behind" };
        say(AgentState::ClockOff, format!("its clock is {seconds} s {way}"));
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
    troubles.sort_by_key(|trouble| trouble.state);
    troubles
}

/// For how long the oldest batch waits at the agent, in nanoseconds.
pub(crate) fn lag(agent: &Known, now: Timestamp) -> Option<i64> {
    let since = agent.report.spooled_since?;
    // By the agent's own clock, that of now as far as it is known.
    let ahead = agent.report.clock_ahead_ms.saturating_mul(SECOND / 1000);
    Some(now.as_nanos().saturating_add(ahead).saturating_sub(since.as_nanos()).max(0))
}

/// An agent says every ten seconds how it does; some of that may get lost.
pub(crate) const SILENT_AFTER: i64 = 2 * MINUTE;

/// What was lost is worth a look for so long.
const RECENTLY: i64 = 10 * MINUTE;

/// Counts are by the minute: clocks that differ by less do no harm.
const MAX_SKEW_MS: u64 = 30_000;

/// A batch is a minute of edges, and on its way for some seconds.
const LATE_AFTER: i64 = 2 * MINUTE;
