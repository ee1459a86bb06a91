//! The cryptography in use.

use std::collections::BTreeSet;

use event::KeyExchangeClass;
use hashbrown::HashMap;

use super::Sums;
use crate::answer::{Inventory, InventoryItem};
use crate::catalog::{Catalog, Tally};
use crate::query::Window;

/// Versions with cipher suites and groups, most sessions first.
pub(crate) fn inventory(catalog: &Catalog, sums: &Sums) -> Inventory {
    let window: Window = sums.window;
    let mut found: HashMap<Key<'_>, (Tally, BTreeSet<u32>), foldhash::fast::RandomState> =
        HashMap::default();
    for (pair, _, posture, sessions, failures) in sums.pairs(catalog) {
        let it = &posture.posture;
        let (Some(version), Some(cipher)) = (&it.version, &it.cipher) else { continue };
        let key = (version.as_str(), cipher.as_str(), it.group.as_deref(), it.class);
        let (tally, edges) = found.entry(key).or_default();
        tally.add(sessions, failures, pair.tally.first, pair.tally.last);
        edges.insert(pair.edge);
    }
    let mut items: Vec<InventoryItem> = found
        .into_iter()
        .map(|((version, cipher, group, class), (tally, edges))| InventoryItem {
            version: version.to_owned(),
            cipher: cipher.to_owned(),
            group: group.map(str::to_owned),
            class,
            sessions: tally.sessions,
            edges: edges.len() as u64,
            first_seen: tally.first,
            last_seen: tally.last,
        })
        .collect();
    items.sort_unstable_by(|a, b| {
        let name = |it: &InventoryItem| (it.version.clone(), it.cipher.clone(), it.group.clone());
        b.sessions.cmp(&a.sessions).then_with(|| name(a).cmp(&name(b)))
    });
    let is_truncated = items.len() > Inventory::MAX_ITEMS;
    items.truncate(Inventory::MAX_ITEMS);
    Inventory { window, items, is_truncated }
}

type Key<'a> = (&'a str, &'a str, Option<&'a str>, Option<KeyExchangeClass>);
