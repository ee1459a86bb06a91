//! What this host knows of connections that are older than this process.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use hashbrown::{HashMap, HashSet};

/// Addresses at which somebody listens, by network namespace.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    known: HashMap<u32, (Instant, HashSet<SocketAddr>)>,
}

impl Listeners {
    /// Whether somebody listens at an address of the network namespace of a process.
    pub(crate) fn listens(&mut self, pid: u32, netns: u32, local: SocketAddr) -> bool {
        let known = self.known.get(&netns).filter(|(read, _)| read.elapsed() < FRESH);
        if known.is_none() {
            if self.known.len() >= MAX_NAMESPACES {
                self.known.clear();
            }
            self.known.insert(netns, (Instant::now(), read(pid)));
        }
        let Some((_, listeners)) = self.known.get(&netns) else { return false };
        let any = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        any.into_iter()
            .chain([local.ip()])
            .any(|ip| listeners.contains(&SocketAddr::new(ip, local.port())))
    }
}

fn read(pid: u32) -> HashSet<SocketAddr> {
    let mut listeners = HashSet::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        listeners.extend(text.lines().filter_map(listener).take(MAX_LISTENERS));
    }
    listeners
}

/// The address of a line of `/proc/PID/net/tcp` or `tcp6` (proc(5)), if its socket listens.
fn listener(line: &str) -> Option<SocketAddr> {
    let mut fields = line.split_ascii_whitespace();
    let (ip, port) = fields.nth(1)?.split_once(':')?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    // Words of four bytes, each as this machine would write a number.
    let mut octets = [0; 16];
    for (at, word) in octets.chunks_exact_mut(4).enumerate().take(ip.len() / 8) {
        let digits = ip.get(at.checked_mul(8)?..)?.get(..8)?;
        word.copy_from_slice(&u32::from_str_radix(digits, 16).ok()?.to_ne_bytes());
    }
    let [a, b, c, d, ..] = octets;
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        32 => Ipv6Addr::from(octets).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// `TCP_LISTEN` of include/net/tcp_states.h.
const LISTEN: &str = "0A";

/// How long the tables of a namespace are believed.
const FRESH: Duration = Duration::from_secs(1);

const MAX_NAMESPACES: usize = 4096;

const MAX_LISTENERS: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_from_the_tables_of_the_kernel() {
        let v4 =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1";
        let v6 = "   1: 00000000000000000000000001000000:01BB 00:0000 0A 00000000:00000000 00:0";
        let connected =
            "   2: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 0 0 0 1";
        assert_eq!(listener(v4), Some("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(listener(v6), Some("[::1]:443".parse().unwrap()));
        for other in [connected, "", "  sl  local_address rem_address   st tx_queue", "a b c d"] {
            assert_eq!(listener(other), None);
        }
    }

    #[test]
    fn somebody_listens_where_this_process_does() {
        let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let local = socket.local_addr().unwrap();
        let pid = std::process::id();
        assert!(Listeners::default().listens(pid, 0, local));
        drop(socket);
        assert!(!Listeners::default().listens(pid, 0, local));
    }
}
