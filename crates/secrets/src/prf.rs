//! The pseudorandom functions of SSL 3.0 to TLS 1.2.

use cipher::KeyInit;
use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

use crate::suite::Hash;

/// How master secret and keys follow from what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prf {
    /// RFC 6101 sections 6.1 and 6.2.2.
    Ssl3,
    /// RFC 2246 section 5.
    Tls10,
    /// RFC 5246 section 5.
    Tls12(Hash),
}

impl Prf {
    /// Fills `out` with what follows from `secret`, `label` and the two parts of the seed. SSL 3.0 has
    /// no labels.
    pub(crate) fn expand(self, secret: &[u8], label: &[u8], seed: [&[u8]; 2], out: &mut [u8]) {
        let [first, second] = seed;
        let seed = [label, first, second];
        match self {
            Self::Ssl3 => ssl3(secret, [first, second], out),
            Self::Tls10 => tls10(secret, seed, out),
            Self::Tls12(Hash::Sha384) => p_hash::<Hmac<Sha384>>(secret, seed, out),
            Self::Tls12(Hash::Md5 | Hash::Sha1 | Hash::Sha256) => {
                p_hash::<Hmac<Sha256>>(secret, seed, out);
            }
        }
    }
}

/// Both halves of the secret, one with MD5 and one with SHA-1.
fn tls10(secret: &[u8], seed: [&[u8]; 3], out: &mut [u8]) {
    let half = secret.len().div_ceil(2);
    let first = secret.get(..half).unwrap_or_default();
    let second = secret.get(secret.len() - half..).unwrap_or_default();
    p_hash::<Hmac<Md5>>(first, seed, out);
    let mut other = Zeroizing::new(vec![0; out.len()]);
    p_hash::<Hmac<Sha1>>(second, seed, &mut other);
    for (byte, other) in out.iter_mut().zip(&*other) {
        *byte ^= other;
    }
}

fn p_hash<M: Mac + KeyInit + FixedOutput>(secret: &[u8], seed: [&[u8]; 3], out: &mut [u8]) {
    let keyed = || <M as KeyInit>::new_from_slice(secret).ok();
    let with_seed = |mac: M| seed.iter().fold(mac, |mac, part| mac.chain_update(part));
    let Some(mut a) = keyed().map(|mac| with_seed(mac).finalize().into_bytes()) else { return };
    let len = a.len();
    for chunk in out.chunks_mut(len) {
        let Some(mac) = keyed() else { return };
        let block = with_seed(mac.chain_update(&a)).finalize().into_bytes();
        for (byte, from) in chunk.iter_mut().zip(block) {
            *byte = from;
        }
        let Some(mac) = keyed() else { return };
        a = mac.chain_update(&a).finalize().into_bytes();
    }
}

/// `MD5(secret + SHA('A' + secret + seed)) + MD5(secret + SHA('BB' + secret + seed)) + ...`
fn ssl3(secret: &[u8], seed: [&[u8]; 2], out: &mut [u8]) {
    for (index, (chunk, letter)) in
        out.chunks_mut(Hash::Md5.digest_len()).zip(b'A'..=b'Z').enumerate()
    {
        let mut inner = Sha1::new();
        for _ in 0..=index {
            inner.update([letter]);
        }
        let inner =
            inner.chain_update(secret).chain_update(seed[0]).chain_update(seed[1]).finalize();
        let block = Md5::new().chain_update(secret).chain_update(inner).finalize();
        for (byte, from) in chunk.iter_mut().zip(block) {
            *byte = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    /// The vectors that the IETF's TLS working group collected for P_SHA256 and P_SHA384.
    #[test]
    fn tls12_gives_what_others_compute() {
        for (hash, secret, seed, begin) in [
            (
                Hash::Sha256,
                "9bbe436ba940f017b17652849a71db35",
                "a0ba9f936cda311827a6f796ffd5198c",
                "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a",
            ),
            (
                Hash::Sha384,
                "b80b733d6ceefcdc71566ea48e5567df",
                "cd665cf6a8447dd6ff8b27555edb7465",
                "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd",
            ),
        ] {
            let bytes = |hex: &str| HEXLOWER.decode(hex.as_bytes()).unwrap();
            let mut out = [0; 32];
            Prf::Tls12(hash).expand(&bytes(secret), b"test label", [&bytes(seed), &[]], &mut out);
            assert_eq!(HEXLOWER.encode(&out), begin);
        }
    }

    #[test]
    fn a_shorter_output_is_the_beginning_of_a_longer_one() {
        for prf in [Prf::Ssl3, Prf::Tls10, Prf::Tls12(Hash::Sha256), Prf::Tls12(Hash::Sha384)] {
            let mut long = [0; 160];
            prf.expand(&[1; 48], b"label", [&[2; 32], &[3; 32]], &mut long);
            for len in 0..long.len() {
                let mut short = vec![0; len];
                prf.expand(&[1; 48], b"label", [&[2; 32], &[3; 32]], &mut short);
                assert_eq!(short, long[..len], "{prf:?}, {len} bytes");
            }
        }
    }
}
