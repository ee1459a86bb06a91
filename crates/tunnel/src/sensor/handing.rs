//! Handing on what was not handed on before.

use event::Timestamp;
use forge::{ConnectionId, MissingCause, Record, RecordKind, Side};

use super::counters::{ReceiverCounters, add};
use super::flows::Flow;

/// A piece of one side of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) sender: Side,
    pub(super) position: u64,
    pub(super) len: u64,
    pub(super) at: Timestamp,
}

/// What an agent says of a piece.
#[derive(Clone, Copy, Debug)]
pub(super) enum Said<'a> {
    Bytes(&'a [u8]),
    Missing(MissingCause),
}

impl Said<'_> {
    /// Bytes of clear text.
    pub(super) fn data_len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => len_of(bytes),
            Self::Missing(_) => 0,
        }
    }
}

impl Flow {
    /// Hands a piece on, without what was before, and says what is missing between them. Gives the number
    /// of bytes of clear text that were handed on.
    pub(super) fn hand_on(
        &mut self,
        connection: ConnectionId,
        piece: Piece,
        said: Said<'_>,
        counters: &mut ReceiverCounters,
        mut emit: impl FnMut(&Record<'_>),
    ) -> u64 {
        let Piece { sender, position, len, at } = piece;
        let mut emit = |kind| emit(&Record { connection, at, kind });
        self.last_at = at;
        let told = self.told(sender);
        let end = position.saturating_add(len);
        if end <= *told {
            add(&mut counters.duplicate_bytes, said.data_len());
            return 0;
        }
        if position > *told {
            let (begin, len) = (*told, position.saturating_sub(*told));
            let cause = MissingCause::Overload;
            emit(RecordKind::Missing { sender, position: begin, len, cause });
            add(&mut counters.unexplained_bytes, len);
            *told = position;
        }
        let begin = std::mem::replace(told, end);
        let skipped = begin.saturating_sub(position);
        match said {
            Said::Missing(cause) => {
                let len = len.saturating_sub(skipped);
                emit(RecordKind::Missing { sender, position: begin, len, cause });
                0
            }
            Said::Bytes(bytes) => {
                let skip = usize::try_from(skipped).unwrap_or(usize::MAX);
                let bytes = bytes.get(skip..).unwrap_or_default();
                emit(RecordKind::Data { sender, position: begin, bytes });
                add(&mut counters.duplicate_bytes, skipped);
                add(&mut counters.delivered_bytes, len_of(bytes));
                len_of(bytes)
            }
        }
    }
}

fn len_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
