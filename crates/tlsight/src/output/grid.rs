//! Rows that are known before the first is written, in columns as wide as they need.

use super::sanitize::{clean, shorten, width};
use super::style::{Palette, Tone};

/// A table of texts.
pub(crate) struct Grid {
    titles: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One text, clean, with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell(String, Tone);

impl Cell {
    /// A text from anywhere.
    pub(crate) fn new(text: &str, tone: Tone) -> Self {
        Self(clean(text), tone)
    }

    /// The same without a meaning.
    pub(crate) fn plain(text: &str) -> Self {
        Self::new(text, Tone::Plain)
    }
}

impl Grid {
    /// A table with these columns.
    pub(crate) const fn new(titles: Vec<&'static str>) -> Self {
        Self { titles, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Appends all rows in lines of `columns`. The last column takes what is left; if the others leave
    /// it too little, the widest of them are cut.
    pub(crate) fn write(&self, columns: usize, palette: Palette, out: &mut Vec<u8>) {
        let widths = self.widths(columns);
        let titles: Vec<Cell> =
            self.titles.iter().map(|title| Cell((*title).to_owned(), Tone::Strong)).collect();
        for row in std::iter::once(&titles).chain(&self.rows) {
            let mut owed = 0_usize;
            for (Cell(text, tone), columns) in row.iter().zip(&widths) {
                let text = shorten(text, *columns);
                out.extend(std::iter::repeat_n(b' ', owed));
                palette.paint(out, *tone, &text);
                owed = columns.saturating_sub(width(&text)).saturating_add(GAP);
            }
            out.push(b'\n');
        }
    }

    fn widths(&self, columns: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| width(title)).collect();
        for row in &self.rows {
            for (known, Cell(text, _)) in widths.iter_mut().zip(row) {
                *known = (*known).max(width(text));
            }
        }
        let gaps = GAP.saturating_mul(widths.len().saturating_sub(1));
        let room = columns.saturating_sub(gaps);
        loop {
            let sum: usize = widths.iter().sum();
            let Some(over) = sum.checked_sub(room).filter(|over| *over > 0) else { break };
            let widest = widths.iter_mut().max_by_key(|width| **width);
            let Some(widest) = widest.filter(|width| **width > NARROWEST_CELL) else { break };
            // One step for all that is over would cut one column where two could share it.
            *widest = widest.saturating_sub(over.min(STEP)).max(NARROWEST_CELL);
        }
        widths
    }
}

const GAP: usize = 2;

/// A column of fewer characters says nothing.
const NARROWEST_CELL: usize = 8;

const STEP: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_and_no_wider_than_the_line() {
        let mut grid = Grid::new(vec!["A", "LONGER"]);
        grid.row(vec![Cell::plain("one"), Cell::plain("a rather long text that goes on and on")]);
        grid.row(vec![Cell::plain("\x1b[2J"), Cell::plain("short")]);
        let lines = |columns| {
            let mut out = Vec::new();
            grid.write(columns, Palette::Mono, &mut out);
            String::from_utf8(out).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(80)[0], "A          LONGER");
        assert_eq!(lines(80)[2], "\\u{1b}[2J  short");
        assert!(lines(30).iter().all(|line| width(line) <= 30), "{:?}", lines(30));
        assert!(lines(30)[1].ends_with('…'));
        assert_eq!(lines(0).len(), 3);
    }
}
