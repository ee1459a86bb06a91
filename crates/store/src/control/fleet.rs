//! Agents elsewhere: who may enrol, who is enrolled, and which settings they are to have.

use std::collections::BTreeMap;

use event::Timestamp;

use super::SecretDigest;
use crate::error::StoreError;

/// What somebody says of agents: `cluster`, `tenant` and others.
pub type Labels = BTreeMap<String, String>;

/// A token by which agents enrol. Of the token itself only a digest is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentToken {
    /// Its id, which is no secret.
    pub id: String,
    /// What agents that enrol by it are.
    pub labels: Labels,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires: Timestamp,
    /// How many agents may enrol by it.
    pub most_uses: u32,
    /// How many have.
    pub uses: u32,
    /// When the last of them did.
    pub last_used: Option<Timestamp>,
}

/// Why an agent may not enrol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEnrolled {
    /// There is no such token.
    #[error("the token is not known: it may have been deleted")]
    UnknownToken,
    /// Its time is over.
    #[error("the token has expired")]
    ExpiredToken,
    /// As many agents as it was made for have enrolled.
    #[error("the token is used up")]
    UsedUpToken,
}

/// An agent that is enrolled, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledAgent {
    /// Its name, which its certificates bear.
    pub id: String,
    /// Name of its host when it enrolled.
    pub host: String,
    /// Those of its token.
    pub labels: Labels,
    /// Id of its token.
    pub token: String,
    /// When it enrolled.
    pub enrolled: Timestamp,
    /// When its last certificate ends.
    pub not_after: Timestamp,
    /// Whether it was thrown out.
    pub revoked: Option<Revocation>,
    /// When it was heard of last, as far as that was noted.
    pub heard: Option<Timestamp>,
    /// What it said of itself last; up to whoever wrote it.
    pub report: Vec<u8>,
}

/// That an agent was thrown out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// An agent that is about to enrol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAgent {
    /// Its name; at most [`EnrolledAgent::MAX_TEXT_LEN`] bytes, as all of its texts.
    pub id: String,
    /// Name of its host.
    pub host: String,
}

/// A certificate of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentCertificate {
    /// Its serial number in hexadecimal digits.
    pub serial: String,
    /// Whose it is.
    pub agent: String,
    /// When it was issued.
    pub issued: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// What an agent said of itself, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentReport {
    /// The agent.
    pub agent: String,
    /// When it was heard of.
    pub heard: Timestamp,
    /// Whether it is connected to the server that heard of it.
    pub is_connected: bool,
    /// What it said; at most [`EnrolledAgent::MAX_REPORT_LEN`] bytes.
    pub report: Vec<u8>,
}

/// Settings on their way to agents, in stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    /// Revision of the settings, which grows by one with each roll-out.
    pub revision: u64,
    /// A part of the table `[agent]`, TOML; at most [`Rollout::MAX_SETTINGS_LEN`] bytes.
    pub settings: String,
    /// What it is for.
    pub note: String,
    /// When it was begun.
    pub created: Timestamp,
    /// Who began it.
    pub created_by: String,
    /// Which agents have the settings, stage by stage; each adds to those before.
    pub stages: Vec<Stage>,
    /// How many stages have begun.
    pub begun: usize,
    /// Whether it goes on.
    pub state: RolloutState,
    /// When its state or stage changed last.
    pub changed: Timestamp,
}

/// Some of the agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many of a thousand, by a stable hash of their names.
    Share(u16),
    /// Those with all of these labels.
    Labelled(Labels),
}

/// Whether a roll-out goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutState {
    /// Agents of the stages that have begun get the settings.
    Running,
    /// Agents that have the settings keep them, and no other one gets them.
    Paused,
    /// No agent is to have them.
    RolledBack,
}

