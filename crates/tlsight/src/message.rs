//! Messages to the user, on standard error.

use std::io::{self, IsTerminal as _, Write as _};

use crate::output::clean;

/// Prints a message; a standard error that is gone is nobody's to tell.
pub(crate) fn error(text: &str) {
    let text = clean(text).replace("\\\\", "\\");
    writeln!(io::stderr(), "tlsight: {text}").ok();
}

/// Prints a message that only somebody who looks on has a use for.
pub(crate) fn notice(text: &str) {
    if io::stderr().is_terminal() {
        error(text);
    }
}
