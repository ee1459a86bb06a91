//! Reading pcapng.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod captures;

use capture::{Damage, SecretsRewriter, SecretsType};
use captures::{
    ORDERS, Order, block, drain, enhanced, interface, open, open_trickling, option, packet, read,
    read_damaged, refusal, section, small_pcapng,
};
use proptest::prelude::*;

const LITTLE: Order = Order::Little;

#[test]
fn sections_of_either_byte_order_follow_one_another() {
    let (file, _) = small_pcapng();
    let section = [
        packet(1_000_000_000, 1, 60, b"enhanced"),
        packet(1_000_000_000, 1, 6, b"simple"),
        packet(3_000_000_000, 1, 3, b"end"),
    ];
    let mut reader = open(&file).unwrap();
    let (packets, error) = drain(&mut reader);
    assert!(error.is_none());
    assert_eq!(packets, [section.clone(), section].concat());
    assert_eq!(reader.notes().untimed_packets, 2);
}

#[test]
fn each_interface_has_its_own_link_type_and_units() {
    for order in ORDERS {
        let offset = option(order, 14, &order.u64(0_u64.wrapping_sub(10)));
        let end = option(order, 0, &[]);
        let name = option(order, 2, b"eth");
        let unit = |unit: u8| option(order, 9, &[unit]);
        let cases = [
            (0, 1_700_000_000_000_001, 1_700_000_000_000_001_000, vec![]),
            (1, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001, unit(9)),
            (101, 1_700_000_000, 1_700_000_000_000_000_000, unit(0)),
            (113, 1_999_999_999_999, 1_999_999_999, unit(12)),
            (228, u64::MAX, 0, unit(127)),
            (229, (5 << 10) | 512, 5_500_000_000, unit(0x8a)),
            (276, u64::MAX, 0, unit(0xff)),
            (9, 12_000_001, 2_000_001_000, [&*name, &*offset, &*end, &*unit(9)].concat()),
            (50, 9_000_000_000, -1_000_000_000, [unit(9), offset].concat()),
        ];
        let mut file = section(order);
        for (link_type, _, _, options) in &cases {
            file.extend(interface(order, *link_type, 0, options));
        }
        for (number, (_, units, ..)) in (0..).zip(&cases) {
            file.extend(enhanced(order, number, *units, 4, b"data"));
        }
        let expected: Vec<_> = cases
            .iter()
            .map(|(link_type, _, nanos, _)| packet(*nanos, (*link_type).into(), 4, b"data"))
            .collect();
        assert_eq!(read(&file), expected);
    }
}

#[test]
fn a_time_past_all_nanoseconds_is_clamped_and_counted() {
    let past = option(LITTLE, 14, &LITTLE.u64(i64::MIN.cast_unsigned()));
    let file = [
        section(LITTLE),
        interface(LITTLE, 1, 0, &[]),
        interface(LITTLE, 1, 0, &past),
        enhanced(LITTLE, 0, u64::MAX, 4, b"late"),
        enhanced(LITTLE, 1, 0, 5, b"early"),
    ];
    let mut reader = open(&file.concat()).unwrap();
    let (packets, _) = drain(&mut reader);
    assert_eq!(packets[0].timestamp_ns, i64::MAX);
    assert_eq!(packets[1].timestamp_ns, i64::MIN);
    assert_eq!(reader.notes().clamped_timestamps, 2);
}

#[test]
fn a_simple_packet_is_cut_at_the_snapshot_length() {
    let simple = block(LITTLE, 3, &[&LITTLE.u32(1500)[..], b"12345678"].concat());
    let file = [section(LITTLE), interface(LITTLE, 1, 6, &[]), simple];
    assert_eq!(read(&file.concat()), [packet(0, 1, 1500, b"123456")]);
}

#[test]
fn the_obsolete_packet_block_is_read() {
    for order in ORDERS {
        let mut body = [order.u16(1), order.u16(99)].concat();
        body.extend([0, 5, 3, 60].map(|word| order.u32(word)).concat());
        body.extend(b"old");
        let interfaces = [interface(order, 1, 0, &[]), interface(order, 101, 0, &[])].concat();
        let file = [section(order), interfaces, block(order, 2, &body)];
        assert_eq!(read(&file.concat()), [packet(5000, 101, 60, b"old")]);
    }
}

#[test]
fn secrets_are_kept_up_to_a_limit() {
    let secrets = |kind: u32, bytes: &[u8]| {
        let len = u32::try_from(bytes.len()).unwrap();
        block(LITTLE, 10, &[&LITTLE.u32(kind)[..], &LITTLE.u32(len), bytes].concat())
    };
    let mut file =
        [section(LITTLE), secrets(0x544c_534b, b"CLIENT_RANDOM"), secrets(0x5353_484b, b"")]
            .concat();
    let mut reader = open(&file).unwrap();
    let (packets, error) = drain(&mut reader);
    assert!(packets.is_empty() && error.is_none());
    let [tls, ssh] = reader.secrets() else { panic!("two were given") };
    assert_eq!(tls.kind(), SecretsType::TLS_KEY_LOG);
    assert_eq!(tls.dangerous_bytes(), b"CLIENT_RANDOM");
    assert_eq!(ssh.kind(), SecretsType::SSH_KEY_LOG);

    let large = secrets(0x544c_534b, &vec![b'x'; 15 << 20]);
    for _ in 0..5 {
        file.extend(&large);
    }
    let mut reader = open(&file).unwrap();
    assert!(drain(&mut reader).1.is_none());
    assert_eq!((reader.secrets().len(), reader.notes().dropped_secrets), (6, 1));
}

