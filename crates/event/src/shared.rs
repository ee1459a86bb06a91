//! Values that many events share: held once, rendered to JSON once.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use crate::json::{ToJson, to_json};

/// A registry name, or `0x1234` for a code point without one.
pub type Name = Cow<'static, str>;

/// A list of names, such as the cipher suites of a `ClientHello`.
pub type NameList = Shared<Vec<Name>>;

/// A value whose JSON is rendered when it is made and copied whenever an event is written.
pub struct Shared<T>(Arc<Rendered<T>>);

struct Rendered<T> {
    value: T,
    json: Box<[u8]>,
}

impl<T: ToJson> Shared<T> {
    /// Takes `value` and renders it.
    #[must_use]
    pub fn new(value: T) -> Self {
        let json = to_json(&value).into_boxed_slice();
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

impl<T> ToJson for Shared<T> {
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.json);
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        if let [b'{', fields @ .., b'}'] = &*self.0.json
            && !fields.is_empty()
        {
            out.push(b',');
            out.extend_from_slice(fields);
        }
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.value.serialize(serializer)
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
