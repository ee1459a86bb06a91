//! A monitor that is dead.

use std::process::Command;
use std::time::Duration;

use super::place::{Death, HELD_PORT, Place, timed};
use super::records::connections;
use crate::handover::{Capture, URL, without_library};
use crate::network::{in_namespace, skip, wait_until, with_network};
use crate::servers::{OpensslServer, PAGE};

#[test]
fn sessions_go_on_at_their_deadline_without_a_monitor_and_the_audit_log_has_them() {
    with_network("hold-open", &["curl", "nginx", "openssl"], |network| {
        if let Some(obstacle) = without_library() {
            return skip("hold-open", obstacle);
        }
        let place = Place::new(network);
        let _server = OpensslServer::start(network, &place.identity);
        let hold = ["--wait", "live", "--deadline", "300ms", "--breaker", "0"];
        let (mut asked, mut of_nginx) = (0, 0);
        for death in Death::ALL {
            let monitor = place.monitor(&[]);
            let alive = ["--wait", "live", "--deadline", "60s", "--on-deadline", "abort"];
            for client in Client::ALL {
                gets_page(&mut client.command(&place, &alive, "1.3"));
            }
            let _stopped = death.come_to(monitor);
            for version in ["1.3", "1.2"] {
                for client in Client::ALL {
                    let took = gets_page(&mut client.command(&place, &hold, version));
                    assert!(took >= DEADLINE, "{client:?} {version} {death:?}: {took:?}");
                    assert!(took < LONGEST, "{client:?} {version} {death:?}: {took:?}");
                }
                asked += 1;
            }
            let nginx = place.held_nginx("TLSv1.2 TLSv1.3", &hold);
            for version in ["1.3", "1.2"] {
                let took = gets_page(&mut unheld_curl(&place, version));
                assert!(took >= DEADLINE && took < LONGEST, "nginx {version} {death:?}: {took:?}");
                of_nginx += 1;
            }
            drop(nginx);
        }
        // Each session is told once, whether it waited once or twice, and none of those with a monitor.
        for client in Client::ALL {
            let name = client.name();
            wait_until("the audit log has them", || place.gaps("went on", name) >= asked);
            assert_eq!(place.gaps("went on", name), asked, "{name}");
        }
        wait_until("those of nginx", || place.gaps("went on", "nginx") >= of_nginx);
        assert_eq!(place.gaps("went on", "nginx"), of_nginx);
        let end = place.finish();
        assert!(end.messages.contains("were not answered in time"), "{}", end.messages);
    });
}

#[test]
fn an_aborted_session_shows_the_tap_no_protected_byte_and_the_audit_log_has_it() {
    with_network("hold-abort", &["curl", "nginx", "openssl", "tcpdump"], |network| {
        if let Some(obstacle) = without_library() {
            return skip("hold-abort", obstacle);
        }
        let place = Place::new(network);
        let _server = OpensslServer::start(network, &place.identity);
        let hold =
            ["--wait", "live", "--deadline", "50ms", "--on-deadline", "abort", "--breaker", "0"];
        let capture = Capture::start(network);
        let (mut asked, mut of_nginx) = (0, 0);
        for death in Death::ALL {
            let monitor = place.monitor(&[]);
            let _stopped = death.come_to(monitor);
            for version in ["1.3", "1.2"] {
                for client in Client::ALL {
                    let (output, _) = timed(&mut client.command(&place, &hold, version));
                    assert!(!output.status.success(), "{client:?} {version} {death:?}: {output:?}");
                }
                asked += 1;
            }
            let server = place.held_nginx("TLSv1.2 TLSv1.3", &hold);
            for version in ["1.3", "1.2"] {
                let (output, _) = timed(&mut unheld_curl(&place, version));
                assert!(!output.status.success(), "nginx {version} {death:?}: {output:?}");
                of_nginx += 1;
            }
            drop(server);
        }
        for client in Client::ALL {
            let name = client.name();
            wait_until("the audit log has them", || place.gaps("were ended", name) >= asked);
            assert_eq!(place.gaps("were ended", name), asked, "{name}");
        }
        wait_until("those of nginx", || place.gaps("were ended", "nginx") >= of_nginx);
        assert_eq!(place.gaps("were ended", "nginx"), of_nginx);
        // What is looked for is there where nobody is held.
        gets_page(in_namespace(&network.client(), "curl").args(["-sSk", URL]));
        let all = connections(&capture.finish(), &[443, HELD_PORT]);
        let of = |port: u16| all.iter().filter(move |one| one.server_port == port);
        let clients: Vec<_> = of(443).collect();
        let (last, held) = clients.split_last().unwrap();
        assert!(!last.is_open(0) && !last.is_open(1), "{last:?}");
        assert_eq!(held.len() as u64, asked * Client::ALL.len() as u64);
        for one in held {
            assert!(!one.sides[1].is_empty(), "the server answered: {one:?}");
            assert!(one.client_random().is_some() && one.is_open(0), "{one:?}");
        }
        assert_eq!(of(HELD_PORT).count() as u64, of_nginx);
        for one in of(HELD_PORT) {
            assert!(one.is_open(1), "{one:?}");
        }
    });
}

/// A program that asks for the page and is held.
#[derive(Clone, Copy, Debug)]
enum Client {
    Curl,
    Python,
}

impl Client {
    const ALL: [Self; 2] = [Self::Curl, Self::Python];

    const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Python => "python3",
        }
    }

    fn command(self, place: &Place<'_>, hold: &[&str], version: &str) -> Command {
        let namespace = place.network.client();
        match self {
            Self::Curl => {
                let mut curl = place.run(&namespace, hold, "curl");
                curl.args(["-sSk", "--max-time", "60", "--tls-max", version, URL]);
                curl
            }
            Self::Python => {
                let mut python = place.run(&namespace, hold, "/usr/bin/python3");
                python.args(["-c", PYTHON, URL, version]);
                python
            }
        }
    }
}

/// A curl that is not held, for the server that is.
fn unheld_curl(place: &Place<'_>, version: &str) -> Command {
    let mut curl = in_namespace(&place.network.client(), "curl");
    curl.args(["-sSk", "--max-time", "60", "--tls-max", version]);
    curl.arg(URL.replace("/hello", &format!(":{HELD_PORT}/hello")));
    curl
}

#[track_caller]
fn gets_page(command: &mut Command) -> Duration {
    let (output, took) = timed(command);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), PAGE, "{output:?}");
    took
}

const PYTHON: &str = "\
import ssl, sys, urllib.request
context = ssl._create_unverified_context()
if sys.argv[2] == '1.2': context.maximum_version = ssl.TLSVersion.TLSv1_2
print(urllib.request.urlopen(sys.argv[1], context=context, timeout=60).read().decode(), end='')
";

const DEADLINE: Duration = Duration::from_millis(300);

/// Two deadlines, and what programs need on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);
