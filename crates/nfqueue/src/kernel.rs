//! What the kernel says of a queue.

use std::fs;

/// What the kernel says of a queue (`/proc/net/netfilter/nfnetlink_queue`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// Packets that wait.
    pub waiting: u32,
    /// Packets that were dropped because as many waited as may.
    pub dropped_full: u32,
    /// Packets that were dropped because they could not be told.
    pub dropped_untold: u32,
}

impl KernelCounts {
    /// Asks for those of a queue in this network namespace; `None` if there is no such queue.
    #[must_use]
    pub fn read(queue: u16) -> Option<Self> {
        Self::find(&fs::read_to_string(TABLE).ok()?, queue)
    }

    /// A line is: queue, port, waiting, copy mode, copy range, dropped (full), dropped (untold), last id, 1.
    fn find(table: &str, queue: u16) -> Option<Self> {
        table.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            if words.next()?.parse() != Ok(queue) {
                return None;
            }
            Some(Self {
                waiting: words.nth(1)?.parse().ok()?,
                dropped_full: words.nth(2)?.parse().ok()?,
                dropped_untold: words.next()?.parse().ok()?,
            })
        })
    }
}

/// Of the namespace of the thread that asks.
const TABLE: &str = "/proc/thread-self/net/netfilter/nfnetlink_queue";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_found_by_its_number() {
        let table = "    1  31621     0 2  4016     0     0        2  1\n\
                     \x20   7  31622     3 2 65531     5     6      900  1\n";
        let counts = KernelCounts { waiting: 3, dropped_full: 5, dropped_untold: 6 };
        assert_eq!(KernelCounts::find(table, 7), Some(counts));
        assert_eq!(KernelCounts::find(table, 1), Some(KernelCounts::default()));
        assert_eq!(KernelCounts::find(table, 2), None);
        assert_eq!(KernelCounts::find("7 1 x", 7), None);
    }
}
