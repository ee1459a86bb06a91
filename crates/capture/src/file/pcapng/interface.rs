//! What a section says of an interface: link type, snapshot length, units of time.

use wire::LinkType;

use super::options::Options;
use crate::file::error::Damage;
use crate::file::order::Order;

/// An Interface Description Block (section 4.2).
pub(super) struct Interface {
    pub(super) link_type: LinkType,
    /// Most bytes of a packet that were captured; `u32::MAX` if there was no limit.
    pub(super) snapshot_len: u32,
    unit: Unit,
    offset_s: i64,
}

/// The unit of an interface's timestamps.
#[derive(Clone, Copy)]
enum Unit {
    /// So many nanoseconds.
    Nanos(u64),
    /// One nanosecond divided by a power of 10; `None` if the quotient is 0 for any timestamp.
    Fraction(Option<u64>),
    /// One second divided by this power of 2.
    Binary(u32),
}

impl Interface {
    /// Reads the body of a block, or gives `None` if it is too short for one.
    pub(super) fn parse(order: Order, body: &[u8]) -> Result<Option<Self>, Damage> {
        let Some((&[l0, l1, _, _, s0, s1, s2, s3], options)) = body.split_first_chunk() else {
            return Ok(None);
        };
        let mut interface = Self {
            link_type: LinkType(u32::from(order.u16([l0, l1]))),
            snapshot_len: match order.u32([s0, s1, s2, s3]) {
                0 => u32::MAX,
                len => len,
            },
            unit: Unit::MICROSECOND,
            offset_s: 0,
        };
        for option in Options::new(order, options) {
            let (code, value) = option?;
            match (code, value) {
                (TIME_RESOLUTION, &[resolution]) => interface.unit = Unit::new(resolution),
                (TIME_OFFSET, value) if value.len() == 8 => {
                    interface.offset_s = value.first_chunk().map_or(0, |value| order.i64(*value));
                }
                (TIME_RESOLUTION | TIME_OFFSET, _) => return Err(Damage::Option { code }),
                _ => {}
            }
        }
        Ok(Some(interface))
    }

    /// The time `units` in nanoseconds since 1970, or as an error the nearest that can be told.
    #[inline]
    pub(super) fn timestamp_ns(&self, units: u64) -> Result<i64, i64> {
        if let (Unit::Nanos(nanos), 0) = (self.unit, self.offset_s) {
            let timestamp = units.checked_mul(nanos).and_then(|nanos| i64::try_from(nanos).ok());
            return timestamp.ok_or(i64::MAX);
        }
        let units = i128::from(units);
        let since_offset = match self.unit {
            Unit::Nanos(nanos) => units * i128::from(nanos),
            Unit::Fraction(Some(divisor)) => units / i128::from(divisor),
            Unit::Fraction(None) => 0,
            Unit::Binary(power) => (units * NANOS) >> power,
        };
        let timestamp = i128::from(self.offset_s) * NANOS + since_offset;
        i64::try_from(timestamp).map_err(
            |_out_of_range| {
                if timestamp < 0 { i64::MIN } else { i64::MAX }
            },
        )
    }
}

impl Unit {
    const MICROSECOND: Self = Self::Nanos(1000);

    /// Reads `if_tsresol`: the upper bit chooses between powers of 2 and of 10.
    const fn new(resolution: u8) -> Self {
        let power = (resolution & 0x7f) as u32;
        if resolution & 0x80 != 0 {
            Self::Binary(power)
        } else if power <= 9 {
            Self::Nanos(10_u64.pow(9 - power))
        } else {
            Self::Fraction(10_u64.checked_pow(power - 9))
        }
    }
}

/// `if_tsresol`
pub(super) const TIME_RESOLUTION: u16 = 9;
/// `if_tsoffset`
const TIME_OFFSET: u16 = 14;

const NANOS: i128 = 1_000_000_000;
