//! All sinks of a process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Timestamp;
use peers::Backoff;
use prometheus_client::encoding::DescriptorEncoder;
use spool::{CannotOpen, Inbox, Spool};

use crate::dataset::{Dataset, Datasets};
use crate::elastic::Elastic;
use crate::file::FileReceiver;
use crate::kafka::Kafka;
use crate::meter::{Meter, SinkState};
use crate::metrics;
use crate::otlp::{Otlp, Totals};
use crate::queue::{Chunk, Queue, count, parts};
use crate::receiver::Receiver;
use crate::sender::{Sender, Stop};
use crate::settings::{Kind, Log, SinkSettings, WrongSetting};
use crate::syslog::Syslog;

/// Sinks that are ready for lines.
pub struct Sinks {
    sinks: Vec<Sink>,
    totals: Option<Arc<Totals>>,
    /// Nothing is sent; it ends with the last thread.
    ended: Mutex<mpsc::Receiver<()>>,
}

struct Sink {
    name: String,
    kind: &'static str,
    datasets: Datasets,
    inbox: Arc<Inbox<Chunk>>,
    queue: Arc<Queue>,
    meter: Arc<Meter>,
    /// What its queue did not take in time; it is taken when nobody could send any longer.
    behind: Mutex<Option<mpsc::Receiver<()>>>,
}

/// Why a sink cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum NoSink {
    /// Its settings make no sense.
    #[error("sink {0}: {1}")]
    Settings(String, WrongSetting),
    /// Its queue cannot be opened.
    #[error("sink {0}: {1}")]
    Queue(String, #[source] CannotOpen),
    /// The system has no thread.
    #[error("sink {0}: {1}")]
    Thread(String, #[source] std::io::Error),
}

/// A sink that has everything but its threads.
struct Prepared {
    sink: Sink,
    receiver: Box<dyn Receiver>,
}

impl Sinks {
    /// Opens the queues and begins to empty them. Receivers need not be there yet.
    ///
    /// # Errors
    /// Settings that make no sense, a queue that cannot be opened; then no sink has begun.
    pub fn start(settings: Vec<SinkSettings>, log: &Log) -> Result<Self, NoSink> {
        let wants_totals =
            settings.iter().any(|it| matches!(&it.kind, Kind::Otlp(otlp) if otlp.metrics));
        let totals = wants_totals.then(|| Arc::new(Totals::new(now())));
        let prepared: Vec<_> = settings
            .into_iter()
            .map(|it| Prepared::new(it, totals.as_ref(), log))
            .collect::<Result<_, _>>()?;
        let (running, ended) = mpsc::channel();
        let mut sinks = Vec::with_capacity(prepared.len());
        for each in prepared {
            sinks.push(each.start(log, &running)?);
        }
        Ok(Self { sinks, totals, ended: Mutex::new(ended) })
    }

    /// Gives whole lines that a host told to all sinks that are for them, without waiting. What has no room is dropped
    /// and counted.
    pub fn put(&self, host: &str, lines: &[u8]) {
        let (host, at): (Arc<str>, _) = (host.into(), now().as_nanos());
        for (sink, lines) in self.wanted(lines) {
            let chunk = Chunk { host: Arc::clone(&host), lines, at, told: None };
            if let Err(chunk) = sink.push(chunk) {
                sink.meter.overrun.add(count(&chunk.lines));
            }
        }
    }

    /// Gives lines like [`Sinks::put`], and waits until each of these sinks has them in its queue, where they outlive
    /// the process; or has counted them as lost. A queue whose disk does not answer is waited for up to
    /// five seconds, and then not again before it has taken what it was given: it slows neither the caller nor other
    /// sinks by more.
    pub fn keep(&self, host: &str, lines: &[u8]) {
        let (host, at): (Arc<str>, _) = (host.into(), now().as_nanos());
        let until = Instant::now() + PATIENCE;
        let mut waiting = Vec::new();
        for (sink, lines) in self.wanted(lines) {
            let (told, taken) = mpsc::channel();
            let chunk = |part: &[u8]| {
                let (host, told) = (Arc::clone(&host), Some(told.clone()));
                Chunk { host, lines: part.to_vec(), at, told }
            };
            let mut rest = parts(&lines).map(chunk).collect();
            drop(told);
            sink.push_all(&mut rest);
            waiting.push((sink, rest, taken));
        }
        for (sink, rest, taken) in waiting {
            sink.wait(rest, taken, until);
        }
    }

    /// What each sink gets of lines: those of its datasets, if there are any.
    fn wanted(&self, lines: &[u8]) -> impl Iterator<Item = (&Sink, Vec<u8>)> {
        let mut wanted = vec![Vec::new(); self.sinks.len()];
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some(dataset) = Dataset::of(line) else { continue };
            if let Some(totals) = &self.totals {
                totals.add(dataset, line);
            }
            for (sink, wanted) in self.sinks.iter().zip(&mut wanted) {
                if sink.datasets.contains(dataset) {
                    wanted.extend_from_slice(line);
                    wanted.push(b'\n');
                }
            }
        }
        self.sinks.iter().zip(wanted).filter(|(_, lines)| !lines.is_empty())
    }

    /// Counts lines that came too fast to be given to any sink.
    pub fn missed(&self, lines: u64) {
        for sink in &self.sinks {
            sink.meter.overrun.add(lines);
        }
    }

    /// How each sink does.
    #[must_use]
    pub fn states(&self) -> Vec<SinkState> {
        let now = now();
        self.sinks.iter().map(|sink| sink.state(now)).collect()
    }

    /// Writes the metrics of all sinks.
    ///
    /// # Errors
    /// The encoder's.
    pub fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        metrics::encode(&self.states(), encoder)
    }

    /// Puts what was given into the queues, and hands over what receivers take at once, for up to `patience`. What is
    /// left waits on the disk for the next process. False if a thread was still at work.
    pub fn stop(&self, patience: Duration) -> bool {
        for sink in &self.sinks {
            sink.inbox.close();
        }
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(patience) != Err(mpsc::RecvTimeoutError::Timeout)
    }
}

