//! The lines that tlsight writes, read back as far as judgement needs them.

use event::{
    Carrier, CertificateState, EarlyData, Evidence, KeyExchangeClass, Timestamp, Transport,
};
use serde::Deserialize;

/// Why a line is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnObservation {
    /// It is not JSON, or a field that is needed is missing or of another type.
    #[error("not a record of tlsight: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Its dataset has no sessions: a loss or a summary.
    #[error("a record of '{0}', which is no session")]
    OtherDataset(String),
    /// A text is longer than any honest one.
    #[error("{field} has {len} bytes, more than {limit}")]
    TooLong {
        /// The field.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// A list is longer than any honest one.
    #[error("{field} has {len} entries, more than {limit}")]
    TooMany {
        /// The field.
        field: &'static str,
        /// Its length.
        len: usize,
        /// The most that is taken.
        limit: usize,
    },
}

impl Line {
    /// Refuses what no honest record holds: whoever keeps observations keeps these texts.
    pub(crate) fn check(&self) -> Result<(), NotAnObservation> {
        let (tls, own) = (&self.tls, &self.tlsight);
        for (field, party) in [("client", &self.client), ("server", &self.server)] {
            if let Some(kubernetes) = &party.kubernetes {
                check_count("kubernetes.labels", kubernetes.labels.len())?;
            }
            for text in party.texts() {
                too_long(field, text)?;
            }
        }
        let texts = [
            &tls.version,
            &tls.version_protocol,
            &tls.cipher,
            &tls.curve,
            &tls.next_protocol,
            &tls.client.ja3,
            &tls.client.server_name,
            &tls.server.ja3s,
            &tls.server.subject,
            &tls.server.issuer,
        ];
        texts.into_iter().flatten().try_for_each(|text| too_long("tls", text))?;
        let hashes = tls.server.hash.iter().flat_map(|hash| [&hash.sha1, &hash.sha256]).flatten();
        hashes.into_iter().try_for_each(|text| too_long("tls.server.hash", text))?;
        if let Some(x509) = &tls.server.x509 {
            let field = "tls.server.x509";
            check_count("tls.server.x509.alternative_names", x509.alternative_names.len())?;
            let fixed = [&x509.public_key_algorithm, &x509.signature_algorithm];
            let told = x509.serial_number.iter().chain(&x509.public_key_curve);
            let all = fixed.into_iter().chain(told).chain(&x509.alternative_names);
            all.into_iter().try_for_each(|text| too_long(field, text))?;
        }
        let key_exchange = &own.key_exchange;
        let texts = [&own.ja4, &own.signature_algorithm, &own.starttls, &key_exchange.group]
            .into_iter()
            .chain([&key_exchange.hello_retry]);
        texts.flatten().try_for_each(|text| too_long("tlsight", text))?;
        let lists = [&own.partial, &own.anomalies].into_iter().chain(&key_exchange.offered_groups);
        for list in lists.chain(tls.detailed.as_ref().map(|detailed| &detailed.alert_types)) {
            check_count("tlsight", list.len())?;
            list.iter().try_for_each(|text| too_long("tlsight", text))?;
        }
        let workloads = own.workload.iter().flat_map(|it| [&it.client, &it.server]).flatten();
        for workload in workloads {
            let texts = [&workload.kind, &workload.name];
            texts.into_iter().flatten().try_for_each(|text| too_long("tlsight.workload", text))?;
        }
        Ok(())
    }
}

impl Party {
    fn texts(&self) -> impl Iterator<Item = &String> {
        let process = self.process.iter().flat_map(|process| {
            [
                process.name.as_ref(),
                process.executable.as_ref(),
                process.user.as_ref().map(|u| &u.id),
            ]
        });
        let container = self.container.iter().flat_map(|container| {
            let image = container.image.as_ref();
            let tag = image.and_then(|image| image.tag.first());
            [Some(&container.id), container.name.as_ref(), image.map(|image| &image.name), tag]
        });
        let kubernetes = self.kubernetes.iter().flat_map(|it| {
            [
                it.namespace.as_ref(),
                it.pod.as_ref().and_then(|pod| pod.name.as_ref()),
                it.node.as_ref().map(|node| &node.name),
                it.service.as_ref().map(|service| &service.name),
            ]
        });
        let labels = self.kubernetes.iter().flat_map(|it| it.labels.iter());
        let cluster = self.orchestrator.iter().filter_map(|it| it.cluster.as_ref());
        process
            .chain(container)
            .chain(kubernetes)
            .flatten()
            .chain(&self.domain)
            .chain(labels.flat_map(|(key, value)| [key, value]))
            .chain(cluster.map(|cluster| &cluster.name))
    }
}

fn too_long(field: &'static str, text: &str) -> Result<(), NotAnObservation> {
    if text.len() <= MAX_TEXT_LEN {
        return Ok(());
    }
    Err(NotAnObservation::TooLong { field, len: text.len(), limit: MAX_TEXT_LEN })
}

fn check_count(field: &'static str, len: usize) -> Result<(), NotAnObservation> {
    if len <= MAX_ENTRIES {
        return Ok(());
    }
    Err(NotAnObservation::TooMany { field, len, limit: MAX_ENTRIES })
}

