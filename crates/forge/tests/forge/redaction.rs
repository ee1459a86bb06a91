//! Secrets that are overwritten, and everything else, which is not.

use event::Timestamp;
use forge::{
    ConnectionId, Ending, MissingCause, Opened, Record, RecordKind, Redactor, SECRET_HEADERS, Side,
};
use proptest::prelude::*;

#[test]
fn values_of_secret_headers_are_overwritten_and_nothing_else_is() {
    let [client, server] = redacted(false, &[(Side::Client, REQUESTS), (Side::Server, RESPONSES)]);
    assert_eq!(
        client,
        REQUESTS
            .replace("Basic QWxhZGRpbjpvcGVu", "***** ****************")
            .replace("a=1; b=2\r\n\tc=3", "**** ***\r\n\t***")
            .replace("token-of-chunked", "****************")
    );
    assert_eq!(
        server,
        RESPONSES
            .replace("id=secret; Path=/", "********** ******")
            .replace("id=second", "*********")
            .replace("trailer=secret", "**************")
    );
}

#[test]
fn what_looks_like_a_header_in_a_body_is_left_alone() {
    let request = "POST / HTTP/1.1\r\nContent-Length: 21\r\n\r\nCookie: in the body\r\nGET / HTTP/1.1\r\n\r\n";
    assert_eq!(redacted(false, &[(Side::Client, request)])[0], request);
    let head = "HEAD / HTTP/1.1\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: secret\r\n\r\n";
    let get = "GET / HTTP/1.1\r\n\r\n";
    let [_, server] =
        redacted(false, &[(Side::Client, head), (Side::Client, get), (Side::Server, response)]);
    assert_eq!(server, response.replace("secret", "******"), "a response to HEAD has no body");
}

#[test]
fn a_gap_hides_no_secret() {
    let before = "GET / HTTP/1.1\r\nHost: a.test\r\nAutho";
    let after = "rest-of-secret\r\nAccept: */*\r\nCookie: secret\r\n\r\nGET /2 HTTP/1.1\r\nCookie: more\r\n\r\n";
    let mut redactor = redactor(false);
    let kept = [data(&mut redactor, Side::Client, 0, before.as_bytes()), {
        let position = before.len() as u64;
        let kind = RecordKind::Missing {
            sender: Side::Client,
            position,
            len: 20,
            cause: MissingCause::RingFull,
        };
        redactor.redact(record(kind));
        data(&mut redactor, Side::Client, position + 20, after.as_bytes())
    }];
    let expected = after.replace("rest-of-secret", "**************").replace("secret", "******");
    assert_eq!(kept[0], before.as_bytes());
    assert_eq!(String::from_utf8_lossy(&kept[1]), expected.replace("more", "****"));
}

#[test]
fn a_gap_in_a_body_is_no_gap_in_headers() {
    let mut redactor = redactor(false);
    let head = "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n0123456789";
    data(&mut redactor, Side::Client, 0, head.as_bytes());
    let cause = MissingCause::RingFull;
    let kind =
        RecordKind::Missing { sender: Side::Client, position: head.len() as u64, len: 10, cause };
    redactor.redact(record(kind));
    let rest = "Cookie:678GET / HTTP/1.1\r\nCookie: secret\r\n\r\n";
    let told = data(&mut redactor, Side::Client, head.len() as u64 + 10, rest.as_bytes());
    assert_eq!(String::from_utf8_lossy(&told), rest.replace("secret", "******"));
}

#[test]
fn a_connection_that_is_joined_late_shows_no_rest_of_a_secret() {
    let [client, _] = redacted(true, &[(Side::Client, "rest\r\nCookie: secret\r\n\r\n")]);
    assert_eq!(client, "****\r\nCookie: ******\r\n\r\n");
    let [client, _] =
        redacted(true, &[(Side::Client, "GET /x HTTP/1.1\r\nCookie: secret\r\n\r\n")]);
    assert_eq!(client, "GET /x HTTP/1.1\r\nCookie: ******\r\n\r\n");
}

