//! JSON, written at the speed at which sessions come.
//!
//! The events are some hundred short fields each and much of what `serde_json` spends on them is the
//! look for bytes to escape, in names that are constants as well. Here the names of fields go out as
//! they are and text is searched sixteen bytes at a time, in two thirds of the time
//! (`benches/json.rs`).

mod compound;
mod text;

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{self, Impossible};

use self::compound::Compound;

/// Appends `value` as JSON to `out`. What was appended before an error stays there.
///
/// # Errors
/// [`JsonError`] if the `Serialize` of `value` reports one, or a map has keys other than strings.
pub fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), JsonError> {
    value.serialize(JsonWriter::new(out))
}

/// Why a value has no JSON form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(String);

impl Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonError {}

impl ser::Error for JsonError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl From<JsonError> for std::io::Error {
    fn from(error: JsonError) -> Self {
        Self::other(error)
    }
}

/// Serializes text that is known to have nothing to escape.
pub(crate) fn serialize_plain<S: ser::Serializer>(
    serializer: S,
    text: &str,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(PLAIN, text)
}

/// Writes one value.
pub(crate) struct JsonWriter<'a> {
    out: &'a mut Vec<u8>,
    text: Text,
}

/// What is known about the text that a writer gets.
#[derive(Clone, Copy)]
enum Text {
    /// Nothing.
    Any,
    /// It has nothing to escape.
    Plain,
    /// It is JSON itself and goes out as it is.
    Rendered,
    /// It is a JSON object and goes out without its brackets, each field with a comma after it.
    Fields,
}

impl<'a> JsonWriter<'a> {
    #[inline]
    const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, text: Text::Any }
    }

    /// For text that is JSON itself.
    #[inline]
    const fn rendered(out: &'a mut Vec<u8>) -> Self {
        Self { out, text: Text::Rendered }
    }

    /// For text that is a JSON object whose fields become those of the object around it.
    const fn fields(out: &'a mut Vec<u8>) -> Self {
        Self { out, text: Text::Fields }
    }

    fn integer(self, value: impl itoa::Integer) -> Result<(), JsonError> {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        Ok(())
    }
}

/// Begins `{"variant":`, the form of enum variants with content.
fn open_variant(out: &mut Vec<u8>, variant: &'static str) {
    out.push(b'{');
    text::write_name(out, variant);
}

impl<'a> ser::Serializer for JsonWriter<'a> {
    type Ok = ();
    type Error = JsonError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Impossible<(), JsonError>;

    fn serialize_bool(self, value: bool) -> Result<(), JsonError> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_u8(self, value: u8) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_u16(self, value: u16) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_u32(self, value: u32) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_u64(self, value: u64) -> Result<(), JsonError> {
        self.integer(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), JsonError> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), JsonError> {
        serde_json::to_writer(self.out, &value).map_err(ser::Error::custom)
    }

    fn serialize_char(self, value: char) -> Result<(), JsonError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), JsonError> {
        match self.text {
            Text::Any => text::write_text(self.out, value),
            Text::Plain => text::write_plain(self.out, value),
            Text::Rendered => self.out.extend_from_slice(value.as_bytes()),
            Text::Fields => text::write_fields(self.out, value),
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_none(self) -> Result<(), JsonError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), JsonError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), JsonError> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), JsonError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), JsonError> {
        text::write_plain(self.out, variant);
        Ok(())
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        let text = if name == PLAIN { Text::Plain } else { self.text };
        value.serialize(JsonWriter { out: self.out, text })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), JsonError> {
        open_variant(self.out, variant);
        value.serialize(JsonWriter::new(self.out))?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Compound<'a>, JsonError> {
        Ok(Compound::array(self.out))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Compound<'a>, JsonError> {
        Ok(Compound::array(self.out))
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _len: usize,
    ) -> Result<Compound<'a>, JsonError> {
        Ok(Compound::array(self.out))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Compound<'a>, JsonError> {
        open_variant(self.out, variant);
        Ok(Compound::variant_array(self.out))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Compound<'a>, JsonError> {
        Ok(Compound::object(self.out))
    }

    #[inline(always)]
    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Compound<'a>, JsonError> {
        if name == RENDERED {
            return Ok(Compound::rendered(self.out));
        }
        Ok(Compound::object(self.out))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Self::SerializeStructVariant, JsonError> {
        Err(JsonError(format!("the variant {variant} has fields, which no event has")))
    }
}

/// The struct as which `serde_json::value::RawValue` hands on what was rendered before: its one
/// field is the JSON. A test fails if `serde_json` changes the name.
pub(crate) const RENDERED: &str = "$serde_json::private::RawValue";

/// The newtype that marks text with nothing to escape, for [`JsonWriter`]; others pass over it.
const PLAIN: &str = "$tlsight::Plain";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{HexBytes, Shared};

    #[derive(Serialize)]
    struct Everything {
        text: &'static str,
        number: u64,
        negative: i32,
        fraction: f64,
        yes: bool,
        none: Option<u8>,
        list: Vec<Kind>,
        pair: (u8, char),
        map: BTreeMap<&'static str, u8>,
        empty: [u8; 0],
        shared: Shared<Vec<&'static str>>,
        plain: HexBytes,
    }

    #[derive(Serialize)]
    enum Kind {
        Unit,
        One(u8),
        Two(u8, u8),
    }

    #[test]
    fn the_json_is_that_of_serde_json() {
        let value = Everything {
            text: "a \"quoted\" \\ line\nwith \u{1} and \u{e9}, longer than eight bytes",
            number: u64::MAX,
            negative: -7,
            fraction: 0.5,
            yes: true,
            none: None,
            list: vec![Kind::Unit, Kind::One(1), Kind::Two(2, 3)],
            pair: (4, '\''),
            map: BTreeMap::from([("x", 1), ("y", 2)]),
            empty: [],
            shared: Shared::new(vec!["rendered", "on\tce"]),
            plain: HexBytes::new(&[0x0a]),
        };
        let mut json = Vec::new();
        write_json(&value, &mut json).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&value).unwrap());
    }

    #[test]
    fn keys_have_to_be_strings() {
        assert!(write_json(&BTreeMap::from([(1, 2)]), &mut Vec::new()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_escaped_as_by_serde_json(text: String) {
            let mut json = Vec::new();
            write_json(&text, &mut json).unwrap();
            proptest::prop_assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
