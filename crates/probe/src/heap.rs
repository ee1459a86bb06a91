//! Memory that is free, given back to the system.
#![expect(unsafe_code, reason = "the C library's function has no safe name in Rust")]

/// Gives back what the allocator keeps for later. The types of a kernel are some ten thousand small
/// pieces, which nobody needs again once the programs are loaded.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    {
        unsafe extern "C" {
            /// `malloc_trim(3)`.
            safe fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // It says whether there was any.
        malloc_trim(0);
    }
}
