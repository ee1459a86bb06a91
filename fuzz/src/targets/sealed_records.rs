//! Records that secrets may open.

use std::sync::Arc;

use secrets::{
    LegacyOpener, LegacyRecord, LegacySession, Secret, Suite, Tls13Opener, TrafficSecrets,
};
use tls::ProtocolVersion;
use tls::registry::CipherSuite;

use crate::input::Datagrams;

/// Opens records with the suite and the version that the first four bytes name. The flag byte of each
/// record is its content type; one of 0 is a gap.
pub fn sealed_records(input: &[u8]) {
    let Some((&[s0, s1, v0, v1], records)) = input.split_first_chunk() else { return };
    let Some(suite) = Suite::of(CipherSuite(u16::from_be_bytes([s0, s1]))) else { return };
    let version = u16::from_be_bytes([v0, v1]);
    let secret = |len: usize| vec![Arc::new(Secret::new(&vec![7; len]))];
    let session = LegacySession {
        version: ProtocolVersion(version),
        suite,
        client_random: [1; 32],
        server_random: [2; 32],
        encrypt_then_mac: v1 & 0x80 != 0,
    };
    let mut client = session.opener(true, &secret(48), &[]);
    let mut server = session.opener(false, &secret(48), &[]);
    let of_hash = secret(suite.hash().digest_len());
    let secrets =
        TrafficSecrets { early: of_hash.clone(), handshake: of_hash.clone(), application: of_hash };
    let mut tls13 = Tls13Opener::new(Some(suite), &secrets);
    let mut early = Tls13Opener::new(None, &secrets);
    let mut out = Vec::new();
    for (content_type, body) in Datagrams::new(records) {
        if content_type == 0 {
            let lost = body.len() as u64;
            client.on_gap(lost);
            tls13.on_gap(lost);
            continue;
        }
        let record = LegacyRecord { content_type, version, body };
        std::hint::black_box(client.open(record, &mut out));
        LegacyOpener::open_at(&mut server, u64::from(content_type) << 48, record, &mut out);
        let len = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
        let header = [content_type, v0, v1, len[0], len[1]];
        std::hint::black_box(tls13.open(&header, body, &mut out));
        std::hint::black_box(early.open(&header, body, &mut out));
    }
}
