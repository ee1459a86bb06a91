//! Functions of TLS libraries that take and give clear text.

use super::elf::{Elf, Function};
use super::place::{Place, Stepping, inner_function};
use std::fs::File;

/// Kinds of TLS libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Library {
    /// OpenSSL 1.1 and 3, and what has its functions: BoringSSL, LibreSSL, AWS-LC.
    OpenSsl,
    /// GnuTLS.
    GnuTls,
}

impl Library {
    /// The name that its makers use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenSsl => "OpenSSL",
            Self::GnuTls => "GnuTLS",
        }
    }
}

/// What a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
    Handshake,
    SendFile,
    /// It frees the object of a connection.
    Release,
    /// It writes records of TLS to a socket or to memory.
    WriteRecords,
}

impl Operation {
    /// Whether the return of the function is of interest.
    pub(crate) const fn has_return(self) -> bool {
        !matches!(self, Self::Release | Self::WriteRecords)
    }
}

/// How a function says how many bytes it has moved (`enum result` of `bpf/clear_calls.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Int,
    Long,
    /// By an int that is positive if the number is where its fourth argument points.
    Status,
}

/// A function of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    library: Library,
    name: &'static str,
    operation: Operation,
    outcome: Outcome,
    /// The function that this one hands all of its calls to, if the library has it.
    covered_by: Option<&'static str>,
}

/// A probe of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) library: Library,
    /// The function that is documented.
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    pub(crate) outcome: Outcome,
    /// Its place in the file.
    pub(crate) offset: u64,
    pub(crate) stepping: Stepping,
}

/// Names of all functions of interest.
pub(crate) fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.name).chain(PEEKING).collect()
}

/// Where probes go in a file with these functions.
pub(crate) fn probes(elf: &Elf, file: &mut File) -> Vec<Probe> {
    let inner = [
        inner(elf, file, "SSL_read", "SSL_read_ex"),
        inner(elf, file, "SSL_write", "SSL_write_ex"),
    ];
    let mut probes = Vec::new();
    for known in KNOWN {
        let Some(function) = elf.function(known.name) else { continue };
        let mut known = *known;
        if known.covered_by.is_some_and(|other| elf.function(other).is_some()) {
            continue;
        }
        let function = match inner.iter().flatten().find(|inner| inner.serves(known.name)) {
            Some(inner) if inner.second == known.name => continue,
            Some(inner) => {
                known.outcome = Outcome::Status;
                inner.function
            }
            None => function,
        };
        let code = elf.code(file, function.address, PROLOGUE_LEN).unwrap_or_default();
        let place = if known.operation.has_return() {
            Place::at_entry(&code)
        } else {
            Place::before_branch(&code)
        };
        let address = function.address.checked_add(place.at);
        let Some(offset) = address.and_then(|address| elf.offset_of(address)) else { continue };
        probes.push(Probe {
            library: known.library,
            name: known.name,
            operation: known.operation,
            outcome: known.outcome,
            offset,
            stepping: place.stepping,
        });
    }
    probes
}

/// A function that two others hand their calls to.
struct Inner {
    first: &'static str,
    second: &'static str,
    function: Function,
}

impl Inner {
    fn serves(&self, name: &str) -> bool {
        self.first == name || self.second == name
    }
}

/// The function behind two that differ in how they tell what was moved, if that is beyond doubt: both
/// call it first and with the same arguments, and those that only peek call another one.
fn inner(elf: &Elf, file: &mut File, first: &'static str, second: &'static str) -> Option<Inner> {
    let mut behind = |name| {
        let function = elf.function(name)?;
        let len = function.len.min(PROLOGUE_LEN);
        let code = elf.code(file, function.address, len)?;
        inner_function(&code, function.address)
    };
    let address = behind(first)?;
    let is_shared = behind(second) == Some(address);
    let peeks = PEEKING.iter().any(|name| behind(name) == Some(address));
    if !is_shared || peeks {
        return None;
    }
    let function = Function { address, len: 0 };
    let code = elf.code(file, address, PROLOGUE_LEN)?;
    // Nothing is gained where the kernel steps over that one as well.
    let gains = Place::at_entry(&code).stepping == Stepping::Emulated;
    gains.then_some(Inner { first, second, function })
}

const fn known(
    library: Library,
    name: &'static str,
    operation: Operation,
    outcome: Outcome,
) -> Known {
    Known { library, name, operation, outcome, covered_by: None }
}

/// Functions that give what the next call of another one gives again.
const PEEKING: [&str; 2] = ["SSL_peek", "SSL_peek_ex"];

/// Early data goes through `SSL_read_ex` and `SSL_write_ex`, called by the library itself
/// (`ssl/ssl_lib.c` of OpenSSL 1.1.1 to 3.5).
const KNOWN: &[Known] = &[
    known(Library::OpenSsl, "SSL_read", Operation::Read, Outcome::Int),
    known(Library::OpenSsl, "SSL_read_ex", Operation::Read, Outcome::Status),
    known(Library::OpenSsl, "SSL_read_early_data", Operation::Read, Outcome::Status),
    known(Library::OpenSsl, "SSL_write", Operation::Write, Outcome::Int),
    known(Library::OpenSsl, "SSL_write_ex", Operation::Write, Outcome::Status),
    known(Library::OpenSsl, "SSL_write_early_data", Operation::Write, Outcome::Status),
    known(Library::OpenSsl, "SSL_sendfile", Operation::SendFile, Outcome::Long),
    known(Library::OpenSsl, "SSL_do_handshake", Operation::Handshake, Outcome::Int),
    known(Library::OpenSsl, "SSL_free", Operation::Release, Outcome::Int),
    known(Library::OpenSsl, "BIO_write", Operation::WriteRecords, Outcome::Int),
    Known {
        covered_by: Some("gnutls_record_send2"),
        ..known(Library::GnuTls, "gnutls_record_send", Operation::Write, Outcome::Long)
    },
    known(Library::GnuTls, "gnutls_record_send2", Operation::Write, Outcome::Long),
    known(Library::GnuTls, "gnutls_record_recv", Operation::Read, Outcome::Long),
    known(Library::GnuTls, "gnutls_record_recv_seq", Operation::Read, Outcome::Long),
    known(Library::GnuTls, "gnutls_handshake", Operation::Handshake, Outcome::Int),
    known(Library::GnuTls, "gnutls_deinit", Operation::Release, Outcome::Int),
];

/// Bytes of a function that are looked at.
const PROLOGUE_LEN: u64 = 256;
