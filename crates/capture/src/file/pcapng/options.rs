//! The options at the end of a block.

use crate::file::error::Damage;
use crate::file::order::Order;

/// Options one after another (section 3.5): codes and values.
pub(super) struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    pub(super) const fn new(order: Order, rest: &'a [u8]) -> Self {
        Self { order, rest }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(u16, &'a [u8]), Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&[c0, c1, l0, l1], rest) = self.rest.split_first_chunk()?;
        let code = self.order.u16([c0, c1]);
        if code == END_OF_OPTIONS {
            return None;
        }
        let len = usize::from(self.order.u16([l0, l1]));
        let Some(value) = rest.get(..len) else {
            self.rest = &[];
            return Some(Err(Damage::Option { code }));
        };
        self.rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(Ok((code, value)))
    }
}

const END_OF_OPTIONS: u16 = 0;
