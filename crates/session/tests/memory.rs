//! The resident size under floods, in a process of its own so that nothing else is measured.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "behaviour/analysis.rs"]
#[expect(dead_code, reason = "a flood needs some of it")]
mod analysis;
#[path = "behaviour/certificates.rs"]
#[expect(dead_code, reason = "a flood needs some of it")]
mod certificates;
#[path = "behaviour/conversation.rs"]
#[expect(dead_code, reason = "a flood needs some of it")]
mod conversation;
#[path = "behaviour/messages.rs"]
#[expect(dead_code, reason = "a flood needs some of it")]
mod messages;
#[path = "behaviour/packets.rs"]
#[expect(dead_code, reason = "a flood needs some of it")]
mod packets;

use std::sync::LazyLock;

use flow::Limits;
use session::Settings;

use analysis::Analysis;
use certificates::leaf;
use conversation::Conversation;
use messages::{
    ClientHello, HANDSHAKE, SERVER_NAME, certificate, list16, prefixed24, record, records_of,
    server_hello, server_name,
};
use packets::Flow;
use packets::Side::{Client, Server};

/// Complaints 12 and 30: memory that grows without bound, with connections and with what differs
/// between them.
#[test]
fn the_resident_size_stays_under_the_bound() {
    let before = resident_bytes();
    let settings = Settings { memory_bytes: BOUND_BYTES, ..Settings::default() };
    let mut analysis = Analysis::with(settings, Limits::for_memory(BOUND_BYTES));
    for (name, flows, flood) in FLOODS {
        for number in 0..flows {
            analysis.take(&flood(number).frames);
            analysis.events();
        }
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < BOUND_BYTES, "{name}: {grown} bytes more than before");
    }
    assert!(analysis.counters().flows_evicted > 0);
}

type Flood = fn(u32) -> Conversation;

/// The floods, and the flows of each: the last three cost a hundred times as much.
const FLOODS: [(&str, u32, Flood); 4] = [
    ("half-open flows with a part of a hello", 100_000, half_open),
    ("hellos that are all different", 10_000, different_hellos),
    ("certificates that are all different", 10_000, different_certificates),
    ("messages that never end", 10_000, endless_messages),
];

fn half_open(number: u32) -> Conversation {
    static HELLO: LazyLock<Vec<u8>> = LazyLock::new(|| ClientHello::tls13().record());
    let mut conversation = on(number);
    conversation.send(Client, &HELLO[..1200]);
    conversation
}

fn different_hellos(number: u32) -> Conversation {
    let [a, b, c, d] = number.to_be_bytes().map(u16::from);
    let hello = ClientHello::tls13()
        .set(SERVER_NAME, server_name(&format!("{number}.{}.test", "a".repeat(60))))
        .set(10, list16(&[0x1000 + a, 0x1100 + b, 0x1200 + c, 0x1300 + d]));
    let kind = u16::try_from(number % 50_000).unwrap();
    let answer = server_hello(&[1; 32], 0x1301, &[(43, vec![3, 4]), (kind + 1000, vec![0; 40])]);
    let mut conversation = on(number);
    conversation.send(Client, &hello.record());
    conversation.send(Server, &record(HANDSHAKE, &answer));
    conversation
}

fn different_certificates(number: u32) -> Conversation {
    let mut der = leaf();
    let place = der.len() - 8;
    der[place..place + 4].copy_from_slice(&number.to_be_bytes());
    let flight = [server_hello(&[], 0xc02b, &[]), certificate(&[der])].concat();
    let mut conversation = on(number);
    conversation.send(Client, &ClientHello::tls12().record());
    conversation.send(Server, &record(HANDSHAKE, &flight));
    conversation
}

fn endless_messages(number: u32) -> Conversation {
    let mut conversation = on(number);
    conversation.send(Client, &ClientHello::tls12().record());
    let long = [&[11][..], &prefixed24(&[0; 250_000])].concat();
    conversation.send(Server, &record(HANDSHAKE, &server_hello(&[], 0xc02b, &[])));
    conversation.send(Server, &records_of(HANDSHAKE, &long[..2000], 500));
    conversation
}

fn on(number: u32) -> Conversation {
    Conversation::on(Flow { number, is_ipv6: number.is_multiple_of(2), ..Flow::default() })
}

/// Resident bytes of this process.
fn resident_bytes() -> usize {
    const PAGE_BYTES: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * PAGE_BYTES
}

const BOUND_BYTES: usize = 64 << 20;
