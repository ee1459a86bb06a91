//! The tables, described once for all servers.
//!
//! Three tables hold everything. `sessions` has a row for each session. `dictionary` has what sessions
//! have in common, by names that follow from its content. `counts` has all that is added up; a batch
//! adds one block to it, and has happened when that block is there.

mod shared;

use super::dialect::Dialect;
use super::url::ClickHouseUrl;

pub(super) use shared::{AGENT_REPORTS, DECISION_SNAPSHOTS, DECISIONS, SERVERS, SHARED};

/// A table.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [Column],
    engine: &'static str,
    order: &'static str,
    partition: Option<&'static str>,
    /// Expressions that blocks of rows are skipped by, where servers can.
    skipped_by: &'static [&'static str],
    /// After what time rows go.
    ttl: Option<&'static str>,
    /// Settings of servers that know them.
    settings: &'static str,
    spread: Spread,
}

/// Which servers of a cluster have the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spread {
    /// Those of the shard that they were written to.
    Shard,
    /// All of them, whatever their shard: these are few rows, and their order must be one.
    All,
}

/// A column, as current servers and those of 2018 have it.
struct Column {
    name: &'static str,
    modern: &'static str,
    old: &'static str,
}

/// A column of the same type everywhere.
const fn column(name: &'static str, both: &'static str) -> Column {
    Column { name, modern: both, old: both }
}

/// A text that few sessions have for themselves.
const fn shared_text(name: &'static str) -> Column {
    Column {
        name,
        modern: "LowCardinality(Nullable(String)) CODEC(ZSTD(1))",
        old: "Nullable(String)",
    }
}

/// A name of 16 bytes that many sessions have.
const fn shared_name(name: &'static str) -> Column {
    Column {
        name,
        modern: "LowCardinality(FixedString(16)) CODEC(ZSTD(1))",
        old: "FixedString(16)",
    }
}

const fn address(name: &'static str) -> Column {
    Column { name, modern: "IPv6 CODEC(ZSTD(1))", old: "FixedString(16)" }
}

/// The schema that this writes. A later one has a larger number.
pub(super) const VERSION: i64 = 1;

/// Sessions by time; a row that comes again replaces itself.
pub(super) const SESSIONS: Table = Table {
    name: "sessions",
    columns: &[
        column("day", "Date"),
        Column {
            name: "time",
            modern: "DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1))",
            old: "Int64",
        },
        column("digest", "UInt64"),
        shared_name("batch"),
        shared_name("edge"),
        shared_name("posture"),
        address("client_ip"),
        column("client_port", "UInt16"),
        address("server_ip"),
        column("outcome", "Enum8('success' = 0, 'failure' = 1, 'unknown' = 2)"),
        shared_text("server_name"),
        shared_text("client_process"),
        shared_text("client_executable"),
        shared_text("server_process"),
        shared_text("server_executable"),
        shared_text("alert"),
        Column { name: "ja3", modern: "Nullable(String) CODEC(ZSTD(1))", old: "Nullable(String)" },
        shared_text("ja4"),
        Column { name: "line", modern: "String CODEC(ZSTD(1))", old: "String" },
    ],
    engine: "ReplacingMergeTree()",
    order: "(time, digest)",
    partition: Some("day"),
    skipped_by: &[
        "client_ip",
        "server_ip",
        "edge",
        "posture",
        "lower(server_name)",
        "lower(client_process)",
        "lower(client_executable)",
        "lower(server_process)",
        "lower(server_executable)",
        "lower(ja3)",
        "lower(ja4)",
    ],
    // Lines are alike: the more of them are packed together, the less they take.
    ttl: None,
    settings: "min_compress_block_size = 1048576, max_compress_block_size = 4194304",
    spread: Spread::Shard,
};

/// Everything that is added up, by its kind ([`Kind`]). What `a` and `b` are depends on it.
pub(super) const COUNTS: Table = Table {
    name: "counts",
    columns: &[
        column(
            "kind",
            "Enum8('minute' = 0, 'hour' = 1, 'day' = 2, 'minute_series' = 3, 'hour_series' = 4, \
             'day_series' = 5, 'pair' = 6, 'certificate' = 7, 'source' = 8, 'loss' = 9, \
             'batch' = 10, 'total' = 11, 'kept' = 12, 'evicted' = 13)",
        ),
        column("time", "DateTime('UTC')"),
        column("a", "FixedString(16)"),
        column("b", "FixedString(16)"),
        Column {
            name: "sessions",
            modern: "SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))",
            old: "AggregateFunction(sum, UInt64)",
        },
        Column {
            name: "failures",
            modern: "SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))",
            old: "AggregateFunction(sum, UInt64)",
        },
        Column {
            name: "first",
            modern: "SimpleAggregateFunction(min, Int64) CODEC(ZSTD(1))",
            old: "AggregateFunction(min, Int64)",
        },
        Column {
            name: "last",
            modern: "SimpleAggregateFunction(max, Int64) CODEC(ZSTD(1))",
            old: "AggregateFunction(max, Int64)",
        },
    ],
    engine: "AggregatingMergeTree()",
    order: "(kind, time, a, b)",
    partition: None,
    skipped_by: &[],
    ttl: None,
    settings: "",
    spread: Spread::Shard,
};

