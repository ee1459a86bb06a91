//! What a connection speaks.

use http2::{Detection, Sender, Translator, Verdict};

use crate::conversation::{END_STREAM, GET, OK, data, frame, headers};

#[test]
fn the_preface_decides_however_it_is_cut() {
    for cut in 0..Translator::PREFACE.len() {
        let mut detection = Detection::new(false);
        let (first, second) = Translator::PREFACE.split_at(cut);
        assert_eq!(detection.read(Sender::Client, first), None);
        assert_eq!(detection.read(Sender::Server, &frame(4, 0, 0, &[])), None);
        assert_eq!(detection.read(Sender::Client, second), Some(Verdict::Http2));
    }
}

#[test]
fn anything_else_at_the_beginning_is_something_else() {
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"PRI * HTTP/1", b"P\0", b"\0\0\x12\x04\0\0\0\0\0"] {
        assert_eq!(Detection::new(false).read(Sender::Client, bytes), Some(Verdict::Other));
    }
    for bytes in [&b"220 mail"[..], b"\0\0\x12\x01\0\0\0\0\0", b"HTTP/1.1 400 Bad Request"] {
        assert_eq!(Detection::new(false).read(Sender::Server, bytes), Some(Verdict::Other));
    }
    assert_eq!(Detection::new(false).missing(Sender::Client), Some(Verdict::Other));
}

#[test]
fn a_connection_joined_late_has_to_have_frames() {
    let mut detection = Detection::new(true);
    assert_eq!(detection.read(Sender::Client, &headers(9, END_STREAM, &GET)), None);
    let response = headers(9, END_STREAM, &OK);
    assert_eq!(detection.read(Sender::Server, &response[..4]), None);
    assert_eq!(detection.read(Sender::Server, &response[4..]), Some(Verdict::Http2Late));

    let mut detection = Detection::new(true);
    assert_eq!(detection.read(Sender::Client, &headers(9, END_STREAM, &GET)), None);
    assert_eq!(detection.read(Sender::Server, b"HTTP/1.1 200 OK"), Some(Verdict::Other));
}

#[test]
fn one_side_may_be_joined_in_the_middle_of_a_frame() {
    let body = [0xa7; 1000];
    let mut detection = Detection::new(true);
    assert_eq!(detection.read(Sender::Server, &body), None);
    let request = headers(9, END_STREAM, &GET);
    assert_eq!(detection.read(Sender::Client, &request), Some(Verdict::Http2Late));

    let mut detection = Detection::new(true);
    assert_eq!(detection.read(Sender::Client, &body), None);
    let response = headers(9, END_STREAM, &OK);
    assert_eq!(detection.read(Sender::Server, &response), Some(Verdict::Http2Late));

    let mut detection = Detection::new(true);
    assert_eq!(detection.read(Sender::Client, &body), None);
    assert_eq!(detection.read(Sender::Server, &body), Some(Verdict::Other));
}

#[test]
fn many_frames_of_one_side_will_do() {
    let mut detection = Detection::new(true);
    let frames: Vec<u8> = (0..4).flat_map(|_| data(9, 0, &[7; 16_384])).collect();
    let verdicts: Vec<_> =
        frames.chunks(5000).map(|bytes| detection.read(Sender::Server, bytes)).collect();
    let first = verdicts.iter().position(Option::is_some).unwrap();
    assert_eq!((first, verdicts[first]), (9, Some(Verdict::Http2Late)));
}

#[test]
fn a_preface_is_one_even_if_the_connection_is_said_to_be_late() {
    let mut detection = Detection::new(true);
    assert_eq!(detection.read(Sender::Client, &Translator::PREFACE[..10]), None);
    let rest = &Translator::PREFACE[10..];
    assert_eq!(detection.read(Sender::Client, rest), Some(Verdict::Http2));
}

#[test]
fn text_is_not_frames() {
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(Detection::new(true).read(Sender::Client, request), Some(Verdict::Other));
    for bytes in [&[0; 100][..], b"SSH-2.0-OpenSSH\r\n"] {
        let mut detection = Detection::new(true);
        assert_eq!(detection.read(Sender::Client, bytes), None);
        assert_eq!(detection.read(Sender::Server, bytes), Some(Verdict::Other));
    }
}
