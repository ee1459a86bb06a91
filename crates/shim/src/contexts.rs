//! Which library an `SSL_CTX` is of, if there are several.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::library::{self, Library};
use crate::openssl::SslCtx;

/// Contexts of other libraries than the first, with the number of the library in the bits that are zero
/// in each address of the allocator.
static OTHERS: [AtomicUsize; MAX_OTHERS] = [const { AtomicUsize::new(0) }; MAX_OTHERS];

/// Takes note of a new context; whether it can be told later which library it is of.
pub(crate) fn note(context: *const SslCtx, library: &Library) -> bool {
    let Some(number) = library::number_of(library) else { return false };
    let address = context.addr();
    // The memory of a context that is gone is used again.
    for place in &OTHERS {
        let entry = place.load(Ordering::Relaxed);
        if entry & !NUMBER_BITS == address && entry != 0 {
            place.store(0, Ordering::Relaxed);
        }
    }
    if number == 0 {
        return true;
    }
    address & NUMBER_BITS == 0
        && OTHERS.iter().any(|place| {
            let entry = address | number;
            place.compare_exchange(0, entry, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        })
}

/// The library of a context.
pub(crate) fn library_of(context: *const SslCtx) -> Option<&'static Library> {
    let address = context.addr();
    let entries = OTHERS.iter().map(|place| place.load(Ordering::Relaxed));
    let other = entries.filter(|entry| *entry != 0).find(|entry| entry & !NUMBER_BITS == address);
    library::numbered(other.map_or(0, |entry| entry & NUMBER_BITS))
}

const NUMBER_BITS: usize = 7;

/// Programs have one context for each configuration, some for each connection.
const MAX_OTHERS: usize = 256;