/// What sessions have in common, by kind and name; the latest version holds.
pub(super) const DICTIONARY: Table = Table {
    name: "dictionary",
    columns: &[
        column(
            "kind",
            "Enum8('schema' = 0, 'entity' = 1, 'posture' = 2, 'edge' = 3, 'server_name' = 4, \
             'certificate' = 5, 'source' = 6, 'cause' = 7)",
        ),
        column("id", "FixedString(16)"),
        Column { name: "name", modern: "String CODEC(ZSTD(1))", old: "String" },
        Column { name: "body", modern: "String CODEC(ZSTD(1))", old: "String" },
        column("version", "Int64"),
    ],
    engine: "ReplacingMergeTree(version)",
    order: "(kind, id, name)",
    partition: None,
    skipped_by: &[],
    ttl: None,
    settings: "",
    spread: Spread::Shard,
};

pub(super) const ALL: [&Table; 3] = [&SESSIONS, &COUNTS, &DICTIONARY];

/// What a row of `counts` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Sessions of an edge (`a`) with a posture (`b`) in a minute.
    Minute = 0,
    /// The same in an hour.
    Hour = 1,
    /// The same on a day.
    Day = 2,
    /// Sessions of a grade and a class, the first two bytes of `a`, in a minute.
    MinuteSeries = 3,
    /// The same in an hour.
    HourSeries = 4,
    /// The same on a day.
    DaySeries = 5,
    /// All sessions of an edge with a posture, and the first and the last of them.
    Pair = 6,
    /// All sessions of a certificate.
    Certificate = 7,
    /// All sessions of a source; its first and last batch.
    Source = 8,
    /// What a source (`a`) did not see for a cause (`b`) in an hour, as `sessions`.
    Loss = 9,
    /// A batch that happened: its records that were accepted, duplicates, refused as `first`. `b`
    /// is when it came.
    Batch = 10,
    /// Rows of `sessions` and, as `failures`, records that were refused.
    Total = 11,
    /// From when on minutes (`a` begins with 0) or hours (1) are kept, as `last`.
    Kept = 12,
    /// Sessions of a day that were forgotten, as `last`; `b` begins with 1 if for space.
    Evicted = 13,
}

/// What a row of `dictionary` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entry {
    /// The schema.
    Schema = 0,
    /// An entity.
    Entity = 1,
    /// A posture.
    Posture = 2,
    /// An edge.
    Edge = 3,
    /// A server name of an edge, as `name`.
    ServerName = 4,
    /// A certificate.
    Certificate = 5,
    /// A source.
    Source = 6,
    /// A cause of loss.
    Cause = 7,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::MinuteSeries => "minute_series",
            Self::HourSeries => "hour_series",
            Self::DaySeries => "day_series",
            Self::Pair => "pair",
            Self::Certificate => "certificate",
            Self::Source => "source",
            Self::Loss => "loss",
            Self::Batch => "batch",
            Self::Total => "total",
            Self::Kept => "kept",
            Self::Evicted => "evicted",
        }
    }
}

impl Entry {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Entity => "entity",
            Self::Posture => "posture",
            Self::Edge => "edge",
            Self::ServerName => "server_name",
            Self::Certificate => "certificate",
            Self::Source => "source",
            Self::Cause => "cause",
        }
    }
}

