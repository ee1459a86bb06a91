//! The tables that servers of tlsight share beside sessions.

use super::{Spread, Table, column};

/// What people decided, change by change: the one with the position behind the last is the next.
pub(in crate::clickhouse) const DECISIONS: Table = Table {
    name: "decisions",
    columns: &[
        column("position", "UInt64"),
        column("id", "FixedString(16)"),
        column("previous", "FixedString(16)"),
        column("written", "DateTime('UTC') DEFAULT now()"),
        // It is sealed, so nothing makes it shorter.
        column("body", "String"),
    ],
    engine: "MergeTree()",
    order: "position",
    partition: None,
    skipped_by: &[],
    ttl: None,
    settings: "",
    spread: Spread::All,
};

/// All decisions up to a position, in parts.
pub(in crate::clickhouse) const DECISION_SNAPSHOTS: Table = Table {
    name: "decision_snapshots",
    columns: &[
        column("position", "UInt64"),
        column("id", "FixedString(16)"),
        column("part", "UInt32"),
        column("is_last", "UInt8"),
        column("written", "DateTime('UTC') DEFAULT now()"),
        column("body", "String"),
    ],
    engine: "MergeTree()",
    order: "(position, id, part)",
    partition: None,
    skipped_by: &[],
    ttl: None,
    settings: "",
    spread: Spread::All,
};

/// Servers of tlsight that are there, with a number that grows while they are.
pub(in crate::clickhouse) const SERVERS: Table = Table {
    name: "servers",
    columns: &[
        column("server", "FixedString(16)"),
        column("beat", "UInt64"),
        column("written", "DateTime('UTC') DEFAULT now()"),
    ],
    engine: "ReplacingMergeTree(beat)",
    order: "server",
    partition: None,
    skipped_by: &[],
    ttl: Some("written + INTERVAL 1 DAY"),
    settings: "",
    spread: Spread::All,
};

/// What agents said of themselves last, and to which server.
pub(in crate::clickhouse) const AGENT_REPORTS: Table = Table {
    name: "agent_reports",
    columns: &[
        column("agent", "String"),
        column("server", "FixedString(16)"),
        column("heard", "Int64"),
        column("is_connected", "UInt8"),
        column("written", "DateTime64(3, 'UTC') DEFAULT now64(3)"),
        column("body", "String CODEC(ZSTD(1))"),
    ],
    engine: "ReplacingMergeTree(written)",
    order: "agent",
    partition: None,
    skipped_by: &[],
    ttl: Some("toDateTime(written) + INTERVAL 90 DAY"),
    settings: "",
    spread: Spread::All,
};

/// What servers of tlsight share of what people decide. Only servers of the last years have these.
pub(in crate::clickhouse) const SHARED: [&Table; 4] =
    [&DECISIONS, &DECISION_SNAPSHOTS, &SERVERS, &AGENT_REPORTS];

#[cfg(test)]
mod tests {
    use super::super::super::dialect::Dialect;
    use super::*;

    #[test]
    fn each_server_of_a_cluster_has_all_of_the_log_whatever_its_shard() {
        let url = "clickhouse://h/d?cluster=c".parse().unwrap();
        let made = DECISIONS.create(Dialect::Modern, &url);
        assert_eq!(made.len(), 1, "no table over others: {made:?}");
        let text = &made[0];
        assert!(text.contains("`d`.decisions ON CLUSTER 'c'"), "{text}");
        let engine = "ReplicatedMergeTree('/clickhouse/tables/d/decisions', '{shard}-{replica}')";
        assert!(text.contains(engine), "{text}");
        assert!(text.contains("SETTINGS replicated_deduplication_window = 100000"), "{text}");
        let alone = "clickhouse://h/d".parse().unwrap();
        let text = DECISIONS.create(Dialect::Modern, &alone).join("");
        assert!(text.contains("SETTINGS non_replicated_deduplication_window = 100000"), "{text}");
    }
}
