//! What was compared, and how it came out.

/// One value of an oracle beside ours.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The oracle.
    pub(super) oracle: &'static str,
    /// The capture, as a path below the folder of captures.
    pub(super) capture: String,
    /// The session, or empty if the value is about the whole capture.
    pub(super) session: String,
    /// The field, by the oracle's name.
    pub(super) field: String,
    /// The oracle's value.
    pub(super) theirs: Option<String>,
    /// Our value.
    pub(super) ours: Option<String>,
}

impl Row {
    /// Whether the two values are the same.
    pub(super) fn agrees(&self) -> bool {
        self.theirs == self.ours
    }
}

/// Something in an oracle that has no counterpart here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Incomparable {
    /// The oracle.
    pub(super) oracle: &'static str,
    /// Why it cannot be compared.
    pub(super) reason: String,
    /// Where it is.
    pub(super) place: String,
}

/// Everything that was compared, or could not be.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The comparisons.
    pub(super) rows: Vec<Row>,
    /// The rest.
    pub(super) incomparable: Vec<Incomparable>,
}

impl Tally {
    /// Says that something in an oracle cannot be compared.
    pub(super) fn cannot(&mut self, oracle: &'static str, place: &str, reason: &str) {
        let (place, reason) = (place.to_owned(), reason.to_owned());
        self.incomparable.push(Incomparable { oracle, reason, place });
    }
}

/// Collects the comparisons of one session, or of one capture.
pub(super) struct Place<'a> {
    /// Where the comparisons go.
    pub(super) tally: &'a mut Tally,
    /// The oracle.
    pub(super) oracle: &'static str,
    /// The capture.
    pub(super) capture: &'a str,
    /// The session, or empty.
    pub(super) session: String,
}

impl Place<'_> {
    /// Compares a value, unless neither side has one.
    pub(super) fn compare(&mut self, field: &str, theirs: Option<String>, ours: Option<String>) {
        if theirs.is_some() || ours.is_some() {
            self.tally.rows.push(Row {
                oracle: self.oracle,
                capture: self.capture.to_owned(),
                session: self.session.clone(),
                field: field.to_owned(),
                theirs,
                ours,
            });
        }
    }

    /// Compares a value that the oracle has.
    pub(super) fn expect(&mut self, field: &str, theirs: &str, ours: Option<String>) {
        self.compare(field, Some(theirs.to_owned()), ours);
    }

    /// Compares counts, unless both are zero.
    pub(super) fn count(&mut self, field: &str, theirs: u64, ours: u64) {
        if theirs > 0 || ours > 0 {
            self.compare(field, Some(theirs.to_string()), Some(ours.to_string()));
        }
    }

    /// Compares lists whose order has no meaning.
    pub(super) fn set(&mut self, field: &str, theirs: Vec<String>, ours: Vec<String>) {
        let joined = |items| super::normal::non_empty(super::normal::sorted(items));
        self.compare(field, joined(theirs), joined(ours));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_on_both_sides_is_no_agreement() {
        let mut tally = Tally::default();
        let mut place =
            Place { tally: &mut tally, oracle: "o", capture: "c", session: String::new() };
        place.compare("a", None, None);
        place.count("b", 0, 0);
        place.set("c", Vec::new(), Vec::new());
        assert!(place.tally.rows.is_empty());
        place.compare("d", None, Some("x".to_owned()));
        place.count("e", 1, 1);
        assert_eq!(tally.rows.iter().map(Row::agrees).collect::<Vec<_>>(), [false, true]);
    }
}
