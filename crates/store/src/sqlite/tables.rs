//! The tables of a store of sessions.

use super::schema::Schema;

/// The schema of sessions.
pub(super) const SESSIONS: Schema = Schema {
    // "tlsS"
    application_id: 0x746c_7353,
    migrations: &[VERSION_1],
};

/// Times are nanoseconds since 1970. Dictionaries are small and wholly in memory as well; `counts` and
/// `series` hold steps of time (0 a minute, 1 an hour, 2 a day); `seen` names each session that a block
/// holds.
const VERSION_1: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, host TEXT NOT NULL, version TEXT NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, sessions INTEGER NOT NULL
) STRICT;
CREATE TABLE batches (
    source INTEGER NOT NULL, id TEXT NOT NULL, received INTEGER NOT NULL,
    accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX batches_received ON batches (received);
CREATE TABLE losses (
    time INTEGER NOT NULL, source INTEGER NOT NULL, cause TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (time, source, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE entities (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE postures (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE edges (
    id INTEGER PRIMARY KEY, source INTEGER NOT NULL, destination INTEGER NOT NULL,
    port INTEGER NOT NULL, transport INTEGER NOT NULL, more_names INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE server_names (
    edge INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (edge, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE pairs (
    id INTEGER PRIMARY KEY, edge INTEGER NOT NULL, posture INTEGER NOT NULL,
    sessions INTEGER NOT NULL, failures INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;
CREATE TABLE certificates (
    id INTEGER PRIMARY KEY, body TEXT NOT NULL, sessions INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL
) STRICT;

CREATE TABLE counts (
    step INTEGER NOT NULL, time INTEGER NOT NULL, pair INTEGER NOT NULL,
    sessions INTEGER NOT NULL, failures INTEGER NOT NULL, PRIMARY KEY (step, time, pair)
) STRICT, WITHOUT ROWID;
CREATE TABLE series (
    step INTEGER NOT NULL, time INTEGER NOT NULL, grade INTEGER NOT NULL, class INTEGER NOT NULL,
    sessions INTEGER NOT NULL, PRIMARY KEY (step, time, grade, class)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
    time INTEGER NOT NULL, digest INTEGER NOT NULL, PRIMARY KEY (time, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, rows INTEGER NOT NULL,
    level INTEGER NOT NULL, filter BLOB NOT NULL
) STRICT;
CREATE INDEX blocks_last ON blocks (last, first);
CREATE INDEX blocks_first ON blocks (first);
CREATE INDEX blocks_small ON blocks (level, id) WHERE level < 2;
CREATE TABLE block_rows (id INTEGER PRIMARY KEY, rows BLOB NOT NULL) STRICT;
CREATE TABLE block_lines (id INTEGER PRIMARY KEY, lines BLOB NOT NULL) STRICT;
";
