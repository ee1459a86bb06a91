//! Whether an agent has the policies that its server has.

use sha2::{Digest as _, Sha256};

/// SHA-256 of documents, each with its length before it, as 8 bytes with the highest first.
#[must_use]
pub fn policies_digest<D: AsRef<[u8]>>(documents: &[D]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for document in documents {
        let document = document.as_ref();
        hash.update((document.len() as u64).to_be_bytes());
        hash.update(document);
    }
    hash.finalize().into()
}
