//! Addresses of an interface of this network namespace.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, bail};
use nix::ifaddrs::getifaddrs;
use probe::Local;

/// The addresses of an interface.
///
/// # Errors
/// If there is no interface of this name, or it has none.
pub(crate) fn local(interface: &str) -> Result<Local> {
    let netns = fs::metadata("/proc/self/ns/net").context("cannot tell the network namespace")?;
    let mut is_there = false;
    let mut addresses = Vec::new();
    for entry in getifaddrs().context("cannot list interfaces")? {
        if entry.interface_name != interface {
            continue;
        }
        is_there = true;
        let Some(address) = entry.address else { continue };
        addresses.extend(address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip())));
        addresses.extend(address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())));
    }
    match (is_there, addresses.is_empty()) {
        (false, _) => bail!("there is no interface `{interface}`; `any` is all of them"),
        (true, true) => bail!("the interface `{interface}` has no address"),
        (true, false) => Ok(Local { netns: u32::try_from(netns.ino())?, addresses }),
    }
}
