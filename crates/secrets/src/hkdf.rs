//! `HKDF-Expand-Label` (RFC 9846 section 7.1).

use aws_lc_rs::hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Prk};
use zeroize::Zeroizing;

use crate::suite::Hash;

/// Fills `out` with what follows from `secret` and `label`, without a context. `None` if the hash is
/// none of TLS 1.3.
pub(crate) fn expand_label(hash: Hash, secret: &[u8], label: &[u8], out: &mut [u8]) -> Option<()> {
    expand_label_with(hash, secret, label, &[], out)
}

/// The same with a context.
pub(crate) fn expand_label_with(
    hash: Hash,
    secret: &[u8],
    label: &[u8],
    context: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let algorithm = match hash {
        Hash::Sha256 => HKDF_SHA256,
        Hash::Sha384 => HKDF_SHA384,
        Hash::Md5 | Hash::Sha1 => return None,
    };
    let [high, low] = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_len = u8::try_from(PREFIX.len() + label.len()).ok()?;
    let context_len = [u8::try_from(context.len()).ok()?];
    let info = [&[high, low, label_len][..], PREFIX, label, &context_len, context];
    let secret = Prk::new_less_safe(algorithm, secret);
    secret.expand(&info, Len(out.len())).ok()?.fill(out).ok()
}

/// The same into new memory of `len` bytes.
pub(crate) fn expanded(
    hash: Hash,
    secret: &[u8],
    label: &[u8],
    len: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(vec![0; len]);
    expand_label(hash, secret, label, &mut out)?;
    Some(out)
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

const PREFIX: &[u8] = b"tls13 ";
