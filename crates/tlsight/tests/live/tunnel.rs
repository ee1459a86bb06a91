//! `tlsight mirror -t` and `-C`: clear text from one network to a sensor in another.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::network::{Network, SERVER_ADDRESS, in_namespace, wait_until, with_network};
use crate::servers::{Identity, OpensslServer, PAGE};
use crate::watcher::Watcher;

#[test]
fn a_sensor_in_another_network_has_the_clear_text() {
    with_network("tunnel", &["curl", "nsenter", "openssl"], |network| {
        if let Some(obstacle) = no_probes(network) {
            crate::network::skip("tunnel", &obstacle);
            return;
        }
        let identity = Identity::new(network);
        let _server = OpensslServer::start(network, &identity);
        make_certificates(network, SERVER_ADDRESS);
        let file = network.folder().join("clear.pcapng");
        let sensor = sensor(network, &file);
        let program = network.folder().join("curl-of-tunnel");
        fs::copy("/usr/bin/curl", &program).unwrap();
        let agent = agent(network, &program);
        let url = format!("https://{SERVER_ADDRESS}/hello");
        // A probe is there a moment after the library is.
        wait_until("the request in packets of the sensor", || {
            let curl = in_namespace(&network.client(), &program)
                .args(["-sk", "--max-time", "10", "-A", "told-by-tunnel", &url])
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&curl.stdout), PAGE);
            let bytes = fs::read(&file).unwrap_or_default();
            contains(&bytes, b"User-Agent: told-by-tunnel") && contains(&bytes, PAGE.as_bytes())
        });
        let agent = agent.interrupt();
        assert_eq!(agent.status, Some(0), "{}", agent.messages);
        assert!(agent.messages.contains(" + 0 dropped"), "{}", agent.messages);
        let sensor = sensor.interrupt();
        assert_eq!(sensor.status, Some(0), "{}", sensor.messages);
        assert!(sensor.messages.contains("agent web-1 at 192.0.2.1:"), "{}", sensor.messages);
        assert!(sensor.messages.contains("ended its session"), "{}", sensor.messages);
    });
}

#[test]
fn a_sensor_lets_nobody_in_who_has_no_certificate() {
    with_network("tunnel-refused", &["openssl"], |network| {
        make_certificates(network, SERVER_ADDRESS);
        let file = network.folder().join("clear.pcapng");
        let sensor = sensor(network, &file);
        let address = format!("{SERVER_ADDRESS}:3005");
        in_namespace(&network.client(), "openssl")
            .args(["s_client", "-connect", &address, "-alpn", "tlsight-tunnel/1"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let sensor = sensor.interrupt();
        assert!(sensor.messages.contains("was refused: no certificate"), "{}", sensor.messages);
        assert!(sensor.messages.contains("1 connections of agents refused"), "{}", sensor.messages);
    });
}

/// Certificates of a sensor at an address, and of an agent.
pub(crate) fn make_certificates(network: &Network, sensor: &str) {
    let folder = network.folder().join("certs");
    let made = Command::new(env!("CARGO_BIN_EXE_tlsight"))
        .args(["mirror", "--make-certificates", folder.to_str().unwrap()])
        .args(["--sensor", sensor, "--agent", "web-1"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(String::from_utf8_lossy(&made.stdout).lines().count(), 6);
}

/// A sensor at the server's address that writes packets to a file, when it listens.
fn sensor(network: &Network, file: &Path) -> Watcher {
    sensor_at(network, &network.server(), SERVER_ADDRESS, &["-w", file.to_str().unwrap()])
}

/// A sensor in a namespace, when it listens.
pub(crate) fn sensor_at(
    network: &Network,
    namespace: &str,
    address: &str,
    output: &[&str],
) -> Watcher {
    let mut command = in_namespace(namespace, env!("CARGO_BIN_EXE_tlsight"));
    command.args(["mirror", "-C", "--port-map", "443:80", "--listen", &format!("{address}:3005")]);
    command.args(output).args(credentials(network, "sensor"));
    Watcher::run(&mut command, "the sensor listens", |pid| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/tcp"));
        table.unwrap_or_default().lines().any(is_listener_on_3005)
    })
}

/// An agent in the client's namespace that tells of one program, when it is connected.
fn agent(network: &Network, program: &Path) -> Watcher {
    agent_beside(network, &network.client(), SERVER_ADDRESS, program)
}

/// An agent in the network of a namespace that tells a sensor of one program, when it is connected.
pub(crate) fn agent_beside(
    network: &Network,
    namespace: &str,
    sensor: &str,
    program: &Path,
) -> Watcher {
    let mut command = beside(namespace);
    command.args(["mirror", "-t", sensor, "--exe"]).arg(program);
    command.args(credentials(network, "web-1"));
    Watcher::run(&mut command, "the agent is connected", |pid| {
        let table = fs::read_to_string(format!("/proc/{pid}/net/tcp"));
        table.unwrap_or_default().lines().any(is_connected_to_3005)
    })
}

fn credentials(network: &Network, name: &str) -> Vec<PathBuf> {
    let file = |name: &str, ending| network.folder().join("certs").join(format!("{name}.{ending}"));
    let pairs =
        [("--cert", file(name, "pem")), ("--key", file(name, "key")), ("--ca", file("ca", "pem"))];
    pairs.into_iter().flat_map(|(flag, path)| [flag.into(), path]).collect()
}

/// tlsight in the network of a namespace, with all else as it is on the host: cgroups too, which
/// `ip netns exec` hides.
pub(crate) fn beside(namespace: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/run/netns/{namespace}"));
    command.arg(env!("CARGO_BIN_EXE_tlsight"));
    command
}

/// Why no probe can be put into a library here, if that is so.
fn no_probes(network: &Network) -> Option<String> {
    let listed = beside(&network.client()).args(["mirror", "--list"]).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stderr);
    (!listed.status.success()).then(|| text.trim().to_owned())
}

/// A line of `/proc/net/tcp`: local and remote address, state.
fn is_listener_on_3005(line: &str) -> bool {
    let mut fields = line.split_whitespace().skip(1);
    fields.next().is_some_and(|local| local.ends_with(":0BBD")) && fields.nth(1) == Some("0A")
}

fn is_connected_to_3005(line: &str) -> bool {
    let mut fields = line.split_whitespace().skip(2);
    fields.next().is_some_and(|remote| remote.ends_with(":0BBD")) && fields.next() == Some("01")
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
