//! `tlsight agent`: the unattended watch.

mod edges;
mod feed;
mod health;
pub(crate) mod http;
mod lines;
mod live;
mod metrics;
mod monitor;
mod notify;
mod privileges;
mod rules;
pub(crate) mod server_settings;
pub(crate) mod settings;
mod sightings;
mod singles;
mod supervisor;
mod uplink;
mod uplink_metrics;
mod watch_metrics;
mod workers;
mod writer;

use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use capture::{Interface, LiveCapture, LiveOptions, Reception};
use probe::{CutOff, Options, SocketCapture};
use workload::Workloads;

use crate::cli::AgentArgs;
use crate::config::{Config, Layer};
use crate::setup::Setup;
use crate::watch::cut_off;
use crate::{Outcome, message, outlets, signals, watch_sockets};
use feed::Feed;
use http::Answer;
use lines::Lines;
use live::{Choices, Live};
use metrics::Metrics;
use monitor::Monitor;
use privileges::Captured;
use settings::Listen;
use singles::Singles;
use supervisor::Supervisor;
use uplink::{Place, ToServer};
pub(crate) use writer::Sink;
use writer::Writer;

/// What the threads of a running agent work with.
struct Agent<'a> {
    setup: Setup,
    monitor: Arc<Monitor>,
    live: Live,
    config: Config,
    /// Set when the settings are to be read anew.
    reload: Arc<AtomicBool>,
    resolve: &'a (dyn Fn() -> Result<Config> + Sync),
}

/// Where packets come from.
enum Source {
    Sockets(Box<SocketCapture>),
    Interface(Vec<LiveCapture>, Option<Arc<Mutex<CutOff>>>),
}

/// An agent whose settings make sense.
pub(crate) struct Resolved {
    args: AgentArgs,
    flags: Layer,
    config: Config,
}

/// An agent that has opened what it captures from, and has not given up its privileges yet.
pub(crate) struct Opened {
    resolved: Resolved,
    source: Source,
    place: Place,
    monitor: Arc<Monitor>,
    reload: Arc<AtomicBool>,
}

/// Watches until it is told to end.
///
/// # Errors
/// Settings that make no sense, an output, address, interface or cgroup that cannot be opened at the
/// start, or a capture that cannot go on.
pub(crate) fn run(args: AgentArgs) -> Result<Outcome> {
    let opened = Resolved::new(args)?.open()?;
    let config = &opened.resolved.config;
    let sinks = outlets::resolve(config, &outlets::folder(config)?)?;
    let listener = config.agent.metrics.map(listen).transpose()?;
    let writer = match config.agent.server.clone() {
        None => {
            let output = config.agent.output.clone();
            let path = output.path.clone().unwrap_or_default();
            let writer = Writer::open(output, Arc::clone(&opened.monitor))
                .with_context(|| format!("cannot open {}", path.display()))?;
            opened.drop_privileges()?;
            writer
        }
        Some(server) => {
            opened.drop_privileges()?;
            // It has a thread of its own.
            let sink = ToServer::start(&server, opened.place.clone(), &opened.monitor)?;
            Writer::to(Box::new(sink), Arc::clone(&opened.monitor))
        }
    };
    if !sinks.is_empty() {
        opened.monitor.set_feed(Arc::new(Feed::new(outlets::start(sinks)?)));
    }
    opened.watch(writer, listener)
}

impl Resolved {
    /// Resolves the settings.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub(crate) fn new(args: AgentArgs) -> Result<Self> {
        let flags = args.layer();
        let config = Config::resolve(flags.clone(), args.analysis.config.as_deref())?;
        if let Some(server) = &config.agent.server {
            server.check()?;
            let has_output = config.agent.output.path.is_some();
            ensure!(!has_output, "lines go to a server (agent.server) or to a file (output)");
        }
        Ok(Self { args, flags, config })
    }

    /// Whether a server is to be told what is seen.
    pub(crate) const fn has_server(&self) -> bool {
        self.config.agent.server.is_some()
    }

    /// Opens the capture.
    ///
    /// # Errors
    /// An interface or cgroup that cannot be opened, or programs that the kernel does not take.
    pub(crate) fn open(self) -> Result<Opened> {
        let reload = signals::reload_on_request()?;
        let interface = self.args.place.interface.as_ref();
        let captured = interface.map_or(Captured::Sockets, |_| Captured::Interface);
        let missing = privileges::missing(captured);
        missing.iter().for_each(|missing| message::error(missing));
        let source = Source::open(&self.args, &self.config)?;
        let agent = &self.config.agent;
        let singles = agent.server.as_ref().map(|server| Singles::new(server.sample));
        let monitor = Monitor::new(source.workers(), agent.group.is_some()).with_singles(singles);
        let place = Place { captured, missing };
        Ok(Opened { resolved: self, source, place, monitor: Arc::new(monitor), reload })
    }
}

impl Opened {
    /// Gives up all privileges that it no longer needs. No thread may have begun before.
    ///
    /// # Errors
    /// What the system reports.
    pub(crate) fn drop_privileges(&self) -> Result<()> {
        privileges::drop_unneeded(self.place.captured).context("privileges cannot be given up")
    }

