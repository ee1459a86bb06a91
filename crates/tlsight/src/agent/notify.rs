//! Tells the service manager how it goes (`sd_notify(3)`).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends a state such as `READY=1`; does nothing if no service manager asked for that.
///
/// # Errors
/// What the system reports.
pub(super) fn send(state: &str) -> io::Result<()> {
    match env::var_os("NOTIFY_SOCKET") {
        Some(place) => send_to(&place, state),
        None => Ok(()),
    }
}

fn send_to(place: &OsStr, state: &str) -> io::Result<()> {
    let address = match place.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(place)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_comes_by_a_path_or_an_abstract_name() {
        let name = format!("tlsight-notify-{}", std::process::id());
        let path = env::temp_dir().join(&name);
        let at_path = UnixDatagram::bind(&path).unwrap();
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let at_name = UnixDatagram::bind_addr(&address).unwrap();
        for (place, socket) in [(path.as_os_str(), at_path), (format!("@{name}").as_ref(), at_name)]
        {
            send_to(place, "READY=1").unwrap();
            let mut bytes = [0; 16];
            let len = socket.recv(&mut bytes).unwrap();
            assert_eq!(&bytes[..len], b"READY=1");
        }
        std::fs::remove_file(path).unwrap();
    }
}
