//! Certificates parsed once for all sessions that carry them.

use std::collections::HashMap;
use std::sync::Arc;

use event::Certificate;
use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

use super::{Settings, parse};

/// Parsed certificates by their DER form, the least recently used half dropped when full.
///
/// Certificates are told apart by all of their bytes. A certificate in the younger half is found
/// without an allocation; the first use of one in the older half moves it.
#[derive(Debug)]
pub struct CertificateCache {
    settings: Settings,
    young: Generation,
    old: Generation,
    max_der_len: usize,
}

impl CertificateCache {
    /// Makes an empty cache whose certificates are parsed with `settings`.
    ///
    /// `seed` must not be known to those who send certificates: it keeps them from choosing some that
    /// collide.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self::with_max_der_len(settings, seed, MAX_CACHED_DER_LEN)
    }

    /// The same for a process with little memory: keeps at most `max_der_len` bytes of DER, and
    /// never more than [`MAX_CACHED_DER_LEN`].
    #[must_use]
    pub fn with_max_der_len(settings: Settings, seed: u64, max_der_len: usize) -> Self {
        let hasher = SeedableRandomState::with_seed(seed, SharedSeed::global_fixed());
        let generation =
            || Generation { certificates: HashMap::with_hasher(hasher.clone()), der_len: 0 };
        let max_der_len = max_der_len.min(MAX_CACHED_DER_LEN);
        Self { settings, young: generation(), old: generation(), max_der_len }
    }

    /// The certificate in DER form `der`: the one parsed before, or parsed and kept.
    pub fn certificate(&mut self, der: &[u8]) -> Arc<Certificate> {
        if let Some(certificate) = self.young.certificates.get(der) {
            return Arc::clone(certificate);
        }
        let (key, certificate) = self
            .old
            .remove(der)
            .unwrap_or_else(|| (der.into(), Arc::new(parse(der, &self.settings))));
        if der.len() <= self.max_der_len / 8 {
            self.keep(key, Arc::clone(&certificate));
        }
        certificate
    }

    /// How many certificates are kept: at most [`MAX_CACHED_CERTIFICATES`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.certificates.len().saturating_add(self.old.certificates.len())
    }

    /// Whether no certificate is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of the DER forms that are kept, in bytes: at most [`MAX_CACHED_DER_LEN`].
    #[must_use]
    pub const fn der_len(&self) -> usize {
        self.young.der_len.saturating_add(self.old.der_len)
    }

    fn keep(&mut self, der: Box<[u8]>, certificate: Arc<Certificate>) {
        let der_len = self.young.der_len.saturating_add(der.len());
        let full = self.young.certificates.len() >= MAX_CACHED_CERTIFICATES / 2
            || der_len > self.max_der_len / 2;
        if full {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.certificates.clear();
            self.young.der_len = 0;
        }
        self.young.der_len = self.young.der_len.saturating_add(der.len());
        self.young.certificates.insert(der, certificate);
    }
}

#[derive(Debug)]
struct Generation {
    certificates: HashMap<Box<[u8]>, Arc<Certificate>, SeedableRandomState>,
    der_len: usize,
}

impl Generation {
    fn remove(&mut self, der: &[u8]) -> Option<(Box<[u8]>, Arc<Certificate>)> {
        let entry = self.certificates.remove_entry(der)?;
        self.der_len = self.der_len.saturating_sub(der.len());
        Some(entry)
    }
}

/// Most certificates that are kept: more than a busy network shows in an hour, leaves and
/// authorities together.
pub const MAX_CACHED_CERTIFICATES: usize = 8192;

/// Most bytes of DER that are kept. A parsed certificate takes two to four times its DER form, so a
/// full cache takes less than 64 MiB; at 1.5 KiB a certificate both limits are reached together.
pub const MAX_CACHED_DER_LEN: usize = 12 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_parsed_once() {
        let mut cache = CertificateCache::new(Settings::default(), 7);
        let first = cache.certificate(b"one");
        assert!(Arc::ptr_eq(&first, &cache.certificate(b"one")));
        assert!(!Arc::ptr_eq(&first, &cache.certificate(b"two")));
        assert_eq!((cache.len(), cache.der_len()), (2, 6));
    }

    #[test]
    fn the_number_of_certificates_is_limited_and_the_used_ones_stay() {
        let mut cache = CertificateCache::new(Settings::default(), 7);
        let used = cache.certificate(b"used");
        for number in 0..2 * MAX_CACHED_CERTIFICATES {
            cache.certificate(&number.to_be_bytes());
            assert!(Arc::ptr_eq(&used, &cache.certificate(b"used")), "after {number}");
            assert!(cache.len() <= MAX_CACHED_CERTIFICATES);
        }
        assert!(cache.len() > MAX_CACHED_CERTIFICATES / 2);
    }

    #[test]
    fn the_bytes_of_certificates_are_limited() {
        let mut cache = CertificateCache::new(Settings::default(), 7);
        let mut der = vec![0; MAX_CACHED_DER_LEN / 8];
        for number in 0..40 {
            der[0] = number;
            cache.certificate(&der);
            assert!(cache.der_len() <= MAX_CACHED_DER_LEN);
        }
        assert!(cache.der_len() > MAX_CACHED_DER_LEN / 2);
    }

    #[test]
    fn a_certificate_of_a_size_that_no_authority_issues_is_not_kept() {
        let mut cache = CertificateCache::new(Settings::default(), 7);
        let certificate = cache.certificate(&vec![0; MAX_CACHED_DER_LEN / 8 + 1]);
        assert!(certificate.hash.sha1.is_some());
        assert!(cache.is_empty());
    }
}