#[test]
fn sealed_secrets_come_back_whole_and_in_order() {
    let long: Vec<u8> = (0..(5_u32 << 18)).flat_map(u32::to_le_bytes).collect();
    let (file, _) = small_pcapng();
    let put = |file: &[u8], sealed: &[u8]| {
        let rewriter = SecretsRewriter { strip: false, inject: None, inject_sealed: Some(sealed) };
        let mut copy = Vec::new();
        rewriter.copy(&mut &*file, &mut copy).unwrap();
        copy
    };
    let file = put(&put(&file, b"short"), &long);
    let mut reader = open(&file).unwrap();
    let (packets, error) = drain(&mut reader);
    assert!(error.is_none() && packets.len() == 6);
    let sealed: Vec<&[u8]> = reader.sealed().iter().map(|it| &**it).collect();
    assert_eq!(sealed, [&*long, b"short"]);
    assert_eq!(reader.notes().dropped_secrets, 0);

    let mut stripped = Vec::new();
    let rewriter = SecretsRewriter { strip: true, inject: None, inject_sealed: None };
    assert_eq!(rewriter.copy(&mut &*file, &mut stripped).unwrap().stripped, 6);
    assert!(open(&stripped).unwrap().sealed().is_empty());
}

#[test]
fn parts_that_are_missing_are_counted_and_blocks_of_others_are_not() {
    for order in ORDERS {
        let part = |index: u32, count: u32, bytes: &[u8]| {
            let len = u32::try_from(bytes.len()).unwrap();
            let numbers = [index, count, len].map(|number| order.u32(number)).concat();
            let mut body = [&order.u32(32473)[..], b"TLSESEAL", &numbers, bytes].concat();
            body.resize(body.len().next_multiple_of(4), 0);
            block(order, 0xbad, &body)
        };
        let sealed = |blocks: &[Vec<u8>]| {
            let file = [section(order), blocks.concat(), interface(order, 1, 0, &[])].concat();
            let mut reader = open(&file).unwrap();
            assert!(drain(&mut reader).1.is_none());
            let whole = reader.sealed().iter().map(|it| it.to_vec()).collect::<Vec<_>>();
            (whole, reader.notes().dropped_secrets)
        };
        let (first, second) = (part(0, 2, b"ab"), part(1, 2, b"c"));
        let whole = vec![b"abc".to_vec()];
        assert_eq!(sealed(&[first.clone(), second.clone()]), (whole.clone(), 0));
        assert_eq!(sealed(&[first.clone(), first.clone(), second.clone()]), (whole, 0));
        assert_eq!(sealed(&[second.clone(), first.clone()]), (vec![], 1));
        assert_eq!(sealed(&[first, part(2, 3, b"c")]), (vec![], 1));
        // Not one of ours: another number, magic, or place.
        let mut other = block(order, 0xbad, &[&order.u32(32473)[..], b"OTHERONE"].concat());
        other.extend(block(order, 0xbad, &[0; 4]));
        other.extend(part(2, 2, b"x"));
        assert_eq!(sealed(&[other]), (vec![], 0));
    }
}

#[test]
fn every_prefix_gives_the_packets_before_the_cut_and_says_where_it_is() {
    let (file, starts) = small_pcapng();
    let all = read(&file);
    for len in 12..file.len() {
        let (packets, error) = drain(&mut open(&file[..len]).unwrap());
        assert_eq!(packets, all[..packets.len()], "prefix of {len} bytes");
        let Some(error) = error else {
            assert!(starts.contains(&len), "prefix of {len} bytes");
            continue;
        };
        let start = *starts.iter().rfind(|start| **start < len).unwrap();
        assert_eq!(error.offset, start as u64, "prefix of {len} bytes");
        let (Damage::BlockHeaderCut { have, .. } | Damage::BlockCut { have, .. }) = error.damage
        else {
            panic!("{:?}", error.damage);
        };
        assert_eq!(have, len - start);
    }
    assert_eq!(read_damaged(&file[..30]).0, []);
    assert_eq!(
        refusal(&file[..11]),
        "test: cut short inside the header of the capture: 11 of 12 bytes"
    );
}

