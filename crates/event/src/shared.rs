//! Values that many events share: held once, rendered to JSON once.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::json::{RENDERED, write_json};

/// A registry name, or `0x1234` for a code point without one.
pub type Name = Cow<'static, str>;

/// A list of names, such as the cipher suites of a `ClientHello`.
pub type NameList = Shared<Vec<Name>>;

/// A value whose JSON is rendered when it is made and copied whenever an event is written.
///
/// Only [`write_json`] can write it everywhere. `serde_json` knows the form, which is that of its
/// `RawValue`, but not under `#[serde(flatten)]`.
pub struct Shared<T>(Arc<Rendered<T>>);

struct Rendered<T> {
    value: T,
    json: Box<str>,
}

impl<T: Serialize> Shared<T> {
    /// Takes `value` and renders it.
    ///
    /// # Panics
    /// If the `Serialize` of `T` reports an error. That of strings, numbers, lists and derived
    /// structs of those never does.
    #[expect(clippy::expect_used, reason = "a mistake in the definition of T")]
    pub fn new(value: T) -> Self {
        let mut json = Vec::with_capacity(TYPICAL_LEN);
        write_json(&value, &mut json).expect("a value with a JSON form");
        let json = String::from_utf8(json).expect("JSON is text").into_boxed_str();
        Self(Arc::new(Rendered { value, json }))
    }
}

impl<T> Shared<T> {
    /// Length of the rendered JSON in bytes.
    #[must_use]
    pub fn json_len(&self) -> usize {
        self.0.json.len()
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.value == other.0.value
    }
}

impl<T> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rendered = serializer.serialize_struct(RENDERED, 1)?;
        rendered.serialize_field(RENDERED, &*self.0.json)?;
        rendered.end()
    }
}

impl<T: JsonSchema> JsonSchema for Shared<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Length in bytes that most lists of names stay below; that of certificates is some times as much.
const TYPICAL_LEN: usize = 512;
