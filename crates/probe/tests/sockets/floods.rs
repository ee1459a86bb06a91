//! Whoever opens many connections costs no more than a bound.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use probe::{Batch, Options};

use crate::place::with_capture;

#[test]
fn first_packets_at_a_listener_are_told_up_to_a_bound_and_counted_beyond_it() {
    let options = Options { beginnings_per_s: Some(PER_SECOND), ..Options::default() };
    with_capture(options, |mut capture| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..CONNECTIONS {
            drop((TcpStream::connect(address).unwrap(), listener.accept().unwrap()));
        }
        let mut batch = Batch::default();
        capture.poll(Duration::from_secs(10), &mut batch).unwrap();
        assert!(batch.len() >= CONNECTIONS, "the clients' own packets have no bound");
        let losses = capture.losses();
        assert!(losses.beginnings_over_limit > 0, "{losses:?}");
        assert_eq!(losses.ring_full, 0);
    });
}

const PER_SECOND: u32 = 2;
/// More than some seconds let pass on some processors, with three packets each.
const CONNECTIONS: usize = 100;
