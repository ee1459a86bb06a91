//! Records to frames.

use event::Timestamp;
use forge::{
    ConnectionId, Counters, Ending, Forger, Frames, Http2ToHttp1, MissingCause, Mtu, Opened,
    Record, RecordKind, Settings, Side, StageLimits, Streams,
};
use wire::{Ethernet, Ipv4, Ipv6, TcpSegment, VlanTag};

use crate::input::Datagrams;

/// Tells a forger records, first as they are and then behind the stage for HTTP/2, and accounts for
/// every byte. Of the flags, two bits are the kind, one the sender, one whether the place is the next,
/// and two the connection.
pub fn forge(input: &[u8]) {
    let mut forger = Forger::new(settings());
    let mut told = Told::default();
    let mut frames = Frames::new();
    told.all(input, &mut |record| {
        forger.handle(record, &mut frames);
        check(&mut frames);
        assert!(forger.open_connections() <= 3);
    });
    let counters = *forger.counters();
    assert_eq!(counters.delivered_bytes + counters.dropped_bytes(), told.data);
    assert_eq!(counters.missing_bytes.saturating_add(counters.missing_unshown_bytes), told.missing);
    end(forger, frames);

    let mut forger = Forger::new(settings());
    let limits = StageLimits { max_connections: 3, max_held_bytes: 64 << 10 };
    let mut stage = Http2ToHttp1::new(Streams::Ports, limits);
    let (mut told, mut frames) = (Told::default(), Frames::new());
    told.all(input, &mut |record| {
        stage.handle(record, &mut |record| {
            forger.handle(record, &mut frames);
            check(&mut frames);
        });
        assert!(stage.held_bytes() <= 64 << 10);
    });
    end(forger, frames);
    let counters = stage.counters();
    let seen = counters.plain_bytes + counters.http2.bytes + counters.out_of_order_bytes;
    assert!(seen <= told.data, "the rest is held");
}

#[derive(Default)]
struct Told {
    positions: [[u64; 2]; 4],
    data: u64,
    missing: u64,
}

impl Told {
    fn all(&mut self, input: &[u8], tell: &mut dyn FnMut(&Record<'_>)) {
        for (number, (flags, bytes)) in (0..).zip(Datagrams::new(input)) {
            let connection = flags >> 6;
            let sender = if flags & 4 == 0 { Side::Client } else { Side::Server };
            let expected =
                &mut self.positions[usize::from(connection)][usize::from(flags & 4 != 0)];
            let number_in = |bytes: &[u8]| {
                bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
            };
            let position = if flags & 8 == 0 { *expected } else { number_in(bytes) };
            let kind = match flags & 3 {
                0 => {
                    self.positions[usize::from(connection)] = [0; 2];
                    RecordKind::Opened(Box::new(opened(bytes)))
                }
                1 => {
                    self.data += bytes.len() as u64;
                    *expected = position.saturating_add(bytes.len() as u64);
                    RecordKind::Data { sender, position, bytes }
                }
                2 => {
                    let len = number_in(bytes.get(8..).unwrap_or(bytes));
                    self.missing = self.missing.saturating_add(len);
                    *expected = position.saturating_add(len);
                    RecordKind::Missing { sender, position, len, cause: MissingCause::Fault }
                }
                _ => RecordKind::Closed(match bytes.len() % 3 {
                    0 => Ending::Finished,
                    1 => Ending::Reset,
                    _ => Ending::Abandoned,
                }),
            };
            let at = Timestamp::from_nanos(number * 1_000_000);
            tell(&Record { connection: ConnectionId(connection.into()), at, kind });
        }
    }
}

fn opened(bytes: &[u8]) -> Opened {
    let mut address = [0_u8; 16];
    address.iter_mut().zip(bytes.iter().skip(1)).for_each(|(to, from)| *to = *from);
    let flags = bytes.first().copied().unwrap_or_default();
    Opened {
        client: (address, 40_000).into(),
        server: if flags & 1 == 0 { ([192, 0, 2, 1], 443).into() } else { (address, 443).into() },
        is_late: flags & 2 != 0,
        origin: None,
    }
}

/// Every frame is what it says it is.
fn check(frames: &mut Frames) {
    for frame in frames.iter() {
        let ethernet = Ethernet::parse(frame.bytes).unwrap();
        let packet = match VlanTag::parse(ethernet.payload) {
            Ok(tag) if ethernet.ether_type.is_vlan() => tag.payload,
            _ => ethernet.payload,
        };
        assert!(packet.len() <= usize::from(Mtu::MIN.bytes()));
        let payload = Ipv4::parse(packet)
            .map(|packet| packet.payload)
            .or_else(|_| Ipv6::parse(packet).map(|packet| packet.payload));
        TcpSegment::parse(payload.unwrap()).unwrap();
    }
    frames.clear();
}

fn end(mut forger: Forger, mut frames: Frames) {
    while forger.open_connections() > 0 {
        forger.finish(Timestamp::from_nanos(i64::MAX), &mut frames);
        check(&mut frames);
    }
    let Counters { opened, finished, reset, abandoned, evicted, timed_out, replaced, .. } =
        *forger.counters();
    assert_eq!(opened, finished + reset + abandoned + evicted + timed_out + replaced);
}

fn settings() -> Settings {
    Settings { mtu: Mtu::MIN, lanes: Some(2..=2), max_connections: 3, ..Settings::default() }
}
