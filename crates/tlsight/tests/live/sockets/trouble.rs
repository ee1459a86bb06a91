//! What goes wrong is said, and leaves nothing behind.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use serde_json::json;

use super::cgroup::with_cgroup;
use super::processes::{Folder, free_port, nginx, succeed};
use super::watcher::{PROGRAM, Watcher};
use crate::network::{skip, wait_until};

#[test]
fn killed_it_leaves_no_program_behind() {
    with_cgroup("killed", &[], |cgroup| {
        let watcher = Watcher::start(cgroup, &[]);
        let programs = watcher.programs();
        assert_eq!(loaded(&programs), 2);
        watcher.kill();
        wait_until("the programs are gone", || loaded(&programs) == 0);
    });
}

#[test]
fn a_cgroup_that_is_removed_ends_it_with_a_word() {
    with_cgroup("removed", &[], |cgroup| {
        let watcher = Watcher::start(cgroup, &[]);
        cgroup.remove();
        let end = watcher.end();
        assert_eq!(end.status, Some(1));
        assert!(end.messages.contains("the cgroup was removed"), "{}", end.messages);
        assert_eq!(end.loss, json!({ "cgroups_removed": 1 }));
    });
}

#[test]
fn where_proc_cannot_be_read_sessions_are_told_and_a_word_is_said() {
    let programs = ["curl", "nginx", "openssl", "unshare", "mount", "setpriv"];
    with_cgroup("noproc", &programs, |cgroup| {
        let (folder, port) = (Folder::new(cgroup), free_port());
        let _server = nginx(cgroup, &folder, port);
        for (script, word) in [
            ("umount -l /proc && exec \"$0\" \"$@\"", "/proc is not mounted"),
            (
                "mount -t proc -o hidepid=2 proc /proc && exec setpriv --regid=65534 \
                 --clear-groups --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace \"$0\" \"$@\"",
                "/proc hides processes of others",
            ),
        ] {
            let wrapper = ["unshare", "--mount", "sh", "-c", script];
            let mut watcher = Watcher::start_within(&wrapper, cgroup, &[]);
            let mut client = cgroup.command("curl");
            succeed(client.args(["-sk", &format!("https://127.0.0.1:{port}/")]));
            let session = watcher.next();
            assert_eq!(session["client"]["process"]["name"], "curl");
            assert_eq!(session["server"]["process"]["command_line"], "nginx: worker process");
            let end = watcher.interrupt();
            assert_eq!((end.status, end.loss), (Some(0), json!({})));
            assert!(end.messages.contains(word), "{}", end.messages);
        }
    });
}

#[test]
fn a_container_that_numbers_processes_by_itself_is_told() {
    with_cgroup("pidns", &["unshare"], |_| {
        let doctor = Command::new("unshare")
            .args(["--pid", "--fork", "--mount-proc", PROGRAM, "doctor"])
            .output()
            .unwrap();
        let text = String::from_utf8(doctor.stdout).unwrap();
        let line = text.lines().find(|line| line.contains(" processes ")).unwrap();
        assert!(line.starts_with("degraded") && line.contains("as a container does"), "{text}");
    });
}

#[test]
fn a_handshake_on_a_connection_from_before_is_told_with_its_process() {
    with_cgroup("before", &["curl", "nginx", "openssl"], |cgroup| {
        let (folder, port, near) = (Folder::new(cgroup), free_port(), free_port());
        let _server = nginx(cgroup, &folder, port);
        // The client connects, and waits for the proxy's answer until tlsight watches.
        let listener = TcpListener::bind(("127.0.0.1", near)).unwrap();
        let client = cgroup
            .command("curl")
            .args(["-sk", "-p", "-x", &format!("http://127.0.0.1:{near}")])
            .arg(format!("https://before.test:{port}/"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (proxy, _) = listener.accept().unwrap();
        let mut watcher = Watcher::start(cgroup, &[]);
        answer(proxy, port);
        let session = watcher.next();
        assert_eq!(session["client"]["process"]["pid"], client.id());
        assert_eq!(session["tlsight"]["partial"], json!(["midstream"]));
        assert_eq!(session["tls"]["client"]["server_name"], "before.test");
        drop(client);
    });
}

#[test]
fn what_is_no_cgroup_is_named() {
    let output = run(PROGRAM, &["watch", "--cgroup", "/"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("/: not a cgroup of version 2"), "{message}");
}

#[test]
fn a_missing_capability_is_named() {
    if run("setpriv", &["--version"]).status.code() != Some(0) {
        return skip("capability", "setpriv is not installed");
    }
    if let Err(error) = probe::cgroup_root() {
        return skip("capability", &error.to_string());
    }
    if rustix::process::geteuid().is_root() {
        for name in ["bpf", "perfmon"] {
            assert_is_named(name);
        }
    } else {
        let output = run(PROGRAM, &["watch"]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("CAP_BPF"));
    }
}

/// Runs without a capability.
fn assert_is_named(name: &str) {
    let taken = ["--bounding-set", "--inh-caps"].map(|set| format!("{set}=-{name},-sys_admin"));
    let output = run("setpriv", &[&taken[0], &taken[1], PROGRAM, "watch"]);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains(&format!("CAP_{}", name.to_uppercase())), "{message}");
    assert!(message.len() < 500, "no verifier's log: {message}");
}

/// Says yes to a client that asks for a tunnel, and is one.
fn answer(client: TcpStream, port: u16) {
    use std::io::{Read as _, Write as _, copy};
    let mut client = client;
    let mut request = [0; 4096];
    assert!(client.read(&mut request).unwrap() > 0);
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut from_client, mut to_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || copy(&mut from_client, &mut to_server));
    std::thread::spawn(move || copy(&mut server, &mut client));
}

/// How many of these programs are in the kernel.
fn loaded(programs: &[u32]) -> usize {
    let loaded = aya::programs::loaded_programs().filter_map(Result::ok);
    loaded.filter(|program| programs.contains(&program.id())).count()
}

/// Runs a program that must end by itself.
fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new("timeout")
        .args(["60", program])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
