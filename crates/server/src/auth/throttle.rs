//! Slows down who guesses passwords.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use event::Timestamp;

use crate::clock::{MINUTE, SECOND};

/// Counts failed log-ins by address and by user. After a few, each further one makes the next wait
/// longer.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    failures: Mutex<HashMap<Key, Failures>>,
}

/// Whose failures are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// An address; of IPv6 the network of 64 bits, which one host may have all of.
    Address(IpAddr),
    User(String),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Throttle {
    /// Says for how many seconds a log-in has to wait; none if it may be tried.
    pub(crate) fn wait_s(&self, address: IpAddr, user: &str, now: Timestamp) -> Option<u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = keys(address, user).into_iter().filter_map(|key| {
            let Failures { count, last } = *failures.get(&key)?;
            let until = last.plus_nanos(delay(count));
            let left = until.nanos_since(now);
            (left > 0).then(|| left.div_ceil(SECOND.unsigned_abs()))
        });
        waits.max()
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, address: IpAddr, user: &str, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(address, user) {
            if failures.len() >= MAX_KEYS && !failures.contains_key(&key) {
                make_room(&mut failures, now);
            }
            let entry = failures.entry(key).or_insert(Failures { count: 0, last: now });
            if is_forgotten(*entry, now) {
                entry.count = 0;
            }
            *entry = Failures { count: entry.count.saturating_add(1), last: now };
        }
    }

    /// Forgets the failures of a user who is in. Those of the address stay: it may guess at others.
    pub(crate) fn succeeded(&self, user: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&user_key(user));
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.failures.lock().unwrap().len()
    }
}

fn keys(address: IpAddr, user: &str) -> [Key; 2] {
    let address = match address.to_canonical() {
        IpAddr::V6(ip) => {
            let network = ip.to_bits() >> HOST_BITS << HOST_BITS;
            IpAddr::V6(std::net::Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    };
    [Key::Address(address), user_key(user)]
}

fn user_key(user: &str) -> Key {
    Key::User(user.chars().take(MAX_NAME).collect())
}

fn delay(count: u32) -> i64 {
    let Some(over) = count.checked_sub(FREE) else { return 0 };
    1_i64.checked_shl(over).map_or(LONGEST, |seconds| seconds.saturating_mul(SECOND)).min(LONGEST)
}

fn is_forgotten(failures: Failures, now: Timestamp) -> bool {
    now.nanos_since(failures.last) > MEMORY.unsigned_abs()
}

/// Makes room for one: what is forgotten goes, or else the fewest failures, and the oldest of these.
/// Who fills the table with new names does not push out whoever failed often.
fn make_room(failures: &mut HashMap<Key, Failures>, now: Timestamp) {
    failures.retain(|_, entry| !is_forgotten(*entry, now));
    if failures.len() < MAX_KEYS {
        return;
    }
    let least = failures.iter().min_by_key(|(_, entry)| (entry.count, entry.last));
    if let Some(key) = least.map(|(key, _)| key.clone()) {
        failures.remove(&key);
    }
}

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;

/// More would let anybody lock a user out for long.
const LONGEST: i64 = 5 * MINUTE;

/// After which failures are forgotten.
const MEMORY: i64 = 60 * MINUTE;

/// A megabyte at most.
const MAX_KEYS: usize = 4096;

/// Of a name that somebody tries; names of users are shorter.
const MAX_NAME: usize = 64;

const HOST_BITS: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_after_the_first_few_makes_the_wait_longer() {
        let throttle = Throttle::default();
        let mut now = Timestamp::from_nanos(1_000 * SECOND);
        let mut waits = Vec::new();
        for _ in 0..16 {
            throttle.failed(address(1), "ann", now);
            let wait = throttle.wait_s(address(1), "ann", now);
            waits.push(wait.unwrap_or(0));
            now = now.plus_nanos(i64::try_from(wait.unwrap_or(0)).unwrap() * SECOND);
            assert_eq!(throttle.wait_s(address(1), "ann", now), None);
        }
        assert_eq!(waits[..9], [0, 0, 0, 0, 1, 2, 4, 8, 16]);
        assert_eq!(waits.last(), Some(&300));
    }

    #[test]
    fn neither_another_address_nor_another_name_evades_it() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        for number in 0..20 {
            throttle.failed(address(number), "ann", now);
            throttle.failed(address(200), &format!("user{number}"), now);
        }
        assert!(throttle.wait_s(address(99), "ann", now).is_some());
        assert!(throttle.wait_s(address(200), "other", now).is_some());
        assert_eq!(throttle.wait_s(address(99), "other", now), None);
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_address() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        for number in 0..20 {
            let address = format!("2001:db8::{number:x}").parse().unwrap();
            throttle.failed(address, &format!("user{number}"), now);
        }
        assert!(throttle.wait_s("2001:db8::ffff".parse().unwrap(), "x", now).is_some());
        assert_eq!(throttle.wait_s("2001:db8:0:1::1".parse().unwrap(), "x", now), None);
    }

    #[test]
    fn the_table_has_a_bound_and_keeps_who_failed_often() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        for _ in 0..20 {
            throttle.failed(address(1), "ann", now);
        }
        for number in 0..2 * MAX_KEYS {
            throttle.failed(address(2), &format!("user{number}"), now);
        }
        assert!(throttle.len() <= MAX_KEYS);
        assert!(throttle.wait_s(address(1), "ann", now).is_some());
    }

    #[test]
    fn a_log_in_forgets_the_users_failures_and_an_hour_all() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        for _ in 0..20 {
            throttle.failed(address(1), "ann", now);
        }
        throttle.succeeded("ann");
        assert_eq!(throttle.wait_s(address(2), "ann", now), None);
        assert!(throttle.wait_s(address(1), "ann", now).is_some());
        let later = now.plus_nanos(2 * MEMORY);
        throttle.failed(address(1), "ann", later);
        assert_eq!(throttle.wait_s(address(1), "ann", later), None);
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }
}
