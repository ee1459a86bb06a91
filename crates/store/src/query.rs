//! What is asked for. Values, never text of a query language.

use std::net::IpAddr;

use event::{KeyExchangeClass, Timestamp};
use policy::{Grade, Outcome};
use serde::Serialize;

use crate::id::EdgeId;

/// A span of time: from its begin, up to and without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub to: Timestamp,
}

/// Which sessions; all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionQuery {
    /// When they began.
    pub window: Window,
    /// A part of a server name, an entity or a process, whatever the case, or the begin of an address.
    pub q: Option<String>,
    /// Negotiated version.
    pub version: Option<String>,
    /// Cipher suite.
    pub cipher: Option<String>,
    /// Named group.
    pub group: Option<String>,
    /// Class of the key exchange.
    pub class: Option<KeyExchangeClass>,
    /// Grade of the posture.
    pub grade: Option<Grade>,
    /// The whole server name, whatever the case.
    pub server_name: Option<String>,
    /// Address of either end.
    pub ip: Option<IpAddr>,
    /// Port of the server.
    pub port: Option<u16>,
    /// Kubernetes namespace of either end.
    pub namespace: Option<String>,
    /// Name of the process of either end, or path of its program.
    pub process: Option<String>,
    /// Fingerprint of the server's certificate.
    pub certificate: Option<String>,
    /// JA3 of the client.
    pub ja3: Option<String>,
    /// JA4 of the client.
    pub ja4: Option<String>,
    /// How the handshake ended.
    pub outcome: Option<Outcome>,
    /// The edge.
    pub edge: Option<EdgeId>,
}

/// Which edges, and how sorted; all that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeQuery {
    /// When they had sessions.
    pub window: Window,
    /// Id of the source.
    pub source: Option<String>,
    /// Id of the destination.
    pub destination: Option<String>,
    /// Kubernetes namespace of either end.
    pub namespace: Option<String>,
    /// Grade of the worst posture.
    pub grade: Option<Grade>,
    /// Port.
    pub port: Option<u16>,
    /// A part of the name of an end or of a server name, whatever the case.
    pub q: Option<String>,
    /// Order.
    pub sort: EdgeSort,
}

/// Order of edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EdgeSort {
    /// Most sessions first.
    #[default]
    Sessions,
    /// Most failures first.
    Failures,
    /// The one seen first at the latest time first.
    FirstSeen,
    /// The one seen last first.
    LastSeen,
    /// The worst grade first.
    Grade,
}

/// Which part of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphQuery {
    /// When there were sessions.
    pub window: Window,
    /// Kubernetes namespace of either end.
    pub namespace: Option<String>,
    /// Grade of an edge's worst posture.
    pub grade: Option<Grade>,
    /// A part of the name of an end or of a server name, whatever the case.
    pub q: Option<String>,
    /// How many nodes at most, those with the most sessions; more than [`GraphQuery::MAX_NODES`] is that.
    pub limit: usize,
}

/// Which certificates, and how sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateQuery {
    /// What is counted as expired.
    pub now: Timestamp,
    /// A part of subject, issuer, names or fingerprint, whatever the case.
    pub q: Option<String>,
    /// State of the validity.
    pub state: Option<CertificateState>,
    /// Order.
    pub sort: CertificateSort,
}

/// State of a certificate's validity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// It is over.
    Expired,
    /// It ends within [`CertificateQuery::EXPIRING_DAYS`].
    Expiring,
    /// It goes on for longer.
    Valid,
}

/// Order of certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateSort {
    /// The one that expires next first; those whose end is unknown last.
    #[default]
    NotAfter,
    /// The one seen last first.
    LastSeen,
    /// Most sessions first.
    Sessions,
}

impl Window {
    /// Whether a point is in it.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }
}

impl SessionQuery {
    /// All sessions of a window.
    #[must_use]
    pub const fn all(window: Window) -> Self {
        Self {
            window,
            q: None,
            version: None,
            cipher: None,
            group: None,
            class: None,
            grade: None,
            server_name: None,
            ip: None,
            port: None,
            namespace: None,
            process: None,
            certificate: None,
            ja3: None,
            ja4: None,
            outcome: None,
            edge: None,
        }
    }
}

impl EdgeQuery {
    /// All edges of a window, most sessions first.
    #[must_use]
    pub const fn all(window: Window) -> Self {
        Self {
            window,
            source: None,
            destination: None,
            namespace: None,
            grade: None,
            port: None,
            q: None,
            sort: EdgeSort::Sessions,
        }
    }
}

impl GraphQuery {
    /// The most nodes: more than anybody can tell apart.
    pub const MAX_NODES: usize = 5000;

    /// The whole graph of a window.
    #[must_use]
    pub const fn all(window: Window) -> Self {
        Self { window, namespace: None, grade: None, q: None, limit: 500 }
    }
}

impl CertificateQuery {
    /// Days before its end that a certificate counts as expiring.
    pub const EXPIRING_DAYS: i64 = 30;

    /// All certificates, the one that expires next first.
    #[must_use]
    pub const fn all(now: Timestamp) -> Self {
        Self { now, q: None, state: None, sort: CertificateSort::NotAfter }
    }
}
