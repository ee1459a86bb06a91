//! Fingerprints against the examples that their authors published.

use event::Carrier;
use tls::fingerprint::{hex_digest, ja3, ja3_string, ja3s, ja3s_string, ja4};
use tls::handshake::{ClientHello, ServerHello};

use crate::hello::{ClientHelloBuilder, alpn, list_16, prefixed_8, server_hello};

#[test]
fn ja3_of_the_published_examples() {
    let with_extensions = ClientHelloBuilder {
        legacy_version: 0x0301,
        cipher_suites: vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
        extensions: vec![(0, vec![]), (10, list_16(&[23, 24, 25])), (11, prefixed_8(&[0]))],
        ..ClientHelloBuilder::browser()
    };
    let without = ClientHelloBuilder {
        legacy_version: 0x0301,
        cipher_suites: vec![4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99],
        extensions: vec![],
        ..ClientHelloBuilder::browser()
    };
    for (hello, string, digest) in [
        (
            with_extensions,
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
            "ada70206e40642a3e4461f35503241d5",
        ),
        (without, "769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6"),
    ] {
        let body = hello.build();
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!(ja3_string(&hello), string);
        assert_eq!(&*hex_digest(&ja3(&hello)), digest);
    }
}

#[test]
fn ja3_leaves_grease_out() {
    let body = ClientHelloBuilder::browser().build();
    let text = ja3_string(&ClientHello::parse(&body).unwrap());
    assert_eq!(
        text,
        "771,4865-4866-4867-49195-49199-49196-49200-52393-52392-49171-49172-156-157-47-53,\
         0-23-65281-10-11-35-16-5-13-18-51-45-43-27,4588-29-23-24,0"
    );
}

#[test]
fn ja3s_of_the_published_example() {
    let extensions = [65281, 11].map(|kind| (kind, vec![]));
    let body = server_hello(0x0301, 49172, &extensions);
    let hello = ServerHello::parse(&body).unwrap();
    assert_eq!(ja3s_string(&hello), "769,49172,65281-11");
    assert_eq!(&*hex_digest(&ja3s(&hello)), "623de93db17d313345d7ea481e7443cf");
}

#[test]
fn ja4_of_the_published_example() {
    let hello = ClientHelloBuilder::browser().with(0x0015, vec![0; 9]).with(0x4469, alpn(&[b"h2"]));
    assert_eq!(fingerprint(&hello, Carrier::Tcp), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert!(fingerprint(&hello, Carrier::Quic).starts_with("q13d1516h2_"));
}

#[test]
fn ja4_has_zeros_for_what_is_not_there() {
    let bare = ClientHelloBuilder {
        legacy_version: 0x0300,
        cipher_suites: vec![],
        extensions: vec![],
        ..ClientHelloBuilder::browser()
    };
    assert_eq!(fingerprint(&bare, Carrier::Tcp), "ts3i000000_000000000000_000000000000");
}

#[test]
fn ja4_takes_the_highest_version_that_is_not_grease() {
    for (versions, expected) in [
        (&[0xfa, 0xfa, 3, 1, 3, 3][..], "12"),
        (&[3, 4, 3, 3], "13"),
        (&[3, 2], "11"),
        (&[0xfe, 0xfd, 0xfe, 0xfc], "d3"),
        (&[0xfe, 0xff, 0xfe, 0xfd], "d2"),
    ] {
        let hello = ClientHelloBuilder::browser().with(0x002b, prefixed_8(versions));
        assert_eq!(&fingerprint(&hello, Carrier::Tcp)[1..3], expected);
    }
}

#[test]
fn ja4_shows_the_ends_of_the_first_alpn_protocol() {
    for (protocol, expected) in [
        (&b"http/1.1"[..], "h1"),
        (b"x", "xx"),
        (b"", "00"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"0\xab", "3b"),
        (b"h-", "6d"),
    ] {
        let hello = ClientHelloBuilder::browser().with(0x0010, alpn(&[protocol]));
        assert_eq!(&fingerprint(&hello, Carrier::Tcp)[8..10], expected, "{protocol:?}");
    }
}

#[test]
fn ja4_counts_no_further_than_99() {
    let hello =
        ClientHelloBuilder { cipher_suites: (0..150).collect(), ..ClientHelloBuilder::browser() };
    assert_eq!(&fingerprint(&hello, Carrier::Tcp)[4..6], "99");
}

fn fingerprint(hello: &ClientHelloBuilder, carrier: Carrier) -> String {
    ja4(&ClientHello::parse(&hello.build()).unwrap(), carrier)
}
