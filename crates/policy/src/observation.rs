//! What was seen of one session, or of many that are alike.

use std::collections::BTreeMap;
use std::net::IpAddr;

use event::{CertificateState, Timestamp, Transport};
use serde::{Deserialize, Serialize};

use crate::entity::{Entity, Naming, Side};
use crate::line::{self, Head, Line, NotAnObservation};
use crate::posture::{CertificatePosture, Posture, any_post_quantum};

/// What was seen of one session, or of the sessions of an edge in one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Begin of the session, or of the first of them.
    pub first: Timestamp,
    /// End of its handshake, or begin of the last of them.
    pub last: Timestamp,
    /// How many sessions it stands for.
    pub sessions: u64,
    /// Whether it is one session with all of its details, and not a count.
    pub is_session: bool,
    /// How the handshake ended.
    pub outcome: Outcome,
    /// The client.
    pub client: Party,
    /// The server.
    pub server: Party,
    /// What is under TLS.
    pub transport: Transport,
    /// Direction as ECS has it, where the vantage point is known.
    pub direction: Option<String>,
    /// Name that the client asked for.
    pub server_name: Option<String>,
    /// How the connection is protected.
    pub posture: Posture,
    /// What the client offered.
    pub offer: Offer,
    /// Fingerprints.
    pub fingerprints: Fingerprints,
    /// The server's certificate, if it was seen.
    pub certificate: Option<Certificate>,
    /// First alert that was sent in clear, by its name.
    pub alert: Option<String>,
    /// Why the record is less than the whole handshake.
    pub partial: Vec<String>,
    /// What was out of order.
    pub anomalies: Vec<String>,
}

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// In an encrypted channel.
    Success,
    /// In none.
    Failure,
    /// It was not seen how.
    Unknown,
}

/// One end of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Address.
    pub ip: IpAddr,
    /// Port; 0 for the client of an edge.
    pub port: u16,
    /// Name of the process.
    pub process: Option<String>,
    /// Process id; absent for edges.
    pub pid: Option<u32>,
    /// Path of its program.
    pub executable: Option<String>,
    /// Numeric id of its user.
    pub user: Option<String>,
    /// Id of the container.
    pub container_id: Option<String>,
    /// Name of the container.
    pub container: Option<String>,
    /// Image with tag.
    pub image: Option<String>,
    /// Kubernetes cluster.
    pub cluster: Option<String>,
    /// Kubernetes namespace.
    pub namespace: Option<String>,
    /// Pod.
    pub pod: Option<String>,
    /// Node, of ends that are nodes or run on one.
    pub node: Option<String>,
    /// Kind of the workload, or `Service`.
    pub workload_kind: Option<String>,
    /// Name of the workload or service.
    pub workload: Option<String>,
    /// Labels of the pod, as far as the settings of the agent tell them.
    pub labels: BTreeMap<String, String>,
}

/// What the client offered; empty for edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Its groups; absent if it sent no such list.
    pub groups: Option<Vec<String>>,
}

/// Fingerprints; absent for edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprints {
    /// JA3 of the client.
    pub ja3: Option<String>,
    /// JA3S of the server.
    pub ja3s: Option<String>,
    /// JA4 of the client.
    pub ja4: Option<String>,
}

/// A server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Digest in lower-case hexadecimal: SHA-256, or SHA-1 where only that was recorded.
    pub fingerprint: String,
    /// Distinguished name of the subject.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// Names that it covers.
    pub names: Vec<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Begin of its validity.
    pub not_before: Option<Timestamp>,
    /// End of its validity.
    pub not_after: Option<Timestamp>,
    /// Algorithm of its public key.
    pub key_type: Option<String>,
    /// Size of its public key in bits.
    pub key_bits: Option<u32>,
    /// Curve of its public key.
    pub key_curve: Option<String>,
    /// Algorithm of its own signature.
    pub signature_algorithm: Option<String>,
    /// Whether subject and issuer are the same.
    pub self_signed: Option<bool>,
}

