//! JSON, written at the speed at which sessions come.
//!
//! An event is some hundred short fields, and much of what a general serialiser spends on them is
//! the copying of names, bit by bit with quotes and colon, the look for bytes to escape in text that
//! has none, and errors that cannot happen. Here names are constants that are copied whole, and a
//! value writes itself to the end of the text (`benches/json.rs` compares with `serde_json`). What
//! the JSON looks like is said once, by the attributes of serde, which the derive macro reads; the
//! behaviour tests of `session` compare the two for each event that they look at.

mod field_name;
mod text;
mod values;

pub use event_derive::ToJson;

pub use self::field_name::{FieldName, padded_len};

/// A value with a JSON form.
pub trait ToJson {
    /// Appends the value as JSON to `out`.
    fn write_json(&self, out: &mut Vec<u8>);

    /// Appends the fields of an object, each with a comma in front of it; nothing for what is no
    /// object.
    fn write_fields(&self, _out: &mut Vec<u8>) {}
}

/// Writes an object, whose fields `write_fields` writes as [`ToJson::write_fields`] does.
#[inline]
pub fn write_object(out: &mut Vec<u8>, write_fields: impl FnOnce(&mut Vec<u8>)) {
    write_enclosed(out, [b'{', b'}'], write_fields);
}

/// Writes brackets around elements with a comma in front of each: the bracket takes the place of the
/// first comma.
#[inline]
fn write_enclosed(
    out: &mut Vec<u8>,
    [open, close]: [u8; 2],
    write_elements: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    write_elements(out);
    match out.get_mut(start) {
        Some(comma) => *comma = open,
        None => out.push(open),
    }
    out.push(close);
}

/// Writes text that is known to have nothing to escape.
#[inline]
pub(crate) fn write_plain(out: &mut Vec<u8>, text: &[u8]) {
    text::write_plain(out, text);
}

/// The JSON of `value` as text.
pub(crate) fn to_json<T: ToJson + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(TYPICAL_LEN);
    value.write_json(&mut out);
    out
}

/// Length in bytes that most lists of names stay below; that of certificates is some times as much.
const TYPICAL_LEN: usize = 512;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;
    use crate::{HexBytes, Shared};

    #[derive(Serialize, ToJson)]
    struct Everything {
        text: &'static str,
        number: u64,
        #[serde(rename = "below zero")]
        negative: i64,
        a_name_that_is_longer_than_any_of_those_that_events_have_so_far: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<u8>,
        none: Option<u8>,
        list: Vec<Kind>,
        map: BTreeMap<&'static str, u8>,
        empty: [u8; 0],
        nothing: Nothing,
        shared: Shared<Vec<&'static str>>,
        #[serde(flatten)]
        flat: Option<Shared<Flat>>,
        #[serde(flatten)]
        flat_and_empty: Option<Shared<Flat>>,
        plain: HexBytes,
    }

    #[derive(Clone, Copy, Serialize, ToJson)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        OfTwoWords,
        #[serde(rename = "OK")]
        Renamed,
    }

    #[derive(Serialize, ToJson)]
    struct Flat {
        x: u16,
        y: Box<str>,
    }

    #[derive(Serialize, ToJson)]
    struct Nothing {
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<u8>,
    }

    #[test]
    fn the_json_is_that_of_serde_json() {
        let value = Everything {
            text: "a \"quoted\" \\ line\nwith \u{1} and \u{e9}, longer than eight bytes",
            number: u64::MAX,
            negative: -7,
            a_name_that_is_longer_than_any_of_those_that_events_have_so_far: true,
            skipped: None,
            none: None,
            list: vec![Kind::OfTwoWords, Kind::Renamed],
            map: BTreeMap::from([("x", 1), ("y\"", 2)]),
            empty: [],
            nothing: Nothing { skipped: None },
            shared: Shared::new(vec!["rendered", "on\tce"]),
            flat: Some(Shared::new(Flat { x: 1, y: "z".into() })),
            flat_and_empty: None,
            plain: HexBytes::new(&[0x0a]),
        };
        let json = String::from_utf8(to_json(&value)).unwrap();
        assert_eq!(json, serde_json::to_string(&value).unwrap());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_escaped_as_by_serde_json(text: String) {
            let json = String::from_utf8(to_json(&text)).unwrap();
            proptest::prop_assert_eq!(json, serde_json::to_string(&text).unwrap());
        }
    }
}
