//! Each session once, with the processes of both ends.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::cgroup::{Cgroup, with_cgroup};
use super::peer;
use super::processes::{Folder, Running, free_port, nginx, succeed, succeed_with};
use super::watcher::{End, Watcher};
use crate::network::with_network;

#[test]
fn each_of_a_thousand_short_lived_clients_of_nginx_is_told_once_with_both_processes() {
    with_cgroup("nginx", &["curl", "nginx", "openssl"], |cgroup| {
        let (folder, port) = (Folder::new(cgroup), free_port());
        let _server = nginx(cgroup, &folder, port);
        let watcher = Watcher::start(cgroup, &[]);
        let pids = ask(cgroup, port);
        let end = watcher.interrupt();
        assert_each_once(&end, &pids, port);
        for session in &end.sessions {
            let server = &session["server"]["process"];
            assert!(server["executable"].as_str().unwrap().ends_with("/nginx"), "{server}");
            assert_eq!(server["command_line"], "nginx: worker process");
            assert_eq!(server["parent"]["name"], "nginx");
        }
    });
}

#[test]
fn each_of_a_thousand_short_lived_clients_of_rustls_is_told_once_with_both_processes() {
    with_cgroup("rustls", &["curl", "openssl"], |cgroup| {
        let (folder, port) = (Folder::new(cgroup), free_port());
        let mut command = peer::rustls_server(cgroup, folder.path(), port);
        let server = Running::start(&mut command).wait_for_port(port);
        let watcher = Watcher::start(cgroup, &[]);
        let pids = ask(cgroup, port);
        let end = watcher.interrupt();
        assert_each_once(&end, &pids, port);
        let program = std::env::current_exe().unwrap();
        let line = [&[program.to_str().unwrap()], peer::ARGUMENTS].concat().join(" ");
        for session in &end.sessions {
            assert_eq!(session["server"]["process"]["pid"], server.id());
            assert_eq!(session["server"]["process"]["executable"], program.to_str().unwrap());
            assert_eq!(session["server"]["process"]["command_line"], line);
        }
    });
}

#[test]
fn a_pod_shows_its_own_sessions_and_no_others_with_its_container() {
    with_cgroup("pods", &["curl", "nginx", "openssl"], |cgroup| {
        let (folder, port) = (Folder::new(cgroup), free_port());
        let elsewhere = cgroup.child("server");
        let _server = nginx(&elsewhere, &folder, port);
        let pods = cgroup.child("kubepods.slice");
        let id = "0123456789abcdef".repeat(4);
        let container = |pod: &Cgroup| pod.child(&format!("cri-containerd-{id}.scope"));
        let (own, other) = (pods.child("kubepods-pod1.slice"), pods.child("kubepods-pod2.slice"));
        let (own_container, other_container) = (container(&own), container(&other));
        let watcher = Watcher::start(&own, &[]);
        for (cgroup, name) in [(&other_container, "other.test"), (&own_container, "own.test")] {
            succeed(&mut curl(cgroup, name, port));
        }
        let end = watcher.interrupt();
        let names: Vec<&Value> = names(&end);
        assert_eq!(names, ["own.test"]);
        let session = &end.sessions[0];
        assert_eq!(session["container"], json!({ "id": id, "runtime": "containerd" }));
        assert_eq!(session["client"]["container"], session["container"]);
        assert_eq!(session["server"]["process"], Value::Null);
        assert_eq!(session["network"]["direction"], "egress");
        let path = session["tlsight"]["socket"]["client"]["cgroup"]["path"].as_str().unwrap();
        assert!(path.ends_with(&format!("pod1.slice/cri-containerd-{id}.scope")), "{path}");
        assert_eq!(end.loss, json!({}));
        for cgroup in [own_container, other_container, own, other, pods, elsewhere] {
            cgroup.remove();
        }
    });
}