    /// Watches until the program is told to end, and hands the lines to `sink`.
    ///
    /// # Errors
    /// A capture that cannot go on.
    pub(crate) fn watch_for(self, sink: Box<dyn Sink>) -> Result<Outcome> {
        let writer = Writer::to(sink, Arc::clone(&self.monitor));
        self.watch(writer, None)
    }

    fn watch(self, writer: Writer, listener: Option<TcpListener>) -> Result<Outcome> {
        let Self { resolved, source, place, monitor, reload } = self;
        let Resolved { args, flags, config } = resolved;
        let file = args.analysis.config;
        let resolve = || Config::resolve(flags.clone(), file.as_deref());
        let workloads = match place.captured {
            Captured::Sockets => Some(config.kubernetes.start()?),
            Captured::Interface => None,
        };
        if let Some(workloads) = &workloads {
            monitor.set_meter(workloads.meter());
        }
        let out = Box::new(Lines(Arc::clone(&monitor)));
        let observer = Arc::clone(&monitor);
        let setup = Setup::unattended(config.clone(), args.filter.into_filter(), out, observer)?;
        let choices = Choices {
            settings: config.settings.clone(),
            command_lines: config.command_lines.clone(),
        };
        let live = Live::new(choices);
        let agent = Agent { setup, monitor, live, config, reload, resolve: &resolve };
        agent.run(source, workloads, writer, listener)
    }
}

impl Agent<'_> {
    fn run(
        &self,
        source: Source,
        workloads: Option<Workloads>,
        writer: Writer,
        listener: Option<TcpListener>,
    ) -> Result<Outcome> {
        if let Some(listener) = listener {
            http::serve(listener, self.pages());
        }
        let feeding = self.monitor.feed().map(|feed| (Arc::clone(feed), feed.start()));
        let (written, is_written) = mpsc::channel::<()>();
        thread::spawn(move || {
            writer.run();
            drop(written);
        });
        let mut supervisor = Supervisor::new(self, self.config.agent.clone());
        let result = thread::scope(|scope| {
            let threads: Vec<_> = match source {
                Source::Sockets(capture) => {
                    vec![scope.spawn(|| {
                        self.stopping(|| workers::watch_sockets(self, *capture, workloads))
                    })]
                }
                Source::Interface(captures, cut_off) => (0..)
                    .zip(captures)
                    .map(|(number, capture)| {
                        let cut_off = cut_off.clone();
                        scope.spawn(move || {
                            self.stopping(|| {
                                workers::watch_interface(self, number, capture, cut_off.as_deref())
                            })
                        })
                    })
                    .collect(),
            };
            self.tell_service_manager("READY=1");
            supervisor.run();
            self.tell_service_manager("STOPPING=1");
            let results = threads.into_iter().map(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            // All of them end before the first failure is told.
            let results: Vec<_> = results.collect();
            results.into_iter().collect::<Result<Vec<_>>>()
        });
        supervisor.finish();
        self.monitor.queue.close();
        // An output that is stuck is not waited for; nothing is ever sent but the end.
        if is_written.recv_timeout(LAST_PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            message::error("the output is stuck; its last lines are lost");
        }
        if let Some((feed, feeding)) = feeding {
            feed.stop(feeding, LAST_PATIENCE);
        }
        let is_complete = result?.iter().all(|outcome| matches!(outcome, Outcome::Done));
        Ok(if is_complete { Outcome::Done } else { Outcome::Incomplete })
    }

    /// Runs a worker, whose end is that of the run.
    fn stopping(&self, work: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
        let result = work();
        self.setup.run.stop();
        result
    }

    fn pages(&self) -> Arc<http::Pages> {
        let monitor = Arc::clone(&self.monitor);
        let metrics = Metrics::new(&monitor);
        Arc::new(move |path: &str| match path {
            "/metrics" => {
                Some(Answer { status: "200 OK", kind: OPEN_METRICS, body: metrics.text() })
            }
            "/healthz" => Some(health::answer(&monitor)),
            _ => None,
        })
    }

    fn tell_service_manager(&self, state: &str) {
        if let Err(error) = notify::send(state) {
            message::error(&format!("the service manager cannot be told {state}: {error}"));
        }
    }
}

impl Source {
    fn open(args: &AgentArgs, config: &Config) -> Result<Self> {
        let Some(interface) = &args.place.interface else {
            let options = Options {
                cgroup: args.place.cgroup.clone(),
                command_lines: config.command_lines.clone(),
                ..Options::default()
            };
            return Ok(Self::Sockets(Box::new(watch_sockets::open(&options)?)));
        };
        let mut options = LiveOptions::new(Interface::from_name(interface));
        if args.place.no_promiscuous {
            options.reception = Reception::Own;
        }
        let captures = LiveCapture::open_group(&options, config.workers)?;
        let cut_off = if args.place.no_cut_off { None } else { cut_off(&captures) };
        Ok(Self::Interface(captures, cut_off))
    }

    const fn workers(&self) -> usize {
        match self {
            Self::Sockets(_) => 1,
            Self::Interface(captures, _) => captures.len(),
        }
    }
}

fn listen(Listen(address): Listen) -> Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))
}

/// The media type that the OpenMetrics specification asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long threads of the agent wait for something to do: a host where nothing happens is woken a
/// few times a second, and an end or other settings are noticed soon enough.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// For the last lines, at the end of a run.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
