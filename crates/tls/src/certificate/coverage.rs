//! Whether a certificate is for a name (RFC 9525).

use std::net::IpAddr;

use event::Certificate;

/// Whether `certificate` is for the host `name`: a DNS name or the text of an IP address.
///
/// A presented name covers a name that is equal but for case and a final dot; `*` as the whole
/// left-most label of it covers any one label. The common name counts only if there is no
/// alternative name of any kind that events show (RFC 6125 section 6.4.4). The event does not tell a
/// DNS name that reads like an address from an address.
#[must_use]
pub fn covers(certificate: &Certificate, name: &str) -> bool {
    let presented = &certificate.x509.alternative_names;
    if !presented.is_empty() {
        return presented.iter().any(|presented| matches(presented, name));
    }
    let common_name = certificate.x509.subject.common_name.as_deref();
    common_name.is_some_and(|presented| matches(presented, name))
}

fn matches(presented: &str, name: &str) -> bool {
    if let Ok(address) = name.parse::<IpAddr>() {
        return presented.parse() == Ok(address);
    }
    let (presented, name) = (without_final_dot(presented), without_final_dot(name));
    if name.is_empty() {
        return false;
    }
    match (presented.strip_prefix("*."), name.split_once('.')) {
        (Some(parent), Some((label, rest))) => {
            !label.is_empty() && label != "*" && parent.eq_ignore_ascii_case(rest)
        }
        (Some(_), None) => false,
        (None, _) => presented.eq_ignore_ascii_case(name),
    }
}

fn without_final_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;
    use crate::certificate::{Settings, parse};

    #[test]
    fn a_wildcard_covers_exactly_one_label() {
        let certificate = with_names(&["*.example.com", "example.org", "*.b"]);
        for (name, expected) in [
            ("www.example.com", true),
            ("WWW.EXAMPLE.com.", true),
            ("example.com", false),
            ("a.b.example.com", false),
            (".example.com", false),
            ("*.example.com", false),
            ("example.org", true),
            ("www.example.org", false),
            ("a.b", true),
            ("b", false),
            ("", false),
        ] {
            assert_eq!(covers(&certificate, name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_wildcard_is_a_whole_label_and_the_first() {
        let certificate = with_names(&["w*.example.com", "www.*.com", "*"]);
        for name in ["www.example.com", "www.a.com", "localhost"] {
            assert!(!covers(&certificate, name), "{name:?}");
        }
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        let certificate = with_names(&["192.0.2.1", "2001:db8::1", "*.0.2.9"]);
        for (name, expected) in [
            ("192.0.2.1", true),
            ("2001:DB8:0:0::1", true),
            ("192.0.2.2", false),
            ("1.0.2.9", false),
        ] {
            assert_eq!(covers(&certificate, name), expected, "{name:?}");
        }
    }

    #[test]
    fn the_common_name_counts_only_without_alternative_names() {
        let mut names = DistinguishedName::new();
        names.push(DnType::CommonName, "common.example.com");
        assert!(covers(&made(&[], names.clone()), "common.example.com"));
        assert!(!covers(&made(&["other.example.com"], names), "common.example.com"));
    }

    fn with_names(names: &[&str]) -> Certificate {
        made(names, DistinguishedName::new())
    }

    fn made(names: &[&str], subject: DistinguishedName) -> Certificate {
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = subject;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        parse(certificate.der(), &Settings::default())
    }
}
