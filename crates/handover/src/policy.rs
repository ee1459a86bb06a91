//! Whose secrets may be handed over.

use std::net::IpAddr;

use crate::glob::Glob;
use crate::net::Net;

/// Rules on whose secrets may leave their process: nothing that one denies.
///
/// Rules of one kind are alternatives. If there are rules of several kinds that allow, one of each kind
/// must. What is not known is denied by each rule that denies by it, and allowed by none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What is allowed; everything, if there are no rules in it.
    pub allow: Matches,
    /// What is denied, whatever allows it.
    pub deny: Matches,
}

/// What rules match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Names that the client asks for. An empty pattern is for sessions without a name.
    pub server_names: Vec<Glob>,
    /// Networks of the other end.
    pub peers: Vec<Net>,
    /// Paths of executables.
    pub executables: Vec<Glob>,
    /// Effective users, by number.
    pub users: Vec<u32>,
}

/// What is known of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    /// What it is.
    Known(T),
    /// That there is none.
    Absent,
    /// Nothing.
    Unknown,
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Name that the client asks for.
    pub server_name: Fact<&'a str>,
    /// Address of the other end.
    pub peer: Fact<IpAddr>,
    /// Path of the executable.
    pub executable: Fact<&'a [u8]>,
    /// Effective user.
    pub user: Fact<u32>,
}

impl Policy {
    /// Whether the secrets of a session may be handed over.
    #[must_use]
    pub fn allows(&self, subject: &Subject<'_>) -> bool {
        let denied = self.deny.answers(subject);
        let allowed = self.allow.answers(subject);
        !denied.into_iter().flatten().any(|answer| answer != Answer::No)
            && allowed.into_iter().flatten().all(|answer| answer == Answer::Yes)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Unknown,
}

impl Matches {
    /// What the rules of each kind say, if there are any.
    fn answers(&self, subject: &Subject<'_>) -> [Option<Answer>; 4] {
        let is_name = |glob: &Glob, name: &str| glob.matches(name.as_bytes());
        let is_path = |glob: &Glob, path: &[u8]| glob.matches(path);
        let without_name = if self.server_names.iter().any(|glob| glob.matches(b"")) {
            Answer::Yes
        } else {
            Answer::No
        };
        [
            answer(&self.server_names, subject.server_name, is_name, without_name),
            answer(&self.peers, subject.peer, |net, ip| net.contains(ip), Answer::No),
            answer(&self.executables, subject.executable, is_path, Answer::No),
            answer(&self.users, subject.user, |user, uid| *user == uid, Answer::No),
        ]
    }
}

fn answer<R, T: Copy>(
    rules: &[R],
    fact: Fact<T>,
    matches: impl Fn(&R, T) -> bool,
    if_absent: Answer,
) -> Option<Answer> {
    if rules.is_empty() {
        return None;
    }
    Some(match fact {
        Fact::Known(value) if rules.iter().any(|rule| matches(rule, value)) => Answer::Yes,
        Fact::Known(_) => Answer::No,
        Fact::Absent => if_absent,
        Fact::Unknown => Answer::Unknown,
    })
}
