//! What clients are told: the shapes of the API.

pub(crate) mod account;
pub(crate) mod agent;
pub(crate) mod certificate;
pub(crate) mod edge;
pub(crate) mod enrolment;
pub(crate) mod notifier;
pub(crate) mod overview;
pub(crate) mod policy;
pub(crate) mod rollout;
pub(crate) mod session;
pub(crate) mod violation;

use event::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T: ToSchema> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// What to ask for next with; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// How many there are in all, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) total: Option<u64>,
}

impl<T: ToSchema> Page<T> {
    /// A page of the store, each entry as clients are told.
    pub(crate) fn of<S>(paged: store::Paged<S>, told: impl FnMut(S) -> T) -> Self {
        let next_cursor = paged.next.map(|cursor| cursor.to_string());
        Self { items: paged.items.into_iter().map(told).collect(), next_cursor, total: paged.total }
    }

    /// A list that is all there is.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        let total = u64::try_from(items.len()).ok();
        Self { items, next_cursor: None, total }
    }
}

/// A span of time.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Window {
    /// Its begin.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) from: Timestamp,
    /// Its end, which is not in it.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) to: Timestamp,
}

/// How often something was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Count {
    /// What.
    pub(crate) name: String,
    /// How often.
    pub(crate) count: u64,
}

impl From<store::Count> for Count {
    fn from(count: store::Count) -> Self {
        Self { name: count.name, count: count.count }
    }
}

/// Counts, as clients are told.
pub(crate) fn counts(counts: Vec<store::Count>) -> Vec<Count> {
    counts.into_iter().map(Count::from).collect()
}

impl From<store::Window> for Window {
    fn from(window: store::Window) -> Self {
        Self { from: window.from, to: window.to }
    }
}
