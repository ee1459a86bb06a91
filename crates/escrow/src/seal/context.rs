//! What is encapsulated for a recipient, told once before the first record that needs it.

use wire::Reader;

use crate::hpke::Kem;
use crate::malformed::Malformed;
use crate::tier::Part;

/// What the holder of a recipient key needs to open the records of one context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextRecord<'a> {
    /// The KEM.
    pub kem: Kem,
    /// The part that its records are.
    pub part: Part,
    /// The key that it is for.
    pub recipient: [u8; 16],
    /// Its name: random.
    pub context: [u8; 16],
    /// What is encapsulated.
    pub encapsulated: &'a [u8],
}

impl<'a> ContextRecord<'a> {
    /// Appends it.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend(self.kem.id().to_be_bytes());
        out.push(self.part.number());
        out.extend_from_slice(&self.recipient);
        out.extend_from_slice(&self.context);
        out.extend(u16::try_from(self.encapsulated.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(self.encapsulated);
    }

    /// Reads the next one.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let version = reader.u8()?;
        if version != VERSION {
            return Err(Malformed::Version(version.into()));
        }
        let kem = Kem::numbered(reader.u16()?).ok_or(Malformed::Value)?;
        let part = Part::numbered(reader.u8()?).ok_or(Malformed::Value)?;
        let (recipient, context) = (reader.array()?, reader.array()?);
        let encapsulated = reader.prefixed_u16()?;
        if encapsulated.len() != kem.encapsulated_len() {
            return Err(Malformed::Value);
        }
        Ok(Self { kem, part, recipient, context, encapsulated })
    }

    /// What binds the context to its recipient and its part (`info` of RFC 9180 section 5.1).
    pub(super) fn info(part: Part, recipient: &[u8; 16], context: &[u8; 16]) -> Vec<u8> {
        [INFO, &[part.number()], recipient, context].concat()
    }
}

const VERSION: u8 = 1;

const INFO: &[u8] = b"tlsight escrow 1";
