//! What probes may cost a process, and what becomes of one that they cost more.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::cost::Cost;
use crate::record::ProcessKey;

/// The time of a processor that probes may take from one process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Part of one processor's time, such as 0.05.
    pub share: f64,
    /// How long nothing is copied of a process that exceeds it; twice as long each further time.
    pub pause: Duration,
}

/// Why a text is no budget.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no part of a processor: it is written like 5% or 0.5%, up to 100%")]
pub struct NotABudget(String);

impl FromStr for Budget {
    type Err = NotABudget;

    fn from_str(text: &str) -> Result<Self, NotABudget> {
        let percent = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
        match percent {
            Some(percent) if percent > 0.0 && percent <= 100.0 => {
                Ok(Self { share: percent / 100.0, pause: FIRST_PAUSE })
            }
            _ => Err(NotABudget(text.to_owned())),
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.share * 100.0)
    }
}

/// A process that exceeds its budget, or whose pause is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetChange {
    /// Its process id.
    pub pid: u32,
    /// Whether its clear text is copied from here on.
    pub is_covered: bool,
    /// What probes have cost since the last look, as a part of one processor's time.
    pub share: f64,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Calls of functions with a probe: those at an instruction that is emulated, and others.
    pub(crate) calls: [u64; 2],
    /// Nanoseconds of copying.
    pub(crate) copying: u64,
}

/// Keeps the accounts of all processes.
#[derive(Debug)]
pub(crate) struct Ledger {
    budget: Budget,
    cost: Cost,
    processes: HashMap<u32, Entry>,
    /// Processes that are gone, or forgotten, in their pause.
    gone: Vec<u32>,
    looked_at: Instant,
}

#[derive(Debug)]
struct Entry {
    key: ProcessKey,
    usage: Usage,
    /// Nanoseconds beyond the budget that are not made up for.
    debt: f64,
    pauses: u32,
    /// When its pause is over.
    paused_until: Option<Instant>,
}

impl Ledger {
    pub(crate) fn new(budget: Budget, cost: Cost, now: Instant) -> Self {
        Self { budget, cost, processes: HashMap::new(), gone: Vec::new(), looked_at: now }
    }

    /// Whether it is time to look.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now.duration_since(self.looked_at) >= LOOK_EVERY
    }

    /// Takes what all processes that are known have used so far; gives those to pause and to go on with.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        used: &[(ProcessKey, Usage)],
    ) -> Vec<(ProcessKey, BudgetChange)> {
        let elapsed = nanoseconds(now.duration_since(self.looked_at));
        self.looked_at = now;
        let mut changes = Vec::new();
        for (key, usage) in used {
            let entry = self.processes.entry(key.pid).or_insert_with(|| Entry::new(*key));
            if entry.key != *key {
                self.gone.extend(entry.paused_until.map(|_| key.pid));
                *entry = Entry::new(*key);
            }
            let cost = self.cost.of(usage.since(&entry.usage));
            entry.usage = *usage;
            let is_covered = match entry.paused_until {
                Some(until) if now < until => continue,
                Some(_) => {
                    entry.paused_until = None;
                    entry.debt = 0.0;
                    true
                }
                None => {
                    entry.debt = (entry.debt + cost - elapsed * self.budget.share).max(0.0);
                    if entry.debt <= nanoseconds(BURST) * self.budget.share {
                        continue;
                    }
                    let pause = self.budget.pause * (1 << entry.pauses.min(MAX_DOUBLINGS));
                    entry.pauses = entry.pauses.saturating_add(1);
                    entry.paused_until = Some(now + pause);
                    false
                }
            };
            let share = if elapsed > 0.0 { cost / elapsed } else { 0.0 };
            changes.push((*key, BudgetChange { pid: key.pid, is_covered, share }));
        }
        // What the kernel's side has forgotten, or is another process.
        let known: hashbrown::HashSet<_> = used.iter().map(|(key, _)| *key).collect();
        let gone = self.processes.extract_if(|_, entry| !known.contains(&entry.key));
        let gone = gone.filter(|(_, entry)| entry.paused_until.is_some());
        self.gone.extend(gone.map(|(pid, _)| pid));
        changes
    }

    /// Processes that are gone, or forgotten, in their pause, since the last call.
    pub(crate) fn take_gone(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.gone)
    }

    /// Processes of which nothing is copied.
    pub(crate) fn paused(&self) -> impl Iterator<Item = u32> {
        self.processes.iter().filter(|(_, entry)| entry.paused_until.is_some()).map(|(pid, _)| *pid)
    }
}