#[test]
fn damage_is_named_and_placed() {
    let good = [section(LITTLE), interface(LITTLE, 1, 0, &[])].concat();
    let good = [good, enhanced(LITTLE, 0, 0, 4, b"good")].concat();
    let mut trailer = block(LITTLE, 4, b"");
    trailer[8] = 16;
    let long = |len: u32| [LITTLE.u32(6), LITTLE.u32(len)].concat();
    let beyond = [0, 0, 0, 9, 9].map(|word| LITTLE.u32(word)).concat();
    let absurd = [0, 0, 0, 1 << 21, 9].map(|word| LITTLE.u32(word)).concat();
    let cases: [(Vec<u8>, &str); 12] = [
        (enhanced(LITTLE, 1, 0, 0, b""), "damaged: a packet of interface 1, of 1 described,"),
        (block(LITTLE, 6, &beyond), "damaged: a packet of 9 bytes in a block with room for 0"),
        (
            block(LITTLE, 6, &absurd),
            "damaged: a packet of 2097152 bytes, more than the 1048576 of any link,",
        ),
        (
            block(LITTLE, 6, b"short"),
            "damaged: a block of type 0x00000006 with the impossible length 20",
        ),
        (long(34), "damaged: a block of type 0x00000006 with the impossible length 34"),
        (long(8), "damaged: a block of type 0x00000006 with the impossible length 8"),
        (
            long(u32::MAX),
            "damaged: a block of type 0x00000006 and 4294967295 bytes, more than the 16777216 allowed,",
        ),
        (trailer, "damaged: a block whose lengths, 12 before and 16 after it, differ,"),
        (
            block(LITTLE, 0x0a0d_0d0a, &[9; 16]),
            "damaged: a section header with the unknown byte-order magic 0x09090909",
        ),
        (
            section(LITTLE)
                .iter()
                .enumerate()
                .map(|(at, byte)| if at == 12 { 2 } else { *byte })
                .collect(),
            "a section of the unknown pcapng version 2.0",
        ),
        (interface(LITTLE, 1, 0, &[9, 0, 200, 0]), "damaged: option 9 of a block does not fit"),
        (
            interface(LITTLE, 1, 0, &option(LITTLE, 14, b"abc")),
            "damaged: option 14 of a block does not fit",
        ),
    ];
    for (bad, message) in cases {
        let (packets, error) = read_damaged(&[&*good, &*bad, &*good].concat());
        assert_eq!(packets.len(), 1, "{message}");
        assert_eq!(error.to_string(), format!("test: {message} at offset {}", good.len()));
    }
}

#[test]
fn a_section_forgets_the_interfaces_of_the_one_before() {
    let first = [section(LITTLE), interface(LITTLE, 1, 0, &[])].concat();
    let second = [section(LITTLE), enhanced(LITTLE, 0, 0, 0, b"")].concat();
    let (_, error) = read_damaged(&[first, second].concat());
    assert!(matches!(error.damage, Damage::UnknownInterface { interface: 0, described: 0 }));
}

#[test]
fn interfaces_without_end_are_refused() {
    let many = interface(LITTLE, 1, 0, &[]).repeat((1 << 16) + 1);
    let (_, error) = read_damaged(&[section(LITTLE), many].concat());
    assert!(matches!(error.damage, Damage::TooManyInterfaces { max: 0x1_0000 }));
}

#[test]
fn a_long_block_between_packets_is_passed_over() {
    let file = [
        section(LITTLE),
        interface(LITTLE, 1, 0, &[]),
        enhanced(LITTLE, 0, 0, 6, b"before"),
        block(LITTLE, 0x0bad, &vec![1; (16 << 20) - 12]),
        enhanced(LITTLE, 0, 0, 5, b"after"),
    ];
    let packets = read(&file.concat());
    assert_eq!(packets, [packet(0, 1, 6, b"before"), packet(0, 1, 5, b"after")]);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let start = [section(LITTLE), interface(LITTLE, 1, 0, &[])].concat();
        drain(&mut open(&[start, bytes].concat()).unwrap());
    }

    #[test]
    fn arbitrary_blocks_never_panic(blocks: Vec<(u8, Vec<u8>)>) {
        let mut file = section(LITTLE);
        for (kind, body) in blocks {
            file.extend(block(LITTLE, (kind % 11).into(), &body));
        }
        drain(&mut open(&file).unwrap());
    }

    #[test]
    fn arbitrary_parts_of_sealed_secrets_never_panic(parts: Vec<(u8, u8, u8, Vec<u8>)>) {
        let mut file = section(LITTLE);
        for (index, count, len, bytes) in parts {
            let numbers = [index, count % 4, len].map(|number| LITTLE.u32(number.into())).concat();
            let body = [&LITTLE.u32(32473)[..], b"TLSESEAL", &numbers, &bytes].concat();
            file.extend(block(LITTLE, 0xbad, &body));
        }
        drain(&mut open(&file).unwrap());
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0_usize..500, value: u8) {
        let (mut file, _) = small_pcapng();
        let at = at % file.len();
        file[at] = value;
        if let Ok(mut reader) = open(&file) {
            drain(&mut reader);
        }
    }

    #[test]
    fn how_the_bytes_come_makes_no_difference(step in 1_usize..200) {
        let (file, _) = small_pcapng();
        let (packets, error) = drain(&mut open_trickling(&file, step).unwrap());
        prop_assert!(error.is_none());
        prop_assert_eq!(packets, read(&file));
    }
}
