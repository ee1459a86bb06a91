//! TLS records and the headers of the messages in them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tls::handshake::{Alert, MessageHeader};
use tls::record::RecordHeader;

fuzz_target!(|input: &[u8]| {
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
});
