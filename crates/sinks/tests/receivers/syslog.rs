//! Syslog, to rsyslog.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use sinks::{Facility, Kind, SdId, SyslogSettings};

use crate::world::{
    Program, World, counts, free_port, line, lines, lost, number, program, read, skip, state,
    wait_until,
};

fn settings(url: &str, world: &World) -> Kind {
    let ca = url.starts_with("tls:").then(|| world.path("ca.pem"));
    Kind::Syslog(SyslogSettings {
        address: url.parse().unwrap(),
        ca,
        facility: Facility::default(),
        sd_id: SdId::default(),
        max_bytes: SyslogSettings::USUAL_BYTES,
    })
}

/// rsyslog with an input, which writes what came as lines of JSON.
fn rsyslog(rsyslogd: &Path, world: &World, input: &str) -> Program {
    let out = world.path("messages");
    let config = format!(
        r#"global(workDirectory="{folder}" maxMessageSize="16k")
{input}
template(name="out" type="list" option.jsonf="on") {{
    property(outname="pri" name="pri" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="program" name="app-name" format="jsonf")
    property(outname="id" name="msgid" format="jsonf")
    property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
    property(outname="version" name="protocol-version" format="jsonf")
}}
action(type="omfile" file="{out}" template="out" ioBufferSize="64k" flushOnTXEnd="on")
"#,
        folder = world.folder.path().display(),
        out = out.display(),
    );
    let path = world.path("rsyslog.conf");
    fs::write(&path, config).unwrap();
    let pid = world.path("rsyslog.pid");
    fs::remove_file(&pid).ok();
    let (path, pid) = (path.to_str().unwrap().to_owned(), pid.to_str().unwrap().to_owned());
    Program::start(Command::new(rsyslogd).args(["-n", "-f", &path, "-i", &pid]))
}

fn wait_for(port: u16) {
    wait_until("rsyslog listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// What came, as the numbers of the lines.
fn numbers(world: &World) -> Vec<u64> {
    let messages = read(&world.path("messages"));
    messages
        .iter()
        .map(|it| {
            let json: Value = serde_json::from_str(it["message"].as_str().unwrap().trim()).unwrap();
            number(&json)
        })
        .collect()
}

#[test]
fn rsyslog_reads_each_part_of_a_message() {
    let Some(rsyslogd) = program("rsyslogd", "rsyslog_reads_each_part_of_a_message") else {
        return;
    };
    let (world, port) = (World::new(), free_port());
    let input = format!(
        "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")"
    );
    let _rsyslog = rsyslog(&rsyslogd, &world, &input);
    wait_for(port);
    let sinks = world.start(settings(&format!("tcp://127.0.0.1:{port}"), &world));
    let mut hostile: Value = serde_json::from_slice(&line(7)).unwrap();
    let name = "a\"] <0>1 - evil - - - - \\\n23 <1>[x@1 y=\"z\"]\u{7f}é";
    hostile["tls"]["client"]["server_name"] = name.into();
    sinks.put("node-1", hostile.to_string().as_bytes());
    wait_until("it came", || read(&world.path("messages")).len() == 1);
    let message = read(&world.path("messages")).remove(0);
    assert_eq!(message["pri"], "134");
    assert_eq!(message["host"], "node-1");
    assert_eq!(message["program"], "tlsight");
    assert_eq!(message["id"], "session");
    assert_eq!(message["time"], "2026-11-21T13:30:00.000000Z");
    let data = message["data"].as_str().unwrap();
    assert!(data.starts_with("[tlsight@32473 client=\"192.0.2.1\""), "{data}");
    assert!(data.contains("server_name=\"a\\\"\\] <0>1 - evil"), "{data}");
    assert!(data.ends_with("pid=\"7\"]"), "{data}");
    let json = message["message"].as_str().unwrap().trim();
    assert_eq!(serde_json::from_str::<Value>(json).unwrap(), hostile);
}

#[test]
fn lines_over_tcp_survive_restarts_of_rsyslog() {
    let test = "lines_over_tcp_survive_restarts_of_rsyslog";
    let Some(rsyslogd) = program("rsyslogd", test) else { return };
    let (world, port) = (World::new(), free_port());
    let input = format!(
        "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")"
    );
    restarts(&world, port, &settings(&format!("tcp://127.0.0.1:{port}"), &world), || {
        rsyslog(&rsyslogd, &world, &input)
    });
}

#[test]
fn lines_over_tls_survive_restarts_of_rsyslog() {
    let test = "lines_over_tls_survive_restarts_of_rsyslog";
    let Some(rsyslogd) = program("rsyslogd", test) else { return };
    if !Path::new("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so").exists() {
        return skip(test, "rsyslog-gnutls is not installed");
    }
    let (world, port) = (World::new(), free_port());
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(world.path("ca.pem"), key.cert.pem()).unwrap();
    fs::write(world.path("key.pem"), key.signing_key.serialize_pem()).unwrap();
    let folder = world.folder.path().display();
    let input = format!(
        r#"global(defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{folder}/ca.pem"
    defaultNetstreamDriverCertFile="{folder}/ca.pem" defaultNetstreamDriverKeyFile="{folder}/key.pem")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" address="127.0.0.1" port="{port}")"#
    );
    restarts(&world, port, &settings(&format!("tls://localhost:{port}"), &world), || {
        rsyslog(&rsyslogd, &world, &input)
    });
}

/// Lines before, while and after the server is gone; it ends in peace, so all that it read is written.
fn restarts(world: &World, port: u16, kind: &Kind, start: impl Fn() -> Program) {
    let mut server = start();
    wait_for(port);
    let sinks = world.start(kind.clone());
    sinks.put("h", &lines(0..1000));
    wait_until("the first came", || numbers(world).len() >= 1000);
    // The connection is silent: nothing is on its way when the server ends.
    Command::new("kill").arg(server.id().to_string()).status().unwrap();
    wait_until("it has ended", || !server.is_running());
    sinks.put("h", &lines(1000..2000));
    wait_until("it is noticed", || !state(&sinks).is_up);
    assert!(sinks.stop(Duration::from_secs(60)));
    drop(sinks);
    let sinks = world.start(kind.clone());
    sinks.put("h", &lines(2000..2500));
    let _server = start();
    wait_until("each line came", || counts(numbers(world)).len() == 2500);
    wait_until("the queue is empty", || state(&sinks).lag_seconds == 0.0);
    assert_eq!(lost(&state(&sinks)), 0);
    let counts = counts(numbers(world));
    assert!(counts.values().all(|it| *it == 1), "nothing was on its way, so nothing came twice");
}

#[test]
fn each_line_is_a_datagram() {
    let Some(rsyslogd) = program("rsyslogd", "each_line_is_a_datagram") else { return };
    let (world, port) = (World::new(), free_port());
    // A port of TCP as well, to see that it listens.
    let tcp = free_port();
    let input = format!(
        "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")\n\
         module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\")"
    );
    let _rsyslog = rsyslog(&rsyslogd, &world, &input);
    wait_for(tcp);
    let sinks = world.start(settings(&format!("udp://127.0.0.1:{port}"), &world));
    sinks.put("h", &lines(0..50));
    wait_until("all came", || counts(numbers(&world)).len() == 50);
    assert_eq!((state(&sinks).delivered, numbers(&world).len()), (50, 50));
}