/// Linux's longest path; a distinguished name or a server name is far shorter.
const MAX_TEXT_LEN: usize = 4096;

/// More than the names in the largest certificates of content networks, a hundred.
const MAX_ENTRIES: usize = 1024;

#[derive(Deserialize)]
pub(crate) struct Line {
    #[serde(rename = "@timestamp")]
    pub(crate) timestamp: Timestamp,
    pub(crate) event: Meta,
    pub(crate) client: Party,
    pub(crate) server: Party,
    pub(crate) network: Network,
    pub(crate) tls: Tls,
    pub(crate) tlsight: Tlsight,
}

/// What tells whether a line is one of those above.
#[derive(Deserialize)]
pub(crate) struct Head {
    pub(crate) event: HeadMeta,
}

#[derive(Deserialize)]
pub(crate) struct HeadMeta {
    pub(crate) dataset: String,
}

#[derive(Deserialize)]
pub(crate) struct Meta {
    pub(crate) dataset: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) outcome: String,
}

#[derive(Deserialize)]
pub(crate) struct Party {
    pub(crate) ip: std::net::IpAddr,
    #[serde(default)]
    pub(crate) port: u16,
    pub(crate) domain: Option<String>,
    pub(crate) process: Option<Process>,
    pub(crate) container: Option<Container>,
    pub(crate) orchestrator: Option<Orchestrator>,
    pub(crate) kubernetes: Option<Kubernetes>,
}

#[derive(Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: Option<u32>,
    pub(crate) name: Option<String>,
    pub(crate) executable: Option<String>,
    pub(crate) user: Option<Id>,
}

#[derive(Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

#[derive(Deserialize)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) image: Option<Image>,
}

#[derive(Deserialize)]
pub(crate) struct Image {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) tag: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Orchestrator {
    pub(crate) cluster: Option<Named>,
}

#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct Kubernetes {
    pub(crate) namespace: Option<String>,
    pub(crate) pod: Option<Pod>,
    pub(crate) node: Option<Named>,
    pub(crate) service: Option<Named>,
    #[serde(default)]
    pub(crate) labels: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(crate) struct Pod {
    pub(crate) name: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Network {
    pub(crate) transport: Transport,
    pub(crate) direction: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Tls {
    pub(crate) version: Option<String>,
    pub(crate) version_protocol: Option<String>,
    pub(crate) cipher: Option<String>,
    pub(crate) curve: Option<String>,
    pub(crate) resumed: Option<bool>,
    pub(crate) established: bool,
    pub(crate) next_protocol: Option<String>,
    #[serde(default)]
    pub(crate) client: TlsClient,
    #[serde(default)]
    pub(crate) server: TlsServer,
    pub(crate) detailed: Option<Detailed>,
}

#[derive(Default, Deserialize)]
pub(crate) struct TlsClient {
    pub(crate) ja3: Option<String>,
    pub(crate) server_name: Option<String>,
}

#[derive(Default, Deserialize)]
pub(crate) struct TlsServer {
    pub(crate) ja3s: Option<String>,
    pub(crate) hash: Option<Hash>,
    pub(crate) subject: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) x509: Option<X509>,
}

#[derive(Deserialize)]
pub(crate) struct Hash {
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct X509 {
    pub(crate) serial_number: Option<String>,
    pub(crate) public_key_algorithm: String,
    pub(crate) public_key_size: Option<u32>,
    pub(crate) public_key_curve: Option<String>,
    pub(crate) signature_algorithm: String,
    #[serde(default)]
    pub(crate) alternative_names: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Detailed {
    #[serde(default)]
    pub(crate) alert_types: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Tlsight {
    pub(crate) ja4: Option<String>,
    pub(crate) key_exchange: KeyExchange,
    pub(crate) signature_algorithm: Option<String>,
    pub(crate) certificate: CertificateInfo,
    pub(crate) early_data: Option<EarlyData>,
    pub(crate) starttls: Option<String>,
    pub(crate) carrier: Carrier,
    pub(crate) evidence: Evidence,
    #[serde(default)]
    pub(crate) partial: Vec<String>,
    #[serde(default)]
    pub(crate) anomalies: Vec<String>,
    pub(crate) workload: Option<Workloads>,
    pub(crate) edge: Option<Totals>,
}

#[derive(Deserialize)]
pub(crate) struct KeyExchange {
    pub(crate) group: Option<String>,
    pub(crate) class: Option<KeyExchangeClass>,
    pub(crate) forward_secret: Option<bool>,
    pub(crate) offered_groups: Option<Vec<String>>,
    pub(crate) hello_retry: Option<String>,
    pub(crate) dh_bits: Option<u32>,
    pub(crate) offers_post_quantum: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct CertificateInfo {
    pub(crate) state: CertificateState,
    pub(crate) sni_match: Option<bool>,
    pub(crate) self_signed: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Workloads {
    pub(crate) client: Option<Workload>,
    pub(crate) server: Option<Workload>,
}

#[derive(Deserialize)]
pub(crate) struct Workload {
    pub(crate) kind: Option<String>,
    pub(crate) name: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Totals {
    pub(crate) sessions: u64,
}
