//! Whole exchanges.

use http2::Ending;

use crate::conversation::{
    Conversation, END_HEADERS, END_STREAM, GET, OK, PADDED, POST, PRIORITY, block, data, frame,
    headers, literal,
};

#[test]
fn content_with_a_length_keeps_it() {
    let mut talk = Conversation::new();
    talk.client(&frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]));
    talk.client(&headers(1, END_STREAM, &[&GET[..], &[("accept", "*/*")]].concat()));
    talk.server(&frame(4, 1, 0, &[]));
    talk.server(&headers(1, 0, &[(":status", "200"), ("content-length", "5"), ("x", "y")]));
    talk.server(&data(1, 0, b"hel"));
    talk.server(&data(1, END_STREAM, b"lo"));
    let told = talk.stream(1);
    assert_eq!(told.request(), "GET /a HTTP/1.1|host: h|accept: */*||");
    assert_eq!(told.response(), "HTTP/1.1 200 |content-length: 5|x: y||hello");
    assert_eq!(told.ending, Some(Ending::Finished));
    assert_eq!((talk.counters.streams, talk.counters.malformed), (1, 0));
}

#[test]
fn content_without_a_length_is_in_chunks() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, 0, &POST));
    talk.client(&data(1, 0, b"0123456789abcdef!"));
    talk.client(&data(1, END_STREAM, b""));
    talk.server(&headers(1, END_STREAM, &[(":status", "201")]));
    let told = talk.stream(1);
    let request = "POST /a HTTP/1.1|host: h|transfer-encoding: chunked||11|0123456789abcdef!|0||";
    assert_eq!(told.request(), request);
    assert_eq!(told.response(), "HTTP/1.1 201 |content-length: 0||");
}

#[test]
fn a_message_that_is_only_headers_says_that_it_is_empty_where_that_is_needed() {
    let mut talk = Conversation::new();
    for (stream, method, status) in
        [(1, "POST", "200"), (3, "HEAD", "200"), (5, "GET", "204"), (7, "GET", "304")]
    {
        let request = [(":method", method), (":path", "/"), (":authority", "h")];
        talk.client(&headers(stream, END_STREAM, &request));
        talk.server(&headers(stream, END_STREAM, &[(":status", status)]));
    }
    assert_eq!(talk.stream(1).request(), "POST / HTTP/1.1|host: h|content-length: 0||");
    assert_eq!(talk.stream(1).response(), "HTTP/1.1 200 |content-length: 0||");
    assert_eq!(talk.stream(3).response(), "HTTP/1.1 200 ||");
    assert_eq!(talk.stream(5).response(), "HTTP/1.1 204 ||");
    assert_eq!(talk.stream(7).response(), "HTTP/1.1 304 ||");
}

#[test]
fn the_response_to_head_keeps_the_length_of_what_it_does_not_have() {
    let mut talk = Conversation::new();
    talk.client(&headers(
        1,
        END_STREAM,
        &[(":method", "HEAD"), (":path", "/"), (":authority", "h")],
    ));
    talk.server(&headers(1, 0, &[(":status", "200"), ("content-length", "31")]));
    talk.server(&data(1, END_STREAM, b""));
    assert_eq!(talk.stream(1).response(), "HTTP/1.1 200 |content-length: 31||");
    assert_eq!(talk.stream(1).ending, Some(Ending::Finished));
}

#[test]
fn grpc_is_in_chunks_with_trailers_though_it_has_a_length() {
    let mut talk = Conversation::new();
    let request =
        [("te", "trailers"), ("content-type", "application/grpc"), ("content-length", "5")];
    talk.client(&headers(1, 0, &[&POST[..], &request].concat()));
    talk.client(&data(1, END_STREAM, b"\0\0\0\0\0"));
    talk.server(&headers(1, 0, &[(":status", "200"), ("content-type", "application/grpc")]));
    talk.server(&data(1, 0, b"\0\0\0\0\x02ok"));
    talk.server(&headers(1, END_STREAM, &[("grpc-status", "0"), ("grpc-message", "fine")]));
    let told = talk.stream(1);
    assert_eq!(
        told.request(),
        "POST /a HTTP/1.1|host: h|te: trailers|content-type: application/grpc|transfer-encoding: \
         chunked||5|\0\0\0\0\0|0||"
    );
    assert_eq!(
        told.response(),
        "HTTP/1.1 200 |content-type: application/grpc|transfer-encoding: chunked||7|\0\0\0\0\x02ok|\
         0|grpc-status: 0|grpc-message: fine||"
    );
    assert_eq!(told.ending, Some(Ending::Finished));
}