impl Entry {
    fn new(key: ProcessKey) -> Self {
        Self { key, usage: Usage::default(), debt: 0.0, pauses: 0, paused_until: None }
    }
}

impl Usage {
    fn since(&self, before: &Self) -> Self {
        let ([a, b], [c, d]) = (self.calls, before.calls);
        Self {
            calls: [a.saturating_sub(c), b.saturating_sub(d)],
            copying: self.copying.saturating_sub(before.copying),
        }
    }
}

const fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// How often accounts are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// So much of its budget a process may use at once.
const BURST: Duration = Duration::from_secs(5);

/// A batch job is over by then, or not before long.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The longest pause is 64 times the first one: about an hour.
const MAX_DOUBLINGS: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_part_of_a_processor() {
        let share = |text: &str| text.parse::<Budget>().map(|budget| budget.share);
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!("0.5%".parse::<Budget>().unwrap().to_string(), "0.5%");
        for wrong in ["5", "0%", "101%", "-1%", "NaN%", "%", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_process_that_costs_more_pauses_and_goes_on() {
        let began = Instant::now();
        let mut ledger = ledger(began);
        let at = |seconds| began + Duration::from_secs(seconds);
        let used = |pid, calls| (key(pid, 1), Usage { calls: [calls, 0], copying: 0 });
        // One has 4 % of a processor, the other 20 %, with calls of 1 us and a budget of 5 %.
        let mut changes = Vec::new();
        for second in 1..=100 {
            let used = [used(1, second * 40_000), used(2, second * 200_000)];
            for (key, change) in ledger.look(at(second), &used) {
                changes.push((second, key.pid, change.is_covered));
                assert!((change.share - 0.2).abs() < 1e-9);
            }
        }
        // 15 % too much, and room for 25 % of a second; then pauses of 10, 20 and 40 seconds.
        assert_eq!(
            changes,
            [
                (2, 2, false),
                (12, 2, true),
                (14, 2, false),
                (34, 2, true),
                (36, 2, false),
                (76, 2, true),
                (78, 2, false)
            ]
        );
        assert!(ledger.paused().eq([2]));
    }

    #[test]
    fn a_burst_is_no_excess_and_another_process_owes_nothing() {
        let began = Instant::now();
        let mut ledger = ledger(began);
        let at = |seconds| began + Duration::from_secs(seconds);
        let used = |start, calls, copying| [(key(1, start), Usage { calls: [0, calls], copying })];
        // Calls of 10 us.
        assert!(ledger.look(at(1), &used(1, 20_000, 40_000_000)).is_empty());
        assert!(ledger.look(at(2), &used(2, 20_000, 40_000_000)).is_empty());
        assert!(!ledger.look(at(3), &used(2, 40_000, 80_000_000)).is_empty());
        assert!(ledger.look(at(4), &used(3, 0, 0)).is_empty());
        assert_eq!((ledger.paused().count(), ledger.take_gone()), (0, vec![1]));
        ledger.look(at(5), &used(3, 90_000, 0));
        assert_eq!(ledger.paused().count(), 1);
        ledger.look(at(6), &[]);
        assert!(ledger.processes.is_empty());
        assert_eq!(ledger.take_gone(), [1]);
    }

    fn ledger(began: Instant) -> Ledger {
        let budget = Budget { share: 0.05, pause: Duration::from_secs(10) };
        Ledger::new(budget, Cost { call: [1000.0, 10_000.0] }, began)
    }

    fn key(pid: u32, start: u64) -> ProcessKey {
        ProcessKey { start, pid, exec: 0 }
    }
}
