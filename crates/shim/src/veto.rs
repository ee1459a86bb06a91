//! Aborting a session so that not one byte goes out that its secrets protect.

use std::ffi::{c_char, c_int, c_long};
use std::os::fd::BorrowedFd;

use rustix::net::{Shutdown, shutdown};

use crate::library::Library;
use crate::openssl::{BIO_BEFORE_WRITE, Bio, Ssl};

/// Has each later write of a connection fail; whether that could be done.
///
/// OpenSSL asks before each write, whatever the application has put below it (`BIO_set_callback_ex`); what
/// the kernel encrypts goes past it, so a socket is shut down as well.
pub(crate) fn abort(library: &Library, ssl: *const Ssl) -> bool {
    let mut is_closed = false;
    if let (Some(wbio), Some(set)) = (library.wbio, library.bio_set_callback) {
        // SAFETY: OpenSSL gave the connection.
        let bio = unsafe { wbio(ssl) };
        if !bio.is_null() {
            // SAFETY: the connection has it, and the callback lives for ever.
            unsafe { set(bio, Some(veto)) };
            is_closed = true;
        }
    }
    let descriptor = library.descriptor.map_or(-1, |ask| {
        // SAFETY: OpenSSL gave the connection.
        unsafe { ask(ssl) }
    });
    if descriptor >= 0 {
        // SAFETY: OpenSSL writes to it; if it is closed, the answer is an error.
        let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
        is_closed |= shutdown(socket, Shutdown::Both).is_ok();
    }
    is_closed
}

unsafe extern "C" fn veto(
    _bio: *mut Bio,
    operation: c_int,
    _data: *const c_char,
    _len: usize,
    _argument: c_int,
    _long: c_long,
    result: c_int,
    _processed: *mut usize,
) -> c_long {
    if operation == BIO_BEFORE_WRITE { -1 } else { result.into() }
}
