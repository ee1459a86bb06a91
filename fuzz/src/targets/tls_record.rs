//! TLS records and the headers of the messages in them.

use tls::handshake::{Alert, MessageHeader};
use tls::record::RecordHeader;

/// Walks over the records of the input.
pub fn tls_record(input: &[u8]) {
    let mut rest = input;
    while let Ok(Some(header)) = RecordHeader::parse(rest) {
        let end = rest.len().min(RecordHeader::LEN + usize::from(header.len));
        let (record, behind) = rest.split_at(end);
        let body = &record[RecordHeader::LEN..];
        std::hint::black_box((header.content_type.name(), header.version.name()));
        std::hint::black_box(MessageHeader::parse(body).map(|message| message.is_plausible()));
        std::hint::black_box(Alert::parse(body).ok());
        rest = behind;
    }
}
