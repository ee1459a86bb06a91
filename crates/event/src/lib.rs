//! The vocabulary of tlsight and the events that it promises to its users.
//!
//! A TLS session is one [`TlsEvent`], whatever it came over. The JSON names are those of the Elastic
//! Common Schema and of Packetbeat where these have one; the rest is under `tlsight`.
#![warn(clippy::disallowed_methods)]

extern crate self as event;

mod address;
mod certificate;
mod community_id;
mod detailed;
mod edge;
mod hex;
pub mod json;
mod loss;
mod process;
mod session;
mod shared;
mod time;
mod tls;
mod tlsight;
mod violation;
mod workload;

pub use address::{Endpoint, IpText, Mac, Transport};
pub use certificate::{Certificate, CertificateHash, DistinguishedName, X509};
pub use community_id::CommunityId;
pub use detailed::{
    AlertDetail, ClientHelloDetail, ClientHelloExtensions, Detailed, OfferedExtensions,
    ServerHelloDetail, ServerHelloExtensions, StatusRequest, StatusRequestAck,
};
pub use edge::{
    Edge, EdgeBody, EdgeCertificate, EdgeCertificateState, EdgeCounts, EdgeEvent, EdgeKeyExchange,
    EdgeMeta, EdgeNetwork, EdgeParty, EdgeProcess, EdgeTls, EdgeTotals, EdgeX509,
};
pub use hex::HexBytes;
pub use json::ToJson;
pub use loss::{Dataset, LossBody, LossEvent, Losses, SummaryBody, SummaryEvent, Totals};
pub use process::{
    Cgroup, Container, Image, ImageHash, ParentProcess, Process, Socket, Sockets, User,
};
pub use session::{EventMeta, Network, Party, Related, Status, TlsEvent, Vlan};
pub use shared::{Name, NameList, Shared};
pub use time::{NotATime, Timestamp};
pub use tls::{Tls, TlsClient, TlsServer};
pub use tlsight::{
    Carrier, CertificateInfo, CertificateState, Downgrade, EarlyData, Ech, Evidence, KeyExchange,
    KeyExchangeClass, Messages, ResumptionInfo, ResumptionMethod, Timing, Tlsight,
};
pub use violation::{
    ViolatedRule, Violation, ViolationBody, ViolationEnd, ViolationEvent, ViolationMeta,
    ViolationNetwork, ViolationParty,
};
pub use workload::{
    Knowledge, Kubernetes, Named, Orchestrator, OrchestratorParent, OrchestratorResource, Pod,
    WorkloadState, Workloads,
};