impl Observation {
    /// Reads a line that tlsight wrote for a session (`tls`) or an edge (`tlsight.edge`).
    ///
    /// # Errors
    /// The line is no such record, or is larger in some field than an honest one.
    pub fn parse(text: &[u8]) -> Result<Self, NotAnObservation> {
        match read::<Line>(text) {
            Ok(line) if is_observation(&line.event.dataset) => {
                line.check()?;
                Ok(Self::from(line))
            }
            other => {
                let head: Head = read(text)?;
                if is_observation(&head.event.dataset) {
                    other?;
                }
                Err(NotAnObservation::OtherDataset(head.event.dataset))
            }
        }
    }

    /// The client's entity and the server's.
    #[must_use]
    pub fn entities(&self, naming: &Naming) -> (Entity, Entity) {
        let name = self.server_name.as_deref();
        (
            naming.entity(&self.client, name, Side::Client),
            naming.entity(&self.server, name, Side::Server),
        )
    }
}

/// Whether lines of a dataset are observations.
fn is_observation(dataset: &str) -> bool {
    matches!(dataset, "tls" | "tlsight.edge")
}

/// Reads JSON (RFC 8259). Strings of a whole that is UTF-8 need not be checked one by one.
fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> serde_json::Result<T> {
    str::from_utf8(text).map_or_else(|_| serde_json::from_slice(text), serde_json::from_str)
}

impl From<Line> for Observation {
    fn from(line: Line) -> Self {
        let Line { timestamp, event, client, server, network, tls, tlsight } = line;
        let is_session = event.dataset == "tls";
        let server_name = tls.client.server_name.clone().or_else(|| server.domain.clone());
        let (client_workload, server_workload) =
            tlsight.workload.map_or((None, None), |workload| (workload.client, workload.server));
        let offered = &tlsight.key_exchange.offered_groups;
        // What a hello does not say is known only of a hello that was seen. Early versions told less of edges.
        let is_whole = is_session || tls.resumed.is_some();
        let is_client_seen = tls.client.ja3.is_some();
        let early_data = match tlsight.early_data {
            told if !is_session => told,
            told => is_client_seen.then_some(told.unwrap_or_default()),
        };
        let is_server_seen = is_whole && tls.version.is_some();
        let has_retry = tlsight.key_exchange.hello_retry.is_some();
        let told = tlsight.key_exchange.offers_post_quantum;
        let offers_post_quantum = offered.as_deref().map(any_post_quantum).or(told);
        let certificate = Certificate::of(&tls.server, tlsight.certificate.self_signed);
        let posture = Posture {
            version: tls.version,
            version_protocol: tls.version_protocol,
            cipher: tls.cipher,
            group: tlsight.key_exchange.group.or(tls.curve),
            class: tlsight.key_exchange.class,
            forward_secret: tlsight.key_exchange.forward_secret,
            dh_bits: tlsight.key_exchange.dh_bits,
            signature_algorithm: tlsight.signature_algorithm,
            alpn: tls.next_protocol,
            carrier: tlsight.carrier,
            starttls: tlsight.starttls,
            // Edges of early versions tell it only by what became of the certificate.
            resumed: tls.resumed.unwrap_or(false)
                || tlsight.certificate.state == CertificateState::Resumed,
            established: tls.established,
            early_data,
            hello_retry: (has_retry || is_server_seen).then_some(has_retry),
            offers_post_quantum,
            certificate: CertificatePosture {
                state: tlsight.certificate.state,
                fingerprint: certificate.as_ref().map(|it| it.fingerprint.clone()),
                key_type: certificate.as_ref().and_then(|it| it.key_type.clone()),
                key_bits: certificate.as_ref().and_then(|it| it.key_bits),
                signature_algorithm: certificate
                    .as_ref()
                    .and_then(|it| it.signature_algorithm.clone()),
                not_before: tls.server.not_before,
                not_after: tls.server.not_after,
                self_signed: tlsight.certificate.self_signed,
                sni_match: tlsight.certificate.sni_match,
            },
            evidence: tlsight.evidence,
        };
        Self {
            first: if is_session { timestamp } else { event.start },
            last: event.end,
            sessions: tlsight.edge.map_or(1, |edge| edge.sessions),
            is_session,
            outcome: Outcome::named(&event.outcome),
            client: Party::new(client, client_workload),
            server: Party::new(server, server_workload),
            transport: network.transport,
            direction: network.direction,
            server_name,
            posture,
            offer: Offer { groups: tlsight.key_exchange.offered_groups },
            fingerprints: Fingerprints {
                ja3: tls.client.ja3,
                ja3s: tls.server.ja3s,
                ja4: tlsight.ja4,
            },
            certificate,
            alert: tls.detailed.and_then(|detailed| detailed.alert_types.into_iter().next()),
            partial: tlsight.partial,
            anomalies: tlsight.anomalies,
        }
    }
}

