//! A `libssl` that the program has loaded, with the `libcrypto` that it uses.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::callback;
use crate::openssl::{
    AsyncClearFd, AsyncCurrentJob, AsyncPause, AsyncSetFd, AsyncWaitContext, BioSetCallback,
    CipherId, CtxCallback, CtxExData, CtxNew, CtxNewEx, CtxSetCallback, CtxSetExData, EX_INDEX_SSL,
    EX_INDEX_SSL_CTX, ExNewIndex, KeyLogCallback, SslBio, SslContext, SslCtrl, SslCurrentCipher,
    SslExData, SslInt, SslRandom, SslServerName, SslSetExData,
};

/// Functions of one `libssl`. There may be several in a process, such as those in the wheels of Python.
pub(crate) struct Library {
    /// What tells it from others: where its file is mapped.
    base: *mut c_void,
    pub(crate) callback: KeyLogCallback,
    pub(crate) ctx_new: Option<CtxNew>,
    pub(crate) ctx_new_ex: Option<CtxNewEx>,
    pub(crate) ctx_set_callback: CtxSetCallback,
    pub(crate) ctx_callback: CtxCallback,
    pub(crate) ctx_ex_data: CtxExData,
    pub(crate) ctx_set_ex_data: CtxSetExData,
    pub(crate) ssl_ex_data: SslExData,
    pub(crate) ssl_set_ex_data: SslSetExData,
    pub(crate) ssl_context: SslContext,
    /// Where the application's callback is in an `SSL_CTX`, and ours in an `SSL`.
    pub(crate) ctx_index: c_int,
    pub(crate) ssl_index: c_int,
    pub(crate) is_server: Option<SslInt>,
    pub(crate) version: Option<SslInt>,
    pub(crate) descriptor: Option<SslInt>,
    pub(crate) pending_cipher: Option<SslCurrentCipher>,
    pub(crate) current_cipher: Option<SslCurrentCipher>,
    pub(crate) cipher_id: Option<CipherId>,
    pub(crate) server_random: Option<SslRandom>,
    pub(crate) server_name: Option<SslServerName>,
    pub(crate) wbio: Option<SslBio>,
    pub(crate) bio_set_callback: Option<BioSetCallback>,
    pub(crate) asynchronous: Option<Asynchronous>,
}

/// Functions to leave the thread while something is waited for; a library may be built without.
pub(crate) struct Asynchronous {
    pub(crate) ctrl: SslCtrl,
    pub(crate) current_job: AsyncCurrentJob,
    pub(crate) wait_context: AsyncWaitContext,
    pub(crate) set_fd: AsyncSetFd,
    pub(crate) clear_fd: AsyncClearFd,
    pub(crate) pause: AsyncPause,
}

/// The libraries that contexts were made with so far.
static LIBRARIES: [AtomicPtr<Library>; callback::ALL.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; callback::ALL.len()];

/// The library that a pointer leads into, such as that to a method.
pub(crate) fn of(inside: *const c_void) -> Option<&'static Library> {
    let info = holder(inside);
    let base = info.map_or(ptr::null_mut(), |info| info.dli_fbase);
    for (place, callback) in LIBRARIES.iter().zip(callback::ALL) {
        let mut known = place.load(Ordering::Acquire);
        if known.is_null() {
            let library = Library::load(base, info.and_then(open), *callback)?;
            let new = Box::into_raw(Box::new(library));
            match place.compare_exchange(known, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => known = new,
                Err(other) => {
                    // SAFETY: `new` came out of a box and nobody else has seen it.
                    drop(unsafe { Box::from_raw(new) });
                    known = other;
                }
            }
        }
        // SAFETY: what is in the table came out of a box and is never freed.
        let library = unsafe { known.as_ref() }?;
        if library.base == base {
            return Some(library);
        }
    }
    None
}

/// A library by its number.
pub(crate) fn numbered(number: usize) -> Option<&'static Library> {
    // SAFETY: what is in the table came out of a box and is never freed.
    unsafe { LIBRARIES.get(number)?.load(Ordering::Acquire).as_ref() }
}

/// The number of a library.
pub(crate) fn number_of(library: &Library) -> Option<usize> {
    LIBRARIES.iter().position(|place| ptr::eq(place.load(Ordering::Acquire), library))
}

/// The file that a pointer leads into.
fn holder(inside: *const c_void) -> Option<libc::Dl_info> {
    // SAFETY: all fields of this structure may be zero.
    let mut info: libc::Dl_info = unsafe { mem::zeroed() };
    // SAFETY: any address may be asked about, and the structure is ours.
    let is_known = !inside.is_null() && unsafe { libc::dladdr(inside, &raw mut info) } != 0;
    is_known.then_some(info)
}

