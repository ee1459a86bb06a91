//! What was told of connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use forge::{ConnectionId, Ending, MissingCause, Opened, Record, RecordKind, Side};
use probe::{ClearText, ClearTextOptions, Rules};

use crate::place::{PATIENCE, skip};

/// A capture of clear text, and what it told.
pub(crate) struct Mirror {
    pub(crate) capture: ClearText,
    pub(crate) told: Told,
}

/// The connections, in the order in which they were told.
#[derive(Default)]
pub(crate) struct Told(pub(crate) BTreeMap<ConnectionId, Conversation>);

/// A connection.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) opened: Opened,
    /// What each end sent, with zeros for what is missing.
    pub(crate) client: Vec<u8>,
    pub(crate) server: Vec<u8>,
    pub(crate) missing: Vec<(Side, u64, MissingCause)>,
    pub(crate) ending: Option<Ending>,
}

impl Mirror {
    /// Begins to copy what rules allow; `None`, aloud, if that cannot be done here.
    pub(crate) fn open(rules: Rules) -> Option<Self> {
        Self::open_with(&ClearTextOptions { rules, ..ClearTextOptions::default() })
    }

    /// The same with other options.
    pub(crate) fn open_with(options: &ClearTextOptions) -> Option<Self> {
        match ClearText::open(options) {
            Ok(capture) => Some(Self { capture, told: Told::default() }),
            Err(obstacle) => {
                skip(&obstacle.to_string());
                None
            }
        }
    }

    /// Reads until a condition is met.
    pub(crate) fn read_until(&mut self, what: &str, mut is_so: impl FnMut(&Told) -> bool) {
        let began = Instant::now();
        while !is_so(&self.told) {
            assert!(
                began.elapsed() < PATIENCE,
                "{what}: not after {PATIENCE:?}: {}",
                self.told.brief()
            );
            let told = &mut self.told;
            self.capture.poll(Duration::from_millis(10), &mut |record| told.take(record));
        }
    }

    /// The same for a condition on more than what was told.
    pub(crate) fn poll_until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
            let told = &mut self.told;
            self.capture.poll(Duration::from_millis(10), &mut |record| told.take(record));
        }
    }

    /// Reads for some time.
    pub(crate) fn poll_for(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            let told = &mut self.told;
            self.capture.poll(Duration::from_millis(10), &mut |record| told.take(record));
        }
    }

    /// Ends, and gives all that was told; all bytes must be accounted for.
    pub(crate) fn finish(mut self) -> Told {
        let told = &mut self.told;
        self.capture.finish(&mut |record| told.take(record));
        let account = self.capture.account();
        assert!(account.is_balanced(), "{account:?}");
        assert_eq!(account.pending, 0, "{account:?}");
        let told: u64 = self.told.0.values().map(Conversation::delivered).sum();
        assert_eq!(account.delivered, told, "{account:?}");
        self.told
    }
}

impl Told {
    fn take(&mut self, record: Record<'_>) {
        let id = record.connection;
        match record.kind {
            RecordKind::Opened(opened) => {
                let conversation = Conversation {
                    opened: *opened,
                    client: Vec::new(),
                    server: Vec::new(),
                    missing: Vec::new(),
                    ending: None,
                };
                assert!(self.0.insert(id, conversation).is_none(), "{id:?} is opened twice");
            }
            RecordKind::Data { sender, position, bytes } => {
                let stream = self.stream(id, sender);
                assert_eq!(stream.len() as u64, position, "{id:?}");
                stream.extend(bytes);
            }
            RecordKind::Missing { sender, position, len, cause } => {
                let stream = self.stream(id, sender);
                assert_eq!(stream.len() as u64, position, "{id:?}");
                stream.resize(stream.len() + usize::try_from(len).unwrap(), 0);
                self.0.get_mut(&id).unwrap().missing.push((sender, len, cause));
            }
            RecordKind::Closed(ending) => {
                assert_eq!(self.0.get_mut(&id).unwrap().ending.replace(ending), None);
            }
        }
    }

    fn stream(&mut self, id: ConnectionId, sender: Side) -> &mut Vec<u8> {
        let conversation = self.0.get_mut(&id).expect("a connection is opened first");
        assert_eq!(conversation.ending, None, "{id:?} goes on after its end");
        match sender {
            Side::Client => &mut conversation.client,
            Side::Server => &mut conversation.server,
        }
    }

    /// The connections of a server.
    pub(crate) fn with_server(&self, server: SocketAddr) -> Vec<&Conversation> {
        self.0.values().filter(|conversation| conversation.opened.server == server).collect()
    }

    fn brief(&self) -> String {
        let brief = |conversation: &Conversation| {
            format!(
                "{:?}: {} and {} bytes, {:?}, {:?}\n",
                conversation.opened,
                conversation.client.len(),
                conversation.server.len(),
                conversation.missing,
                conversation.ending,
            )
        };
        self.0.values().map(brief).collect()
    }
}

impl Conversation {
    /// The body of the first response.
    pub(crate) fn body(&self) -> &[u8] {
        let head = self.server.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        head.map_or(&[], |at| &self.server[at + 4..])
    }

    /// Whether the server has told the client its own address, and that is the one that was told here.
    pub(crate) fn has_right_client(&self) -> bool {
        let client = self.opened.client;
        let expected = format!("X-Client: {} {}\r\n", client.ip(), client.port());
        self.server.windows(expected.len()).any(|bytes| bytes == expected.as_bytes())
    }

    fn delivered(&self) -> u64 {
        let missing: u64 = self.missing.iter().map(|(_, len, _)| len).sum();
        self.client.len() as u64 + self.server.len() as u64 - missing
    }
}