impl Outcome {
    /// The name that JSON uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "success" => Self::Success,
            "failure" => Self::Failure,
            _ => Self::Unknown,
        }
    }
}

impl Party {
    /// Whether it is known what it is, beyond its address: a program, a container, an object of a cluster.
    pub(crate) fn is_placed(&self) -> bool {
        let told =
            [&self.executable, &self.process, &self.container_id, &self.workload, &self.node];
        told.into_iter().any(Option::is_some)
    }

    fn new(party: line::Party, workload: Option<line::Workload>) -> Self {
        let line::Party { ip, port, process, container, orchestrator, kubernetes, .. } = party;
        let (workload_kind, workload) =
            workload.map_or((None, None), |workload| (workload.kind, workload.name));
        let mut found = Self {
            ip,
            port,
            process: None,
            pid: None,
            executable: None,
            user: None,
            container_id: None,
            container: None,
            image: None,
            cluster: orchestrator.and_then(|it| it.cluster).map(|cluster| cluster.name),
            namespace: None,
            pod: None,
            node: None,
            workload_kind,
            workload,
            labels: BTreeMap::new(),
        };
        if let Some(process) = process {
            found.pid = process.pid;
            found.process = process.name;
            found.executable = process.executable;
            found.user = process.user.map(|user| user.id);
        }
        if let Some(container) = container {
            found.container_id = Some(container.id);
            found.container = container.name;
            found.image = container.image.map(|image| match image.tag.first() {
                Some(tag) => format!("{}:{tag}", image.name),
                None => image.name,
            });
        }
        if let Some(kubernetes) = kubernetes {
            found.namespace = kubernetes.namespace;
            found.pod = kubernetes.pod.and_then(|pod| pod.name);
            found.node = kubernetes.node.map(|node| node.name);
            found.labels = kubernetes.labels;
            if let (None, Some(service)) = (&found.workload, kubernetes.service) {
                found.workload_kind = Some("Service".to_owned());
                found.workload = Some(service.name);
            }
        }
        found
    }
}

impl Certificate {
    fn of(server: &line::TlsServer, self_signed: Option<bool>) -> Option<Self> {
        let hash = server.hash.as_ref()?;
        let fingerprint = hash.sha256.as_ref().or(hash.sha1.as_ref())?.to_ascii_lowercase();
        let x509 = server.x509.as_ref();
        Some(Self {
            fingerprint,
            subject: server.subject.clone().unwrap_or_default(),
            issuer: server.issuer.clone().unwrap_or_default(),
            names: x509.map(|it| it.alternative_names.clone()).unwrap_or_default(),
            serial: x509.and_then(|it| it.serial_number.clone()),
            not_before: server.not_before,
            not_after: server.not_after,
            key_type: x509.map(|it| it.public_key_algorithm.clone()),
            key_bits: x509.and_then(|it| it.public_key_size),
            key_curve: x509.and_then(|it| it.public_key_curve.clone()),
            signature_algorithm: x509.map(|it| it.signature_algorithm.clone()),
            self_signed,
        })
    }
}
