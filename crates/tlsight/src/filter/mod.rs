//! Which sessions are reported.

mod version;

use event::TlsEvent;

pub(crate) use handover::Glob;
pub(crate) use handover::Net;
pub(crate) use version::VersionRange;

use crate::output::class_key;

/// A choice of sessions: all conditions must hold; of a list, one entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Negotiated versions.
    pub(crate) versions: Vec<VersionRange>,
    /// Patterns of the server name.
    pub(crate) names: Vec<Glob>,
    /// Addresses, of either side.
    pub(crate) hosts: Vec<Net>,
    /// Ports, of either side.
    pub(crate) ports: Vec<u16>,
    /// Classes of the key exchange.
    pub(crate) classes: Vec<Class>,
    /// Whether only records with less than the whole handshake are reported.
    pub(crate) only_partial: bool,
    /// Whether only records with an anomaly are reported.
    pub(crate) only_anomalous: bool,
}

impl Filter {
    /// Whether a session is reported.
    pub(crate) fn matches(&self, event: &TlsEvent) -> bool {
        (self.versions.is_empty() || self.versions.iter().any(|range| range.contains(event)))
            && (self.names.is_empty() || self.names_match(event))
            && (self.hosts.is_empty() || self.hosts_match(event))
            && (self.ports.is_empty()
                || self.ports.contains(&event.client.port)
                || self.ports.contains(&event.server.port))
            && (self.classes.is_empty() || self.class_matches(event))
            && (!self.only_partial || !event.tlsight.partial.is_empty())
            && (!self.only_anomalous || !event.tlsight.anomalies.is_empty())
    }

    fn names_match(&self, event: &TlsEvent) -> bool {
        let name = event.tls.client.server_name.as_deref().unwrap_or_default();
        self.names.iter().any(|glob| glob.matches(name))
    }

    fn hosts_match(&self, event: &TlsEvent) -> bool {
        [&event.client, &event.server].into_iter().any(|party| {
            let ip = party.ip.as_str().parse();
            ip.is_ok_and(|ip| self.hosts.iter().any(|network| network.contains(ip)))
        })
    }

    fn class_matches(&self, event: &TlsEvent) -> bool {
        let class = class_key(event.tlsight.key_exchange.class);
        self.classes.iter().any(|wanted| wanted.key() == class)
    }
}

/// A class of key exchange, as `--class` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Class {
    /// Diffie-Hellman, over a finite field or a curve
    Classical,
    /// Post-quantum and classical combined
    HybridPq,
    /// Post-quantum alone
    Pq,
    /// No ephemeral exchange: static RSA or DH, or a pre-shared key alone
    None,
    /// Not seen
    Unknown,
}

impl Class {
    const fn key(self) -> &'static str {
        match self {
            Self::Classical => "classical",
            Self::HybridPq => "hybrid_pq",
            Self::Pq => "pq",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    #[test]
    fn conditions_add_up() {
        let mut filter = Filter { ports: vec![1, 443], ..Filter::default() };
        assert!(filter.matches(&sample::tls13()));
        filter.classes = vec![Class::Classical, Class::None];
        assert!(!filter.matches(&sample::tls13()));
        assert!(filter.matches(&sample::tls12()));
        filter.only_partial = true;
        assert!(!filter.matches(&sample::tls12()));
        let mut partial = sample::tls12();
        partial.tlsight.partial = vec!["gap".into()];
        assert!(filter.matches(&partial));
        filter.only_anomalous = true;
        assert!(!filter.matches(&partial));
    }

    #[test]
    fn hosts_are_addresses_or_networks_of_either_side() {
        for (host, expected) in [
            ("192.0.2.17", true),
            ("198.51.100.7", true),
            ("192.0.2.18", false),
            ("192.0.2.16/30", true),
            ("192.0.2.20/30", false),
            ("0.0.0.0/0", true),
            ("::/0", false),
        ] {
            let hosts = vec![host.parse().unwrap()];
            let filter = Filter { hosts, ..Filter::default() };
            assert_eq!(filter.matches(&sample::tls13()), expected, "{host}");
        }
        for wrong in ["10.0.0.0/33", "10.0.0", "example.com", "10.0.0.0/-1", "::/129"] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
    }
}
