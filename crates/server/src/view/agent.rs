//! Agents, as clients are told.

use event::Timestamp;
use serde::Serialize;
use store::Labels;
use utoipa::ToSchema;

use super::{Count, counts};
use crate::clock::SECOND;
use crate::fleet::guidance;
use crate::fleet::register::Known;
use crate::fleet::verdict::{AgentState, SILENT_AFTER, Trouble, lag, troubles};

/// Who tells what it sees.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Agent {
    /// What tells it from others.
    pub(crate) id: String,
    /// Its host.
    pub(crate) host: String,
    /// Its version.
    pub(crate) version: String,
    /// When it was first heard of.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) first_seen: Timestamp,
    /// When it was last heard of.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_seen: Timestamp,
    /// How it does: the worst of its troubles.
    pub(crate) state: AgentState,
    /// What should not be so, the worst first.
    pub(crate) troubles: Vec<Trouble>,
    /// Sessions that it told.
    pub(crate) sessions: u64,
    /// What it lost, by cause; of an agent with a certificate since its process began.
    pub(crate) losses: Vec<Count>,
    /// What is known of it as it has a certificate; absent for others, such as imports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) member: Option<Member>,
}

/// An agent that has a certificate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Whether it is connected.
    pub(crate) connected: bool,
    /// From where it connected last.
    pub(crate) address: String,
    /// What it is: by its token, and by its own settings.
    #[schema(value_type = Object)]
    pub(crate) labels: Labels,
    /// Id of the token that it enrolled by.
    pub(crate) token: String,
    /// When it enrolled.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) enrolled: Timestamp,
    /// When its certificate ends.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) certificate_not_after: Timestamp,
    /// How much it can see: `sockets`, `packets` or `packets_without_processes`.
    pub(crate) capability: String,
    /// What it lacks to see more.
    pub(crate) missing: Vec<String>,
    /// How far its clock is ahead, in milliseconds.
    pub(crate) clock_ahead_ms: i64,
    /// For how long the oldest batch waits with it, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lag_ms: Option<i64>,
    /// Batches that wait with it.
    pub(crate) spooled_batches: u64,
    /// Bytes of these.
    pub(crate) spooled_bytes: u64,
    /// Of a core, in thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_permille: Option<u32>,
    /// Memory of its process.
    pub(crate) resident_bytes: u64,
    /// Revision of the settings that it has; 0 are its own.
    pub(crate) settings_revision: u64,
    /// Revision of the settings that it is to have.
    pub(crate) settings_asked: u64,
    /// Whether it judges by the policies of this server.
    pub(crate) has_policies: bool,
    /// Batches of it that made no sense.
    pub(crate) malformed_batches: u64,
    /// Lines of it that made no sense, since this server began.
    pub(crate) rejected_lines: u64,
}

/// A certificate of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentCertificate {
    /// Its serial number in hexadecimal digits.
    pub(crate) serial: String,
    /// When it was issued.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) issued: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) not_after: Timestamp,
}

/// An agent and its certificates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentDetail {
    /// The agent.
    #[serde(flatten)]
    pub(crate) agent: Agent,
    /// Its certificates, by age.
    pub(crate) certificates: Vec<AgentCertificate>,
}

impl Agent {
    /// A source that has no certificate, such as an import or the agent of this process.
    pub(crate) fn of_source(source: store::Agent, now: Timestamp) -> Self {
        let is_silent = now.nanos_since(source.last_seen) > SILENT_AFTER.unsigned_abs();
        let trouble = is_silent.then(|| Trouble {
            state: AgentState::Silent,
            reason: format!("last heard of at {}", source.last_seen),
        });
        Self {
            id: source.id,
            host: source.host,
            version: source.version,
            first_seen: source.first_seen,
            last_seen: source.last_seen,
            state: if is_silent { AgentState::Silent } else { AgentState::Ok },
            troubles: trouble.into_iter().collect(),
            sessions: source.sessions,
            losses: counts(source.losses),
            member: None,
        }
    }

    /// An agent with a certificate, what the store has of it, and what it is to have.
    pub(crate) fn of_member(
        known: &Known,
        source: Option<store::Agent>,
        asked: u64,
        policies: &str,
        now: Timestamp,
    ) -> Self {
        let (report, enrolled) = (&known.report, &known.enrolled);
        let troubles = troubles(known, now);
        let heard = known.heard.unwrap_or(enrolled.enrolled);
        let told = report.losses.iter();
        let told = told.map(|(name, count)| Count { name: name.clone(), count: *count });
        Self {
            id: enrolled.id.clone(),
            host: enrolled.host.clone(),
            version: report.version.clone(),
            first_seen: enrolled.enrolled,
            last_seen: source.as_ref().map_or(heard, |source| source.last_seen.max(heard)),
            state: troubles.first().map_or(AgentState::Ok, |trouble| trouble.state),
            troubles,
            sessions: source.map_or(0, |source| source.sessions),
            losses: told.collect(),
            member: Some(Member {
                connected: known.is_connected_anywhere(now),
                address: report.address.clone(),
                labels: guidance::labels(known),
                token: enrolled.token.clone(),
                enrolled: enrolled.enrolled,
                certificate_not_after: enrolled.not_after,
                capability: report.capability.clone(),
                missing: report.missing.clone(),
                clock_ahead_ms: report.clock_ahead_ms,
                lag_ms: lag(known, now).map(|nanos| nanos / (SECOND / 1000)),
                spooled_batches: report.spooled_batches,
                spooled_bytes: report.spooled_bytes,
                cpu_permille: report.cpu_permille,
                resident_bytes: report.resident_bytes,
                settings_revision: report.settings_revision,
                settings_asked: asked,
                has_policies: report.policies_digest == policies,
                malformed_batches: report.malformed,
                rejected_lines: report.rejected_lines,
            }),
        }
    }
}

impl From<store::AgentCertificate> for AgentCertificate {
    fn from(certificate: store::AgentCertificate) -> Self {
        let store::AgentCertificate { serial, issued, not_after, .. } = certificate;
        Self { serial, issued, not_after }
    }
}
