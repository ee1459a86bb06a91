//! A network that breaks when it is told to.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Forwards connections to a sensor.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: Mutex<Option<Cut>>,
    /// Bytes that went through, from the agent and from the sensor.
    passed: [AtomicUsize; 2],
}

/// After how many bytes the next connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    FromAgent(usize),
    FromSensor(usize),
}

impl Proxy {
    pub(crate) fn to(sensor: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<State>::default();
        let own = Arc::clone(&state);
        thread::spawn(move || {
            for agent in listener.incoming() {
                let (agent, sensor) = (agent.unwrap(), TcpStream::connect(sensor));
                let Ok(sensor) = sensor else { continue };
                let cut = own.cut.lock().unwrap().take();
                let limit = |index| match (index, cut) {
                    (0, Some(Cut::FromAgent(limit))) | (1, Some(Cut::FromSensor(limit))) => limit,
                    _ => usize::MAX,
                };
                for (index, from, to) in [(0, &agent, &sensor), (1, &sensor, &agent)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let (own, limit) = (Arc::clone(&own), limit(index));
                    thread::spawn(move || forward(from, to, limit, &own.passed[index]));
                }
            }
        });
        Self { port, state }
    }

    /// Has the next connection cut.
    pub(crate) fn cut_next(&self, cut: Cut) {
        *self.state.cut.lock().unwrap() = Some(cut);
    }

    /// Whether a connection was to be cut, and there was none.
    pub(crate) fn has_cut_left(&self) -> bool {
        self.state.cut.lock().unwrap().is_some()
    }

    /// Bytes that went through from the agent and from the sensor.
    pub(crate) fn passed(&self) -> [usize; 2] {
        [0, 1].map(|index| self.state.passed[index].load(Ordering::SeqCst))
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, mut left: usize, passed: &AtomicUsize) {
    to.set_nodelay(true).ok();
    let mut bytes = [0; 4096];
    while left > 0 {
        let most = bytes.len().min(left);
        let Ok(len) = from.read(&mut bytes[..most]) else { break };
        if len == 0 || to.write_all(&bytes[..len]).is_err() {
            break;
        }
        passed.fetch_add(len, Ordering::SeqCst);
        left -= len;
    }
    // One of them is closed already if this is not a cut.
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}
