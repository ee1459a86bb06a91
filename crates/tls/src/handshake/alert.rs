//! Alerts (RFC 9846 section 6).

use wire::Reader;

use crate::malformed::{Field, Malformed};
use crate::registry::{AlertDescription, AlertLevel};

/// An alert sent in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// How bad it is.
    pub level: AlertLevel,
    /// What it is.
    pub description: AlertDescription,
}

impl Alert {
    /// Reads the body of an alert record.
    ///
    /// # Errors
    /// [`Malformed`] unless it is two bytes long, as that of an encrypted alert is not, and its
    /// level is known.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let level = AlertLevel(reader.u8().field("level")?);
        let description = AlertDescription(reader.u8().field("description")?);
        if !reader.is_empty() {
            let len = reader.remaining();
            return Err(Malformed::Trailing { field: "alert", offset: reader.offset(), len });
        }
        if level.known_name().is_none() {
            let value = u32::from(level.0);
            return Err(Malformed::Value { field: "level", offset: 0, value });
        }
        Ok(Self { level, description })
    }
}
