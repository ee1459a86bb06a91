//! What a process is told of its agent, as the text of one variable of its environment.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::glob::Glob;
use crate::hold::{Hold, OnDeadline, OnTrip, Reached};
use crate::policy::{Matches, Policy};

/// The variable of the environment that holds settings.
pub const VARIABLE: &str = "TLSIGHT_HANDOVER";

/// Where secrets go, whose, and what waits for them.
///
/// Written as words with `=` between key and value, in any order, such as
/// `socket=/run/tlsight/agent.sock wait=received deadline=5ms on-deadline=open deny-sni=*.bank.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The agent's socket.
    pub socket: PathBuf,
    /// Whether sessions wait.
    pub hold: Hold,
    /// Whose secrets may leave the process.
    pub policy: Policy,
}

/// Why a text is none of settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSettings {
    /// There is no path of a socket.
    #[error("there is no absolute `socket=PATH`")]
    NoSocket,
    /// A word is not known.
    #[error("`{0}` is not known")]
    UnknownKey(String),
    /// A key is there twice.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// A value is none of its key.
    #[error("`{0}` has no such value")]
    Value(String),
}

impl Settings {
    /// Those with a socket and nothing else.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket, hold: Hold::default(), policy: Policy::default() }
    }

    /// The text, if it can be written as one: paths and patterns have no white space, patterns and networks
    /// no comma.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        let text = self.to_string();
        (text.parse().as_ref() == Ok(self)).then_some(text)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let hold = &mut self.hold;
        match key {
            "socket" => self.socket = Some(value).filter(|path| path.starts_with('/'))?.into(),
            "wait" => hold.wait = wait(value)?,
            "deadline" => hold.deadline = duration(value)?,
            "on-deadline" => {
                hold.on_deadline = match value {
                    "open" => OnDeadline::Open,
                    "abort" => OnDeadline::Abort,
                    _ => return None,
                }
            }
            "breaker" => hold.breaker = value.parse().ok()?,
            "pause" => hold.pause = duration(value)?,
            "on-trip" => {
                hold.on_trip = match value {
                    "open" => OnTrip::Open,
                    "refuse" => OnTrip::Refuse,
                    _ => return None,
                }
            }
            _ => return self.set_rules(key, value),
        }
        Some(())
    }

    fn set_rules(&mut self, key: &str, value: &str) -> Option<()> {
        let (verdict, kind) = key.split_once('-')?;
        let matches = match verdict {
            "allow" => &mut self.policy.allow,
            "deny" => &mut self.policy.deny,
            _ => return None,
        };
        let values = || value.split(',');
        match kind {
            "sni" => matches.server_names = values().map(Glob::new).collect(),
            "peer" => matches.peers = parse_all(values())?,
            "exe" => matches.executables = values().map(Glob::new).collect(),
            "user" => matches.users = parse_all(values())?,
            _ => return None,
        }
        Some(())
    }
}

impl FromStr for Settings {
    type Err = NotSettings;

    fn from_str(text: &str) -> Result<Self, NotSettings> {
        let mut settings = Self::new(PathBuf::new());
        let mut seen: Vec<&str> = Vec::new();
        for word in text.split_ascii_whitespace() {
            let unknown = || NotSettings::UnknownKey(word.to_owned());
            let (key, value) = word.split_once('=').ok_or_else(unknown)?;
            if !KEYS.contains(&key) {
                return Err(unknown());
            }
            if seen.contains(&key) {
                return Err(NotSettings::Twice(key.to_owned()));
            }
            seen.push(key);
            settings.set(key, value).ok_or_else(|| NotSettings::Value(word.to_owned()))?;
        }
        if settings.socket == Path::new("") { Err(NotSettings::NoSocket) } else { Ok(settings) }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hold { wait, deadline, on_deadline, breaker, pause, on_trip } = &self.hold;
        let wait = Reached::NAMES.iter().find(|(reached, _)| Some(*reached) == *wait);
        let wait = wait.map_or("none", |(_, name)| name);
        let on_deadline = match on_deadline {
            OnDeadline::Open => "open",
            OnDeadline::Abort => "abort",
        };
        let on_trip = match on_trip {
            OnTrip::Open => "open",
            OnTrip::Refuse => "refuse",
        };
        let (deadline, pause) = (deadline.as_micros(), pause.as_micros());
        write!(
            f,
            "socket={} wait={wait} deadline={deadline}us on-deadline={on_deadline} \
             breaker={breaker} pause={pause}us on-trip={on_trip}",
            self.socket.display()
        )?;
        write_rules(f, "allow", &self.policy.allow)?;
        write_rules(f, "deny", &self.policy.deny)
    }
}

fn write_rules(f: &mut fmt::Formatter<'_>, verdict: &str, matches: &Matches) -> fmt::Result {
    let Matches { server_names, peers, executables, users } = matches;
    write_list(f, verdict, "sni", server_names.iter().map(Glob::as_str))?;
    write_list(f, verdict, "peer", peers)?;
    write_list(f, verdict, "exe", executables.iter().map(Glob::as_str))?;
    write_list(f, verdict, "user", users)
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    verdict: &str,
    kind: &str,
    values: impl IntoIterator<Item = impl fmt::Display>,
) -> fmt::Result {
    for (at, value) in values.into_iter().enumerate() {
        match at {
            0 => write!(f, " {verdict}-{kind}=")?,
            _ => f.write_char(',')?,
        }
        write!(f, "{value}")?;
    }
    Ok(())
}

fn wait(value: &str) -> Option<Option<Reached>> {
    if value == "none" {
        return Some(None);
    }
    let known = Reached::NAMES.iter().find(|(_, name)| *name == value);
    known.map(|(reached, _)| Some(*reached))
}

/// A time with its unit: `us`, `ms` or `s`; at most an hour.
#[must_use]
pub fn duration(value: &str) -> Option<Duration> {
    let unit = value.find(|digit: char| !digit.is_ascii_digit())?;
    let (number, unit) = value.split_at_checked(unit)?;
    let number = number.parse().ok()?;
    let duration = match unit {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return None,
    };
    (duration <= MAX_DURATION).then_some(duration)
}

fn parse_all<'a, T: FromStr>(values: impl Iterator<Item = &'a str>) -> Option<Vec<T>> {
    values.map(|value| value.parse().ok()).collect()
}

const KEYS: [&str; 15] = [
    "socket",
    "wait",
    "deadline",
    "on-deadline",
    "breaker",
    "pause",
    "on-trip",
    "allow-sni",
    "allow-peer",
    "allow-exe",
    "allow-user",
    "deny-sni",
    "deny-peer",
    "deny-exe",
    "deny-user",
];

/// Nobody holds a handshake for longer: its other end gives up before.
const MAX_DURATION: Duration = Duration::from_secs(3600);
