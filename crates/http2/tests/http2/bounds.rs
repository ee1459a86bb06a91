//! What hostile ends may not do.

use http2::{Ending, Sender};

use crate::conversation::{
    Conversation, END_HEADERS, END_STREAM, GET, OK, block, data, frame, headers,
};

#[test]
fn headers_without_end_are_given_up() {
    let mut talk = Conversation::new();
    talk.client(&frame(1, 0, 1, &block(&GET)));
    for _ in 0..10_000 {
        talk.client(&frame(9, 0, 1, &[0; 1000]));
        assert!(talk.translator.heap_size() < 1 << 20);
    }
    talk.client(&frame(9, END_HEADERS, 1, &[]));
    assert!(talk.told.is_empty());
    assert_eq!(talk.counters.too_long, 1);
    talk.client(&headers(3, END_STREAM, &GET));
    assert_eq!(talk.stream(3).request(), "GET /a HTTP/1.1|host: h||");
}

#[test]
fn frames_that_are_too_long_are_skipped() {
    let mut talk = Conversation::new();
    talk.client(&frame(1, END_HEADERS, 1, &vec![0; 1 << 20]));
    assert!(talk.translator.heap_size() < 1 << 20);
    talk.client(&headers(3, END_STREAM, &GET));
    assert_eq!(talk.stream(3).request(), "GET /a HTTP/1.1|host: h||");
    assert_eq!((talk.counters.too_long, talk.counters.lost_bytes), (1, (1 << 20) + 9));
}

#[test]
fn a_bomb_of_references_is_cut_and_counted() {
    let mut talk = Conversation::new();
    let mut fields = block(&GET);
    fields.extend([0x40, 1, b'n', 0x7f, 0xe1, 0x1d]);
    fields.extend([b'x'; 3936]);
    fields.resize(60_000, 0xbe);
    talk.client(&frame(1, END_HEADERS | END_STREAM, 1, &fields));
    assert!(talk.stream(1).request.len() < 300 << 10);
    assert!(talk.counters.left_out_fields > 50_000);
}

#[test]
fn a_flood_of_streams_breaks_off_the_oldest() {
    let mut talk = Conversation::new();
    for stream in (1..4001).step_by(2) {
        talk.client(&headers(stream, END_STREAM, &GET));
    }
    assert_eq!(talk.counters.evicted_streams, 2000 - 1024);
    assert_eq!(talk.stream(1).ending, Some(Ending::Abandoned));
    assert_eq!(talk.stream(3999).ending, None);
    assert!(talk.translator.heap_size() < 1 << 20);
}

#[test]
fn what_must_not_come_between_ends_the_header_block() {
    let mut talk = Conversation::new();
    talk.client(&frame(1, END_STREAM, 1, &block(&GET)));
    talk.client(&frame(6, 0, 0, &[0; 8]));
    talk.client(&frame(9, END_HEADERS, 1, &[]));
    talk.client(&frame(1, 0x08 | END_HEADERS, 3, &[200, 0]));
    talk.client(&frame(1, END_HEADERS, 5, &[0xff]));
    talk.client(&frame(9, END_HEADERS, 7, &[]));
    assert_eq!(talk.counters.malformed, 5);
    talk.client(&headers(9, END_STREAM, &GET));
    assert_eq!(talk.stream(9).request(), "GET /a HTTP/1.1|host: h||");
}

#[test]
fn content_of_nobody_is_counted() {
    let mut talk = Conversation::new();
    talk.client(&data(1, 0, b"before"));
    talk.client(&headers(1, END_STREAM, &GET));
    talk.client(&data(1, END_STREAM, b"after"));
    talk.client(&data(0, 0, b"of the connection"));
    talk.server(&headers(1, END_STREAM, &OK));
    assert_eq!(talk.counters.unclaimed_bytes, 6 + 5 + 17);
    assert_eq!(talk.stream(1).request(), "GET /a HTTP/1.1|host: h||");
}

#[test]
fn every_prefix_is_followed_as_far_as_it_goes() {
    let whole =
        [headers(1, 0, &GET), data(1, 0x08, b"\x02abc\0\0"), frame(3, 0, 1, &[0; 4])].concat();
    for len in 0..whole.len() {
        let mut talk = Conversation::new();
        talk.says(Sender::Client, &whole[..len]);
        talk.finish();
        assert_eq!(talk.told.len(), usize::from(len >= headers(1, 0, &GET).len()), "{len} bytes");
    }
}
