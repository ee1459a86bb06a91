//! Which columns of the table are shown, and how wide, on a terminal of a given width.

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    /// Time of the first handshake message, of the day.
    Time,
    /// Processes, where sockets tell them.
    Process,
    /// Client.
    Client,
    /// Server.
    Server,
    /// Server name.
    Name,
    /// Version.
    Version,
    /// Cipher suite.
    Cipher,
    /// Group of the key exchange.
    Group,
    /// Server's certificate.
    Certificate,
    /// Everything else; takes the rest of the line.
    Flags,
}

impl Column {
    /// The heading.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Time => "TIME",
            Self::Process => "PROCESS",
            Self::Client => "CLIENT",
            Self::Server => "SERVER",
            Self::Name => "NAME",
            Self::Version => "VERS",
            Self::Cipher => "CIPHER",
            Self::Group => "GROUP",
            Self::Certificate => "CERT",
            Self::Flags => "FLAGS",
        }
    }
}

/// The columns of a table from left to right, with their widths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    columns: Vec<(Column, usize)>,
}

impl Layout {
    /// The layout for lines of `line_columns`, at least [`NARROWEST`].
    pub(crate) fn new(line_columns: usize) -> Self {
        Self::of(BASE, &STEPS, line_columns)
    }

    /// The layout for what is seen at sockets: the process comes before the client's address.
    pub(crate) fn at_sockets(line_columns: usize) -> Self {
        Self::of(BASE_AT_SOCKETS, &STEPS_AT_SOCKETS, line_columns)
    }

    fn of(base: [(Column, usize); 7], steps: &[(Column, usize)], line_columns: usize) -> Self {
        let mut columns = base.to_vec();
        let mut spare = line_columns.saturating_sub(NARROWEST);
        for &(wanted, target) in steps {
            let shown = columns.iter_mut().find(|(column, _)| *column == wanted);
            let (now, gap) = shown.as_ref().map_or((0, GAP), |(_, width)| (*width, 0));
            let Some(rest) = spare.checked_sub(target.saturating_sub(now).saturating_add(gap))
            else {
                continue;
            };
            spare = rest;
            match shown {
                Some((_, width)) => *width = target,
                None => columns.push((wanted, target)),
            }
        }
        columns.sort_unstable();
        if let Some((_, width)) = columns.last_mut() {
            *width = width.saturating_add(spare);
        }
        Self { columns }
    }

    /// The columns from left to right.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (Column, usize)> {
        self.columns.iter().copied()
    }

    /// Whether `column` is shown.
    pub(crate) fn has(&self, column: Column) -> bool {
        self.columns.iter().any(|(shown, _)| *shown == column)
    }
}

/// Columns between two cells.
pub(crate) const GAP: usize = 1;

/// The narrowest line that the table is made for; narrower terminals wrap.
pub(crate) const NARROWEST: usize = 80;

/// What every table shows, at its smallest: with six gaps, [`NARROWEST`].
const BASE: [(Column, usize); 7] = [
    (Column::Time, 8),
    (Column::Client, 15),
    (Column::Name, 18),
    (Column::Version, 4),
    (Column::Group, 14),
    (Column::Certificate, 6),
    (Column::Flags, 9),
];

/// What wider tables add, column or width, each if there is room for all of it. What is left is for
/// the flags.
const STEPS: [(Column, usize); 15] = [
    (Column::Cipher, 10),
    (Column::Version, 7),
    (Column::Flags, 15),
    (Column::Server, 15),
    (Column::Flags, 19),
    (Column::Certificate, 9),
    (Column::Time, 12),
    (Column::Name, 24),
    (Column::Flags, 25),
    (Column::Server, 21),
    (Column::Client, 21),
    (Column::Certificate, 16),
    (Column::Cipher, 27),
    (Column::Group, 17),
    (Column::Name, 40),
];

/// The same at sockets.
const BASE_AT_SOCKETS: [(Column, usize); 7] = [
    (Column::Time, 8),
    (Column::Process, 15),
    (Column::Name, 18),
    (Column::Version, 4),
    (Column::Group, 14),
    (Column::Certificate, 6),
    (Column::Flags, 9),
];
const STEPS_AT_SOCKETS: [(Column, usize); 18] = [
    (Column::Server, 15),
    (Column::Cipher, 10),
    (Column::Process, 20),
    (Column::Version, 7),
    (Column::Flags, 15),
    (Column::Client, 15),
    (Column::Certificate, 9),
    (Column::Time, 12),
    (Column::Name, 24),
    (Column::Flags, 19),
    (Column::Server, 21),
    (Column::Client, 21),
    (Column::Process, 32),
    (Column::Certificate, 16),
    (Column::Flags, 25),
    (Column::Cipher, 27),
    (Column::Group, 17),
    (Column::Name, 40),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_filled_and_not_exceeded() {
        for line in NARROWEST..400 {
            for layout in [Layout::new(line), Layout::at_sockets(line)] {
                let cells: usize = layout.columns().map(|(_, width)| width).sum();
                let gaps = GAP * (layout.columns().count() - 1);
                assert_eq!(cells + gaps, line);
            }
        }
    }

    #[test]
    fn a_narrow_terminal_gets_the_narrowest_table() {
        assert_eq!(Layout::new(0), Layout::new(NARROWEST));
        assert!(!Layout::new(NARROWEST).has(Column::Cipher));
    }

    #[test]
    fn a_wide_terminal_shows_everything_in_order() {
        let layout = Layout::new(120);
        let shown: Vec<Column> = layout.columns().map(|(column, _)| column).collect();
        assert_eq!(shown.len(), Column::Flags as usize);
        assert!(shown.is_sorted());
        let at_sockets = Layout::at_sockets(160);
        assert_eq!(at_sockets.columns().count(), Column::Flags as usize + 1);
    }

    #[test]
    fn titles_fit_their_columns() {
        for (column, width) in
            BASE.into_iter().chain(STEPS).chain(BASE_AT_SOCKETS).chain(STEPS_AT_SOCKETS)
        {
            assert!(column.title().len() <= width, "{column:?}");
        }
    }
}