impl fmt::Debug for Sinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.sinks.iter().map(|sink| &sink.name)).finish()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

impl Prepared {
    fn new(
        settings: SinkSettings,
        totals: Option<&Arc<Totals>>,
        log: &Log,
    ) -> Result<Self, NoSink> {
        let SinkSettings { name, mut datasets, queue, kind } = settings;
        if matches!(&kind, Kind::Otlp(otlp) if !otlp.logs) {
            datasets = Datasets::NONE;
        }
        let wrong = |error| NoSink::Settings(name.clone(), error);
        let kind_name = kind.name();
        let receiver: Box<dyn Receiver> = match kind {
            Kind::Otlp(otlp) => {
                let totals = totals.filter(|_| otlp.metrics).map(Arc::clone);
                Box::new(Otlp::new(otlp, totals).map_err(wrong)?)
            }
            Kind::Kafka(kafka) => Box::new(Kafka::new(kafka).map_err(wrong)?),
            Kind::Syslog(syslog) => Box::new(Syslog::new(syslog).map_err(wrong)?),
            Kind::Elastic(elastic) => Box::new(Elastic::new(elastic).map_err(wrong)?),
            Kind::File(file) => Box::new(FileReceiver::new(file, Arc::clone(log))),
        };
        let (spool, _) = Spool::open(queue).map_err(|error| NoSink::Queue(name.clone(), error))?;
        let meter = Arc::new(Meter::default());
        let queue = Arc::new(Queue::new(&name, spool, Arc::clone(&meter), Arc::clone(log)));
        let inbox = Arc::new(Inbox::new(INBOX_BYTES));
        let sink =
            Sink { name, kind: kind_name, datasets, inbox, queue, meter, behind: Mutex::default() };
        Ok(Self { sink, receiver })
    }

