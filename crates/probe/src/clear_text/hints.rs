//! Signs of TLS where no probe can be put.

use std::fmt;

/// Why the clear text of a file's TLS cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The Java virtual machine compiles the TLS of Java at run time.
    Java,
    /// OpenSSL is a part of the file, and its functions have no names.
    StrippedOpenSsl,
    /// BoringSSL is a part of the file, its functions have no names, and its code does not tell them for
    /// certain.
    StrippedBoringSsl,
    /// rustls is a part of the file, and its functions have no names, or it is of another version.
    Rustls,
    /// It is the program that would tell of it: what it tells would have to be told again.
    Itself,
    /// The program is of a version of Go whose tables are others.
    OldGo,
    /// More files with a TLS library are in use than can have probes.
    NoRoom,
    /// Probes have cost the process more than its budget.
    OverBudget,
}

impl Reason {
    /// The sign of TLS in constants of a file that has none of the functions that are known.
    pub(crate) fn of_constants(constants: &[u8]) -> Option<Self> {
        // What they begin with is rare enough for a look at each such place to be cheap.
        let mut begins = [false; 256];
        for first in MARKS.iter().filter_map(|(mark, _)| mark.first()) {
            if let Some(begins) = begins.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        for (at, byte) in constants.iter().enumerate() {
            if begins.get(usize::from(*byte)) != Some(&true) {
                continue;
            }
            let rest = constants.get(at..).unwrap_or_default();
            if let Some((_, reason)) = MARKS.iter().find(|(mark, _)| rest.starts_with(mark)) {
                return Some(*reason);
            }
        }
        None
    }

    /// The sign of TLS in the name of a file.
    pub(crate) fn of_name(path: &str) -> Option<Self> {
        let name = path.trim_end_matches(" (deleted)").rsplit('/').next()?;
        (name == "libjvm.so").then_some(Self::Java)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Java => "TLS of Java is compiled at run time",
            Self::StrippedOpenSsl => "OpenSSL inside, without the names of its functions",
            Self::StrippedBoringSsl => "BoringSSL inside, without the names of its functions, which its code does not tell for certain",
            Self::Rustls => "rustls inside, without the names of its functions, or of a version that is not known",
            Self::Itself => "the program that mirrors, which would tell of its own telling",
            Self::OldGo => "a version of Go that is not known",
            Self::OverBudget => "probes would cost it more than its budget",
            Self::NoRoom => "too many files with a TLS library are in use",
        })
    }
}

/// What is only in the files of these libraries, such as names of their sources. Programs that use a
/// shared OpenSSL have its version as well.
const MARKS: [(&[u8], Reason); 5] = [
    (b"BoringSSL", Reason::StrippedBoringSsl),
    (b"boringssl/ssl/", Reason::StrippedBoringSsl),
    (b"ssl/statem/statem_clnt.c", Reason::StrippedOpenSsl),
    (b"rustls::msgs::", Reason::Rustls),
    (b"/rustls-0.", Reason::Rustls),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_tls_are_told_apart() {
        let of = |constants: &str| Reason::of_constants(constants.as_bytes());
        assert_eq!(of("x BoringSSL y"), Some(Reason::StrippedBoringSsl));
        assert_eq!(of("../ssl/statem/statem_clnt.c"), Some(Reason::StrippedOpenSsl));
        assert_eq!(of("x/rustls-0.23.46/src/conn.rs"), Some(Reason::Rustls));
        assert_eq!(of("x/tokio-rustls-0.26.6/src/lib.rs"), None);
        assert_eq!(of("built with OpenSSL 3.0.17 1 Jul 2025"), None);
        assert_eq!(
            Reason::of_name("/usr/lib/jvm/x/server/libjvm.so (deleted)"),
            Some(Reason::Java)
        );
        assert_eq!(Reason::of_name("/usr/lib/libssl.so.3"), None);
    }
}
