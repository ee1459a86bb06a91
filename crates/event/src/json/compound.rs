//! Arrays and objects.

use serde::Serialize;
use serde::ser;

use super::{JsonError, JsonWriter, RENDERED, text};

/// An array or object whose elements are being written. A comma follows each of them; that after the
/// last one becomes the bracket.
pub(crate) struct Compound<'a> {
    out: &'a mut Vec<u8>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Array,
    /// The array of a variant: the object around it is open.
    VariantArray,
    Object,
    /// JSON that was rendered before: it has neither brackets nor a name here.
    Rendered,
}

impl<'a> Compound<'a> {
    #[inline]
    pub(super) fn array(out: &'a mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, form: Form::Array }
    }

    pub(super) fn variant_array(out: &'a mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, form: Form::VariantArray }
    }

    #[inline]
    pub(super) fn object(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, form: Form::Object }
    }

    #[inline]
    pub(super) const fn rendered(out: &'a mut Vec<u8>) -> Self {
        Self { out, form: Form::Rendered }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        value.serialize(JsonWriter::new(self.out))?;
        self.out.push(b',');
        Ok(())
    }

    #[inline]
    fn close(self) -> Result<(), JsonError> {
        let bracket = match self.form {
            Form::Array | Form::VariantArray => b']',
            Form::Object => b'}',
            Form::Rendered => return Ok(()),
        };
        match self.out.last_mut() {
            Some(last) if *last == b',' => *last = bracket,
            _ => self.out.push(bracket),
        }
        if self.form == Form::VariantArray {
            self.out.push(b'}');
        }
        Ok(())
    }
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    #[inline(always)]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        if self.form == Form::Rendered {
            return value.serialize(JsonWriter::rendered(self.out));
        }
        text::write_name(self.out, key);
        self.element(value)
    }

    #[inline(always)]
    fn end(self) -> Result<(), JsonError> {
        self.close()
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = JsonError;

    /// As an entry, JSON that was rendered before has no name: its own fields become entries.
    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), JsonError> {
        let before = self.out.len();
        self.serialize_key(key)?;
        if !self.out.get(before..).is_some_and(is_rendered_key) {
            return self.serialize_value(value);
        }
        self.out.truncate(before);
        value.serialize(JsonWriter::fields(self.out))
    }

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), JsonError> {
        let before = self.out.len();
        key.serialize(JsonWriter::new(self.out))?;
        if self.out.get(before) != Some(&b'"') {
            return Err(JsonError("a key that is no string".to_owned()));
        }
        self.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.element(value)
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

/// Whether a key as it was written is [`RENDERED`].
fn is_rendered_key(key: &[u8]) -> bool {
    let name = key.strip_prefix(b"\"").and_then(|key| key.strip_suffix(b"\":"));
    name == Some(RENDERED.as_bytes())
}
