//! A line of a key log, as a library tells it.

use crate::label::Label;
use crate::taken::{MAX_SECRET_LEN, TakenSecret};
use zeroize::Zeroizing;

/// A line of a key log (RFC 9850) that tells a secret which opens records.
pub struct KeyLine {
    /// The client's random.
    pub random: [u8; 32],
    /// The secret.
    pub secret: TakenSecret,
}

/// What a line tells.
pub enum Lookup {
    /// A secret that may be handed over.
    Secret(KeyLine),
    /// One that never is: of an exporter, of ECH, or one that follows from another.
    Withheld,
    /// Nothing that is understood.
    Malformed,
}

impl KeyLine {
    /// Reads a line without its end.
    #[must_use]
    pub fn read(line: &[u8]) -> Lookup {
        let mut words = line.split(|byte| *byte == b' ');
        let (Some(name), Some(random), Some(secret), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Lookup::Malformed;
        };
        let Some(label) = Label::of_name(name) else { return Lookup::Withheld };
        let mut bytes = Zeroizing::new([0; MAX_SECRET_LEN]);
        let mut own_random = [0; 32];
        let is_random = unhex(random, &mut own_random).is_some_and(|rest| rest.is_empty());
        let Some(unused) = unhex(secret, &mut *bytes).map(|rest| rest.len()) else {
            return Lookup::Malformed;
        };
        let secret = bytes.get(..bytes.len().saturating_sub(unused));
        match secret.and_then(|secret| TakenSecret::new(label, secret)) {
            Some(secret) if is_random => Lookup::Secret(Self { random: own_random, secret }),
            _ => Lookup::Malformed,
        }
    }
}

/// Writes what `hex` says to the beginning of `out`; gives what is left of that.
fn unhex<'a>(hex: &[u8], mut out: &'a mut [u8]) -> Option<&'a mut [u8]> {
    let (pairs, []) = hex.as_chunks::<2>() else { return None };
    for &[high, low] in pairs {
        let (first, rest) = std::mem::take(&mut out).split_first_mut()?;
        *first = digit(high)? << 4 | digit(low)?;
        out = rest;
    }
    Some(out)
}

const fn digit(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        b'A'..=b'F' => Some(hex - b'A' + 10),
        _ => None,
    }
}
