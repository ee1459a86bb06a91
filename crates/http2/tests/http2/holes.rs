//! Connections of which something is missing.

use http2::{Ending, Sender};

use crate::conversation::{
    Conversation, END_HEADERS, END_STREAM, GET, OK, PADDED, block, data, frame, headers, literal,
};

#[test]
fn a_hole_within_content_is_told_and_nothing_else_is_lost() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, END_STREAM, &GET));
    talk.server(&headers(1, 0, &[(":status", "200"), ("content-length", "10")]));
    let content = data(1, END_STREAM, b"0123456789");
    talk.server(&content[..9 + 2]);
    talk.missing(Sender::Server, 5);
    talk.server(&content[9 + 7..]);
    let told = talk.stream(1);
    assert!(told.response().ends_with("||01789"));
    assert_eq!(
        (&told.missing[..], told.ending),
        (&[(Sender::Server, 5)][..], Some(Ending::Finished))
    );
    let counters = talk.counters;
    assert_eq!(
        (counters.wrong_lengths, counters.resynchronisations, counters.lost_bytes),
        (0, 0, 0)
    );
}

#[test]
fn a_hole_up_to_the_end_of_a_frame_ends_it() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, END_STREAM, &GET));
    talk.server(&headers(1, 0, &OK));
    let content = data(1, PADDED | END_STREAM, &[&[3][..], b"01234", &[0; 3]].concat());
    talk.server(&content[..10 + 2]);
    talk.missing(Sender::Server, 3 + 3);
    assert_eq!(talk.stream(1).ending, Some(Ending::Finished));
    assert_eq!(talk.stream(1).missing, [(Sender::Server, 3)]);
    assert!(talk.stream(1).response().ends_with("||5|01|0||"));
}

#[test]
fn a_hole_beyond_a_frame_breaks_off_what_may_have_lost_content() {
    let mut talk = Conversation::new();
    for stream in [1, 3, 5] {
        talk.client(&headers(stream, END_STREAM, &GET));
    }
    talk.server(&headers(1, 0, &OK));
    talk.server(&headers(3, 0, &OK));
    let content = data(1, 0, b"0123456789");
    talk.server(&content[..12]);
    talk.missing(Sender::Server, 100);
    for stream in [1, 3] {
        assert_eq!(talk.stream(stream).ending, Some(Ending::Abandoned));
    }
    assert_eq!(talk.stream(5).ending, None, "its response may be to come");
    assert_eq!((talk.counters.broken_streams, talk.counters.resynchronisations), (2, 1));
    // In the rest of some frame.
    talk.server(b"456789");
    talk.server(&[headers(5, 0, &OK), data(5, END_STREAM, b"ok")].concat());
    let response = "HTTP/1.1 200 |transfer-encoding: chunked||2|ok|0||";
    assert_eq!(talk.stream(5).response(), response);
    assert_eq!(talk.counters.lost_bytes, 6);
}

#[test]
fn behind_a_hole_nothing_of_the_table_is_known() {
    let mut talk = Conversation::new();
    let fields = [block(&GET), literal(0x40, "user-agent", "evilbot")].concat();
    talk.client(&frame(1, END_HEADERS | END_STREAM, 1, &fields));
    talk.missing(Sender::Client, 50);
    talk.client(&frame(1, END_HEADERS | END_STREAM, 5, &[block(&GET), vec![0xbe]].concat()));
    let request = "GET /a HTTP/1.1|host: h|x-tlsight-unresolved-headers: 1||";
    assert_eq!(talk.stream(5).request(), request);
}

#[test]
fn a_hole_within_a_frame_that_is_not_looked_at_is_nothing() {
    let mut talk = Conversation::new();
    talk.client(&frame(6, 0, 0, &[1; 8])[..12]);
    talk.missing(Sender::Client, 5);
    talk.client(&headers(1, END_STREAM, &GET));
    assert_eq!(talk.stream(1).request(), "GET /a HTTP/1.1|host: h||");
    assert_eq!(talk.counters.resynchronisations, 0);
}

#[test]
fn a_hole_in_the_preface_is_part_of_it() {
    let mut talk = Conversation::with(http2::Translator::new());
    talk.client(b"PRI * HTTP");
    talk.missing(Sender::Client, 14);
    talk.client(&headers(1, END_STREAM, &GET));
    assert_eq!(talk.stream(1).request(), "GET /a HTTP/1.1|host: h||");
}