impl Table {
    /// The statements that make the table where there is none.
    pub(super) fn create(&self, dialect: Dialect, url: &ClickHouseUrl) -> Vec<String> {
        let database = &url.database;
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|it| format!("    {} {}", it.name, dialect.pick(it.modern, it.old)))
            .chain(self.skips(dialect))
            .collect();
        let columns = columns.join(",\n");
        let on_cluster = on_cluster(url);
        let name = self.written(url);
        let engine = self.engine(url);
        let partition = self.partition.map_or(String::new(), |by| format!("PARTITION BY {by}\n"));
        let mut table = format!(
            "CREATE TABLE IF NOT EXISTS {name}{on_cluster} (\n{columns}\n)\nENGINE = {engine}\n\
             {partition}ORDER BY {}",
            self.order
        );
        if let Some(ttl) = self.ttl {
            table.push_str(&format!("\nTTL {ttl}"));
        }
        let settings: Vec<&str> = [self.settings, self.remembers(url)]
            .into_iter()
            .filter(|it| !it.is_empty() && dialect == Dialect::Modern)
            .collect();
        if !settings.is_empty() {
            table.push_str(&format!("\nSETTINGS {}", settings.join(", ")));
        }
        let Some(cluster) = url.cluster.as_ref().filter(|_| self.spread == Spread::Shard) else {
            return vec![table];
        };
        let all = format!(
            "CREATE TABLE IF NOT EXISTS {}{on_cluster} AS {name}\n\
             ENGINE = Distributed('{cluster}', '{database}', '{}_local', rand())",
            self.read(url),
            self.name
        );
        vec![table, all]
    }

    /// The table to read from.
    pub(super) fn read(&self, url: &ClickHouseUrl) -> String {
        format!("`{}`.{}", url.database, self.name)
    }

    /// The table to write to: of a cluster, the part of the server that is asked.
    pub(super) fn written(&self, url: &ClickHouseUrl) -> String {
        format!("`{}`.{}", url.database, self.stored_name(url))
    }

    /// The table in a statement that changes it.
    pub(super) fn altered(&self, url: &ClickHouseUrl) -> String {
        format!("{}{}", self.written(url), on_cluster(url))
    }

    /// The name of the table that holds the rows, without its database.
    pub(super) fn stored_name(&self, url: &ClickHouseUrl) -> String {
        let is_part = url.cluster.is_some() && self.spread == Spread::Shard;
        format!("{}{}", self.name, if is_part { "_local" } else { "" })
    }

    fn engine(&self, url: &ClickHouseUrl) -> String {
        if url.cluster.is_none() {
            return self.engine.to_owned();
        }
        let (kind, arguments) = self.engine.split_once('(').unwrap_or((self.engine, ")"));
        let separator = if arguments == ")" { "" } else { ", " };
        let (path, replica) = match self.spread {
            Spread::Shard => ("{shard}/", "{replica}"),
            Spread::All => ("", "{shard}-{replica}"),
        };
        format!(
            "Replicated{kind}('/clickhouse/tables/{path}{}/{}', '{replica}'{separator}{arguments}",
            url.database, self.name
        )
    }

    /// Replicas remember blocks by themselves; a single server does when it is told to. That a position
    /// is taken must be remembered for longer than any server of tlsight can believe that it is not.
    fn remembers(&self, url: &ClickHouseUrl) -> &'static str {
        match (self.spread, url.cluster.is_some()) {
            (Spread::Shard, false) => "non_replicated_deduplication_window = 1000",
            (Spread::Shard, true) => "",
            (Spread::All, false) => "non_replicated_deduplication_window = 100000",
            (Spread::All, true) => {
                "replicated_deduplication_window = 100000, \
                 replicated_deduplication_window_seconds = 2592000"
            }
        }
    }

    fn skips(&self, dialect: Dialect) -> Vec<String> {
        if dialect == Dialect::Old {
            return Vec::new();
        }
        let skip = |(at, by): (usize, &&str)| {
            format!("    INDEX skip_{at} {by} TYPE bloom_filter(0.01) GRANULARITY 1")
        };
        self.skipped_by.iter().enumerate().map(skip).collect()
    }
}

fn on_cluster(url: &ClickHouseUrl) -> String {
    url.cluster.as_ref().map_or(String::new(), |cluster| format!(" ON CLUSTER '{cluster}'"))
}

/// The statement that makes the database where there is none.
pub(super) fn create_database(url: &ClickHouseUrl) -> String {
    format!("CREATE DATABASE IF NOT EXISTS `{}`{}", url.database, on_cluster(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(table: &Table, dialect: Dialect, url: &str) -> String {
        table.create(dialect, &url.parse().unwrap()).join(";\n")
    }

    #[test]
    fn servers_of_2018_are_asked_for_nothing_that_they_lack() {
        for table in ALL {
            let text = made(table, Dialect::Old, "clickhouse://h/d");
            for lacking in ["CODEC", "TTL", "DateTime64", "IPv6", "Simple", "LowCard", "INDEX"] {
                assert!(!text.contains(lacking), "{lacking}: {text}");
            }
            assert!(!text.contains("SETTINGS") && text.contains("ENGINE = "), "{text}");
        }
    }

    #[test]
    fn a_cluster_has_replicas_and_one_table_over_all_of_them() {
        let text = made(&DICTIONARY, Dialect::Modern, "clickhouse://h/d?cluster=c");
        assert!(text.contains("`d`.dictionary_local ON CLUSTER 'c'"), "{text}");
        assert!(text.contains(
            "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/d/dictionary', '{replica}', version)"
        ), "{text}");
        assert!(text.contains("Distributed('c', 'd', 'dictionary_local', rand())"), "{text}");
        let text = made(&COUNTS, Dialect::Old, "clickhouse://h/d?cluster=c");
        assert!(text.contains("/d/counts', '{replica}')\n"), "{text}");
    }

    #[test]
    fn names_of_kinds_are_those_of_the_tables() {
        let kinds = COUNTS.columns[0].modern;
        for kind in [Kind::Minute, Kind::Pair, Kind::Batch, Kind::Kept, Kind::Evicted] {
            assert!(kinds.contains(&format!("'{}' = {}", kind.name(), kind as u8)), "{kind:?}");
        }
        let kinds = DICTIONARY.columns[0].modern;
        for kind in [Entry::Schema, Entry::Edge, Entry::ServerName, Entry::Cause] {
            assert!(kinds.contains(&format!("'{}' = {}", kind.name(), kind as u8)), "{kind:?}");
        }
    }
}
