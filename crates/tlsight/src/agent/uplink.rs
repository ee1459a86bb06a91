//! The agent's connection to its server: what it is asked and told, and what its lines stand for.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use fleet::agent::{About, Host, Link, Observed, Uplink, UplinkMeter, UplinkSettings};
use serde::Deserialize;

use super::metrics::resident_bytes;
use super::monitor::Monitor;
use super::privileges::Captured;
use super::rules::Rules;
use super::server_settings::ServerSettings;
use super::settings::Interval;
use super::writer::Sink;
use crate::message;
use crate::serve::running::host_name;

/// What a server may have an agent do differently: a part of the table `[agent]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pushed {
    /// Interval of the lines of edges.
    pub(super) group: Option<Interval>,
    /// The table `[agent.server]`.
    #[serde(default)]
    pub(super) server: PushedServer,
}

/// See [`Pushed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PushedServer {
    /// One session of so many is sent singly.
    pub(super) sample: Option<u64>,
}

/// Sends the lines of the agent.
pub(super) struct ToServer {
    uplink: Option<Uplink>,
}

/// Where sessions are captured, and what is missing to see more.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) captured: Captured,
    pub(super) missing: Vec<String>,
}

/// The program, as the uplink sees it.
struct Program(Arc<Monitor>);

impl ToServer {
    /// Begins to connect.
    ///
    /// # Errors
    /// A spool that cannot be opened.
    pub(super) fn start(
        settings: &ServerSettings,
        place: Place,
        monitor: &Arc<Monitor>,
    ) -> Result<Self> {
        let mut uplink =
            UplinkSettings::new(settings.addresses.clone(), settings.folder()?, sessions_in);
        uplink.spool_bytes = settings.spool_bytes;
        uplink.token = settings.enrol.clone().map(|enrol| enrol.0);
        uplink.about = About {
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            capability: place.capability().to_owned(),
            missing: place.missing,
            labels: settings.labels.clone(),
        };
        let uplink = Uplink::start(uplink, Arc::new(Program(Arc::clone(monitor))))?;
        monitor.set_uplink(uplink.meter());
        Ok(Self { uplink: Some(uplink) })
    }
}

impl Place {
    /// As the protocol calls it.
    const fn capability(&self) -> &'static str {
        match self.captured {
            Captured::Sockets => "sockets",
            Captured::Interface => "packets_without_processes",
        }
    }
}

impl Sink for ToServer {
    fn take(&mut self, lines: &[u8]) -> io::Result<()> {
        match &self.uplink {
            // Those that found no room are counted by the uplink.
            Some(uplink) => {
                let _is_whole: bool = uplink.push(lines);
                Ok(())
            }
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn name(&self) -> &'static str {
        "the spool"
    }
}

impl Drop for ToServer {
    fn drop(&mut self) {
        if let Some(uplink) = self.uplink.take() {
            let meter = uplink.meter();
            uplink.finish(LAST_PATIENCE);
            let left = meter.backlog().batches;
            if left > 0 {
                message::error(&format!("{left} batches wait in the spool for the next start"));
            }
        }
    }
}

impl Host for Program {
    fn status(&self) -> Observed {
        let losses = self.0.sum().losses;
        Observed {
            sessions: self.0.sessions(),
            losses: losses.into_iter().map(|(cause, count)| (cause.to_owned(), count)).collect(),
            cpu_milliseconds: cpu_milliseconds(),
            resident_bytes: resident_bytes(),
        }
    }

    fn take_policies(&self, documents: Vec<String>) -> Result<(), String> {
        let rules = Rules::read(&documents)?;
        if let Some(singles) = self.0.singles() {
            singles.set_rules(rules);
        }
        Ok(())
    }

    fn take_settings(&self, text: &str) -> Result<(), String> {
        let pushed = toml::from_str(text).map_err(|error| error.to_string())?;
        self.0.push_settings(pushed);
        Ok(())
    }

    fn tell(&self, text: &str) {
        message::error(text);
    }
}

/// How it stands with the server, in a word.
pub(super) fn state(meter: &UplinkMeter) -> &'static str {
    match meter.link() {
        Link::Up { .. } => "up",
        Link::Down(_) => "down",
        Link::Refused(_) => "refused",
    }
}

/// How many sessions a line stands for: those that an edge counts, one of a session, none of others.
fn sessions_in(line: &[u8]) -> u64 {
    let text = |at: &[u8], key: &[u8]| at.windows(key.len()).position(|found| found == key);
    let head = line.get(..HEAD_LEN.min(line.len())).unwrap_or_default();
    if text(head, br#""dataset":"tls""#).is_some() {
        return 1;
    }
    if text(head, br#""dataset":"tlsight.edge""#).is_none() {
        return 0;
    }
    let totals = text(line, br#""edge":{"#).and_then(|at| line.get(at..)).unwrap_or_default();
    let count = text(totals, SESSIONS).and_then(|at| totals.get(at + SESSIONS.len()..));
    let digits = count.unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |sum: u64, digit| {
        sum.saturating_mul(10).saturating_add(u64::from(digit.saturating_sub(b'0')))
    })
}

/// Time that processors worked for this process: 0 where that is not told.
fn cpu_milliseconds() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in parentheses, may have anything in it (proc(5)).
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
    let ticks = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    let ticks = ticks.fold(0, u64::saturating_add);
    ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1)
}

const SESSIONS: &[u8] = br#""sessions":"#;

/// The dataset is among the first fields of a line.
const HEAD_LEN: usize = 400;

/// For what waits when the agent ends; the rest is sent by the next one.
const LAST_PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use event::{Edge, EdgeCounts, EdgeEvent, LossEvent, ToJson};

    use super::*;
    use crate::output::sample;

    #[test]
    fn a_line_stands_for_the_sessions_that_it_counts() {
        let line = |value: &dyn Fn(&mut Vec<u8>)| {
            let mut line = Vec::new();
            value(&mut line);
            line
        };
        let session = sample::tls12();
        assert_eq!(sessions_in(&line(&|out| session.write_json(out))), 1);
        let mut counts = EdgeCounts::of(&session);
        (1..1234).for_each(|_| counts.add(&EdgeCounts::of(&session)));
        let edge = Edge::of(&session, Some(true));
        let event = EdgeEvent::new(sample::START, 60, edge, &counts);
        assert_eq!(sessions_in(&line(&|out| event.write_json(out))), 1234);
        let loss = LossEvent::new(sample::START, [("gaps", 7)].into());
        assert_eq!(sessions_in(&line(&|out| loss.write_json(out))), 0);
        assert_eq!(sessions_in(b"{\"dataset\":\"tlsight.edge\""), 0);
        assert_eq!(sessions_in(b""), 0);
    }

    #[test]
    fn a_server_changes_what_it_may_and_nothing_else() {
        let pushed: Pushed = toml::from_str("group = \"30s\"\n[server]\nsample = 9").unwrap();
        assert_eq!(pushed.group, "30s".parse().ok());
        assert_eq!(pushed.server.sample, Some(9));
        for other in ["output = \"/etc/passwd\"", "[server]\nenrol = \"x\"", "group = 0", "x"] {
            assert!(toml::from_str::<Pushed>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn the_time_of_the_processors_is_told() {
        assert!(rustix::param::clock_ticks_per_second() > 0);
        let mut sum = 0_u64;
        while cpu_milliseconds() == 0 {
            sum = sum.wrapping_add(1);
        }
        assert!(resident_bytes() > 0);
    }
}
