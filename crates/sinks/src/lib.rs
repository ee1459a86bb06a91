//! Where lines go that people's own systems take: OTLP, Kafka, syslog, Elasticsearch, files.
//!
//! Each [`Sink`](SinkSettings) has a queue on the disk and two threads: one puts into the queue what was given,
//! the other hands it over. Whoever gives lines ([`Sinks::put`]) never waits. From the moment that a line is in
//! the queue on the disk it is delivered at least once, unless it has to make room for others, its file is
//! damaged, or the receiver refuses it for good; each of these is counted for each sink.

mod dataset;
mod elastic;
mod file;
mod http;
mod kafka;
mod line;
mod meter;
mod metrics;
mod otlp;
mod queue;
mod receiver;
mod secret;
mod sender;
mod settings;
mod sinks;
mod syslog;
mod tls;

pub use dataset::{Dataset, Datasets};
pub use elastic::ElasticSettings;
pub use file::{FileSettings, LineFile, OldFiles, Rotation};
pub use kafka::KafkaSettings;
pub use meter::SinkState;
pub use otlp::OtlpSettings;
pub use secret::Secret;
pub use settings::{Auth, HttpSettings, Kind, Log, SinkSettings, WrongSetting};
pub use sinks::{NoSink, Sinks};
pub use spool::SpoolSettings as QueueSettings;
pub use syslog::{Facility, SdId, SyslogAddress, SyslogSettings, SyslogTransport};
