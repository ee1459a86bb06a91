//! The integrity tag of Retry packets (RFC 9001 section 5.8).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::header::Retry;
use crate::initial_keys::TAG_LEN;

/// What the integrity tag of a Retry packet tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integrity {
    /// The tag fits, or the version has none that is known here.
    Plausible,
    /// The tag does not fit: the client ignores the packet.
    Forged,
}

/// Checks a Retry packet that answers a packet sent to the connection id `original`.
pub(crate) fn integrity(retry: &Retry<'_>, original: &[u8]) -> Integrity {
    let Some(secret) = retry.version.retry_integrity() else {
        return Integrity::Plausible;
    };
    let Some((packet, tag)) =
        retry.bytes.len().checked_sub(TAG_LEN).and_then(|len| retry.bytes.split_at_checked(len))
    else {
        return Integrity::Forged;
    };
    let (Ok(key), Ok(original_len)) =
        (UnboundKey::new(&AES_128_GCM, &secret.key), u8::try_from(original.len()))
    else {
        return Integrity::Plausible;
    };
    let pseudo_packet = [&[original_len], original, packet].concat();
    let nonce = Nonce::assume_unique_for_key(secret.nonce);
    let aad = Aad::from(pseudo_packet);
    match LessSafeKey::new(key).open_separate_gather(nonce, aad, &[], tag, &mut []) {
        Ok(()) => Integrity::Plausible,
        Err(_) => Integrity::Forged,
    }
}
