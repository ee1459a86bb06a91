//! A monitor in the client's namespace that notes when secrets come.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use escrow::hpke::Kem;
use escrow::keys::{Identity, Signed};
use escrow::tier::Tier;
use escrow::{Monitor, MonitorSettings};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use secrets::Label;
use tunnel::Credentials;

use super::place::Place;
use crate::network::SERVER_ADDRESS;

/// By client random: when the secrets of the application data of both sides came, in nanoseconds since 1970.
type Known = HashMap<[u8; 32], [Option<u64>; 2]>;

pub(super) struct Arrivals {
    known: Arc<Mutex<Known>>,
    _monitor: Monitor,
}

impl Arrivals {
    pub(super) fn start(place: &Place<'_>) -> Self {
        let known: Arc<Mutex<Known>> = Arc::default();
        let sink = Arc::clone(&known);
        let text = |path| fs::read_to_string(path).unwrap();
        let tls = |name: &str| place.dir().join("tls").join(name);
        let credentials =
            Credentials::read(&tls("soc.pem"), &tls("soc.key"), &tls("ca.pem")).unwrap();
        let settings = MonitorSettings {
            host: SERVER_ADDRESS.to_owned(),
            port: escrow::DEFAULT_PORT,
            service_name: None,
            name: "soc".to_owned(),
            grant: Signed::parse(&text(place.dir().join("grants/soc.json"))).unwrap(),
            signing: Identity::parse(&text(place.file("soc"))).unwrap().signing,
            tier: Tier::Both,
            kem: Kem::XWing,
            key_lifetime: Duration::from_secs(3600),
        };
        let namespace = File::open(format!("/run/netns/{}", place.network.client())).unwrap();
        // The thread of the monitor belongs to the namespace of the one that begins it.
        let monitor = thread::spawn(move || {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), network).unwrap();
            Monitor::start(
                settings,
                credentials.client(escrow::wire::ALPN).unwrap(),
                Box::new(move |_agent, content| {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                    let now = u64::try_from(now.as_nanos()).unwrap();
                    let mut known = sink.lock().unwrap();
                    let times = known.entry(content.facts.client_random).or_default();
                    for (label, _) in &content.secrets {
                        if let Some(side) = side(*label) {
                            times[side].get_or_insert(now);
                        }
                    }
                }),
                Box::new(|_: &str| {}),
            )
        });
        Self { known, _monitor: monitor.join().unwrap().unwrap() }
    }

    /// Sessions of which any secret of application data came.
    pub(super) fn sessions(&self) -> usize {
        self.known.lock().unwrap().len()
    }

    /// When the secrets of a session came: the client's, the server's.
    pub(super) fn of(&self, client_random: &[u8; 32]) -> [Option<u64>; 2] {
        self.known.lock().unwrap().get(client_random).copied().unwrap_or_default()
    }
}

/// Whose application data a secret protects.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others protect none")]
const fn side(label: Label) -> Option<usize> {
    match label {
        Label::ClientTraffic(_) | Label::ClientWrite => Some(0),
        Label::ServerTraffic(_) | Label::ServerWrite => Some(1),
        _ => None,
    }
}
