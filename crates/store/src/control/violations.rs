//! What breaks a policy, once for each policy, edge and posture.

use std::fmt;
use std::str::FromStr;

use event::Timestamp;
use policy::Severity;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::id::{EdgeId, NotAnId, PostureId};
use crate::page::{Page, Paged};

/// The name of a violation: a digest of its policy, edge and posture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViolationId(pub(crate) [u8; 16]);

/// What became of a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ViolationState {
    /// It is there.
    Active,
    /// It is gone.
    Resolved,
    /// It is there, and nobody wants to hear of it for a while.
    Snoozed,
    /// It is there, and somebody takes responsibility.
    Excluded,
}

/// What judging an edge's posture found to break a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of the policy.
    pub policy: String,
    /// Its name.
    pub policy_name: String,
    /// Its severity.
    pub severity: Severity,
    /// The edge.
    pub edge: EdgeId,
    /// The posture.
    pub posture: PostureId,
    /// What is wrong, for people.
    pub message: String,
    /// Kubernetes namespaces of both ends, as far as they have any.
    pub namespaces: Vec<String>,
    /// What a search looks at besides the message and the policy: names of both ends and of servers.
    pub text: String,
    /// Sessions so far.
    pub sessions: u64,
    /// When the edge first had the posture.
    pub first_seen: Timestamp,
    /// When the edge last had the posture.
    pub last_seen: Timestamp,
}

/// A finding, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub id: ViolationId,
    /// What was found last.
    pub finding: Finding,
    /// What became of it.
    pub state: ViolationState,
    /// When it went.
    pub resolved_at: Option<Timestamp>,
    /// Until when nobody wants to hear of it.
    pub snoozed_until: Option<Timestamp>,
    /// Until when somebody takes responsibility; absent for ever, or if nobody does.
    pub excluded_until: Option<Timestamp>,
    /// Why it is snoozed or excluded.
    pub reason: Option<String>,
}

/// Why somebody takes responsibility, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Why.
    pub reason: String,
    /// Until when; for ever if absent.
    pub until: Option<Timestamp>,
}

/// Which violations; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViolationQuery {
    /// State.
    pub state: Option<ViolationState>,
    /// Severity.
    pub severity: Option<Severity>,
    /// Id of the policy.
    pub policy: Option<String>,
    /// Namespace of either end.
    pub namespace: Option<String>,
    /// The edge.
    pub edge: Option<EdgeId>,
    /// A part of the message, the policy's name or the text, whatever the case.
    pub q: Option<String>,
}

/// Which violations are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolve {
    /// These.
    Ids(Vec<ViolationId>),
    /// All of a policy that is off or was changed.
    Policy(String),
    /// Those whose posture was not seen since.
    NotSeenSince(Timestamp),
}

/// What the rules say of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VerdictCounts {
    /// Rules that hold.
    pub pass: u32,
    /// Rules that are broken.
    pub fail: u32,
    /// Rules without enough evidence.
    pub unknown: u32,
}

/// What became of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Those that were not known or were resolved before, now active.
    pub opened: Vec<Violation>,
    /// How many there was no room for, or that made room for more severe ones.
    pub left_out: u64,
}

/// A violation that is not resolved, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenViolation {
    /// Its name.
    pub id: ViolationId,
    /// The id of the policy.
    pub policy: String,
    /// When it was seen last.
    pub last_seen: Timestamp,
}

/// Violations and verdicts. All calls block.
///
/// # Errors
/// All calls: [`StoreError::Full`], [`StoreError::Damaged`].
pub trait Violations: Send + Sync {
    /// Notes findings, of which there are at most [`Violation::MAX_COUNT`]. What is snoozed or excluded stays
    /// so, with its counts and times brought up to date.
    fn report(&self, findings: &[Finding], now: Timestamp) -> Result<Reported, StoreError>;

    /// Notes what is gone. Returns what was there until then.
    fn resolve(&self, which: &Resolve, now: Timestamp) -> Result<Vec<Violation>, StoreError>;

    /// Makes those active again whose snooze or exclusion is over, and returns them.
    fn wake(&self, now: Timestamp) -> Result<Vec<Violation>, StoreError>;

    /// Snoozes one that is there.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    fn snooze(
        &self,
        id: ViolationId,
        until: Timestamp,
        reason: &str,
    ) -> Result<Violation, StoreError>;

    /// Ends a snooze or an exclusion.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    fn unsnooze(&self, id: ViolationId) -> Result<Violation, StoreError>;

    /// Excludes one that is there.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    fn exclude(&self, id: ViolationId, exclusion: &Exclusion) -> Result<Violation, StoreError>;

    /// One violation.
    fn violation(&self, id: ViolationId) -> Result<Option<Violation>, StoreError>;

    /// Violations, the worst first, then the one seen last first.
    fn violations(
        &self,
        query: &ViolationQuery,
        page: Page,
    ) -> Result<Paged<Violation>, StoreError>;

    /// All that are not resolved.
    fn open_violations(&self) -> Result<Vec<OpenViolation>, StoreError>;

    /// Active ones by severity: low, medium, high, critical.
    fn violation_counts(&self) -> Result<[u64; 4], StoreError>;

    /// Notes what the rules say of postures of edges.
    fn set_verdicts(
        &self,
        verdicts: &[(EdgeId, PostureId, VerdictCounts)],
    ) -> Result<(), StoreError>;

    /// What the rules say of edges, in the order asked for: the sum over their postures.
    fn verdicts(&self, edges: &[EdgeId]) -> Result<Vec<VerdictCounts>, StoreError>;

    /// Of these edges, those with an active violation.
    fn failing(&self, edges: &[EdgeId]) -> Result<Vec<EdgeId>, StoreError>;
}

impl ViolationId {
    /// The name of what breaks a policy.
    #[must_use]
    pub fn of(policy: &str, edge: EdgeId, posture: PostureId) -> Self {
        Self(crate::id::digest_of(&format!("{edge}{posture}{policy}")))
    }
}

impl Violation {
    /// Most violations kept: beyond, resolved ones go, the oldest first, and then what is less severe than what
    /// comes.
    pub const MAX_COUNT: usize = 100_000;
}

impl fmt::Display for ViolationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromStr for ViolationId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse::<PostureId>().map(|id| Self(id.0))
    }
}
