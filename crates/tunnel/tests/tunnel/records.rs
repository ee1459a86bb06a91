//! Records for tests.

use std::net::SocketAddr;

use event::Timestamp;
use forge::{ConnectionId, Ending, Opened, Origin, Record, RecordKind, Side};

pub(crate) fn opened(connection: u64) -> Record<'static> {
    let port = 1024 + u16::try_from(connection % 60_000).unwrap();
    let client = SocketAddr::from(([192, 0, 2, 1], port));
    opened_between(connection, client, Side::Client)
}

pub(crate) fn opened_between(connection: u64, client: SocketAddr, side: Side) -> Record<'static> {
    let origin = Origin {
        side,
        pid: 4711,
        command: "curl".into(),
        container: Some("0123456789abcdef".into()),
    };
    let opened = Opened {
        client,
        server: SocketAddr::from(([198, 51, 100, 7], 443)),
        is_late: false,
        origin: Some(origin),
    };
    record(connection, RecordKind::Opened(Box::new(opened)))
}

pub(crate) fn data(connection: u64, sender: Side, position: u64, bytes: &[u8]) -> Record<'_> {
    record(connection, RecordKind::Data { sender, position, bytes })
}

pub(crate) fn closed(connection: u64) -> Record<'static> {
    record(connection, RecordKind::Closed(Ending::Finished))
}

pub(crate) fn record(connection: u64, kind: RecordKind<'_>) -> Record<'_> {
    let at = Timestamp::from_nanos(1_800_000_000_000_000_000);
    Record { connection: ConnectionId(connection), at, kind }
}

/// Bytes that do not compress, another series for each seed.
pub(crate) fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(next).collect()
}