#[test]
fn trailers_behind_content_with_a_length_are_counted() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, END_STREAM, &GET));
    talk.server(&headers(1, 0, &[(":status", "200"), ("content-length", "2")]));
    talk.server(&data(1, 0, b"ok"));
    talk.server(&headers(1, END_STREAM, &[("a", "b"), ("c", "d")]));
    assert!(talk.stream(1).response().ends_with("||ok"));
    assert_eq!((talk.counters.left_out_trailers, talk.counters.wrong_lengths), (2, 0));
}

#[test]
fn interim_responses_come_before_the_last() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, END_STREAM, &GET));
    talk.server(&headers(1, 0, &[(":status", "103"), ("link", "</x>")]));
    talk.server(&headers(1, END_STREAM, &OK));
    let response = "HTTP/1.1 103 |link: </x>||HTTP/1.1 200 |content-length: 0||";
    assert_eq!(talk.stream(1).response(), response);
}

#[test]
fn cookies_are_joined_and_what_belongs_to_a_connection_is_left_out() {
    let mut talk = Conversation::new();
    let more = [
        ("cookie", "a=1"),
        ("connection", "close"),
        ("cookie", "b=2"),
        ("transfer-encoding", "gzip"),
        ("host", "h"),
        ("te", "trailers"),
    ];
    talk.client(&headers(1, END_STREAM, &[&GET[..], &more].concat()));
    assert_eq!(talk.stream(1).request(), "GET /a HTTP/1.1|host: h|te: trailers|cookie: a=1; b=2||");
    assert_eq!(talk.counters.connection_fields, 2);
}

#[test]
fn another_host_than_the_authority_is_shown() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, END_STREAM, &[&GET[..], &[("host", "other")]].concat()));
    assert_eq!(talk.stream(1).request(), "GET /a HTTP/1.1|host: h|host: other||");
}

#[test]
fn bytes_that_would_end_a_line_cannot() {
    let mut talk = Conversation::new();
    let hostile = [
        (":method", "GET /x HTTP/1.1\r\n"),
        (":path", "/a b\r\nx: y\x7f"),
        (":authority", "h\r\nx: y"),
        ("na me\r\n", "value\0\r\nx: y"),
    ];
    talk.client(&headers(1, END_STREAM, &hostile));
    assert_eq!(
        talk.stream(1).request(),
        "GET??x?HTTP?1.1?? /a%20b%0D%0Ax:%20y%7F HTTP/1.1|host: h  x: y|na?me??: value   x: y||"
    );
    assert_eq!(talk.counters.replaced_fields, 2);
}

#[test]
fn a_push_is_an_exchange_that_the_server_began() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, END_STREAM, &GET));
    let push = block(&[(":method", "GET"), (":path", "/pushed"), (":authority", "h")]);
    talk.server(&frame(5, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &push].concat()));
    talk.server(&headers(1, END_STREAM, &OK));
    talk.server(&headers(2, 0, &OK));
    talk.server(&data(2, END_STREAM, b"x"));
    assert_eq!(talk.stream(2).request(), "GET /pushed HTTP/1.1|host: h||");
    let response = "HTTP/1.1 200 |transfer-encoding: chunked||1|x|0||";
    assert_eq!(talk.stream(2).response(), response);
    assert_eq!(talk.stream(2).ending, Some(Ending::Finished));
}

#[test]
fn tunnels_are_raw_and_a_websocket_is_an_upgrade() {
    let mut talk = Conversation::new();
    talk.client(&headers(1, 0, &[(":method", "CONNECT"), (":authority", "h:22")]));
    let upgrade = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https")];
    let rest = [(":path", "/chat"), (":authority", "h"), ("sec-websocket-version", "13")];
    talk.client(&headers(3, 0, &[&upgrade[..], &rest].concat()));
    for stream in [1, 3] {
        talk.server(&headers(stream, 0, &OK));
        talk.client(&data(stream, 0, b"ping"));
        talk.server(&data(stream, END_STREAM, b"pong"));
    }
    assert_eq!(talk.stream(1).request(), "CONNECT h:22 HTTP/1.1|host: h:22||ping");
    assert_eq!(talk.stream(1).response(), "HTTP/1.1 200 ||pong");
    let request = "GET /chat HTTP/1.1|host: h|connection: Upgrade|upgrade: websocket|\
                   sec-websocket-version: 13||ping";
    assert_eq!(talk.stream(3).request(), request);
    let response = "HTTP/1.1 101 Switching Protocols|connection: Upgrade|upgrade: websocket||pong";
    assert_eq!(talk.stream(3).response(), response);
}

