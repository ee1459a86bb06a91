//! Messages to the user, on standard error.

use std::io::{self, Write as _};

use crate::output::clean;

/// Prints a message; a standard error that is gone is nobody's to tell.
pub(crate) fn error(text: &str) {
    let text = clean(text).replace("\\\\", "\\");
    writeln!(io::stderr(), "tlsight: {text}").ok();
}
