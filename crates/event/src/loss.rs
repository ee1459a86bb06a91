//! What was not seen, and totals.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::json::ToJson;
use crate::time::Timestamp;

/// A line that says what was lost since the last one of its kind (`event.dataset` is
/// `tlsight.loss`).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct LossEvent {
    /// When the losses were counted.
    #[serde(rename = "@timestamp")]
    pub timestamp: Timestamp,
    /// ECS `event`.
    pub event: Dataset,
    /// The losses.
    pub tlsight: LossBody,
}

/// The part of ECS `event` that lines without a session have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, ToJson)]
pub struct Dataset {
    /// `metric`.
    pub kind: &'static str,
    /// `tlsight.loss` or `tlsight.summary`.
    pub dataset: &'static str,
}

/// `tlsight` of a loss line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct LossBody {
    /// Counts by cause.
    pub loss: Losses,
}

/// Counts of what was lost, by cause. Zeros are left out of the JSON.
pub type Losses = BTreeMap<&'static str, u64>;

impl LossEvent {
    /// The line for `losses` counted at `timestamp`.
    #[must_use]
    pub fn new(timestamp: Timestamp, losses: Losses) -> Self {
        let dataset = Dataset { kind: "metric", dataset: "tlsight.loss" };
        Self { timestamp, event: dataset, tlsight: LossBody { loss: losses } }
    }
}

/// The last line of a run (`event.dataset` is `tlsight.summary`).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct SummaryEvent {
    /// Time of the last packet.
    #[serde(rename = "@timestamp")]
    pub timestamp: Timestamp,
    /// ECS `event`.
    pub event: Dataset,
    /// The totals.
    pub tlsight: SummaryBody,
}

/// `tlsight` of a summary line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct SummaryBody {
    /// The totals.
    pub summary: Totals,
}

/// Totals of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema, ToJson)]
pub struct Totals {
    /// Packets read, and those left in the kernel.
    pub packets: u64,
    /// Packets of these that were left in the kernel, because the session of their flow was over.
    #[serde(skip_serializing_if = "is_zero")]
    pub packets_left_in_kernel: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Flows seen.
    pub flows: u64,
    /// Sessions reported.
    pub sessions: u64,
    /// Sessions by negotiated version.
    pub versions: BTreeMap<String, u64>,
    /// Sessions by class of key exchange.
    pub key_exchange_classes: BTreeMap<String, u64>,
    /// Sessions by cipher suite.
    pub ciphers: BTreeMap<String, u64>,
    /// Sessions by anomaly.
    pub anomalies: BTreeMap<String, u64>,
    /// What was lost, by cause.
    pub loss: Losses,
}

impl SummaryEvent {
    /// The line for `totals` at `timestamp`.
    #[must_use]
    pub fn new(timestamp: Timestamp, totals: Totals) -> Self {
        let dataset = Dataset { kind: "metric", dataset: "tlsight.summary" };
        Self { timestamp, event: dataset, tlsight: SummaryBody { summary: totals } }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}
