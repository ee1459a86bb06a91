//! The functions that take the place of OpenSSL's.

use std::ffi::{CStr, c_char, c_void};
use std::{mem, ptr};

use crate::library::{self, Library};
use crate::openssl::{CtxCallback, CtxNew, CtxNewEx, CtxSetCallback, KeyLogCallback, SslCtx};
use crate::{contexts, settings};

/// Makes a context as OpenSSL does, with our callback in it.
#[unsafe(no_mangle)]
extern "C" fn SSL_CTX_new(method: *const c_void) -> *mut SslCtx {
    let library = library::of(method);
    let Some(new) = library.and_then(|library| library.ctx_new) else {
        return passed_on(method, c"SSL_CTX_new").map_or(ptr::null_mut(), |new: CtxNew| {
            // SAFETY: what the program has called with this argument.
            unsafe { new(method) }
        });
    };
    // SAFETY: the function of the library that the method belongs to.
    equip(library, unsafe { new(method) })
}

/// The same of OpenSSL 3.
#[unsafe(no_mangle)]
extern "C" fn SSL_CTX_new_ex(
    context: *mut c_void,
    query: *const c_char,
    method: *const c_void,
) -> *mut SslCtx {
    let library = library::of(method);
    let Some(new) = library.and_then(|library| library.ctx_new_ex) else {
        return passed_on(method, c"SSL_CTX_new_ex").map_or(ptr::null_mut(), |new: CtxNewEx| {
            // SAFETY: what the program has called with these arguments.
            unsafe { new(context, query, method) }
        });
    };
    // SAFETY: the function of the library that the method belongs to.
    equip(library, unsafe { new(context, query, method) })
}

/// Keeps the callback of the application for ours to call.
#[unsafe(no_mangle)]
extern "C" fn SSL_CTX_set_keylog_callback(context: *mut SslCtx, callback: Option<KeyLogCallback>) {
    match contexts::library_of(context) {
        Some(library) if is_equipped(library, context) => {
            let callback = callback.map_or(ptr::null_mut(), |it| it as *mut c_void);
            // SAFETY: the context is of this library, which gave us the index.
            unsafe { (library.ctx_set_ex_data)(context, library.ctx_index, callback) };
        }
        Some(library) => {
            // SAFETY: what the program has called with these arguments.
            unsafe { (library.ctx_set_callback)(context, callback) }
        }
        None => {
            let set = passed_on::<CtxSetCallback>(ptr::null(), c"SSL_CTX_set_keylog_callback");
            if let Some(set) = set {
                // SAFETY: what the program has called with these arguments.
                unsafe { set(context, callback) }
            }
        }
    }
}

/// Gives the application its own callback.
#[unsafe(no_mangle)]
extern "C" fn SSL_CTX_get_keylog_callback(context: *const SslCtx) -> Option<KeyLogCallback> {
    match contexts::library_of(context) {
        Some(library) if is_equipped(library, context) => application_callback(library, context),
        Some(library) => {
            // SAFETY: what the program has called with this argument.
            unsafe { (library.ctx_callback)(context) }
        }
        None => {
            let get = passed_on::<CtxCallback>(ptr::null(), c"SSL_CTX_get_keylog_callback")?;
            // SAFETY: what the program has called with this argument.
            unsafe { get(context) }
        }
    }
}

/// The callback that an application has set on a context with ours.
pub(crate) fn application_callback(
    library: &Library,
    context: *const SslCtx,
) -> Option<KeyLogCallback> {
    // SAFETY: the context is of this library, which gave us the index.
    let kept = unsafe { (library.ctx_ex_data)(context, library.ctx_index) };
    // SAFETY: nothing but null and such functions is kept under our index.
    unsafe { mem::transmute::<*mut c_void, Option<KeyLogCallback>>(kept) }
}

/// Has a new context call us, if there is an agent to tell.
fn equip(library: Option<&'static Library>, context: *mut SslCtx) -> *mut SslCtx {
    let Some(library) = library.filter(|_| !context.is_null()) else { return context };
    if contexts::note(context, library) && settings::courier().is_some() {
        // SAFETY: the context was made by this library.
        unsafe { (library.ctx_set_callback)(context, Some(library.callback)) };
    }
    context
}

/// Whether a context has our callback.
fn is_equipped(library: &Library, context: *const SslCtx) -> bool {
    if context.is_null() || settings::courier().is_none() {
        return false;
    }
    // SAFETY: the context was made by this library, as far as can be told.
    let set = unsafe { (library.ctx_callback)(context) };
    set.is_some_and(|set| ptr::fn_addr_eq(set, library.callback))
}

/// The function of OpenSSL that a call is passed on to.
fn passed_on<F: Copy>(inside: *const c_void, name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: the caller asks for the type of the function of this name.
    library::any(inside, name).map(|found| unsafe { mem::transmute_copy::<*mut c_void, F>(&found) })
}