#[test]
fn headers_may_be_padded_have_a_priority_and_go_on_in_other_frames() {
    let mut talk = Conversation::new();
    let fields = block(&GET);
    let (first, second) = fields.split_at(7);
    let (second, third) = second.split_at(11);
    let payload = [&[3, 0x80, 0, 0, 0, 16][..], first, &[0; 3]].concat();
    talk.client(&frame(1, PADDED | PRIORITY | END_STREAM, 1, &payload));
    talk.client(&frame(9, 0, 1, second));
    talk.client(&frame(9, END_HEADERS, 1, third));
    talk.server(&headers(1, 0, &OK));
    talk.server(&data(1, PADDED | END_STREAM, &[&[4][..], b"body", &[0; 4]].concat()));
    assert_eq!(talk.stream(1).request(), "GET /a HTTP/1.1|host: h||");
    let response = "HTTP/1.1 200 |transfer-encoding: chunked||4|body|0||";
    assert_eq!(talk.stream(1).response(), response);
    assert_eq!(talk.counters.malformed, 0);
}

#[test]
fn tables_are_kept_in_step_and_may_be_resized() {
    let mut talk = Conversation::new();
    let first = [&block(&GET)[..], &literal(0x40, "user-agent", "evilbot")].concat();
    talk.client(&frame(1, END_HEADERS | END_STREAM, 1, &first));
    talk.client(&frame(1, END_HEADERS | END_STREAM, 3, &[&block(&GET)[..], &[0xbe]].concat()));
    // A table of no size loses the entry, and one of 4096 bytes has none yet.
    let resized = [&[0x20, 0x3f, 0xe1, 0x1f][..], &block(&GET), &[0xbe]].concat();
    talk.client(&frame(1, END_HEADERS | END_STREAM, 5, &resized));
    assert_eq!(talk.stream(1).request(), talk.stream(3).request());
    assert!(talk.stream(3).request().contains("|user-agent: evilbot|"));
    assert!(talk.stream(5).request().contains("|x-tlsight-unresolved-headers: 1|"));
    assert_eq!(talk.counters.unresolved_fields, 1);
}

#[test]
fn streams_may_be_reset_or_refused() {
    let mut talk = Conversation::new();
    for stream in [1, 3, 5] {
        talk.client(&headers(stream, END_STREAM, &GET));
    }
    talk.server(&frame(3, 0, 1, &[0, 0, 0, 8]));
    talk.server(&frame(7, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]));
    assert_eq!(talk.stream(1).ending, Some(Ending::Reset));
    assert_eq!(talk.stream(3).ending, None);
    assert_eq!(talk.stream(5).ending, Some(Ending::Reset));
    // What was on its way is nobody's.
    talk.server(&headers(1, 0, &OK));
    talk.server(&data(1, END_STREAM, b"late"));
    assert_eq!(talk.stream(1).response(), "");
    assert!(talk.counters.unclaimed_bytes >= 4);
    talk.finish();
    assert_eq!(talk.stream(3).ending, Some(Ending::Abandoned));
}

#[test]
fn content_of_another_length_than_was_said_is_told_and_counted() {
    let mut talk = Conversation::new();
    for (stream, len) in [(1, "5"), (3, "2"), (5, "x")] {
        talk.client(&headers(stream, END_STREAM, &GET));
        talk.server(&headers(stream, 0, &[(":status", "200"), ("content-length", len)]));
        talk.server(&data(stream, END_STREAM, b"abc"));
    }
    assert!(talk.stream(1).response().ends_with("content-length: 5||abc"));
    assert!(talk.stream(3).response().ends_with("content-length: 2||abc"));
    assert!(talk.stream(5).response().ends_with("|transfer-encoding: chunked||3|abc|0||"));
    assert_eq!(talk.counters.wrong_lengths, 3);
}
