//! Types of OpenSSL, as far as they are passed on, and functions of `libssl` and `libcrypto`.

use std::ffi::{c_char, c_int, c_long, c_uchar, c_void};
use std::ptr;

/// `SSL`.
#[repr(C)]
pub(crate) struct Ssl {
    _opaque: [u8; 0],
}

/// `SSL_CTX`.
#[repr(C)]
pub(crate) struct SslCtx {
    _opaque: [u8; 0],
}

/// `BIO`.
#[repr(C)]
pub(crate) struct Bio {
    _opaque: [u8; 0],
}

/// `ASYNC_JOB`.
#[repr(C)]
pub(crate) struct AsyncJob {
    _opaque: [u8; 0],
}

/// `ASYNC_WAIT_CTX`.
#[repr(C)]
pub(crate) struct WaitContext {
    _opaque: [u8; 0],
}

/// `SSL_CIPHER`.
#[repr(C)]
pub(crate) struct SslCipher {
    _opaque: [u8; 0],
}

/// `SSL_CTX_keylog_cb_func`.
pub(crate) type KeyLogCallback = unsafe extern "C" fn(*const Ssl, *const c_char);

/// `BIO_callback_fn_ex`.
pub(crate) type BioCallback = unsafe extern "C" fn(
    *mut Bio,
    c_int,
    *const c_char,
    usize,
    c_int,
    c_long,
    c_int,
    *mut usize,
) -> c_long;

/// `CRYPTO_EX_dup`, with whose third argument OpenSSL 1.1 and 3 mean the same.
pub(crate) type ExDup = unsafe extern "C" fn(
    *mut c_void,
    *const c_void,
    *mut c_void,
    c_int,
    c_long,
    *mut c_void,
) -> c_int;

/// `CRYPTO_EX_free`.
pub(crate) type ExFree =
    unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void, c_int, c_long, *mut c_void);

/// What is called with a descriptor whose context is freed.
pub(crate) type AsyncCleanup =
    unsafe extern "C" fn(*mut WaitContext, *const c_void, c_int, *mut c_void);

pub(crate) type SslCtrl = unsafe extern "C" fn(*const Ssl, c_int, c_long, *mut c_void) -> c_long;
pub(crate) type AsyncCurrentJob = unsafe extern "C" fn() -> *mut AsyncJob;
pub(crate) type AsyncWaitContext = unsafe extern "C" fn(*mut AsyncJob) -> *mut WaitContext;
pub(crate) type AsyncSetFd = unsafe extern "C" fn(
    *mut WaitContext,
    *const c_void,
    c_int,
    *mut c_void,
    Option<AsyncCleanup>,
) -> c_int;
pub(crate) type AsyncClearFd = unsafe extern "C" fn(*mut WaitContext, *const c_void) -> c_int;
pub(crate) type AsyncPause = unsafe extern "C" fn() -> c_int;
pub(crate) type CtxNew = unsafe extern "C" fn(*const c_void) -> *mut SslCtx;
pub(crate) type CtxNewEx =
    unsafe extern "C" fn(*mut c_void, *const c_char, *const c_void) -> *mut SslCtx;
pub(crate) type CtxSetCallback = unsafe extern "C" fn(*mut SslCtx, Option<KeyLogCallback>);
pub(crate) type CtxCallback = unsafe extern "C" fn(*const SslCtx) -> Option<KeyLogCallback>;
pub(crate) type CtxExData = unsafe extern "C" fn(*const SslCtx, c_int) -> *mut c_void;
pub(crate) type CtxSetExData = unsafe extern "C" fn(*mut SslCtx, c_int, *mut c_void) -> c_int;
pub(crate) type SslExData = unsafe extern "C" fn(*const Ssl, c_int) -> *mut c_void;
pub(crate) type SslSetExData = unsafe extern "C" fn(*const Ssl, c_int, *mut c_void) -> c_int;
pub(crate) type SslContext = unsafe extern "C" fn(*const Ssl) -> *mut SslCtx;
pub(crate) type SslInt = unsafe extern "C" fn(*const Ssl) -> c_int;
pub(crate) type SslCurrentCipher = unsafe extern "C" fn(*const Ssl) -> *const SslCipher;
pub(crate) type CipherId = unsafe extern "C" fn(*const SslCipher) -> u16;
pub(crate) type SslRandom = unsafe extern "C" fn(*const Ssl, *mut c_uchar, usize) -> usize;
pub(crate) type SslServerName = unsafe extern "C" fn(*const Ssl, c_int) -> *const c_char;
pub(crate) type SslBio = unsafe extern "C" fn(*const Ssl) -> *mut Bio;
pub(crate) type BioSetCallback = unsafe extern "C" fn(*mut Bio, Option<BioCallback>);
pub(crate) type ExNewIndex = unsafe extern "C" fn(
    c_int,
    c_long,
    *mut c_void,
    *const c_void,
    Option<ExDup>,
    Option<ExFree>,
) -> c_int;

/// The modes of a connection (`SSL_get_mode`, which is a macro).
///
/// # Safety
/// The function is `SSL_ctrl`, and the connection one of its library.
pub(crate) unsafe fn ask_for_mode(ctrl: SslCtrl, ssl: *const Ssl) -> c_long {
    // SAFETY: as the caller says.
    unsafe { ctrl(ssl, CTRL_MODE, 0, ptr::null_mut()) }
}

/// `SSL_CTRL_MODE`.
const CTRL_MODE: c_int = 33;

/// `SSL_MODE_ASYNC`: the program handles `SSL_ERROR_WANT_ASYNC`.
pub(crate) const MODE_ASYNC: c_long = 0x100;

/// `CRYPTO_EX_INDEX_SSL` and `CRYPTO_EX_INDEX_SSL_CTX`, since OpenSSL 1.1.0.
pub(crate) const EX_INDEX_SSL: c_int = 0;
pub(crate) const EX_INDEX_SSL_CTX: c_int = 1;

/// `TLSEXT_NAMETYPE_host_name`.
pub(crate) const HOST_NAME: c_int = 0;

/// `BIO_CB_WRITE`: before a write, when `BIO_CB_RETURN` is not set.
pub(crate) const BIO_BEFORE_WRITE: c_int = 3;
