//! The header fields of a message.

/// A header field, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name; `None` if it is in the part of a table that was not seen.
    pub name: Option<&'a [u8]>,
    /// Its value; `None` likewise.
    pub value: Option<&'a [u8]>,
}

/// Header fields one behind the other, in one piece of memory.
#[derive(Debug, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    places: Vec<Place>,
    left_out: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    name_len: Option<usize>,
    value_len: Option<usize>,
}

impl Fields {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), places: Vec::new(), left_out: 0 }
    }

    /// Forgets the fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.left_out = 0;
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.places.iter().map(|place| {
            let mut rest = self.bytes.get(place.start..).unwrap_or_default();
            let mut take = |len: Option<usize>| {
                let (taken, after) = rest.split_at_checked(len?)?;
                rest = after;
                Some(taken)
            };
            Field { name: take(place.name_len), value: take(place.value_len) }
        })
    }

    /// Fields beyond the bound, which are not here.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Bytes on the heap.
    #[must_use]
    pub const fn heap_size(&self) -> usize {
        self.bytes
            .capacity()
            .saturating_add(self.places.capacity().saturating_mul(size_of::<Place>()))
    }

    pub(crate) fn push(&mut self, field: Field<'_>) {
        let (name, value) = (field.name.unwrap_or_default(), field.value.unwrap_or_default());
        let len = self.bytes.len().saturating_add(name.len()).saturating_add(value.len());
        if len > MAX_FIELDS_LEN || self.places.len() >= MAX_FIELDS {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        self.places.push(Place {
            start: self.bytes.len(),
            name_len: field.name.map(<[u8]>::len),
            value_len: field.value.map(<[u8]>::len),
        });
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
    }
}

/// Most bytes of the fields of a message: four times what servers take (RFC 7541 section 7.3 warns of
/// one byte that stands for a whole entry of a table).
const MAX_FIELDS_LEN: usize = 256 << 10;

/// Most fields of a message, ten times what servers take.
const MAX_FIELDS: usize = 1024;
