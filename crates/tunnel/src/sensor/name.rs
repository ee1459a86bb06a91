//! Who an agent is.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// Name of an agent, from its certificate: the first DNS name, else the common name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentName(Arc<str>);

impl AgentName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the name; none if there is none, or one that cannot be written as it is.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names = alternative.iter().flat_map(|names| &names.value.general_names);
        let mut dns = names.filter_map(|name| {
            if let GeneralName::DNSName(name) = name { Some(*name) } else { None }
        });
        let mut common = certificate.subject().iter_common_name();
        let name = dns.next().or_else(|| common.next()?.as_str().ok())?;
        Self::new(name)
    }

    pub(super) fn new(name: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@:".contains(&byte);
        let is_right = !name.is_empty() && name.len() <= MAX_LEN && name.bytes().all(is_plain);
        is_right.then(|| Self(name.into()))
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name of a host has at most 253 (RFC 1035 section 2.3.4).
const MAX_LEN: usize = 253;
