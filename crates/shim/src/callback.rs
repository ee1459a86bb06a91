//! What OpenSSL calls with each line of a key log.

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::ptr;

use courier::{Begun, Courier, Verdict};
use handover::{Fact, Gathering, KeyLine, Library as Kind, Lookup, Role, Session, Text, Told};

use crate::job::Job;
use crate::library::{self, Library};
use crate::openssl::{HOST_NAME, KeyLogCallback, Ssl, SslRandom};
use crate::{interpose, settings, veto};

/// One callback for each library, so that each knows whose it is.
pub(crate) const ALL: &[KeyLogCallback; 4] = &[told::<0>, told::<1>, told::<2>, told::<3>];

unsafe extern "C" fn told<const NUMBER: usize>(ssl: *const Ssl, line: *const c_char) {
    let Some(library) = library::numbered(NUMBER) else { return };
    if ssl.is_null() || line.is_null() {
        return;
    }
    // SAFETY: the C library gives each thread its own, and nobody else writes it meanwhile.
    let before = unsafe { *libc::__errno_location() };
    // SAFETY: OpenSSL gives a string of C.
    take(library, ssl, unsafe { CStr::from_ptr(line) });
    // SAFETY: OpenSSL gives a connection of this library.
    let context = unsafe { (library.ssl_context)(ssl) };
    // SAFETY: as above; a job may have come back to another thread.
    unsafe { *libc::__errno_location() = before };
    if let Some(callback) = interpose::application_callback(library, context) {
        // SAFETY: the application has set it to be called so.
        unsafe { callback(ssl, line) };
    }
}

/// What is kept of a connection.
#[derive(Default)]
struct Kept {
    gathering: Gathering,
    is_aborted: bool,
}

fn take(library: &Library, ssl: *const Ssl, line: &CStr) {
    let Some(courier) = settings::courier() else { return };
    let Lookup::Secret(KeyLine { random, secret }) = KeyLine::read(line.to_bytes()) else { return };
    let kept = kept(library, ssl);
    // SAFETY: nothing else is kept under our index, and a connection is used by one thread at a time.
    let Some(kept) = (unsafe { kept.as_mut() }) else { return };
    if kept.is_aborted {
        return;
    }
    let Some(told) = kept.gathering.add(&random, secret) else { return };
    if hand_over(courier, library, ssl, random, told) == Verdict::Abort {
        kept.is_aborted = veto::abort(library, ssl);
        if !kept.is_aborted {
            courier.count_not_aborted();
        }
    }
}

/// Hands over, and waits if the session is to: in a way that leaves the thread to a program which can wait so.
fn hand_over(
    courier: &Courier,
    library: &Library,
    ssl: *const Ssl,
    random: [u8; 32],
    told: Told,
) -> Verdict {
    let session = session(library, ssl, random);
    let Some(job) = Job::current(library, ssl) else { return courier.hand_over(session, told) };
    match courier.begin(session, told) {
        Begun::Over(verdict) => verdict,
        Begun::Waits(waiting) => courier.end(*job.wait(waiting)),
    }
}

/// What is kept of a connection; made with its first secret. Null if that cannot be.
fn kept(library: &Library, ssl: *const Ssl) -> *mut Kept {
    // SAFETY: the connection is of this library, which gave us the index.
    let mut kept: *mut Kept = unsafe { (library.ssl_ex_data)(ssl, library.ssl_index) }.cast();
    if kept.is_null() {
        kept = Box::into_raw(Box::default());
        // SAFETY: as above; what we put there is freed by `free`.
        if unsafe { (library.ssl_set_ex_data)(ssl, library.ssl_index, kept.cast()) } != 1 {
            // SAFETY: it came out of a box and nobody else has seen it.
            drop(unsafe { Box::from_raw(kept) });
            return ptr::null_mut();
        }
    }
    kept
}

