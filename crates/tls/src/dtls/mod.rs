//! DTLS 1.0, 1.2 and 1.3 on the wire: records, handshake fragments, messages, detection.
//!
//! DTLS 1.0 is RFC 4347, DTLS 1.2 RFC 6347, connection identifiers RFC 9146, DTLS 1.3 RFC 9147.

mod detect;
mod fragment;
mod partial;
mod reassembly;
mod record;

pub use detect::{Multiplexed, looks_like_dtls, turn_channel_data};
pub use fragment::{Fragment, FragmentError, Fragments};
pub use reassembly::{
    Delivery, MAX_BUFFERED_LEN, MAX_MESSAGE_LEN, MAX_MESSAGES_AHEAD, Message, MessageReassembler,
    Outcome,
};
pub use record::{
    FullRecord, MAX_RECORD_LEN, Record, RecordError, RecordErrorKind, Records, UnifiedRecord,
};
