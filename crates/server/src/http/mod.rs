//! The way in: TCP, TLS, HTTP, and what bounds it.

pub(crate) mod certificate;
pub(crate) mod extract;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod linger;
pub(crate) mod listener;
pub(crate) mod window;
