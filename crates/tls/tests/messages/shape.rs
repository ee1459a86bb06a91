//! Shapes: what they hold, and what the cache makes of them.

use std::sync::Arc;

use event::Carrier;
use proptest::prelude::*;
use tls::handshake::{ClientHello, ServerHello};
use tls::shape::{
    ClientHelloInfo, MAX_BYTES, MAX_ENTRIES, MAX_NAMES, MAX_SHAPE_LEN, ServerHelloInfo, ShapeCache,
    write_client_shape, write_server_shape,
};

use crate::hello::{ClientHelloBuilder, alpn, key_shares, server_hello, server_name};

#[test]
fn the_same_shape_is_made_once() {
    let mut cache = ShapeCache::new(7);
    let first = client(&mut cache, &ClientHelloBuilder::browser());
    let elsewhere = ClientHelloBuilder { session_id: vec![], ..ClientHelloBuilder::browser() }
        .with(0x0000, server_name(b"another.example"))
        .with(0x0023, vec![1; 100]);
    assert!(Arc::ptr_eq(&first, &client(&mut cache, &elsewhere)));
    assert_eq!(cache.len(), 1);
}

#[test]
fn another_list_or_carrier_is_another_shape() {
    let browser = ClientHelloBuilder::browser;
    let shapes = [
        shape(&browser(), Carrier::Tcp),
        shape(&browser(), Carrier::Quic),
        shape(&browser().with(0x0010, alpn(&[b"h3"])), Carrier::Tcp),
        shape(&browser().with(0x0033, key_shares(&[(0x001d, 32)])), Carrier::Tcp),
        shape(&browser().without(0x0012), Carrier::Tcp),
        shape(&ClientHelloBuilder { legacy_version: 0x0302, ..browser() }, Carrier::Tcp),
    ];
    for (index, one) in shapes.iter().enumerate() {
        assert_eq!(shapes.iter().position(|other| other == one), Some(index));
    }
}

#[test]
fn names_are_those_that_events_show() {
    let info = client(&mut ShapeCache::new(0), &ClientHelloBuilder::browser());
    assert_eq!(info.version, "3.3");
    assert_eq!(info.supported_ciphers[..2], ["GREASE (0x1a1a)", "TLS_AES_128_GCM_SHA256"]);
    assert_eq!(info.compression_methods[..], ["NULL"]);
    let shares = info.offered_key_shares.as_ref().unwrap();
    assert_eq!(shares[..], ["GREASE (0x4a4a)", "X25519MLKEM768", "x25519"]);
    let extensions = &info.extensions;
    let versions = extensions.supported_versions.as_ref().unwrap();
    assert_eq!(versions[..], ["GREASE (0x6a6a)", "TLS 1.3", "TLS 1.2"]);
    assert_eq!(extensions.psk_key_exchange_modes.as_ref().unwrap()[..], ["psk_dhe_ke"]);
    assert_eq!(extensions.compress_certificate.as_ref().unwrap()[..], ["brotli"]);
    assert_eq!(extensions.ec_points_formats.as_ref().unwrap()[..], ["uncompressed"]);
    assert_eq!(extensions.status_request.as_ref().unwrap().kind, "ocsp");
    let types = extensions.types.as_ref().unwrap();
    assert_eq!(types[..3], ["GREASE (0x3a3a)", "server_name", "extended_master_secret"]);
    assert_eq!(types.len(), 16);
}

