//! Tables, before they are written in some format.

/// A report as tables.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) title: &'static str,
    /// What is said before the tables.
    pub(crate) notes: Vec<(&'static str, String)>,
    /// The tables; the first is the report, the others go with it.
    pub(crate) tables: Vec<Table>,
}

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) title: &'static str,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Text(String),
    Number(i64),
    Nothing,
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Nothing, Self::text)
    }

    pub(crate) fn count(count: u64) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }

    pub(crate) fn flag(flag: Option<bool>) -> Self {
        flag.map_or(Self::Nothing, |flag| Self::text(if flag { "yes" } else { "no" }))
    }
}