/// Frees what is kept of a connection that is freed.
pub(crate) unsafe extern "C" fn free(
    _connection: *mut c_void,
    kept: *mut c_void,
    _data: *mut c_void,
    _index: c_int,
    _number: c_long,
    _argument: *mut c_void,
) {
    if !kept.is_null() {
        // SAFETY: it came out of such a box, and OpenSSL has forgotten it.
        drop(unsafe { Box::from_raw(kept.cast::<Kept>()) });
    }
}

/// A copy of a connection (`SSL_dup`) begins with nothing kept.
pub(crate) unsafe extern "C" fn forget(
    _to: *mut c_void,
    _from: *const c_void,
    kept: *mut c_void,
    _index: c_int,
    _number: c_long,
    _argument: *mut c_void,
) -> c_int {
    if !kept.is_null() {
        // SAFETY: OpenSSL gives the place of the pointer that the copy will get.
        unsafe { *kept.cast::<*mut c_void>() = ptr::null_mut() };
    }
    1
}

/// What OpenSSL knows of a session at this time.
fn session(library: &Library, ssl: *const Ssl, client_random: [u8; 32]) -> Session {
    let mut session = Session::new(Kind::OpenSsl, client_random);
    // SAFETY: here and below, OpenSSL gave the connection, and these functions only read it.
    session.role = library.is_server.map(|ask| match unsafe { ask(ssl) } {
        0 => Role::Client,
        _ => Role::Server,
    });
    // SAFETY: as above.
    let version = library.version.map(|ask| unsafe { ask(ssl) });
    session.version = version.and_then(|version| u16::try_from(version).ok()).unwrap_or(0);
    let ciphers = [library.pending_cipher, library.current_cipher];
    // SAFETY: as above.
    let cipher = ciphers.into_iter().flatten().map(|ask| unsafe { ask(ssl) });
    let cipher = cipher.into_iter().find(|cipher| !cipher.is_null());
    if let (Some(cipher), Some(id)) = (cipher, library.cipher_id) {
        // SAFETY: the connection has this cipher, which is a constant of the library.
        session.cipher_suite = unsafe { id(cipher) };
    }
    session.server_random = library.server_random.and_then(|ask| random(ask, ssl));
    session.server_name = server_name(library, ssl);
    let descriptor = library.descriptor.map_or(-1, |ask| {
        // SAFETY: as above.
        unsafe { ask(ssl) }
    });
    if descriptor >= 0 {
        (session.local, session.peer) = addresses(descriptor);
    }
    session
}

/// A random, unless it is not known yet.
fn random(ask: SslRandom, ssl: *const Ssl) -> Option<[u8; 32]> {
    let mut random = [0; 32];
    // SAFETY: OpenSSL gave the connection; it writes at most as many bytes as there is room for.
    let len = unsafe { ask(ssl, random.as_mut_ptr(), random.len()) };
    (len == random.len() && random != [0; 32]).then_some(random)
}

fn server_name(library: &Library, ssl: *const Ssl) -> Fact<Text> {
    let Some(ask) = library.server_name else { return Fact::Unknown };
    // SAFETY: OpenSSL gave the connection.
    let name = unsafe { ask(ssl, HOST_NAME) };
    if name.is_null() {
        return Fact::Absent;
    }
    // SAFETY: it is a string of C that lives as long as the connection.
    let name = unsafe { CStr::from_ptr(name) }.to_str();
    name.ok().and_then(|name| Text::from(name).ok()).map_or(Fact::Unknown, Fact::Known)
}

/// The addresses of a socket of the application.
fn addresses(descriptor: c_int) -> (Option<SocketAddr>, Option<SocketAddr>) {
    // SAFETY: it is only asked about while OpenSSL writes to it; if it is closed, the answer is an error.
    let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let local = rustix::net::getsockname(socket).ok().and_then(|it| it.try_into().ok());
    let peer = rustix::net::getpeername(socket).ok().flatten();
    (local, peer.and_then(|it| it.try_into().ok()))
}
