//! The clear text of connections, told as records by agents to a sensor.
//!
//! An agent hands [`forge::Record`]s to a [`Sender`]; a [`Receiver`] elsewhere hands those of all agents to
//! a [`Consumer`], which forges packets of them. Between them is TLS 1.3, at which both show a
//! certificate.

mod agent;
mod certificates;
mod credentials;
pub mod format;
mod sensor;

pub use agent::{CannotSend, Link, Sender, SenderCounters, SenderSettings, SpoolSettings};
pub use certificates::{CertificateRequest, NotMade, make_certificates};
pub use credentials::{Credentials, NoCredentials};
pub use sensor::{
    AgentName, AgentStatus, Audit, CannotReceive, Consumer, Happening, Incident, Receiver,
    ReceiverCounters, ReceiverLimits, ReceiverSettings, RefusedHow,
};

/// Port at which sensors listen: that of MetaFlows' sslcollector.
pub const DEFAULT_PORT: u16 = 3005;