#[test]
fn extensions_that_packetbeat_does_not_read_are_listed_as_it_does() {
    let info = client(&mut ShapeCache::new(0), &ClientHelloBuilder::browser());
    let unparsed = info.extensions.unparsed.as_ref().unwrap();
    assert_eq!(unparsed[..], ["23", "renegotiation_info", "18", "51", "45", "27"]);
    let body = server_hello(
        0x0303,
        0xc02f,
        &[(0xff01, vec![0]), (0x0000, vec![]), (0x000b, vec![1, 0]), (0x0010, alpn(&[b"h2"]))],
    );
    let info = ServerHelloInfo::new(&ServerHello::parse(&body).unwrap());
    let unparsed = info.extensions.unparsed.as_ref().unwrap();
    assert_eq!(unparsed[..], ["renegotiation_info", "server_name_indication"]);
    assert_eq!(info.extensions.application_layer_protocol_negotiation, ["h2"]);
    assert_eq!(info.cipher, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
}

#[test]
fn the_detail_adds_what_belongs_to_the_connection() {
    let body = ClientHelloBuilder::browser().with(0x0023, vec![1; 192]).build();
    let hello = ClientHello::parse(&body).unwrap();
    let name = Arc::from("example.com");
    let detail = ClientHelloInfo::new(&hello, Carrier::Tcp).detail(&hello, Some(&name));
    assert_eq!(detail.extensions.server_name_indication, [name]);
    assert_eq!(detail.extensions.session_ticket.as_deref(), Some("(192 bytes)"));
    assert_eq!(detail.session_id.unwrap().as_bytes(), [0x5e; 32]);
    let body = server_hello(0x0303, 0x1301, &[(0x002b, vec![3, 4])]);
    let hello = ServerHello::parse(&body).unwrap();
    let detail = ServerHelloInfo::new(&hello).detail(&hello);
    assert_eq!(detail.extensions.supported_versions.as_deref(), Some("TLS 1.3"));
    assert_eq!(detail.selected_compression_method, "NULL");
}

#[test]
fn a_list_longer_than_the_limit_says_that_it_is_cut() {
    let suites = u16::try_from(MAX_NAMES + 1).unwrap();
    let long = ClientHelloBuilder {
        cipher_suites: (0..suites).collect(),
        ..ClientHelloBuilder::browser()
    };
    let info = client(&mut ShapeCache::new(0), &long);
    assert_eq!(info.supported_ciphers.len(), MAX_NAMES + 1);
    assert_eq!(info.supported_ciphers.last().unwrap(), "...");
}

#[test]
fn shapes_in_use_stay_and_the_cache_stays_small() {
    let mut cache = ShapeCache::new(1);
    let kept = client(&mut cache, &ClientHelloBuilder::browser());
    for number in 0..u16::try_from(MAX_ENTRIES).unwrap() {
        let passing =
            ClientHelloBuilder { cipher_suites: vec![number], ..ClientHelloBuilder::browser() };
        client(&mut cache, &passing);
        if number % 1000 == 0 {
            assert!(Arc::ptr_eq(&kept, &client(&mut cache, &ClientHelloBuilder::browser())));
        }
        assert!(cache.len() <= MAX_ENTRIES);
    }
    let first = ClientHelloBuilder { cipher_suites: vec![1], ..ClientHelloBuilder::browser() };
    let held = cache.len();
    client(&mut cache, &first);
    assert!(cache.len() > held || held == MAX_ENTRIES, "a shape long unused is made anew");
}

#[test]
fn heavy_shapes_are_held_up_to_the_limit_of_memory() {
    let mut cache = ShapeCache::new(1);
    let count = 1000;
    for number in 0..count {
        let mut cipher_suites = vec![0x1301; MAX_NAMES];
        cipher_suites.push(number);
        client(&mut cache, &ClientHelloBuilder { cipher_suites, ..ClientHelloBuilder::browser() });
    }
    let least_weight = MAX_NAMES * size_of::<event::Name>();
    assert!(cache.len() <= MAX_BYTES / least_weight);
    assert!(cache.len() < usize::from(count));
}

#[test]
fn a_giant_shape_is_answered_but_not_held() {
    let mut cache = ShapeCache::new(1);
    let giant = ClientHelloBuilder {
        cipher_suites: vec![0x1301; MAX_SHAPE_LEN / 2],
        ..ClientHelloBuilder::browser()
    };
    let info = client(&mut cache, &giant);
    assert!(info.ja4.starts_with("t13d9914h2_"));
    assert!(cache.is_empty());
}

proptest! {
    #[test]
    fn hellos_of_one_shape_have_the_same_names(
        index in 0..400_usize,
        value: u8,
        carrier in prop::sample::select(vec![Carrier::Tcp, Carrier::Quic]),
    ) {
        let outer = [&[0, 0, 1, 0, 1, 7, 0, 2][..], &[9; 2], &[0, 3], &[9; 3]].concat();
        let psk = [&[0, 8, 0, 2][..], &[9; 2], &[0; 4], &[0, 5, 4], &[9; 4]].concat();
        let body = ClientHelloBuilder::browser()
            .with(0x0033, key_shares(&[(0x001d, 4)]))
            .with(0xfe0d, outer)
            .with(0x0029, psk)
            .build();
        let mut changed = body.clone();
        let index = index % changed.len();
        changed[index] = value;
        let Ok(other) = ClientHello::parse(&changed) else { return Ok(()) };
        let one = ClientHello::parse(&body).unwrap();
        prop_assert!(one.pre_shared_keys().is_some() && one.offers_encrypted_client_hello());
        let (mut shape, mut other_shape) = (Vec::new(), Vec::new());
        write_client_shape(&one, carrier, &mut shape);
        write_client_shape(&other, carrier, &mut other_shape);
        if shape == other_shape {
            let one = ClientHelloInfo::new(&one, carrier);
            let other = ClientHelloInfo::new(&other, carrier);
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }

    #[test]
    fn server_hellos_of_one_shape_have_the_same_names(index in 0..200_usize, value: u8) {
        let list = [
            (0x002b, vec![3, 4]),
            (0x0033, [&[0, 0x1d, 0, 32][..], &[1; 32]].concat()),
            (0xff01, vec![0]),
            (0x0010, alpn(&[b"h2"])),
            (0x0000, vec![]),
        ];
        let body = server_hello(0x0303, 0x1301, &list);
        let mut changed = body.clone();
        let index = index % changed.len();
        changed[index] = value;
        let Ok(other) = ServerHello::parse(&changed) else { return Ok(()) };
        let one = ServerHello::parse(&body).unwrap();
        let (mut shape, mut other_shape) = (Vec::new(), Vec::new());
        write_server_shape(&one, &mut shape);
        write_server_shape(&other, &mut other_shape);
        if shape == other_shape {
            let one = ServerHelloInfo::new(&one);
            let other = ServerHelloInfo::new(&other);
            prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
    }

    #[test]
    fn any_hello_has_a_shape(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        let mut cache = ShapeCache::new(3);
        if let Ok(hello) = ClientHello::parse(&bytes) {
            let info = cache.client(&hello, Carrier::Tcp);
            prop_assert_eq!(info.anomalies.union(hello.own_anomalies()), hello.anomalies());
        }
        if let Ok(hello) = ServerHello::parse(&bytes) {
            prop_assert_eq!(&cache.server(&hello).cipher, &hello.cipher_suite.name());
        }
    }
}

fn client(cache: &mut ShapeCache, hello: &ClientHelloBuilder) -> Arc<ClientHelloInfo> {
    cache.client(&ClientHello::parse(&hello.build()).unwrap(), Carrier::Tcp)
}

fn shape(hello: &ClientHelloBuilder, carrier: Carrier) -> Vec<u8> {
    let mut shape = Vec::new();
    write_client_shape(&ClientHello::parse(&hello.build()).unwrap(), carrier, &mut shape);
    shape
}
