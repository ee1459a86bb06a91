//! Values that events are made of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ToJson, text, write_enclosed, write_object};

impl<T: ToJson + ?Sized> ToJson for &T {
    fn write_json(&self, out: &mut Vec<u8>) {
        (**self).write_json(out);
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        (**self).write_fields(out);
    }
}

impl<T: ToJson + ?Sized> ToJson for Box<T> {
    fn write_json(&self, out: &mut Vec<u8>) {
        (**self).write_json(out);
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        (**self).write_fields(out);
    }
}

impl<T: ToJson + ?Sized> ToJson for Arc<T> {
    fn write_json(&self, out: &mut Vec<u8>) {
        (**self).write_json(out);
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        (**self).write_fields(out);
    }
}

impl<T: ToJson> ToJson for Option<T> {
    #[inline]
    fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write_json(out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write_fields(out);
        }
    }
}

impl<T: ToJson> ToJson for [T] {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_enclosed(out, [b'[', b']'], |out| {
            for value in self {
                out.push(b',');
                value.write_json(out);
            }
        });
    }
}

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn write_json(&self, out: &mut Vec<u8>) {
        self.as_slice().write_json(out);
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn write_json(&self, out: &mut Vec<u8>) {
        self.as_slice().write_json(out);
    }
}

impl<K: AsRef<str>, V: ToJson> ToJson for BTreeMap<K, V> {
    fn write_json(&self, out: &mut Vec<u8>) {
        write_object(out, |out| self.write_fields(out));
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        for (name, value) in self {
            out.push(b',');
            name.as_ref().write_json(out);
            out.push(b':');
            value.write_json(out);
        }
    }
}

impl ToJson for str {
    #[inline]
    fn write_json(&self, out: &mut Vec<u8>) {
        text::write_text(out, self.as_bytes());
    }
}

impl ToJson for String {
    fn write_json(&self, out: &mut Vec<u8>) {
        self.as_str().write_json(out);
    }
}

impl ToJson for Cow<'_, str> {
    fn write_json(&self, out: &mut Vec<u8>) {
        (**self).write_json(out);
    }
}

impl ToJson for bool {
    #[inline]
    fn write_json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToJson for $number {
            fn write_json(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, i64);
