//! Arrays and objects.

use serde::Serialize;
use serde::ser;

use super::{JsonError, JsonWriter, text};

/// An array or object whose elements are being written.
pub(crate) struct Compound<'a> {
    out: &'a mut Vec<u8>,
    end: &'static [u8],
    is_empty: bool,
}

impl<'a> Compound<'a> {
    pub(super) fn array(out: &'a mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, end: b"]", is_empty: true }
    }

    /// The array of a variant: the object around it is open.
    pub(super) fn variant_array(out: &'a mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, end: b"]}", is_empty: true }
    }

    pub(super) fn object(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, end: b"}", is_empty: true }
    }

    /// JSON that was rendered before: it has neither brackets nor a name here.
    pub(super) const fn rendered(out: &'a mut Vec<u8>) -> Self {
        Self { out, end: b"", is_empty: true }
    }

    #[inline]
    fn separate(&mut self) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.separate();
        value.serialize(JsonWriter::new(self.out))
    }

    fn close(self) -> Result<(), JsonError> {
        self.out.extend_from_slice(self.end);
        Ok(())
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        if self.end.is_empty() {
            return value.serialize(JsonWriter::rendered(self.out));
        }
        self.separate();
        text::write_name(self.out, key);
        value.serialize(JsonWriter::new(self.out))
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        self.separate();
        let before = self.out.len();
        key.serialize(JsonWriter::new(self.out))?;
        if self.out.get(before) != Some(&b'"') {
            return Err(JsonError("a key that is no string".to_owned()));
        }
        self.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        value.serialize(JsonWriter::new(self.out))
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}

impl ser::SerializeSeq for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.element(value)
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}

impl ser::SerializeTuple for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.element(value)
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}

impl ser::SerializeTupleStruct for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.element(value)
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}

impl ser::SerializeTupleVariant for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.element(value)
    }

    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}
