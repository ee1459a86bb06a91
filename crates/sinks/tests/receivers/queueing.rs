//! What all sinks have in common: queues of their own, losses that are counted, one that hangs.

use std::io::Read as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;
use sinks::{
    Auth, Dataset, Datasets, ElasticSettings, Facility, FileSettings, HttpSettings, Kind, NoSink,
    QueueSettings, Rotation, SdId, SinkSettings, Sinks, SyslogSettings,
};

use crate::world::{World, free_port, lines, lost, read, state, wait_until};

fn file(world: &World, name: &str) -> Kind {
    let rotation =
        Rotation { size: 1 << 40, age: Duration::from_secs(86_400), keep: 1, compress: false };
    Kind::File(FileSettings { path: world.path(name), rotation })
}

fn elastic(port: u16) -> Kind {
    let url = format!("http://127.0.0.1:{port}");
    let http = HttpSettings { url, auth: Auth::None, ca: None };
    Kind::Elastic(ElasticSettings { http, index: ElasticSettings::USUAL_INDEX.to_owned() })
}

fn syslog(port: u16) -> Kind {
    Kind::Syslog(SyslogSettings {
        address: format!("tcp://127.0.0.1:{port}").parse().unwrap(),
        ca: None,
        facility: Facility::default(),
        sd_id: SdId::default(),
        max_bytes: SyslogSettings::USUAL_BYTES,
    })
}

#[test]
fn a_sink_that_hangs_slows_neither_the_others_nor_who_gives_lines() {
    let world = World::new();
    // It takes connections and never reads.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = hanging.local_addr().unwrap().port();
    let sinks = world.start_all([
        ("hangs", elastic(port)),
        ("dead", syslog(free_port())),
        ("works", file(&world, "lines")),
    ]);
    let batch = lines(0..100);
    let mut longest = Duration::ZERO;
    for _ in 0..100 {
        let begin = Instant::now();
        sinks.put("h", &batch);
        longest = longest.max(begin.elapsed());
    }
    wait_until("the file has all", || read(&world.path("lines")).len() == 10_000);
    wait_until("its queue is empty", || sinks.states()[2].queue_bytes == 0);
    let states = sinks.states();
    assert_eq!((states[2].delivered, lost(&states[2])), (10_000, 0));
    assert_eq!((states[0].delivered, states[1].delivered), (0, 0));
    assert!(states[0].lag_seconds > 0.0 && states[0].queue_bytes > 1_000_000);
    // Far more than it takes on a busy machine, and far less than any of the time-outs.
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert!(!sinks.stop(Duration::from_millis(1)), "one hangs");
}