/// Agents elsewhere. All calls block.
///
/// # Errors
/// All calls: [`StoreError::Full`], [`StoreError::Damaged`].
pub trait Fleet: Send + Sync {
    /// All tokens, by age.
    fn enrolment_tokens(&self) -> Result<Vec<EnrolmentToken>, StoreError>;

    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::LimitReached`], [`StoreError::TooLarge`].
    fn add_enrolment_token(
        &self,
        token: &EnrolmentToken,
        digest: SecretDigest,
    ) -> Result<(), StoreError>;

    /// Removes a token; returns whether there was one. Agents that enrolled by it stay.
    fn remove_enrolment_token(&self, id: &str) -> Result<bool, StoreError>;

    /// Removes tokens that ended before then.
    fn remove_old_enrolment_tokens(&self, ended_before: Timestamp) -> Result<u64, StoreError>;

    /// The token with this digest, if an agent may enrol by it.
    fn enrolment_token(
        &self,
        digest: SecretDigest,
        now: Timestamp,
    ) -> Result<Result<EnrolmentToken, NotEnrolled>, StoreError>;

    /// Uses a token for an agent, which has this certificate. All of it happens, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::LimitReached`], [`StoreError::TooLarge`].
    fn enrol(
        &self,
        digest: SecretDigest,
        agent: &NewAgent,
        certificate: &AgentCertificate,
    ) -> Result<Result<EnrolledAgent, NotEnrolled>, StoreError>;

    /// Notes a further certificate of an agent, and forgets those of it that have ended. Returns whether
    /// the agent is enrolled and not revoked; if not, nothing is noted.
    fn add_agent_certificate(&self, certificate: &AgentCertificate) -> Result<bool, StoreError>;

    /// Certificates of an agent, by age.
    fn agent_certificates(&self, agent: &str) -> Result<Vec<AgentCertificate>, StoreError>;

    /// All agents, by name.
    fn enrolled_agents(&self) -> Result<Vec<EnrolledAgent>, StoreError>;

    /// One agent.
    fn enrolled_agent(&self, id: &str) -> Result<Option<EnrolledAgent>, StoreError>;

    /// Throws an agent out; returns whether it was in.
    fn revoke_agent(&self, id: &str, revocation: &Revocation) -> Result<bool, StoreError>;

    /// Forgets agents of which no certificate is valid any more and that were not heard of since then.
    fn remove_old_agents(&self, ended_before: Timestamp) -> Result<u64, StoreError>;

    /// Keeps what agents said of themselves, and tells it to other servers if there are any.
    fn note_agents(&self, reports: &[AgentReport]) -> Result<(), StoreError>;

    /// What agents said to other servers since the last time. It is kept here as well.
    fn agents_elsewhere(&self) -> Result<Vec<AgentReport>, StoreError>;

    /// All roll-outs, the latest first.
    fn rollouts(&self) -> Result<Vec<Rollout>, StoreError>;

    /// Begins a roll-out with its first stage, and returns its revision. What `rollout` says of these is
    /// not looked at.
    ///
    /// # Errors
    /// [`StoreError::LimitReached`], [`StoreError::TooLarge`].
    fn add_rollout(&self, rollout: &Rollout) -> Result<u64, StoreError>;

    /// Changes how far a roll-out is, if it still is as it was: `state` and `begun` of `from`.
    ///
    /// # Errors
    /// [`StoreError::Missing`]; [`StoreError::Conflict`] if it changed meanwhile.
    fn change_rollout(
        &self,
        from: &Rollout,
        state: RolloutState,
        begun: usize,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}

impl EnrolmentToken {
    /// Most tokens: one for each machine of a small fleet.
    pub const MAX_COUNT: usize = 10_000;
    /// Most agents of one token.
    pub const MAX_USES: u32 = 100_000;
    /// Most labels.
    pub const MAX_LABELS: usize = 16;
    /// Longest name or value of a label in bytes, as in Kubernetes.
    pub const MAX_LABEL_LEN: usize = 253;
}

impl EnrolledAgent {
    /// Most agents: all are in the memory of the server.
    pub const MAX_COUNT: usize = 50_000;
    /// Longest name of an agent or a host in bytes.
    pub const MAX_TEXT_LEN: usize = 253;
    /// Longest report in bytes: losses by cause, and what is missing.
    pub const MAX_REPORT_LEN: usize = 64 << 10;
}

impl Rollout {
    /// Most that are kept.
    pub const MAX_COUNT: usize = 1000;
    /// Longest settings in bytes.
    pub const MAX_SETTINGS_LEN: usize = 64 << 10;
    /// Most stages.
    pub const MAX_STAGES: usize = 16;
    /// Longest note in bytes.
    pub const MAX_NOTE_LEN: usize = 500;
}
