//! Libraries that the dynamic linker of this host knows (ldconfig(8)).

use std::fs;
use std::time::SystemTime;

use super::library;
use crate::record::Cursor;

/// Paths of those with functions of interest, by their names.
pub(crate) fn libraries() -> Vec<String> {
    let cache = fs::read(CACHE).unwrap_or_default();
    let paths = paths(&cache).unwrap_or_default().into_iter();
    // As mappings name them.
    let paths =
        paths.filter_map(|path| fs::canonicalize(path).ok()?.into_os_string().into_string().ok());
    let mut paths: Vec<_> = paths.collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// When that changed last.
pub(crate) fn changed_at() -> Option<SystemTime> {
    fs::metadata(CACHE).ok()?.modified().ok()
}

/// Reads the cache in its form since glibc 2.2 (`struct cache_file_new` of sysdeps/generic/dl-cache.h).
fn paths(cache: &[u8]) -> Option<Vec<String>> {
    let mut at = Cursor(cache.strip_prefix(MAGIC)?);
    let count = usize::try_from(at.u32()?).ok()?;
    at.take(HEADER_REST)?;
    let mut paths = Vec::new();
    for _ in 0..count.min(MAX_ENTRIES) {
        let (_flags, _name, place) = (at.u32()?, at.u32()?, at.u32()?);
        at.take(ENTRY_REST)?;
        let text = cache.get(usize::try_from(place).ok()?..)?;
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let path = str::from_utf8(text).ok().filter(|path| library::rank(path).is_some());
        paths.extend(path.map(str::to_owned));
    }
    Some(paths)
}

const CACHE: &str = "/etc/ld.so.cache";

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";

/// What follows the number of entries in the header, and the places of an entry.
const HEADER_REST: usize = 24;
const ENTRY_REST: usize = 12;

/// Some thousand on a host with everything.
const MAX_ENTRIES: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_names_libraries_that_are_there() {
        let cache = fs::read(CACHE).unwrap_or_default();
        let known = paths(&cache);
        if known.is_none() {
            return println!("skipped: no cache of glibc");
        }
        assert!(libraries().iter().all(|path| path.starts_with('/')), "{:?}", libraries());
    }

    #[test]
    fn paths_are_found_in_a_cache() {
        let mut cache = Vec::from(MAGIC);
        cache.extend(2_u32.to_le_bytes());
        cache.extend([0; HEADER_REST]);
        let strings_at = u32::try_from(cache.len() + 48).unwrap();
        let strings = b"/usr/lib/libssl.so.3\0/usr/lib/libm.so.6\0";
        for place in [0, 21] {
            cache
                .extend([3, 0, strings_at + place, 0, 0, 0].into_iter().flat_map(u32::to_le_bytes));
        }
        cache.extend(strings);
        assert_eq!(paths(&cache).unwrap(), ["/usr/lib/libssl.so.3"]);
        for len in 0..cache.len() {
            paths(&cache[..len]);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_cache_or_none(bytes: Vec<u8>) {
            paths(&[MAGIC, &bytes].concat());
        }
    }
}