#[test]
fn a_session_between_two_network_namespaces_is_told_once_with_both_processes() {
    with_cgroup("veth", &["openssl"], |cgroup| {
        with_network("veth", &[], |network| {
            let folder = Folder::new(cgroup);
            let mut command = cgroup.command_in(&network.server(), "openssl");
            command.args(["s_server", "-accept", "443", "-quiet", "-WWW"]);
            command.args(["-cert", "server.pem", "-key", "server.key"]);
            let server = Running::start(command.current_dir(folder.path())).wait_for_port(443);
            let mut watcher = Watcher::start(cgroup, &[]);
            let mut client = cgroup.command_in(&network.client(), "openssl");
            client.args(["s_client", "-quiet", "-connect", "192.0.2.2:443"]);
            succeed_with(&mut client, "GET /hello HTTP/1.0\r\n\r\n");
            let session = watcher.next();
            assert_eq!(session["server"]["process"]["pid"], server.id());
            assert_eq!(session["client"]["process"]["name"], "openssl");
            let socket = &session["tlsight"]["socket"];
            assert_ne!(socket["client"]["netns"], socket["server"]["netns"]);
            let end = watcher.interrupt();
            assert_eq!((end.sessions.len(), end.loss), (0, json!({})));
        });
    });
}

#[test]
fn command_lines_lose_their_secrets_or_are_left_out() {
    with_cgroup("secrets", &["curl", "nginx", "openssl"], |cgroup| {
        let (folder, port) = (Folder::new(cgroup), free_port());
        let _server = nginx(cgroup, &folder, port);
        for (flags, is_there) in [(&[][..], true), (&["--no-command-line"], false)] {
            let mut watcher = Watcher::start(cgroup, flags);
            let mut client = curl(cgroup, "secret.test", port);
            succeed(client.args(["-H", "Authorization: Bearer abc123"]));
            let session = watcher.next();
            let line = session["process"]["command_line"].as_str();
            assert_eq!(line.is_some(), is_there);
            assert!(!session.to_string().contains("abc123"), "{session}");
            assert!(line.is_none_or(|line| line.contains("Authorization:***")), "{line:?}");
        }
    });
}

/// Runs a thousand clients, [`AT_ONCE`] at a time, each of which asks for a name of its own; gives
/// their numbers.
fn ask(cgroup: &Cgroup, port: u16) -> Vec<(u32, u32)> {
    let next = AtomicU32::new(0);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut pids = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= CLIENTS {
                            return pids;
                        }
                        let mut client = curl(cgroup, &format!("n{number}.test"), port)
                            .stdout(Stdio::null())
                            .spawn()
                            .unwrap();
                        assert!(client.wait().unwrap().success());
                        pids.push((number, client.id()));
                    }
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn curl(cgroup: &Cgroup, name: &str, port: u16) -> Command {
    let mut command = cgroup.command("curl");
    command.args(["-sk", "--connect-to", &format!("{name}:{port}:127.0.0.1:{port}")]);
    command.arg(format!("https://{name}:{port}/"));
    command
}

fn assert_each_once(end: &End, pids: &[(u32, u32)], port: u16) {
    assert_eq!(end.loss, json!({}), "{}", end.messages);
    let told: Vec<(String, u64)> = end
        .sessions
        .iter()
        .map(|session| {
            let process = &session["client"]["process"];
            let name = session["tls"]["client"]["server_name"].as_str().unwrap();
            let program = process["executable"].as_str().unwrap();
            let line = process["command_line"].as_str().unwrap();
            assert!(program.ends_with("/curl"), "{program}");
            assert!(line.starts_with("curl -sk "), "{line}");
            assert!(line.ends_with(&format!(" https://{name}:{port}/")), "{name}: {line}");
            assert_eq!(&session["process"], process);
            assert_eq!(session["tlsight"]["partial"], Value::Null, "{session}");
            (name.to_owned(), process["pid"].as_u64().unwrap())
        })
        .collect();
    let expected: BTreeSet<(String, u64)> =
        pids.iter().map(|(number, pid)| (format!("n{number}.test"), u64::from(*pid))).collect();
    assert_eq!(told.len(), expected.len());
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected);
}

fn names(end: &End) -> Vec<&Value> {
    end.sessions.iter().map(|session| &session["tls"]["client"]["server_name"]).collect()
}

const CLIENTS: u32 = 1000;
const AT_ONCE: u32 = 20;
