//! Copies of pcapng captures with other secrets than they had.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::sealed::{self, CUSTOM_BLOCK, is_sealed};
use super::{
    BYTE_ORDER_MAGIC, DECRYPTION_SECRETS, MAX_BLOCK_LEN, SECTION_BODY_LEN, SECTION_HEADER,
};
use crate::file::order::Order;
use crate::file::secrets::SecretsType;
use crate::file::source::Source;

/// What becomes of the secrets of a capture that is copied.
pub struct SecretsRewriter<'a> {
    /// Whether those that it has are left out, sealed ones included.
    pub strip: bool,
    /// A key log to put in front of its packets.
    pub inject: Option<&'a [u8]>,
    /// Sealed secrets to put there.
    pub inject_sealed: Option<&'a [u8]>,
}

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Blocks of secrets that were left out.
    pub stripped: u64,
    /// Kinds of secrets that were put in.
    pub injected: u64,
}

/// Why a capture could not be copied to its end.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The capture cannot be read, or the copy not written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A block cannot be one.
    #[error("no pcapng block at offset {offset}")]
    Malformed {
        /// Bytes in front of it.
        offset: u64,
    },
}

impl SecretsRewriter<'_> {
    /// Copies the capture at `path`, pcapng that may be compressed, to `output`, which should be buffered
    /// and gets it decompressed.
    ///
    /// # Errors
    /// [`RewriteError`]; what comes before the error was copied.
    pub fn copy_file(
        &self,
        path: &Path,
        output: &mut impl Write,
    ) -> Result<Rewritten, RewriteError> {
        let mut input = Source::new(Box::new(File::open(path)?))?;
        self.copy(&mut input, output)
    }

    /// Copies all blocks of `input`, a pcapng file, to `output`, which should be buffered. What they say
    /// is not looked at.
    ///
    /// # Errors
    /// [`RewriteError`]; what comes before the error was copied.
    pub fn copy(
        &self,
        input: &mut impl Read,
        output: &mut impl Write,
    ) -> Result<Rewritten, RewriteError> {
        let mut done = Rewritten::default();
        let (mut offset, mut order) = (0_u64, None);
        let mut block = Vec::new();
        loop {
            let malformed = RewriteError::Malformed { offset };
            let Some(kind) = read_block(input, &mut block, &mut order, malformed)? else {
                output.flush()?;
                return Ok(done);
            };
            offset = offset.saturating_add(block.len() as u64);
            match (kind, order) {
                (DECRYPTION_SECRETS, _) if self.strip => done.stripped += 1,
                (CUSTOM_BLOCK, Some(order)) if self.strip && is_sealed(order, &block) => {
                    done.stripped += 1;
                }
                (SECTION_HEADER, Some(order)) => {
                    // The section's length is not what it was.
                    if let Some(len) = block.get_mut(16..24) {
                        len.fill(0xff);
                    }
                    output.write_all(&block)?;
                    if done.injected == 0 {
                        done.injected = self.put(output, order)?;
                    }
                }
                _ => output.write_all(&block)?,
            }
        }
    }
}

impl SecretsRewriter<'_> {
    /// Writes what is to be put in; of how many kinds it is.
    fn put(&self, output: &mut impl Write, order: Order) -> io::Result<u64> {
        let mut kinds = 0;
        if let Some(key_log) = self.inject {
            write_secrets(output, order, key_log)?;
            kinds += 1;
        }
        if let Some(sealed) = self.inject_sealed {
            sealed::write(output, order, sealed)?;
            kinds += 1;
        }
        Ok(kinds)
    }
}

/// Reads the next block, with its header and its trailer, and gives its type; `None` at the end.
fn read_block(
    input: &mut impl Read,
    block: &mut Vec<u8>,
    order: &mut Option<Order>,
    malformed: RewriteError,
) -> Result<Option<u32>, RewriteError> {
    block.resize(HEADER_LEN, 0);
    let read = read_up_to(input, block)?;
    if read == 0 {
        return Ok(None);
    }
    let Some(&[k0, k1, k2, k3, l0, l1, l2, l3, m0, m1, m2, m3]) =
        block.first_chunk().filter(|_| read == HEADER_LEN)
    else {
        return Err(malformed);
    };
    // The type of a section header is the same in either byte order.
    if u32::from_le_bytes([k0, k1, k2, k3]) == SECTION_HEADER {
        *order = Order::spelling(BYTE_ORDER_MAGIC, [m0, m1, m2, m3]);
    }
    let Some(order) = *order else { return Err(malformed) };
    let (kind, len) = (order.u32([k0, k1, k2, k3]), order.u32([l0, l1, l2, l3]));
    let least = if kind == SECTION_HEADER { HEADER_LEN + SECTION_BODY_LEN } else { HEADER_LEN };
    if !len.is_multiple_of(4) || len > MAX_BLOCK_LEN || (len as usize) < least {
        return Err(malformed);
    }
    block.resize(len as usize, 0);
    let rest = block.get_mut(HEADER_LEN..).unwrap_or_default();
    if read_up_to(input, rest)? < rest.len() {
        return Err(malformed);
    }
    Ok(Some(kind))
}

fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// Writes Decryption Secrets Blocks with a key log, as many as its length needs.
pub(super) fn write_secrets(
    output: &mut impl Write,
    order: Order,
    key_log: &[u8],
) -> io::Result<()> {
    for part in lines(key_log) {
        let padding = part.len().wrapping_neg() % 4;
        let word = |value: usize| order.bytes(u32::try_from(value).unwrap_or(u32::MAX));
        let len = SECRETS_LEN.saturating_add(part.len()).saturating_add(padding);
        output.write_all(&order.bytes(DECRYPTION_SECRETS))?;
        output.write_all(&word(len))?;
        output.write_all(&order.bytes(SecretsType::TLS_KEY_LOG.0))?;
        output.write_all(&word(part.len()))?;
        output.write_all(part)?;
        output.write_all([0; 3].get(..padding).unwrap_or_default())?;
        output.write_all(&word(len))?;
    }
    Ok(())
}

/// Whole lines of `key_log`, in parts that a block has room for.
fn lines(key_log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = key_log;
    std::iter::from_fn(move || {
        let most = rest.get(..MAX_PART_LEN.min(rest.len())).unwrap_or(rest);
        let end = if most.len() == rest.len() {
            rest.len()
        } else {
            most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |end| end + 1)
        };
        let (part, after) = rest.split_at_checked(end)?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Type, length, and what follows first: a byte-order magic, or the beginning of the body.
const HEADER_LEN: usize = 12;

/// Length of a block of secrets without them: header, type and length of the secrets, trailer.
const SECRETS_LEN: usize = 8 + 8 + 4;

/// Most bytes of secrets in one block.
const MAX_PART_LEN: usize = 1 << 20;
