//! What is known of the secrets of sessions.

use std::collections::{HashMap, VecDeque};

use handover::Label;

/// What is known of the secrets of sessions, by the client's random.
pub(super) struct Sessions<O> {
    known: HashMap<[u8; 32], Session<O>>,
    /// When they were heard of first, oldest first.
    order: VecDeque<(u64, [u8; 32])>,
    most: usize,
}

/// What is known of the secrets of one session.
pub(super) struct Session<O> {
    taken: Labels,
    acknowledged: Labels,
    pub(super) is_denied: bool,
    /// Whose they are.
    pub(super) owner: Option<O>,
}

/// A set of labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Labels(u8);

/// Which secrets the next packet needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// That of early data.
    Early,
    /// That of the server's application data.
    ServerSide,
    /// Those of both sides.
    BothSides,
}

impl<O> Sessions<O> {
    pub(super) fn new(most: usize) -> Self {
        Self { known: HashMap::new(), order: VecDeque::new(), most }
    }

    pub(super) fn get(&self, random: &[u8; 32]) -> Option<&Session<O>> {
        self.known.get(random)
    }

    /// That of a random; it is made if there is none.
    pub(super) fn of(&mut self, now_ns: u64, random: &[u8; 32]) -> &mut Session<O> {
        if !self.known.contains_key(random) {
            while self.order.len() >= self.most
                || self
                    .order
                    .front()
                    .is_some_and(|(since, _)| now_ns.saturating_sub(*since) > KEPT_NS)
            {
                let Some((_, oldest)) = self.order.pop_front() else { break };
                self.known.remove(&oldest);
            }
            self.order.push_back((now_ns, *random));
        }
        self.known.entry(*random).or_default()
    }
}

impl<O> Session<O> {
    pub(super) fn take(&mut self, label: Label) {
        self.taken.add(label);
    }

    pub(super) fn acknowledge(&mut self, label: Label) {
        self.acknowledged.add(label);
    }

    /// Whether a secret was taken at all.
    pub(super) fn is_taken(&self) -> bool {
        self.taken != Labels::default()
    }

    /// Whether all secrets are acknowledged that were taken, and those that a packet needs are among them.
    /// The master secret is all that TLS 1.2 has.
    pub(super) fn allows(&self, needs: Needs) -> bool {
        let has = |labels: &[Label]| labels.iter().all(|label| self.acknowledged.has(*label));
        self.taken.is_within(self.acknowledged)
            && (has(&[Label::Master])
                || match needs {
                    Needs::Early => has(&[Label::ClientEarly]) || has(&BOTH_SIDES),
                    Needs::ServerSide => has(&[Label::ServerApplication]),
                    Needs::BothSides => has(&BOTH_SIDES),
                })
    }

    /// Whether nothing else is waited for.
    pub(super) fn is_whole(&self) -> bool {
        self.allows(Needs::BothSides)
    }
}

impl<O> Default for Session<O> {
    fn default() -> Self {
        Self {
            taken: Labels::default(),
            acknowledged: Labels::default(),
            is_denied: false,
            owner: None,
        }
    }
}

impl Labels {
    fn add(&mut self, label: Label) {
        self.0 |= bit(label);
    }

    const fn has(self, label: Label) -> bool {
        self.0 & bit(label) != 0
    }

    const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

const fn bit(label: Label) -> u8 {
    match label {
        Label::Master => 1,
        Label::ClientEarly => 2,
        Label::ClientHandshake => 4,
        Label::ServerHandshake => 8,
        Label::ClientApplication => 16,
        Label::ServerApplication => 32,
    }
}

const BOTH_SIDES: [Label; 2] = [Label::ClientApplication, Label::ServerApplication];

/// A secret comes when its handshake goes on.
const KEPT_NS: u64 = 120 * 1_000_000_000;
