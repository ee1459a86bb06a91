//! Fingerprints of hellos: JA3, JA3S and JA4.

mod ja3;
mod ja4;

use std::sync::Arc;

pub use ja3::{ja3, ja3_string, ja3s, ja3s_string};
pub use ja4::ja4;

/// A digest as events write it: lower-case hexadecimal.
#[must_use]
pub fn hex_digest(digest: &[u8; 16]) -> Arc<str> {
    Arc::from(data_encoding::HEXLOWER.encode(digest))
}

/// Appends `value` in decimal.
fn push_decimal(text: &mut String, value: u16) {
    let mut divisor = 10_000;
    let mut started = false;
    while divisor > 0 {
        let digit = u8::try_from(value / divisor % 10).unwrap_or_default();
        started |= digit != 0 || divisor == 1;
        if started {
            text.push(char::from(b'0'.wrapping_add(digit)));
        }
        divisor /= 10;
    }
}

/// Appends `value` as four hexadecimal digits in lower case.
fn push_hex(text: &mut String, value: u16) {
    for shift in [12_u32, 8, 4, 0] {
        let nibble = u32::from(value >> shift & 0xf);
        text.push(char::from_digit(nibble, 16).unwrap_or('0'));
    }
}
