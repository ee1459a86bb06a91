//! `libtlsight_shim.so`: preloaded into a program, it sets a key log callback on each `SSL_CTX` of OpenSSL
//! and hands what it is told to the agent of the host.
//!
//! It is a guest: it starts no thread, prints nothing, takes no lock that a fork could leave locked, keeps
//! `errno`, and never panics. Without settings, or in a program that runs with the rights of another user, it
//! only passes calls on. What it knows of a connection lies in that connection (`ex_data`), so it lives as
//! long as OpenSSL wants it to.
#![expect(unsafe_code, reason = "it is called by programs in C, and calls OpenSSL")]

mod callback;
mod contexts;
mod interpose;
mod job;
mod library;
mod openssl;
mod settings;
mod veto;
