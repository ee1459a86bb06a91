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
    /// Counts a log-in as failed, which it is until [`Self::succeeded`].
    ///
    /// # Errors
    /// The seconds that it has to wait; then it does not count.
    pub(crate) fn attempt(&self, address: IpAddr, user: &str, now: Timestamp) -> Result<(), u64> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(address, user);
        let waits = keys.iter().filter_map(|key| {
            let Failures { count, last } = *failures.get(key)?;
            let left = last.plus_nanos(delay(count)).nanos_since(now);
            (left > 0).then(|| left.div_ceil(SECOND.unsigned_abs()))
        });
        if let Some(seconds) = waits.max() {
            return Err(seconds);
        }
        for key in keys {
            if failures.len() >= MAX_KEYS && !failures.contains_key(&key) {
                make_room(&mut failures, now);
            }
            let entry = failures.entry(key).or_insert(Failures { count: 0, last: now });
            if is_forgotten(*entry, now) {
                entry.count = 0;
            }
            *entry = Failures { count: entry.count.saturating_add(1), last: now };
        }
        Ok(())
    }

    /// Takes back that a log-in failed, and forgets the failures of its user. Other failures of the
    /// address stay: it may guess at others.
    pub(crate) fn succeeded(&self, address: IpAddr, user: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let [address, user] = keys(address, user);
        failures.remove(&user);
        if let Some(entry) = failures.get_mut(&address) {
            entry.count = entry.count.saturating_sub(1);
        }
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
    [Key::Address(address), Key::User(user.chars().take(MAX_NAME).collect())]
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
            throttle.attempt(address(1), "ann", now).unwrap();
            let wait = throttle.attempt(address(1), "ann", now).err();
            waits.push(wait);
            now = now.plus_nanos(wait.map_or(0, |wait| i64::try_from(wait).unwrap() * SECOND));
        }
        let seconds: Vec<_> = waits.iter().flatten().copied().collect();
        assert_eq!(seconds[..5], [1, 2, 4, 8, 16]);
        assert_eq!(seconds.last(), Some(&300));
        assert_eq!(waits.iter().filter(|wait| wait.is_none()).count(), 2, "each counted twice");
    }

    #[test]
    fn neither_another_address_nor_another_name_evades_it() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        for number in 0..u8::try_from(FREE).unwrap() {
            throttle.attempt(address(number), "ann", now).unwrap();
            throttle.attempt(address(200), &format!("user{number}"), now).unwrap();
        }
        assert!(throttle.attempt(address(99), "ann", now).is_err());
        assert!(throttle.attempt(address(200), "other", now).is_err());
        assert!(throttle.attempt(address(99), "other", now).is_ok());
    }

    #[test]
    fn hosts_of_one_ipv6_network_are_one_address() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        for number in 0..FREE {
            let address = format!("2001:db8::{number:x}").parse().unwrap();
            throttle.attempt(address, &format!("user{number}"), now).unwrap();
        }
        assert!(throttle.attempt("2001:db8::ffff".parse().unwrap(), "x", now).is_err());
        assert!(throttle.attempt("2001:db8:0:1::1".parse().unwrap(), "x", now).is_ok());
    }

    #[test]
    fn the_table_has_a_bound_and_keeps_who_failed_often() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        while throttle.attempt(address(1), "ann", now).is_ok() {}
        for number in 0..u32::try_from(MAX_KEYS).unwrap() {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 | number));
            throttle.attempt(address, &format!("user{number}"), now).unwrap();
        }
        assert!(throttle.len() <= MAX_KEYS);
        assert!(throttle.attempt(address(1), "ann", now).is_err());
    }

    #[test]
    fn a_log_in_forgets_the_users_failures_and_an_hour_all() {
        let throttle = Throttle::default();
        let now = Timestamp::from_nanos(0);
        for _ in 0..FREE {
            throttle.attempt(address(1), "ann", now).unwrap();
        }
        throttle.succeeded(address(1), "ann");
        assert!(throttle.attempt(address(2), "ann", now).is_ok());
        throttle.attempt(address(1), "bob", now).unwrap();
        assert!(throttle.attempt(address(1), "bob", now).is_err());
        let later = now.plus_nanos(2 * MEMORY);
        for _ in 0..FREE {
            throttle.attempt(address(1), "bob", later).unwrap();
        }
        assert!(throttle.attempt(address(1), "bob", later).is_err());
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }
}
