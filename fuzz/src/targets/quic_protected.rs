//! QUIC packets that secrets may open, and the frames in them.

use std::sync::Arc;

use quic::{Protected, Space, Version, protected_frame};
use secrets::{QuicOpener, Secret, Suite, TrafficSecrets};
use tls::registry::CipherSuite;
use wire::Reader;

use crate::input::Datagrams;

/// Opens packets, of which the flag byte tells kind, version and length of the header; and reads the
/// frames of each as if it was what one holds.
pub fn quic_protected(input: &[u8]) {
    let secret = vec![Arc::new(Secret::new(&[7; 32]))];
    let secrets =
        TrafficSecrets { early: secret.clone(), handshake: secret.clone(), application: secret };
    let suite = Suite::of(CipherSuite(0x1301));
    let mut openers = [Version::V1, Version::V2].map(|it| QuicOpener::new(suite, it, &secrets));
    let (mut header, mut payload) = (Vec::new(), Vec::new());
    for (flags, bytes) in Datagrams::new(input) {
        let space = [Space::ZeroRtt, Space::Handshake, Space::OneRtt][usize::from(flags & 3) % 3];
        let version = if flags & 4 == 0 { Version::V1 } else { Version::V2 };
        let (clear, protected) = bytes.split_at(usize::from(flags >> 3).min(bytes.len()));
        let packet = Protected { space, version, clear, protected };
        for opener in &mut openers {
            opener.open(&packet, &mut header, &mut payload);
        }
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() && protected_frame(&mut reader, version).is_ok() {}
    }
}
