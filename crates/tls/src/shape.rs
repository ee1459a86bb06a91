//! Shapes: what a hello says about the software that sent it, and nothing about this connection.
//!
//! Few shapes make up most traffic. Name lists and fingerprints depend on the shape alone, so they
//! are made once for each and found again by its bytes.

mod cache;
mod client;
mod names;
mod server;

use event::Carrier;

use crate::extension::{ClientKeyShares, EncryptedClientHello, Extension, Extensions};
use crate::handshake::{ClientHello, ServerHello, is_malformed};
use crate::registry::ExtensionType;

pub use cache::{MAX_BYTES, MAX_ENTRIES, MAX_SHAPE_LEN, ShapeCache};
pub use client::ClientHelloInfo;
pub use names::{MAX_NAMES, alpn_text};
pub use server::ServerHelloInfo;

/// Appends the shape of a `ClientHello` to `shape`.
///
/// Two hellos of the same shape have the same [`ClientHelloInfo`].
pub fn write_client_shape(hello: &ClientHello<'_>, carrier: Carrier, shape: &mut Vec<u8>) {
    shape.push(match carrier {
        Carrier::Tcp => 0,
        Carrier::Quic => 1,
        Carrier::Dtls => 2,
    });
    shape.extend_from_slice(&hello.legacy_version.0.to_be_bytes());
    write_bytes(hello.cipher_suites.as_bytes(), shape);
    write_bytes(hello.compression_methods.as_bytes(), shape);
    write_extensions(&hello.extensions, shape);
}

/// Appends the shape of a `ServerHello` to `shape`.
///
/// Two hellos of the same shape have the same [`ServerHelloInfo`].
pub fn write_server_shape(hello: &ServerHello<'_>, shape: &mut Vec<u8>) {
    shape.push(SERVER);
    shape.extend_from_slice(&hello.legacy_version.0.to_be_bytes());
    shape.extend_from_slice(&hello.cipher_suite.0.to_be_bytes());
    shape.push(hello.compression_method.0);
    write_extensions(&hello.extensions, shape);
}

fn write_extensions(extensions: &Extensions<'_>, shape: &mut Vec<u8>) {
    for extension in extensions.iter() {
        write_extension(extension, shape);
    }
}

fn write_extension(extension: Extension<'_>, shape: &mut Vec<u8>) {
    let body = extension.body;
    shape.extend_from_slice(&extension.kind.0.to_be_bytes());
    match extension.kind {
        ExtensionType::SUPPORTED_GROUPS
        | ExtensionType::EC_POINT_FORMATS
        | ExtensionType::SIGNATURE_ALGORITHMS
        | ExtensionType::SIGNATURE_ALGORITHMS_CERT
        | ExtensionType::ALPN
        | ExtensionType::SUPPORTED_VERSIONS
        | ExtensionType::PSK_KEY_EXCHANGE_MODES
        | ExtensionType::COMPRESS_CERTIFICATE
        | ExtensionType::STATUS_REQUEST
        | ExtensionType::CERT_TYPE
        | ExtensionType::CLIENT_CERTIFICATE_TYPE
        | ExtensionType::SERVER_CERTIFICATE_TYPE
        | ExtensionType::MAX_FRAGMENT_LENGTH
        | ExtensionType::RECORD_SIZE_LIMIT => write_bytes(body, shape),
        ExtensionType::KEY_SHARE | ExtensionType::KEY_SHARE_DRAFT => {
            match ClientKeyShares::parse(body) {
                Ok(shares) => {
                    for share in shares.iter() {
                        shape.push(KEY_SHARE);
                        shape.extend_from_slice(&share.group.0.to_be_bytes());
                        shape.extend_from_slice(&share.key_len.to_be_bytes());
                    }
                    shape.push(KEY_SHARES_END);
                }
                Err(_) => shape.push(OTHER_KEY_SHARE),
            }
        }
        _ => shape.push(findings(extension)),
    }
}

/// All that a [`ClientHelloInfo`] or [`ServerHelloInfo`] says of an extension whose body belongs to the
/// connection.
fn findings(extension: Extension<'_>) -> u8 {
    let is_outer = extension.kind == ExtensionType::ENCRYPTED_CLIENT_HELLO
        && EncryptedClientHello::parse(extension.body).is_ok_and(EncryptedClientHello::is_outer);
    u8::from(names::has_packetbeat_field(extension))
        | u8::from(is_malformed(extension)) << 1
        | u8::from(is_outer) << 2
}

fn write_bytes(bytes: &[u8], shape: &mut Vec<u8>) {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    shape.extend_from_slice(&len.to_be_bytes());
    shape.extend_from_slice(bytes);
}

/// First byte of a server's shape; those of clients are numbers of carriers.
const SERVER: u8 = 0xff;
/// Marks what follows in a shape's key shares.
const KEY_SHARE: u8 = 0;
const KEY_SHARES_END: u8 = 1;
const OTHER_KEY_SHARE: u8 = 2;
