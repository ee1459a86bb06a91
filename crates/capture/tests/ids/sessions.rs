//! Sessions to forge.

use std::path::{Path, PathBuf};

use capture::{FileSink, FrameSink as _};
use event::Timestamp;
use forge::{
    ConnectionId, Ending, Forger, Frames, Http2ToHttp1, MissingCause, Opened, Origin, PortMap,
    Record, RecordKind, Settings, Side, StageLimits, Streams,
};
use tempfile::TempDir;

/// Forges into a capture file.
pub(crate) struct Forgery {
    folder: TempDir,
    stage: Option<Http2ToHttp1>,
    forger: Forger,
    frames: Frames,
    sink: FileSink,
    now: i64,
}

/// The two ends of a connection.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) const BOTH: [Self; 2] = [Self::V4, Self::V6];
}

impl Forgery {
    pub(crate) fn new(settings: Settings) -> Self {
        let folder = TempDir::new().unwrap();
        let sink = FileSink::create(&folder.path().join(CAPTURE)).unwrap();
        let (forger, frames) = (Forger::new(settings), Frames::new());
        let now = 1_700_000_000_000_000_000;
        Self { folder, stage: None, forger, frames, sink, now }
    }

    /// HTTP/2 becomes HTTP/1.1.
    pub(crate) fn with_http1(mut self, streams: Streams) -> Self {
        self.stage = Some(Http2ToHttp1::new(streams, StageLimits::default()));
        self
    }

    pub(crate) fn tell(&mut self, id: u64, kind: RecordKind<'_>) {
        self.now += 1_000_000;
        let at = Timestamp::from_nanos(self.now);
        let record = Record { connection: ConnectionId(id), at, kind };
        let Self { stage, forger, frames, .. } = self;
        match stage {
            Some(stage) => stage.handle(&record, &mut |record| forger.handle(record, frames)),
            None => forger.handle(&record, frames),
        }
        self.sink.send(&self.frames).unwrap();
        self.frames.clear();
    }

    pub(crate) fn open(&mut self, id: u64, family: Family, is_late: bool) {
        let (client, server) = match family {
            Family::V4 => ("192.0.2.1", "198.51.100.2"),
            Family::V6 => ("2001:db8::1", "2001:db8::2"),
        };
        let port = 40_000 + u16::try_from(id).unwrap();
        let opened = Opened {
            client: (client.parse::<std::net::IpAddr>().unwrap(), port).into(),
            server: (server.parse::<std::net::IpAddr>().unwrap(), 443).into(),
            is_late,
            origin: Some(Origin {
                side: Side::Client,
                pid: 4711,
                command: "curl".into(),
                container: Some("c0ffee".into()),
            }),
        };
        self.tell(id, RecordKind::Opened(Box::new(opened)));
    }

    pub(crate) fn data(&mut self, id: u64, sender: Side, position: &mut u64, bytes: &[u8]) {
        self.tell(id, RecordKind::Data { sender, position: *position, bytes });
        *position += bytes.len() as u64;
    }

    pub(crate) fn missing(&mut self, id: u64, sender: Side, position: &mut u64, len: u64) {
        let cause = MissingCause::RingFull;
        self.tell(id, RecordKind::Missing { sender, position: *position, len, cause });
        *position += len;
    }

    pub(crate) fn close(&mut self, id: u64) {
        self.tell(id, RecordKind::Closed(Ending::Finished));
    }

    /// A recorded connection, from its `first` portion on.
    pub(crate) fn replay(&mut self, id: u64, family: Family, recorded: &[u8], first: usize) {
        self.open(id, family, first > 0);
        let (mut positions, mut rest) = ([0, 0], recorded);
        let mut number = 0;
        while let [side, l0, l1, more @ ..] = rest {
            let (bytes, after) = more.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
            let sender = if *side == 0 { Side::Client } else { Side::Server };
            if number >= first {
                self.data(id, sender, &mut positions[usize::from(*side)], bytes);
            }
            (rest, number) = (after, number + 1);
        }
        self.close(id);
    }

    /// What comes of an HTTP/1.1 request for a file with a name that is looked for.
    pub(crate) fn exchange(&mut self, id: u64, family: Family) {
        self.open(id, family, false);
        let (mut client, mut server) = (0, 0);
        self.data(id, Side::Client, &mut client, REQUEST);
        self.data(id, Side::Server, &mut server, HEAD);
        self.data(id, Side::Server, &mut server, BODY);
        self.close(id);
    }

    /// The capture, which is there as long as what is given first.
    pub(crate) fn finish(self) -> (TempDir, PathBuf) {
        let path = self.folder.path().join(CAPTURE);
        self.sink.finish().unwrap();
        assert_eq!(self.forger.counters().dropped_bytes(), 0);
        (self.folder, path)
    }
}

/// HTTP is looked for at port 80.
pub(crate) fn settings() -> Settings {
    Settings { ports: PortMap::new([(443, 80)]), ..Settings::default() }
}

/// A connection of those in the tests of `http2`.
pub(crate) fn recorded(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../http2/tests/connections");
    std::fs::read(folder.join(name)).unwrap()
}

const CAPTURE: &str = "forged.pcapng";

pub(crate) const REQUEST: &[u8] =
    b"GET /x/etc/passwd HTTP/1.1\r\nHost: example.org\r\nUser-Agent: evilbot/1.0\r\n\r\n";

pub(crate) const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 31\r\n\r\n";

pub(crate) const BODY: &[u8] = b"hello mirror, this is the body\n";
