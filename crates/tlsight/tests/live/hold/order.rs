//! Which comes first: the first application data of a session at the tap, or its secret at the monitor.
//! Both are told the time by the same clock.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};

use super::arrivals::Arrivals;
use super::load::Load;
use super::place::{HELD_PORT, Place};
use super::records::{APPLICATION_DATA, Connection, connections};
use super::server::HeldRustls;
use super::sessions;
use crate::handover::{Capture, without_library};
use crate::network::{skip, wait_until, with_network};

#[test]
fn no_application_data_passes_the_tap_before_its_secret_is_at_the_monitor() {
    with_network("hold-order", &["nginx", "openssl", "tcpdump"], |network| {
        if let Some(obstacle) = without_library() {
            return skip("hold-order", obstacle);
        }
        let place = Place::new(network);
        let arrivals = Arrivals::start(&place);
        place.wait_for_live_copies();
        let _rustls = HeldRustls::start(&place, "wait=live deadline=60s breaker=0");
        let ends = ["--wait", "live", "--deadline", "60s", "--on-deadline", "abort"];
        for end in [End::Rustls, End::OpensslTls12, End::OpensslTls13] {
            let _nginx = end.ssl_protocols().map(|it| place.held_nginx(it, &ends));
            let capture = Capture::start(network);
            let is_tls12 = end == End::OpensslTls12;
            let version = if is_tls12 { &TLS12 } else { &TLS13 };
            let load = Load::start(network, end.port(), version, sessions());
            let done = load.finish();
            assert!(done.iter().all(|one| one.is_answered), "{end:?}");
            // What was sent last may be on its way into the file; a busy machine may lose some packets.
            let mut grew = (0, Instant::now());
            wait_until("all sessions are in the capture", || {
                let len = fs::metadata(capture.file()).unwrap().len();
                if len != grew.0 {
                    grew = (len, Instant::now());
                }
                firsts(capture.file(), end.port(), is_tls12).len() >= sessions()
                    || grew.1.elapsed() > QUIET
            });
            let firsts = firsts(&capture.finish(), end.port(), is_tls12);
            let order = Order::of(&firsts, &arrivals);
            println!("{end:?}: {order}");
            assert!(order.sessions * 100 >= sessions() * 99, "{end:?}: {order}");
            assert_eq!(order.unknown, 0, "{end:?}");
            let [of_client, of_server] = order.early;
            // An OpenSSL server has the secret of the client's data in TLS 1.3 only when these may be sent.
            assert_eq!(of_client > 0, end == End::OpensslTls13, "{end:?}: {order}");
            assert_eq!(of_server, 0, "{end:?}: {order}");
        }
    });
}

/// The end whose sessions wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Rustls,
    OpensslTls12,
    OpensslTls13,
}

impl End {
    const fn port(self) -> u16 {
        match self {
            Self::Rustls => 9443,
            Self::OpensslTls12 | Self::OpensslTls13 => HELD_PORT,
        }
    }

    const fn ssl_protocols(self) -> Option<&'static str> {
        match self {
            Self::Rustls => None,
            Self::OpensslTls12 => Some("TLSv1.2"),
            Self::OpensslTls13 => Some("TLSv1.3"),
        }
    }
}

/// When the first application data of each side began to pass.
pub(super) struct First {
    client_random: [u8; 32],
    at_ns: [u64; 2],
}

/// Of all sessions that are whole in the capture.
pub(super) fn firsts(file: &Path, port: u16, is_tls12: bool) -> Vec<First> {
    let first = |connection: &Connection| {
        Some(First {
            client_random: connection.client_random()?,
            at_ns: if is_tls12 { of_tls12(connection)? } else { of_tls13(connection)? },
        })
    };
    connections(file, &[port]).iter().filter_map(first).collect()
}

fn of_tls12(connection: &Connection) -> Option<[u64; 2]> {
    let [client, server] = connection.sides.each_ref().map(|side| {
        side.iter().find(|record| record.kind == APPLICATION_DATA).map(|record| record.at_ns)
    });
    Some([client?, server?])
}

/// All that is protected looks like application data (RFC 9846 section 5.2). A client without a certificate
/// has one such record before them, its `Finished`; what the server sends behind that is under the secret of
/// its application data.
fn of_tls13(connection: &Connection) -> Option<[u64; 2]> {
    let [client, server] = &connection.sides;
    let mut client = client.iter().filter(|record| record.kind == APPLICATION_DATA);
    let finished = client.next()?.at_ns;
    let mut server = server.iter().filter(|record| record.kind == APPLICATION_DATA);
    Some([client.next()?.at_ns, server.find(|record| record.at_ns > finished)?.at_ns])
}

/// What came first.
#[derive(Default)]
pub(super) struct Order {
    pub(super) sessions: usize,
    /// Sides whose secret never came.
    pub(super) unknown: usize,
    /// Sessions whose data passed before their secret was there: of the client, of the server.
    pub(super) early: [usize; 2],
    /// How long before its data each secret was there, in nanoseconds.
    leads_ns: [Vec<i128>; 2],
}

impl Order {
    pub(super) fn of(firsts: &[First], arrivals: &Arrivals) -> Self {
        let mut order = Self { sessions: firsts.len(), ..Self::default() };
        for first in firsts {
            let known = arrivals.of(&first.client_random);
            for (side, (at_ns, known)) in first.at_ns.iter().zip(known).enumerate() {
                let Some(known) = known else {
                    order.unknown += 1;
                    continue;
                };
                order.early[side] += usize::from(known >= *at_ns);
                order.leads_ns[side].push(i128::from(*at_ns) - i128::from(known));
            }
        }
        order.leads_ns.iter_mut().for_each(|leads| leads.sort_unstable());
        order
    }
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sessions", self.sessions)?;
        for (side, name) in ["client", "server"].iter().enumerate() {
            let leads = &self.leads_ns[side];
            let at = |part: usize| leads.get(part).map_or(0, |lead| lead / 1000);
            write!(
                f,
                "; {name}: {} with data before their secret, which came {} us (least) and {} us (median) \
                 before them",
                self.early[side],
                at(0),
                at(leads.len() / 2),
            )?;
        }
        Ok(())
    }
}

/// A capture that has not grown for so long has all that it will have.
const QUIET: Duration = Duration::from_secs(3);