#[test]
fn what_was_kept_outlives_a_process_that_is_killed() {
    let world = World::new();
    // More than has room in memory, and nobody takes it.
    let batch = lines(0..25_000);
    assert!(batch.len() > 9 << 20, "{}", batch.len());
    let sinks = world.start(elastic(free_port()));
    sinks.keep("h", &batch);
    let kept = state(&sinks);
    assert_eq!((kept.queued, lost(&kept)), (25_000, 0));
    // A process that is killed leaves its files as they are.
    let left = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(world.path("queues").join("sink")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    let queue = QueueSettings { folder: left.path().to_owned(), limit_bytes: 256 << 20 };
    let kind = file(&world, "delivered");
    let name = "next".to_owned();
    let next = SinkSettings { name, datasets: Datasets::ALL, queue, kind };
    let next = world.start_with(vec![next]);
    wait_until("the next process has all", || state(&next).delivered >= 25_000);
    assert_eq!(read(&world.path("delivered")).len(), 25_000);
}

#[test]
fn a_full_queue_loses_the_oldest_lines_and_counts_them() {
    let world = World::new();
    let queue = QueueSettings { folder: world.path("queue"), limit_bytes: 4 << 20 };
    let kind = syslog(free_port());
    let (name, datasets) = ("sink".to_owned(), Datasets::ALL);
    let sinks = world.start_with(vec![SinkSettings { name, datasets, queue, kind }]);
    let batch = lines(0..1000);
    for number in 1..=20 {
        sinks.put("h", &batch);
        wait_until("it is in the queue", || state(&sinks).queued == number * 1000);
    }
    let told = state(&sinks);
    assert!(told.queue_bytes <= 4 << 20);
    let evicted = told.lost.iter().find(|(reason, _)| *reason == "evicted").unwrap().1;
    let line = batch.len() as u64 / 1000;
    let kept = 20_000 - evicted;
    assert!(evicted > 0 && kept * line <= 4 << 20, "{evicted} of {}", told.queued);
    assert!(kept * line > 3 << 20, "{kept} lines are left");
}

#[test]
fn lines_go_to_the_sinks_that_are_for_them() {
    let world = World::new();
    let settings = [("all", Datasets::ALL), ("losses", [Dataset::Loss].into_iter().collect())].map(
        |(name, datasets)| SinkSettings {
            name: name.to_owned(),
            datasets,
            queue: QueueSettings { folder: world.path("queues").join(name), limit_bytes: 4 << 20 },
            kind: file(&world, name),
        },
    );
    let sinks = world.start_with(settings.into());
    let loss = b"{\"event\":{\"dataset\":\"tlsight.loss\"},\"tlsight\":{\"loss\":{\"gaps\":1}}}\n";
    let summary = b"{\"event\":{\"dataset\":\"tlsight.summary\"}}\n";
    sinks.put("h", &[lines(0..3).as_slice(), loss, summary, b"nonsense\n"].concat());
    wait_until("both are written", || {
        read(&world.path("all")).len() == 4 && read(&world.path("losses")).len() == 1
    });
    assert_eq!(read(&world.path("losses"))[0]["tlsight"]["loss"]["gaps"], 1);
}

#[test]
fn a_queue_belongs_to_one_process_and_is_named_when_it_does_not_open() {
    let world = World::new();
    let first = world.start(syslog(free_port()));
    let queue = QueueSettings { folder: world.path("queues/sink"), limit_bytes: 4 << 20 };
    let second =
        SinkSettings { name: "second".to_owned(), datasets: Datasets::ALL, queue, kind: syslog(1) };
    let log: sinks::Log = std::sync::Arc::new(|_text: &str| {});
    let error = Sinks::start(vec![second], &log).err().unwrap();
    assert!(matches!(error, NoSink::Queue(..)), "{error}");
    assert!(error.to_string().starts_with("sink second: another process uses "));
    drop(first);
}

#[test]
fn metrics_name_each_sink() {
    let world = World::new();
    let sinks = world.start_all([("one", file(&world, "one")), ("two", syslog(free_port()))]);
    sinks.put("h", &lines(0..5));
    wait_until("one has them", || {
        let state = state(&sinks);
        state.delivered == 5 && state.lag_seconds == 0.0
    });
    let mut registry = Registry::with_prefix("tlsight");
    registry.register_collector(Box::new(All(sinks)));
    let mut out = String::new();
    text::encode(&mut out, &registry).unwrap();
    for line in [
        "tlsight_sink_delivered_lines_total{sink=\"one\",kind=\"file\"} 5",
        "tlsight_sink_delivered_lines_total{sink=\"two\",kind=\"syslog\"} 0",
        "tlsight_sink_lost_lines_total{sink=\"two\",kind=\"syslog\",reason=\"evicted\"} 0",
        "tlsight_sink_up{sink=\"one\",kind=\"file\"} 1.0",
        "tlsight_sink_lag_seconds{sink=\"one\",kind=\"file\"} 0.0",
    ] {
        assert!(out.lines().any(|it| it == line), "{line} in {out}");
    }
}

#[derive(Debug)]
struct All(Sinks);

impl Collector for All {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        self.0.encode(&mut encoder)
    }
}

#[test]
fn a_syslog_server_that_has_closed_is_noticed_before_it_is_written_to() {
    let world = World::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let sinks = world.start(syslog(server.local_addr().unwrap().port()));
    let mut came = Vec::new();
    for number in 0..5 {
        sinks.put("h", &lines(number..number + 1));
        let (mut stream, _) = server.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b" ") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let len: usize = String::from_utf8(head).unwrap().trim().parse().unwrap();
        let mut message = vec![0; len];
        stream.read_exact(&mut message).unwrap();
        came.push(String::from_utf8(message).unwrap());
        wait_until("it counts as taken", || state(&sinks).delivered == number + 1);
        // The connection is closed here, and the next message needs another one.
    }
    for (number, message) in came.iter().enumerate() {
        assert!(message.contains(&format!(" pid=\"{number}\"]")), "{message}");
    }
    assert_eq!(state(&sinks).failures, 0);
}
