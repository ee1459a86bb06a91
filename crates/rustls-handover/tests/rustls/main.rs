//! A client and a server with rustls, whose sessions are held.

#[cfg(test)]
mod holding;
#[cfg(test)]
#[path = "../../../shim/tests/preload/relay.rs"]
mod relay;
