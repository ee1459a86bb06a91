//! Measures a store of sessions: `cargo run --release -p store --example bench_store -- 1000000`, with
//! the number of edges and the URL of a ClickHouse database behind it if it is not to be a file, and
//! `without-lines` if lines are not to be kept, or `as-it-is` if the database has the sessions of an earlier
//! run and only questions are measured.
#![allow(
    clippy::allow_attributes,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark"
)]

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use event::Timestamp;
use samples::{Samples, batch};
use store::{
    CertificateQuery, ClickHouseSessions, EdgeQuery, GraphQuery, Page, Retention, SessionQuery,
    Sessions, Settings, SqliteSessions, Window,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().map_or(1_000_000, |it| it.parse().expect("a number"));
    let edges: usize = arguments.next().map_or(5000, |it| it.parse().expect("a number"));
    let url = arguments.next().filter(|url| url != "file");
    let mode = arguments.next().unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let retention = Retention { days: 365, max_bytes: 1 << 40 };
    let store: Box<dyn Sessions> = if let Some(url) = &url {
        let url = url.parse().unwrap_or_else(|error| panic!("{error}"));
        Box::new(ClickHouseSessions::open(url, retention).unwrap())
    } else {
        let settings = Settings { retention, ..Settings::default() };
        Box::new(SqliteSessions::open(&path, settings).unwrap())
    };
    let store = &*store;
    let from = Timestamp::from_nanos(1_795_176_000_000_000_000);
    let step = 7 * 86_400_000_000_000 / count as i64;
    let now = from.plus_nanos(step * count as i64);
    if mode != "as-it-is" {
        ingest(store, (count, edges), mode != "without-lines", from, step);
    }
    let bytes: u64 = if url.is_some() {
        store.status().unwrap().bytes
    } else {
        let writer = processor_nanos();
        println!(
            "processor of the writing thread: {:.2} µs a session",
            writer as f64 / count as f64 / 1e3
        );
        let files = ["sessions.db", "sessions.db-wal"];
        let sizes =
            files.iter().filter_map(|name| std::fs::metadata(folder.path().join(name)).ok());
        sizes.map(|it| it.len()).sum()
    };
    println!(
        "on disk: {:.1} MiB, {:.1} bytes a session",
        bytes as f64 / 1048576.0,
        bytes as f64 / count as f64
    );
    if url.is_none() {
        tables(&path);
    }
    queries(store, now, from);
    let memory = std::fs::read_to_string("/proc/self/status").unwrap();
    for line in memory.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
    {
        println!("{line}");
    }
}

/// Makes some batches, has two threads hand them to the store, and so on; only the latter is timed.
fn ingest(
    store: &dyn Sessions,
    (count, edges): (usize, usize),
    has_lines: bool,
    from: Timestamp,
    step: i64,
) {
    let mut samples = Samples::new(1, edges);
    let (mut busy, mut worst, mut lines, mut at) = (Duration::ZERO, Duration::ZERO, 0_u64, 0);
    while at < count {
        let mut batches = Vec::new();
        while at < count && batches.len() < GROUP {
            let len = BATCH.min(count - at);
            let mut records = samples.sessions(from.plus_nanos(at as i64 * step), step, len);
            if !has_lines {
                records.iter_mut().for_each(|record| record.line = Box::default());
            }
            lines += records.iter().map(|record| record.line.len() as u64).sum::<u64>();
            at += len;
            batches.push(batch(&at.to_string(), from.plus_nanos(at as i64 * step), records));
        }
        let batches = Mutex::new(batches.into_iter());
        let start = Instant::now();
        std::thread::scope(|scope| {
            let send = || {
                let mut worst = Duration::ZERO;
                loop {
                    let next = batches.lock().unwrap().next();
                    let Some(batch) = next else { return worst };
                    let start = Instant::now();
                    store.ingest(batch).unwrap();
                    worst = worst.max(start.elapsed());
                }
            };
            let other = scope.spawn(send);
            worst = worst.max(send()).max(other.join().unwrap());
        });
        busy += start.elapsed();
        store.maintain(from.plus_nanos(at as i64 * step)).unwrap();
    }
    println!("lines: {:.0} bytes each", lines as f64 / count as f64);
    let rate = count as f64 / busy.as_secs_f64();
    println!(
        "ingest: {count} sessions in {busy:.2?}, {rate:.0} a second, worst batch of {BATCH} {worst:.1?}"
    );
}

/// Time that the store's thread has run, whatever else the machine does.
fn processor_nanos() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let read = |task: std::fs::DirEntry| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        let nanos: u64 = stat.split(' ').next()?.parse().ok()?;
        (name.trim() == "store").then_some(nanos)
    };
    tasks.filter_map(read).sum()
}

