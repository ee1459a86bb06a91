//! What the kernel's side counts, on each processor by itself.

use std::borrow::Borrow;

use aya::maps::{MapData, PerCpuArray};

/// What a counter has on all processors together; 0 if it cannot be read.
pub(crate) fn total<T: Borrow<MapData>>(counters: &PerCpuArray<T, u64>, counter: u32) -> u64 {
    let values = counters.get(&counter, 0);
    values.map_or(0, |values| values.iter().copied().fold(0, u64::saturating_add))
}
