//! Connections of real software, in any portions.

use std::path::Path;

use http2::{Ending, Sender};
use proptest::prelude::*;

use crate::conversation::Conversation;

#[test]
fn files_that_nginx_sent_to_nghttp_are_whole() {
    let talk = told(&portions("nghttp-nginx.bin"));
    assert_eq!(talk.told.len(), 4);
    assert!(talk.told.values().all(|stream| stream.ending == Some(Ending::Finished)));
    let streams: Vec<_> = talk.told.values().collect();
    let request = streams[0].request();
    assert!(request.starts_with("GET /hello.txt?file=/etc/passwd HTTP/1.1|host: 127.0.0.1:18482|"));
    assert!(
        request.contains("|user-agent: evilbot/1.0|") && request.contains("|cookie: a=1; b=2|")
    );
    assert!(streams[0].response().starts_with("HTTP/1.1 200 |server: nginx/1.22.1|"));
    assert!(streams[0].response().ends_with("||hello mirror, this is the body\n"));
    assert!(streams[1].response().starts_with("HTTP/1.1 404 |"));
    let big: Vec<u8> = (0..40_000_u32).map(|n| (n * 7 + n / 251).to_le_bytes()[0]).collect();
    assert!(streams[2].response.ends_with(&big));
    assert_eq!((talk.counters.malformed, talk.counters.unresolved_fields), (0, 0));
    assert_eq!((talk.counters.lost_bytes, talk.counters.unclaimed_bytes), (0, 0));
}

#[test]
fn an_upload_with_padding_is_whole() {
    let talk = told(&portions("nghttp-nginx-post.bin"));
    let stream = talk.told.values().next().unwrap();
    assert!(stream.request().starts_with("POST /post HTTP/1.1|"));
    assert!(stream.request().ends_with("|content-length: 25||user=me&file=/etc/passwd\n"));
    assert!(stream.response().ends_with("|content-length: 7||posted\n"));
}

#[test]
fn joined_later_it_is_followed_from_the_next_request_on() {
    for first in 1..portions("nghttp-nginx.bin").len() {
        let portions = &portions("nghttp-nginx.bin")[first..];
        let mut talk = Conversation::late();
        for (sender, bytes) in portions {
            talk.says(*sender, bytes);
        }
        talk.finish();
        let of_bytes: usize = portions.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(talk.counters.bytes, of_bytes as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn portions_make_no_difference(cuts in proptest::collection::vec(1_usize..3000, 1..40)) {
        for name in ["nghttp-nginx.bin", "nghttp-nginx-post.bin"] {
            let whole = portions(name);
            let mut cut = Vec::new();
            let mut lengths = cuts.iter().cycle();
            for (sender, bytes) in &whole {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let (portion, after) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
                    cut.push((*sender, portion.to_vec()));
                    rest = after;
                }
            }
            let (expected, seen) = (told(&whole), told(&cut));
            prop_assert_eq!(seen.told, expected.told);
            prop_assert_eq!(seen.counters, expected.counters);
        }
    }
}

fn told(portions: &[(Sender, Vec<u8>)]) -> Conversation {
    let mut talk = Conversation::with(http2::Translator::new());
    for (sender, bytes) in portions {
        talk.says(*sender, bytes);
    }
    talk.finish();
    talk
}

fn portions(name: &str) -> Vec<(Sender, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connections");
    let recorded = std::fs::read(folder.join(name)).unwrap();
    let (mut portions, mut rest) = (Vec::new(), recorded.as_slice());
    while let [side, l0, l1, more @ ..] = rest {
        let (bytes, after) = more.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
        let sender = if *side == 0 { Sender::Client } else { Sender::Server };
        portions.push((sender, bytes.to_vec()));
        rest = after;
    }
    portions
}
