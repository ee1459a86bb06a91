//! Kafka: one record a line, acknowledged by all replicas in sync.

mod partitioner;
mod record;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::line::Line;
use crate::receiver::{Failure, Limits, Outcome, Receiver};
use crate::secret::Secret;
use crate::settings::WrongSetting;
use crate::tls;

/// Which brokers, and which topic.
#[derive(Clone)]
pub struct KafkaSettings {
    /// Brokers to begin with, as `HOST:PORT`.
    pub brokers: Vec<String>,
    /// Where lines go. The topic has to be there.
    pub topic: String,
    /// Whether connections are protected by TLS.
    pub tls: bool,
    /// Certificates in PEM that are trusted; those of the system if absent.
    pub ca: Option<PathBuf>,
    /// Name and password (SASL PLAIN), if brokers want them.
    pub login: Option<(String, Secret)>,
}

/// Brokers, and the connections to them while there are some.
pub(crate) struct Kafka {
    settings: KafkaSettings,
    tls: Option<std::sync::Arc<rustls::ClientConfig>>,
    runtime: Runtime,
    open: Option<Open>,
}

struct Open {
    client: Client,
    /// Those of the topic, in order.
    partitions: Vec<i32>,
    clients: BTreeMap<i32, PartitionClient>,
    since: Instant,
}

impl Kafka {
    pub(crate) fn new(settings: KafkaSettings) -> Result<Self, WrongSetting> {
        let is_name = |it: u8| it.is_ascii_alphanumeric() || b"._-".contains(&it);
        let topic = &settings.topic;
        if topic.is_empty() || topic.len() > MAX_TOPIC_LEN || !topic.bytes().all(is_name) {
            return Err(WrongSetting(format!(
                "topic: {topic:?} is not a name of letters, digits, '.', '_' and '-'"
            )));
        }
        let has_port = |it: &String| {
            it.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok() && !host.contains(['/', '@'])
            })
        };
        if settings.brokers.is_empty() || !settings.brokers.iter().all(has_port) {
            return Err(WrongSetting("brokers: a list of HOST:PORT".to_owned()));
        }
        let tls = settings.tls.then(|| tls::client(settings.ca.as_deref())).transpose()?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| WrongSetting(error.to_string()))?;
        Ok(Self { settings, tls, runtime, open: None })
    }

    async fn connect(&self) -> Result<Open, Error> {
        let backoff = BackoffConfig { deadline: Some(GIVE_UP_AFTER), ..BackoffConfig::default() };
        let mut builder = ClientBuilder::new(self.settings.brokers.clone())
            .client_id("tlsight")
            .backoff_config(backoff);
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(std::sync::Arc::clone(tls));
        }
        if let Some((name, password)) = &self.settings.login {
            let password = password.dangerous_text().to_owned();
            builder =
                builder.sasl_config(SaslConfig::Plain(Credentials::new(name.clone(), password)));
        }
        let client = builder.build().await?;
        let topics = client.list_topics().await?;
        let topic = topics.into_iter().find(|it| it.name == self.settings.topic);
        let partitions: Vec<_> = topic.into_iter().flat_map(|it| it.partitions).collect();
        Ok(Open { client, partitions, clients: BTreeMap::new(), since: Instant::now() })
    }

    async fn produce(&self, open: &mut Open, lines: &[Line]) -> Result<Outcome, Failure> {
        let mut groups = BTreeMap::<i32, Vec<usize>>::new();
        for (place, line) in lines.iter().enumerate() {
            let partition = partitioner::partition(&record::key(line), &open.partitions);
            let partition = partition.ok_or_else(|| {
                Failure::later(format!("there is no topic {:?}", self.settings.topic))
            })?;
            groups.entry(partition).or_default().push(place);
        }
        let mut waiting = groups.into_iter();
        while let Some((partition, places)) = waiting.next() {
            let records = places.iter().filter_map(|place| lines.get(*place)).map(record::of);
            let records = records.collect();
            let sent = self.produce_to(open, partition, records).await;
            let Err(failure) = sent else { continue };
            let mut again: Vec<_> = waiting.flat_map(|(_, places)| places).chain(places).collect();
            again.sort_unstable();
            if again.len() == lines.len() {
                return Err(failure);
            }
            // What is too large is found again, and then alone.
            let why = match failure {
                Failure::Later { why, .. } | Failure::Refused { why } => why,
                Failure::TooLarge => "too much at once".to_owned(),
            };
            return Ok(Outcome { again, why: Some(why), ..Outcome::default() });
        }
        Ok(Outcome::default())
    }

    async fn produce_to(
        &self,
        open: &mut Open,
        partition: i32,
        records: Vec<rskafka::record::Record>,
    ) -> Result<(), Failure> {
        if !open.clients.contains_key(&partition) {
            let topic = self.settings.topic.clone();
            let client =
                open.client.partition_client(topic, partition, UnknownTopicHandling::Retry);
            let client = client.await.map_err(|error| self.failed(&error))?;
            open.clients.insert(partition, client);
        }
        let Some(client) = open.clients.get(&partition) else { return Ok(()) };
        let sent = client.produce(records, Compression::Gzip).await;
        sent.map(|_offsets| ()).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &Error) -> Failure {
        if let Error::ServerError {
            protocol_error: ProtocolError::MessageTooLarge | ProtocolError::RecordListTooLarge,
            ..
        } = error
        {
            return Failure::TooLarge;
        }
        Failure::later(format!("{}: {error}", self.settings.brokers.join(",")))
    }

    async fn hand_over(
        &self,
        open: Option<Open>,
        lines: &[Line],
    ) -> (Option<Open>, Result<Outcome, Failure>) {
        let late =
            || Failure::later(format!("{}: no answer in time", self.settings.brokers.join(",")));
        let mut open = match open.filter(|it| it.since.elapsed() < FORGET_AFTER) {
            Some(open) => open,
            None => match timeout(PATIENCE, self.connect()).await {
                Ok(Ok(open)) => open,
                Ok(Err(error)) => return (None, Err(self.failed(&error))),
                Err(_) => return (None, Err(late())),
            },
        };
        match timeout(PATIENCE, self.produce(&mut open, lines)).await {
            Ok(Ok(outcome)) if outcome.again.is_empty() => (Some(open), Ok(outcome)),
            Ok(Err(Failure::TooLarge)) => (Some(open), Err(Failure::TooLarge)),
            Ok(result) => (None, result),
            Err(_) => (None, Err(late())),
        }
    }
}

