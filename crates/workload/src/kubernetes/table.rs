//! The objects of one kind.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::object::Object;

/// The objects of one kind, by unique id.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: HashMap<Arc<str>, Entry>,
    /// Objects that are deleted, with the time of that.
    gone: VecDeque<(Instant, Object)>,
    /// Number of the last change.
    last: u64,
    over_limit: u64,
}

#[derive(Debug)]
struct Entry {
    object: Object,
    /// Number of its last change.
    changed: u64,
}

impl Table {
    /// Takes an object, new or changed; if there are `most` already, a new one is counted only.
    pub(crate) fn put(&mut self, object: Object, most: usize) {
        if self.entries.len() >= most && !self.entries.contains_key(&object.uid) {
            self.over_limit += 1;
            return;
        }
        self.last += 1;
        let uid = Arc::clone(&object.uid);
        self.entries.insert(uid, Entry { object, changed: self.last });
    }

    /// Takes all objects that there are; others are deleted.
    pub(crate) fn replace(&mut self, objects: Vec<Object>, most: usize, now: Instant) {
        let mut before = std::mem::take(&mut self.entries);
        for object in objects {
            before.remove(&object.uid);
            self.put(object, most);
        }
        before.into_values().for_each(|entry| self.bury(entry.object, now));
    }

    /// Deletes an object.
    pub(crate) fn remove(&mut self, uid: &str, now: Instant) {
        if let Some(Entry { object, .. }) = self.entries.remove(uid) {
            self.bury(object, now);
        }
    }

    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.entries.values().map(|entry| &entry.object)
    }

    /// Objects deleted a short time ago: their last sessions are told after their end.
    pub(crate) fn gone(&self) -> impl Iterator<Item = &Object> {
        self.gone.iter().map(|(_, object)| object)
    }

    /// Which object has which address. If several claim it, it is that which changed last.
    pub(crate) fn by_address<'a, T: 'a>(
        &'a self,
        facts: impl Fn(&'a Object) -> Option<T>,
    ) -> HashMap<IpAddr, T> {
        let mut newest: HashMap<IpAddr, &Entry> = HashMap::new();
        let claims = self
            .entries
            .values()
            .flat_map(|entry| entry.object.addresses.iter().map(move |address| (*address, entry)));
        claims.for_each(|(address, entry)| {
            let holder = newest.entry(address).or_insert(entry);
            if holder.changed < entry.changed {
                *holder = entry;
            }
        });
        newest
            .into_iter()
            .filter_map(|(address, entry)| Some((address, facts(&entry.object)?)))
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn over_limit(&self) -> u64 {
        self.over_limit
    }

    fn bury(&mut self, object: Object, now: Instant) {
        self.gone.push_back((now, object));
        while self.gone.len() > MAX_GONE
            || self.gone.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > KEPT)
        {
            self.gone.pop_front();
        }
    }
}

/// For the records of sessions that are over with their pod: silence ends them after two minutes.
const KEPT: Duration = Duration::from_secs(150);

/// More than end on a node in that time, at a kilobyte each.
const MAX_GONE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_the_object_which_took_it_last() {
        let mut table = Table::default();
        let now = Instant::now();
        table.put(object("a"), 10);
        table.put(object("b"), 10);
        assert_eq!(holder(&table), "b");
        table.put(object("a"), 10);
        assert_eq!(holder(&table), "a");
        table.remove("a", now);
        assert_eq!(holder(&table), "b");
        table.replace(vec![object("c")], 10, now);
        assert_eq!(holder(&table), "c");
    }

    #[test]
    fn deleted_objects_are_remembered_for_a_time_and_up_to_a_bound() {
        let mut table = Table::default();
        let now = Instant::now();
        for number in 0..MAX_GONE + 5 {
            table.put(object(&number.to_string()), MAX_GONE * 2);
        }
        table.replace(Vec::new(), 1, now);
        assert_eq!((table.len(), table.gone().count()), (0, MAX_GONE));
        table.put(object("last"), 1);
        table.remove("last", now + KEPT + Duration::from_secs(1));
        assert_eq!(table.gone().map(|object| &*object.uid).collect::<Vec<_>>(), ["last"]);
    }

    #[test]
    fn what_is_over_the_limit_is_counted() {
        let mut table = Table::default();
        for uid in ["a", "b", "b", "c"] {
            table.put(object(uid), 2);
        }
        assert_eq!((table.len(), table.over_limit()), (2, 1));
    }

    fn holder(table: &Table) -> String {
        table.by_address(|object| Some(object.uid.to_string())).into_values().next().unwrap()
    }

    fn object(uid: &str) -> Object {
        let (name, addresses) = (Arc::from("n"), vec!["10.0.0.1".parse().unwrap()]);
        Object { uid: uid.into(), name, namespace: None, addresses, pod: None }
    }
}