fn tables(path: &std::path::Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sizes = connection
        .prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY 1 ORDER BY 2 DESC LIMIT 8");
    let Ok(mut sizes) = sizes else { return };
    let rows =
        sizes.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).unwrap();
    for row in rows.flatten() {
        println!("  {:24} {:10.1} MiB", row.0, row.1 as f64 / 1048576.0);
    }
}

fn queries(store: &dyn Sessions, now: Timestamp, from: Timestamp) {
    let last = |hours: i64| Window { from: now.plus_nanos(-hours * 3_600_000_000_000), to: now };
    let day = last(24);
    let week = Window { from, to: now };
    let page = Page::first(100);
    let all = SessionQuery::all(week);
    let some = store.sessions(&all, Page::first(1000)).unwrap();
    let row = some.items[777].clone();
    let ja3 = |q: &SessionQuery| q.clone();
    measure("overview 24 h", || drop(store.overview(day, now).unwrap()));
    measure("overview 7 d", || drop(store.overview(week, now).unwrap()));
    measure("overview 1 h", || drop(store.overview(last(1), now).unwrap()));
    measure("graph 24 h", || drop(store.graph(&GraphQuery::all(day)).unwrap()));
    measure("graph 7 d", || drop(store.graph(&GraphQuery::all(week)).unwrap()));
    measure("edges 24 h", || drop(store.edges(&EdgeQuery::all(day), page).unwrap()));
    measure("readiness 24 h", || drop(store.readiness(day).unwrap()));
    measure("inventory 24 h", || drop(store.inventory(day).unwrap()));
    measure("certificates", || {
        drop(store.certificates(&CertificateQuery::all(now), page).unwrap())
    });
    measure("status", || drop(store.status().unwrap()));
    measure("session detail", || drop(store.session(row.id).unwrap().unwrap()));
    measure("sessions: newest", || drop(store.sessions(&all, page).unwrap()));
    let by = |name: &str, query: SessionQuery| {
        let found = store.sessions(&query, page).unwrap();
        let name = format!(
            "sessions: {name} ({}{})",
            found.items.len(),
            if found.next.is_some() { "+" } else { "" }
        );
        measure(&name, || drop(store.sessions(&query, page).unwrap()));
    };
    by("grade", SessionQuery { grade: Some(policy::Grade::Legacy), ..ja3(&all) });
    by("server name", SessionQuery { server_name: row.server_name.clone(), ..ja3(&all) });
    by("address", SessionQuery { ip: Some(row.client_ip), ..ja3(&all) });
    by("unknown address", SessionQuery { ip: Some([203, 0, 113, 9].into()), ..ja3(&all) });
    by("edge", SessionQuery { edge: Some(row.edge), ..ja3(&all) });
    by("namespace", SessionQuery { namespace: row.source.namespace.clone(), ..ja3(&all) });
    by("process", SessionQuery { process: row.process.clone(), ..ja3(&all) });
    by("failures", SessionQuery { outcome: Some(policy::Outcome::Failure), ..ja3(&all) });
    by("unknown JA3", SessionQuery { ja3: Some("0".repeat(32)), ..ja3(&all) });
    by("part of a name", SessionQuery { q: Some("svc-12".to_owned()), ..ja3(&all) });
    by("part that is nowhere", SessionQuery { q: Some("nowhere".to_owned()), ..ja3(&all) });
    by(
        "address part that is nowhere",
        SessionQuery { q: Some("203.0.113.".to_owned()), ..ja3(&all) },
    );
    by(
        "edge and process apart",
        SessionQuery {
            process: Some("postgres".to_owned()),
            grade: Some(policy::Grade::Pq),
            ..ja3(&all)
        },
    );
    by(
        "oldest hour",
        SessionQuery {
            window: Window { from, to: from.plus_nanos(3_600_000_000_000) },
            ..ja3(&all)
        },
    );
}

/// Prints how long something takes, and how much of that on the processor: the difference is what
/// else the machine did.
fn measure(name: &str, work: impl Fn()) {
    let (mut times, mut processor) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let (start, before) = (Instant::now(), thread_time());
        work();
        times.push(start.elapsed());
        processor.push(thread_time().saturating_sub(before));
    }
    times.sort_unstable();
    processor.sort_unstable();
    println!(
        "{name:44} median {:>9.1?}  worst {:>9.1?}  processor {:>9.1?}",
        times[10], times[19], processor[10]
    );
}

fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Sessions of a batch.
const BATCH: usize = 10_000;

/// Batches that are made at a time.
const GROUP: usize = 6;