impl Receiver for Kafka {
    fn take(&mut self, lines: &[Line]) -> Result<Outcome, Failure> {
        let open = self.open.take();
        let (open, result) = self.runtime.block_on(self.hand_over(open, lines));
        self.open = open;
        result
    }

    /// Half of what brokers take at once, unless they are told otherwise.
    fn limits(&self) -> Limits {
        Limits { lines: 1000, bytes: 512 << 10 }
    }
}

/// The client tries again by itself until then, and has a reason to tell then.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// For all of a request: brokers may not answer at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Partitions are added now and then.
const FORGET_AFTER: Duration = Duration::from_secs(300);

/// Kafka's own bound.
const MAX_TOPIC_LEN: usize = 249;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_have_ports_and_topics_names() {
        let new = |broker: &str, topic: &str| {
            let (brokers, topic) = (vec![broker.to_owned()], topic.to_owned());
            let settings = KafkaSettings { brokers, topic, tls: false, ca: None, login: None };
            Kafka::new(settings).is_ok()
        };
        assert!(new("h:9092", "tlsight.sessions") && new("[::1]:9092", "a"));
        for (broker, topic) in
            [("h", "a"), ("", "a"), (":1", "a"), ("u:p@h:1", "a"), ("h:1", ""), ("h:1", "a b")]
        {
            assert!(!new(broker, topic), "{broker} {topic}");
        }
    }
}
