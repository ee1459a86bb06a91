//! Functions of TLS libraries that take and give clear text.

use super::elf::{Elf, Function};
use super::place::{Arguments, Place, Stepping, inner_function, returns};
use super::rustls::Version;
use std::fs::File;

/// Kinds of TLS libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Library {
    /// OpenSSL 1.1 and 3, and what has its functions: BoringSSL, LibreSSL, AWS-LC.
    OpenSsl,
    /// GnuTLS.
    GnuTls,
    /// NSS, by the functions of NSPR.
    Nss,
    /// wolfSSL.
    WolfSsl,
    /// Mbed TLS.
    MbedTls,
    /// `crypto/tls` of Go.
    Go,
    /// rustls.
    Rustls,
}

impl Library {
    /// The name that its makers use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenSsl => "OpenSSL",
            Self::GnuTls => "GnuTLS",
            Self::Nss => "NSS",
            Self::WolfSsl => "wolfSSL",
            Self::MbedTls => "Mbed TLS",
            Self::Go => "Go crypto/tls",
            Self::Rustls => "rustls",
        }
    }
}

/// What a function does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
    /// It moves no clear text of its own, or only what another function has taken before.
    Handshake,
    SendFile,
    /// It reads what stays in memory of the library.
    ReadPacket,
    /// It returns an object of which functions that serve others as well are of interest.
    Mark,
    /// It frees the object of a connection.
    Release,
    /// It writes records of TLS to a socket or to memory.
    WriteRecords,
    /// It makes a record of clear text.
    Seal,
    /// It opens a record to clear text.
    Open,
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
    /// By the record that there is then, or was before (`enum cipher_version` of `bpf/clear_ciphers.h`).
    Record(Version),
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
    /// Whether the function serves other objects as well.
    needs_mark: bool,
}

/// A probe of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) library: Library,
    /// The function that is documented.
    pub(crate) name: &'static str,
    pub(crate) operation: Operation,
    pub(crate) outcome: Outcome,
    pub(crate) needs_mark: bool,
    /// Its place in the file.
    pub(crate) offset: u64,
    pub(crate) stepping: Stepping,
    /// Places where it returns, if its return address cannot be taken from the stack.
    pub(crate) returns: Vec<u64>,
}

/// Names of all functions of interest.
pub(crate) fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.name).chain(PEEKING).collect()
}

/// Where the name of a shared library stands among those that have functions of interest, which are best
/// looked into in this order; `None` if it is another one.
pub(crate) fn rank(path: &str) -> Option<usize> {
    let name = path.rsplit('/').next()?;
    FILES
        .iter()
        .position(|known| name.strip_prefix(known).is_some_and(|rest| rest.starts_with(['.', '-'])))
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
        if known.library == Library::Go && cfg!(not(target_arch = "x86_64")) {
            continue;
        }
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
        probes.extend(probe(elf, file, &known, function));
    }
    for cipher in elf.ciphers() {
        let known = known(Library::Rustls, cipher.name, cipher.operation, cipher.outcome());
        probes.extend(probe(elf, file, &known, cipher.function));
    }
    probes
}

fn probe(elf: &Elf, file: &mut File, known: &Known, function: Function) -> Option<Probe> {
    let is_go = known.library == Library::Go;
    let code_len = if is_go { function.len.min(MAX_CODE_LEN) } else { PROLOGUE_LEN };
    let code = elf.code(file, function.address, code_len).unwrap_or_default();
    let place = match (is_go, known.operation.has_return()) {
        (true, _) => Place::before_branch(&code, Arguments::Go),
        (false, true) => Place::at_entry(&code),
        (false, false) => Place::before_branch(&code, Arguments::SystemV),
    };
    let offset = |into: u64| elf.offset_of(function.address.checked_add(into)?);
    let returns = if is_go && known.operation.has_return() { returns(&code) } else { Vec::new() };
    Some(Probe {
        library: known.library,
        name: known.name,
        operation: known.operation,
        outcome: known.outcome,
        needs_mark: known.needs_mark,
        offset: offset(place.at)?,
        stepping: place.stepping,
        returns: returns.into_iter().filter_map(offset).collect(),
    })
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
    Known { library, name, operation, outcome, covered_by: None, needs_mark: false }
}

/// A function of NSPR, which is for files and sockets of any kind.
const fn nspr(name: &'static str, operation: Operation) -> Known {
    let known = known(Library::Nss, name, operation, Outcome::Int);
    Known { needs_mark: !matches!(operation, Operation::Mark), ..known }
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
    known(Library::GnuTls, "gnutls_record_recv_early_data", Operation::Read, Outcome::Long),
    known(Library::GnuTls, "gnutls_record_recv_packet", Operation::ReadPacket, Outcome::Long),
    // It sends what was taken before by calling `gnutls_record_send` itself.
    known(Library::GnuTls, "gnutls_record_uncork", Operation::Handshake, Outcome::Int),
    known(Library::GnuTls, "gnutls_handshake", Operation::Handshake, Outcome::Int),
    known(Library::GnuTls, "gnutls_deinit", Operation::Release, Outcome::Int),
    nspr("SSL_ImportFD", Operation::Mark),
    nspr("PR_Read", Operation::Read),
    nspr("PR_Recv", Operation::Read),
    nspr("PR_Write", Operation::Write),
    nspr("PR_Send", Operation::Write),
    nspr("PR_Close", Operation::Release),
    known(Library::WolfSsl, "wolfSSL_read", Operation::Read, Outcome::Int),
    known(Library::WolfSsl, "wolfSSL_recv", Operation::Read, Outcome::Int),
    known(Library::WolfSsl, "wolfSSL_write", Operation::Write, Outcome::Int),
    known(Library::WolfSsl, "wolfSSL_send", Operation::Write, Outcome::Int),
    known(Library::WolfSsl, "wolfSSL_connect", Operation::Handshake, Outcome::Int),
    known(Library::WolfSsl, "wolfSSL_accept", Operation::Handshake, Outcome::Int),
    known(Library::WolfSsl, "wolfSSL_free", Operation::Release, Outcome::Int),
    known(Library::MbedTls, "mbedtls_ssl_read", Operation::Read, Outcome::Int),
    known(Library::MbedTls, "mbedtls_ssl_write", Operation::Write, Outcome::Int),
    known(Library::MbedTls, "mbedtls_ssl_handshake", Operation::Handshake, Outcome::Int),
    known(Library::MbedTls, "mbedtls_ssl_free", Operation::Release, Outcome::Int),
    known(Library::Go, "crypto/tls.(*Conn).Read", Operation::Read, Outcome::Long),
    known(Library::Go, "crypto/tls.(*Conn).Write", Operation::Write, Outcome::Long),
    known(Library::Go, "crypto/tls.(*Conn).Close", Operation::Release, Outcome::Long),
];

/// Names of shared libraries without what follows. The one of OpenSSL's two that only serves programs which
/// send records themselves comes last.
const FILES: [&str; 7] =
    ["libssl", "libgnutls", "libssl3", "libnspr4", "libwolfssl", "libmbedtls", "libcrypto"];

/// Code of a function in which returns are looked for: those here have some kilobytes.
const MAX_CODE_LEN: u64 = 64 << 10;

/// Bytes of a function that are looked at.
const PROLOGUE_LEN: u64 = 256;
