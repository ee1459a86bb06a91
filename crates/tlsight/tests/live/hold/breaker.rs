//! A server under load whose monitor dies and comes back.

use std::time::{Duration, Instant};

use rustls::version::TLS13;

use super::load::{Done, Load};
use super::place::{Death, HELD_PORT, Place};
use crate::handover::without_library;
use crate::network::{skip, wait_until, with_network};

#[test]
fn under_load_the_breaker_trips_when_the_monitor_dies_and_recovers_when_it_is_back() {
    with_network("hold-breaker", &["nginx", "openssl"], |network| {
        if let Some(obstacle) = without_library() {
            return skip("hold-breaker", obstacle);
        }
        let place = Place::new(network);
        let hold = ["--wait", "live", "--deadline", "500ms", "--breaker", "3", "--pause", "1s"];
        let _nginx = place.held_nginx("TLSv1.3", &hold);
        let mut monitor = place.monitor(&[]);
        let load = Load::start(network, HELD_PORT, &TLS13, usize::MAX);
        for death in Death::ALL {
            // Each session waits for the monitor, and none in vain, once the breaker is closed.
            wait_until("all sessions are held and answered", || {
                let before = place.gaps("went on", "nginx");
                load.wait_for(WINDOW as usize);
                place.gaps("went on", "nginx") == before
            });
            let before = place.gaps("went on", "nginx");
            let died = Instant::now();
            let stopped = death.come_to(monitor);
            let meanwhile = load.wait_for(WINDOW as usize);
            are_answered(&meanwhile);
            // Those that found the monitor dead waited for a deadline: the breaker had been closed.
            let longest = meanwhile.iter().map(|one| one.took).max().unwrap();
            assert!(longest >= DEADLINE, "{death:?}: {longest:?}");
            // Had each waited for one, the only worker had needed longer than this by far.
            assert!(died.elapsed() < DEADLINE * WINDOW / 2, "{death:?}: {:?}", died.elapsed());
            wait_until("the audit log says so", || place.gaps("went on", "nginx") > before + 3);
            drop(stopped);
            monitor = place.monitor(&[]);
        }
        are_answered(&load.done());
        drop(load);
        let end = place.finish();
        assert!(end.messages.contains("were not answered in time"), "{}", end.messages);
    });
}

fn are_answered(sessions: &[Done]) {
    assert!(sessions.iter().all(|one| one.is_answered), "{sessions:?}");
}

const DEADLINE: Duration = Duration::from_millis(500);

/// Sessions that are looked at together.
const WINDOW: u32 = 200;