#[test]
fn what_a_connection_is_switched_to_is_left_alone() {
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nCookie: not a header\r\n";
    let get = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    let [_, server] = redacted(false, &[(Side::Client, get), (Side::Server, switch)]);
    assert_eq!(server, switch);
}

#[test]
fn nothing_of_http2_is_shown_behind_its_preface() {
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nheaders";
    let [client, server] = redacted(false, &[(Side::Client, preface), (Side::Server, "more")]);
    assert_eq!((&*client, &*server), ("PRI * HTTP/2.0\r\n\r\n**\r\n\r\n*******", "****"));
}

proptest! {
    #[test]
    fn the_cut_into_records_changes_nothing(cuts in prop::collection::vec(1..40_usize, 1..200)) {
        let whole = redacted(false, &[(Side::Client, REQUESTS), (Side::Server, RESPONSES)]);
        let mut pieces = Vec::new();
        for (side, text) in [(Side::Client, REQUESTS), (Side::Server, RESPONSES)] {
            let mut rest = text;
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                pieces.push((side, piece));
                rest = left;
            }
        }
        prop_assert_eq!(redacted(false, &pieces), whole);
    }

    #[test]
    fn any_bytes_keep_their_length(
        is_late: bool,
        pieces in prop::collection::vec((any::<bool>(), "[ -~\r\n]{0,60}", 0..50_u64), 0..40),
    ) {
        let mut redactor = redactor(is_late);
        for (is_client, text, missing) in pieces {
            let sender = if is_client { Side::Client } else { Side::Server };
            prop_assert_eq!(data(&mut redactor, sender, 0, text.as_bytes()).len(), text.len());
            if missing > 40 {
                let cause = MissingCause::Fault;
                redactor.redact(record(RecordKind::Missing { sender, position: 0, len: missing, cause }));
            }
        }
        redactor.redact(record(RecordKind::Closed(Ending::Reset)));
    }
}

/// What each side is shown to have said.
fn redacted(is_late: bool, pieces: &[(Side, &str)]) -> [String; 2] {
    let mut redactor = redactor(is_late);
    let mut told = [String::new(), String::new()];
    for (side, piece) in pieces {
        let bytes = data(&mut redactor, *side, 0, piece.as_bytes());
        told[usize::from(*side == Side::Server)].push_str(&String::from_utf8(bytes).unwrap());
    }
    told
}

fn redactor(is_late: bool) -> Redactor {
    let mut redactor = Redactor::new(SECRET_HEADERS);
    let (client, server) = ("192.0.2.1:40000".parse().unwrap(), "192.0.2.2:443".parse().unwrap());
    let opened = Opened { client, server, is_late, origin: None };
    redactor.redact(record(RecordKind::Opened(Box::new(opened))));
    redactor
}

fn data(redactor: &mut Redactor, sender: Side, position: u64, bytes: &[u8]) -> Vec<u8> {
    let record = redactor.redact(record(RecordKind::Data { sender, position, bytes }));
    let RecordKind::Data { bytes, .. } = record.kind else { panic!("{record:?}") };
    bytes.to_vec()
}

const fn record(kind: RecordKind<'_>) -> Record<'_> {
    Record { connection: ConnectionId(1), at: Timestamp::from_nanos(0), kind }
}

const REQUESTS: &str = "GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic QWxhZGRpbjpvcGVu\r\n\
    X-Note: Cookie: none\r\ncookie:a=1; b=2\r\n\tc=3\r\nAccept: */*\r\n\r\n\
    POST /form HTTP/1.1\r\nContent-Length: 17\r\n\r\nCookie: a body\r\n!\
    POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\nX-Api-Key: token-of-chunked\r\n\r\n\
    10;x=y\r\nCookie: a chunk!\r\n0\r\n\r\nGET /last HTTP/1.1\r\n\r\n";

const RESPONSES: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: id=secret; Path=/\r\n\
    Content-Length: 16\r\n\r\nSet-Cookie: body\
    HTTP/1.1 204 No Content\r\nset-cookie:id=second\r\n\r\n\
    HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSet-Cookie: trailer=secret\r\n\r\n\
    HTTP/1.0 200 OK\r\n\r\nSet-Cookie: the rest is a body";
