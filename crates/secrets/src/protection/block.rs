//! Block ciphers in CBC mode.

use aes::{Aes128, Aes256};
use cbc::Decryptor;
use cipher::{BlockModeDecrypt, InOutBuf, KeyIvInit};
use des::{Des, TdesEde3};
use zeroize::Zeroizing;

use crate::suite::Block;

/// A key of a block cipher.
pub(crate) struct BlockKey {
    block: Block,
    key: Zeroizing<Vec<u8>>,
}

impl BlockKey {
    pub(crate) fn new(block: Block, key: &[u8]) -> Self {
        Self { block, key: Zeroizing::new(key.to_vec()) }
    }

    pub(crate) const fn block_len(&self) -> usize {
        self.block.block_len()
    }

    /// Decrypts whole blocks into `out`; `None` if `ciphertext` is not made of such.
    pub(crate) fn decrypt(&self, iv: &[u8], ciphertext: &[u8], out: &mut Vec<u8>) -> Option<()> {
        out.resize(ciphertext.len(), 0);
        match self.block {
            Block::Aes128 => decrypt::<Decryptor<Aes128>>(&self.key, iv, ciphertext, out),
            Block::Aes256 => decrypt::<Decryptor<Aes256>>(&self.key, iv, ciphertext, out),
            Block::TripleDes => decrypt::<Decryptor<TdesEde3>>(&self.key, iv, ciphertext, out),
            Block::Des => decrypt::<Decryptor<Des>>(&self.key, iv, ciphertext, out),
        }
    }
}

fn decrypt<D: BlockModeDecrypt + KeyIvInit>(
    key: &[u8],
    iv: &[u8],
    ciphertext: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let mut decryptor = D::new_from_slices(key, iv).ok()?;
    let (blocks, tail) = InOutBuf::new(ciphertext, out).ok()?.into_chunks();
    if !tail.is_empty() {
        return None;
    }
    decryptor.decrypt_blocks_inout(blocks);
    Some(())
}
