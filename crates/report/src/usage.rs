//! What reports are made of.

use event::{Timestamp, Transport};
use policy::{Certificate, Entity, Observation, Posture};

/// One posture of one edge, with its counts.
#[derive(Clone, Debug)]
pub struct Use {
    /// The client.
    pub source: Entity,
    /// The server.
    pub destination: Entity,
    /// The server's port.
    pub port: u16,
    /// What is under TLS.
    pub transport: Transport,
    /// A name that the client asked for.
    pub server_name: Option<String>,
    /// How the connections are protected.
    pub posture: Posture,
    /// How many sessions had it.
    pub sessions: u64,
    /// When the first of them began.
    pub first: Timestamp,
    /// When the last of them was seen.
    pub last: Timestamp,
    /// The server's certificate, if it was seen.
    pub certificate: Option<Certificate>,
}

/// What a report says of itself.
#[derive(Clone, Debug)]
pub struct Head {
    /// When it is made: days that certificates are valid count from here.
    pub now: Timestamp,
    /// A number that no other report has (RFC 9562, version 4).
    pub serial: [u8; 16],
    /// Version of the program.
    pub program_version: String,
}

impl Use {
    /// What one observation says.
    #[must_use]
    pub fn of(seen: Observation, source: Entity, destination: Entity) -> Self {
        Self {
            source,
            destination,
            port: seen.server.port,
            transport: seen.transport,
            server_name: seen.server_name,
            posture: seen.posture,
            sessions: seen.sessions,
            first: seen.first,
            last: seen.last,
            certificate: seen.certificate,
        }
    }

    /// The server and its port: `shop/web:443`.
    pub(crate) fn service(&self) -> String {
        format!("{}:{}", name(&self.destination), self.port)
    }
}

impl Head {
    /// The serial number as a UUID: `urn:uuid:...`.
    pub(crate) fn urn(&self) -> String {
        use std::fmt::Write as _;
        let mut text = "urn:uuid:".to_owned();
        for (place, byte) in self.serial.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Version and variant are where RFC 9562 has them, whatever the caller gave.
            let byte = match place {
                6 => byte & 0x0f | 0x40,
                8 => byte & 0x3f | 0x80,
                _ => *byte,
            };
            // Writing to a string does not fail.
            write!(text, "{byte:02x}").ok();
        }
        text
    }
}

/// An entity as people call it, with its namespace.
pub(crate) fn name(entity: &Entity) -> String {
    match &entity.namespace {
        Some(namespace) => format!("{namespace}/{}", entity.name),
        None => entity.name.clone(),
    }
}

/// The version with its protocol: `TLS 1.3`, `DTLS 1.2`, `SSL 3.0`.
pub(crate) fn version(posture: &Posture) -> Option<String> {
    let protocol = posture.version_protocol.as_deref().unwrap_or("tls").to_ascii_uppercase();
    posture.version.as_ref().map(|version| format!("{protocol} {version}"))
}
