//! What can go wrong with an interface, said so that its user can act on it.

use std::io;

/// A failure to capture from or send to an interface.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The process may not.
    #[error(
        "{interface}: no permission: this needs the capability CAP_NET_RAW; run it with `sudo`, or \
         give it once with `sudo setcap cap_net_raw+ep \"$(command -v tlsight)\"`"
    )]
    Permission {
        /// The interface.
        interface: Box<str>,
    },
    /// There is no such interface.
    #[error("{interface}: no such interface in this network namespace; `ip link` lists them")]
    NoSuchInterface {
        /// The interface.
        interface: Box<str>,
    },
    /// The interface is down. Capturing goes on once it is up.
    #[error("{interface}: the interface is down; `ip link set {interface} up` starts it")]
    Down {
        /// The interface.
        interface: Box<str>,
    },
    /// The interface is gone.
    #[error("{interface}: the interface was removed")]
    Removed {
        /// The interface.
        interface: Box<str>,
    },
    /// No ring of that size.
    #[error("{interface}: no ring of {blocks} blocks of {block_len} bytes: {source}")]
    Ring {
        /// The interface.
        interface: Box<str>,
        /// Blocks asked for.
        blocks: u32,
        /// Bytes of each asked for.
        block_len: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel refused something else.
    #[error("{interface}: {action} failed: {source}")]
    System {
        /// The interface.
        interface: Box<str>,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl LiveError {
    /// Whether a packet was longer than its interface takes.
    pub(super) fn is_too_long(&self) -> bool {
        matches!(self, Self::System { source, .. } if source.raw_os_error() == Some(libc::EMSGSIZE))
    }

    pub(super) fn system(interface: &str, action: &'static str, source: io::Error) -> Self {
        let interface = interface.into();
        if source.kind() == io::ErrorKind::PermissionDenied {
            Self::Permission { interface }
        } else if source.kind() == io::ErrorKind::NetworkDown {
            Self::Down { interface }
        } else {
            Self::System { interface, action, source }
        }
    }
}
