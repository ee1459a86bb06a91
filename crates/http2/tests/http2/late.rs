//! Connections that are joined late.

use http2::{Ending, Sender};

use crate::conversation::{
    Conversation, END_HEADERS, END_STREAM, GET, OK, block, data, frame, headers, literal,
};

#[test]
fn what_is_in_tables_that_were_not_seen_is_a_placeholder_and_counted() {
    let mut talk = Conversation::late();
    // A method and a scheme of the static table, two entries from before, and a path with a name
    // from the static table.
    let fields = [&[0x82, 0x87, 0xbf, 0xc5, 0x44, 11][..], b"/etc/passwd"].concat();
    talk.client(&frame(1, END_HEADERS | END_STREAM, 9, &fields));
    // The path is in the table from here on.
    talk.client(&frame(1, END_HEADERS | END_STREAM, 11, &[0x82, 0x87, 0xbe]));
    talk.server(&frame(1, END_HEADERS, 9, &[0xbe]));
    talk.server(&data(9, END_STREAM, b"x"));
    let request =
        "GET /etc/passwd HTTP/1.1|host: unresolved.invalid|x-tlsight-unresolved-headers: 2||";
    assert_eq!(talk.stream(9).request(), request);
    assert_eq!(talk.stream(11).request(), "GET /etc/passwd HTTP/1.1|host: unresolved.invalid||");
    let response = "HTTP/1.1 200 Unresolved|transfer-encoding: chunked|\
                    x-tlsight-unresolved-headers: 1||1|x|0||";
    assert_eq!(talk.stream(9).response(), response);
    assert_eq!(talk.counters.unresolved_fields, 3);
}

#[test]
fn values_whose_names_are_not_known_are_shown() {
    let mut talk = Conversation::late();
    talk.client(&frame(
        1,
        END_HEADERS | END_STREAM,
        9,
        &[0xbe, 0x7f, 0, 4, b'a', b'b', b'c', b'd'],
    ));
    let request = "GET /x-tlsight-unresolved-path HTTP/1.1|host: unresolved.invalid|\
                   x-tlsight-unresolved-name: abcd|x-tlsight-unresolved-headers: 2||";
    assert_eq!(talk.stream(9).request(), request);
}

#[test]
fn frames_are_found_behind_the_rest_of_one() {
    let mut talk = Conversation::late();
    let rest_of_body: Vec<u8> = (0..5000_u32).map(|n| (n * 7).to_le_bytes()[0]).collect();
    talk.server(&rest_of_body);
    talk.server(&[data(7, END_STREAM, b"end"), headers(9, END_STREAM, &OK)].concat());
    assert_eq!(talk.stream(9).response(), "HTTP/1.1 200 |content-length: 0||");
    assert_eq!(talk.counters.lost_bytes, 5000);
    assert_eq!(talk.counters.unclaimed_bytes, 3);
}

#[test]
fn a_response_whose_request_was_before_is_an_exchange() {
    let mut talk = Conversation::late();
    talk.server(&headers(7, 0, &OK));
    talk.server(&data(7, END_STREAM, b"x"));
    assert_eq!(talk.stream(7).request(), "");
    assert_eq!(talk.stream(7).ending, Some(Ending::Finished));
    // Not so once newer streams were seen from their beginning: then it is the rest of an old one.
    talk.client(&headers(9, END_STREAM, &GET));
    talk.server(&headers(9, END_STREAM, &OK));
    talk.server(&headers(9, END_STREAM, &OK));
    assert_eq!(talk.stream(9).response(), "HTTP/1.1 200 |content-length: 0||");
}

#[test]
fn nothing_that_looks_like_a_frame_is_lost_and_counted() {
    let mut talk = Conversation::late();
    for _ in 0..100 {
        talk.says(Sender::Client, &[0xff; 1000]);
    }
    talk.finish();
    assert_eq!(talk.counters.lost_bytes, 100_000);
    assert!(talk.told.is_empty());
}

#[test]
fn literals_that_are_never_indexed_are_read() {
    let mut talk = Conversation::late();
    let fields = [block(&GET), literal(0x10, "authorization", "secret")].concat();
    talk.client(&frame(1, END_HEADERS | END_STREAM, 1, &fields));
    assert_eq!(talk.stream(1).request(), "GET /a HTTP/1.1|host: h|authorization: secret||");
}