/// A handle of a file that is loaded, to look for symbols in it and in what it needs, but nowhere else. It
/// stays open: the file must not go.
fn open(info: libc::Dl_info) -> Option<*mut c_void> {
    // SAFETY: `dladdr` gave a path that lives as long as the file is loaded.
    let handle = unsafe { libc::dlopen(info.dli_fname, libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    (!handle.is_null()).then_some(handle)
}

/// A symbol of the file behind a handle or, without one, of those that were loaded after this one.
fn symbol(handle: Option<*mut c_void>, name: &CStr) -> Option<*mut c_void> {
    let found = match handle {
        // SAFETY: the handle is open, and the name a string of C.
        Some(handle) => unsafe { libc::dlsym(handle, name.as_ptr()) },
        // SAFETY: the name is a string of C.
        None => unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) },
    };
    (!found.is_null()).then_some(found)
}

/// A function by its name, of the type that is asked for.
macro_rules! function {
    ($handle:expr, $name:literal) => {
        symbol($handle, $name).map(|found| {
            // SAFETY: the function of this name has this type in all versions of OpenSSL since 1.1.1.
            unsafe { mem::transmute(found) }
        })
    };
}

impl Library {
    fn load(
        base: *mut c_void,
        handle: Option<*mut c_void>,
        callback: KeyLogCallback,
    ) -> Option<Self> {
        let new_index: ExNewIndex = function!(handle, c"CRYPTO_get_ex_new_index")?;
        let index = |class, dup, free| {
            // SAFETY: the arguments are those that the function documents; both callbacks live for ever.
            unsafe { new_index(class, 0, ptr::null_mut(), ptr::null(), dup, free) }
        };
        let ctx_index = index(EX_INDEX_SSL_CTX, None, None);
        let ssl_index = index(EX_INDEX_SSL, Some(callback::forget), Some(callback::free));
        if ctx_index < 0 || ssl_index < 0 {
            return None;
        }
        Some(Self {
            base,
            callback,
            ctx_new: function!(handle, c"SSL_CTX_new"),
            ctx_new_ex: function!(handle, c"SSL_CTX_new_ex"),
            ctx_set_callback: function!(handle, c"SSL_CTX_set_keylog_callback")?,
            ctx_callback: function!(handle, c"SSL_CTX_get_keylog_callback")?,
            ctx_ex_data: function!(handle, c"SSL_CTX_get_ex_data")?,
            ctx_set_ex_data: function!(handle, c"SSL_CTX_set_ex_data")?,
            ssl_ex_data: function!(handle, c"SSL_get_ex_data")?,
            ssl_set_ex_data: function!(handle, c"SSL_set_ex_data")?,
            ssl_context: function!(handle, c"SSL_get_SSL_CTX")?,
            ctx_index,
            ssl_index,
            is_server: function!(handle, c"SSL_is_server"),
            version: function!(handle, c"SSL_version"),
            descriptor: function!(handle, c"SSL_get_wfd"),
            pending_cipher: function!(handle, c"SSL_get_pending_cipher"),
            current_cipher: function!(handle, c"SSL_get_current_cipher"),
            cipher_id: function!(handle, c"SSL_CIPHER_get_protocol_id"),
            server_random: function!(handle, c"SSL_get_server_random"),
            server_name: function!(handle, c"SSL_get_servername"),
            wbio: function!(handle, c"SSL_get_wbio"),
            bio_set_callback: function!(handle, c"BIO_set_callback_ex"),
            asynchronous: Asynchronous::load(handle),
        })
    }
}

impl Asynchronous {
    fn load(handle: Option<*mut c_void>) -> Option<Self> {
        Some(Self {
            ctrl: function!(handle, c"SSL_ctrl")?,
            current_job: function!(handle, c"ASYNC_get_current_job")?,
            wait_context: function!(handle, c"ASYNC_get_wait_ctx")?,
            set_fd: function!(handle, c"ASYNC_WAIT_CTX_set_wait_fd")?,
            clear_fd: function!(handle, c"ASYNC_WAIT_CTX_clear_fd")?,
            pause: function!(handle, c"ASYNC_pause_job")?,
        })
    }
}

/// A function of the file that a pointer leads into or, if there is none, of whatever `libssl` there is: to
/// pass on a call that belongs to no library that is known.
pub(crate) fn any(inside: *const c_void, name: &CStr) -> Option<*mut c_void> {
    let own = holder(inside).and_then(open).and_then(|handle| symbol(Some(handle), name));
    own.or_else(|| symbol(None, name)).or_else(|| {
        FILES.iter().find_map(|file| {
            let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD;
            let file: *const c_char = file.as_ptr();
            // SAFETY: the name is a string of C; nothing is loaded that is not loaded already.
            let handle = unsafe { libc::dlopen(file, flags) };
            if handle.is_null() { None } else { symbol(Some(handle), name) }
        })
    })
}

/// Names of `libssl`, which a program may have loaded for itself alone (`RTLD_LOCAL`).
const FILES: [&CStr; 3] = [c"libssl.so.3", c"libssl.so.1.1", c"libssl.so"];