    fn start(self, log: &Log, running: &mpsc::Sender<()>) -> Result<Sink, NoSink> {
        let Self { sink, receiver } = self;
        let stop = Arc::new(Stop::default());
        let sender = Sender {
            name: sink.name.clone(),
            queue: Arc::clone(&sink.queue),
            receiver,
            meter: Arc::clone(&sink.meter),
            stop: Arc::clone(&stop),
            log: Arc::clone(log),
            backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT),
            cannot_tend: false,
        };
        let (inbox, queue) = (Arc::clone(&sink.inbox), Arc::clone(&sink.queue));
        let no_thread = |error| NoSink::Thread(sink.name.clone(), error);
        let named = || thread::Builder::new().name("tlsight-sink".to_owned());
        let held = running.clone();
        named()
            .spawn(move || {
                queue.fill(&inbox);
                // All is in the queue: who empties it may end when it is empty.
                stop.set();
                queue.wake();
                // Who waits for the end may open the queue then.
                drop(queue);
                drop(held);
            })
            .map_err(no_thread)?;
        let held = running.clone();
        named()
            .spawn(move || {
                sender.run();
                drop(held);
            })
            .map_err(no_thread)?;
        Ok(sink)
    }
}

impl Sink {
    /// Puts a chunk into the inbox; back it comes if there is no room.
    fn push(&self, chunk: Chunk) -> Result<(), Chunk> {
        let len = chunk.lines.len();
        self.inbox.push(chunk, len)
    }

    /// Puts in chunks as long as there is room.
    fn push_all(&self, chunks: &mut VecDeque<Chunk>) {
        while let Some(chunk) = chunks.pop_front() {
            if let Err(chunk) = self.push(chunk) {
                return chunks.push_front(chunk);
            }
        }
    }

    /// Waits until all is in the queue, for some of which the inbox may have had no room so far.
    fn wait(&self, mut rest: VecDeque<Chunk>, taken: mpsc::Receiver<()>, until: Instant) {
        let is_behind = self.is_behind();
        while !rest.is_empty() && !is_behind && Instant::now() < until {
            thread::sleep(ROOM_POLL);
            self.push_all(&mut rest);
        }
        self.meter.overrun.add(rest.iter().map(|chunk| count(&chunk.lines)).sum());
        drop(rest);
        let patience = if is_behind {
            Duration::ZERO
        } else {
            until.saturating_duration_since(Instant::now())
        };
        let is_late = taken.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout);
        if is_late && !is_behind {
            *self.behind() = Some(taken);
        }
    }

    /// Whether its queue still has not taken what was waited for in vain.
    fn is_behind(&self) -> bool {
        let mut behind = self.behind();
        let is_over = |it: &mpsc::Receiver<()>| it.try_recv() != Err(mpsc::TryRecvError::Empty);
        if behind.as_ref().is_some_and(is_over) {
            *behind = None;
        }
        behind.is_some()
    }

    fn behind(&self) -> MutexGuard<'_, Option<mpsc::Receiver<()>>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self, now: Timestamp) -> SinkState {
        let meter = &self.meter;
        SinkState {
            name: self.name.clone(),
            kind: self.kind,
            is_up: meter.is_up(),
            queued: meter.queued.value(),
            delivered: meter.delivered.value(),
            lost: meter.lost(),
            damaged_entries: meter.damaged_entries.value(),
            failures: meter.failures.value(),
            queue_bytes: self.queue.bytes(),
            lag_seconds: self.queue.lag(now).as_secs_f64(),
        }
    }
}

/// The time of the system's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// What comes in the seconds in which a disk is slow.
const INBOX_BYTES: usize = 8 << 20;

/// For a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often room is looked for.
const ROOM_POLL: Duration = Duration::from_millis(5);

/// After the first failure of a receiver.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// A receiver that was gone for a day is found within a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
