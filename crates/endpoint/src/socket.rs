//! The socket that processes connect to.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another agent has it.
    #[error("another agent listens on {path}")]
    InUse {
        /// Its path.
        path: PathBuf,
    },
    /// There is something else.
    #[error("{path} is there, and is no socket")]
    NoSocket {
        /// Its path.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("cannot listen on {path}: {source}")]
    System {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A socket of packets that is removed with this value.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: OwnedFd,
    path: PathBuf,
}

impl Listener {
    /// Listens. `mode` says who may connect, as that of a file.
    pub(crate) fn bind(path: &Path, mode: u32) -> Result<Self, BindError> {
        let failed = |source: io::Error| BindError::System { path: path.into(), source };
        remove_stale(path)?;
        let socket = packets().map_err(|error| failed(error.into()))?;
        let address = SocketAddrUnix::new(path).map_err(|error| failed(error.into()))?;
        bind(&socket, &address).map_err(|error| failed(error.into()))?;
        let listener = Self { socket, path: path.into() };
        // Nobody gets in before.
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
        listen(&listener.socket, BACKLOG).map_err(|error| failed(error.into()))?;
        Ok(listener)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Removes what a dead agent has left.
fn remove_stale(path: &Path) -> Result<(), BindError> {
    let failed = |source: io::Error| BindError::System { path: path.into(), source };
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return Err(BindError::NoSocket { path: path.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    let trial = packets().map_err(|error| failed(error.into()))?;
    let address = SocketAddrUnix::new(path).map_err(|error| failed(error.into()))?;
    match connect(&trial, &address) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path).map_err(failed),
        _ => Err(BindError::InUse { path: path.into() }),
    }
}

fn packets() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
