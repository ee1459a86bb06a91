//! OTLP, to a receiver that decodes with OpenTelemetry's own messages.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sinks::{Auth, HttpSettings, Kind, OtlpSettings, Secret};

use crate::world::{
    Program, World, counts, free_port, line, lines, lost, number, python, read, run_script, state,
    wait_until,
};

fn settings(port: u16) -> Kind {
    let token = Auth::Bearer(Secret::new("hunter2".to_owned()));
    Kind::Otlp(OtlpSettings {
        http: HttpSettings { url: format!("http://127.0.0.1:{port}"), auth: token, ca: None },
        logs: true,
        metrics: true,
        metrics_every: Duration::from_secs(1),
    })
}

fn receiver(python: &Path, port: u16, world: &World) -> Program {
    let folder = world.folder.path().to_str().unwrap().to_owned();
    let receiver = run_script(python, "otlp_receiver.py", &[port.to_string(), folder]);
    wait_until("the receiver listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    receiver
}

/// The log records that came, each with its resource.
fn records(path: PathBuf) -> Vec<(Value, Value)> {
    let mut records = Vec::new();
    for request in read(&path) {
        assert_eq!(request["unknown"], false, "a field that OTLP does not know");
        for resource in request["resource_logs"].as_array().unwrap() {
            for scope in resource["scope_logs"].as_array().unwrap() {
                assert_eq!(scope["scope"]["name"], "tlsight");
                let all = scope["log_records"].as_array().unwrap();
                records.extend(all.iter().map(|it| (resource["resource"].clone(), it.clone())));
            }
        }
    }
    records
}

fn body(record: &Value) -> Value {
    serde_json::from_str(record["body"]["string_value"].as_str().unwrap()).unwrap()
}

fn attributes(of: &Value) -> BTreeMap<String, Value> {
    let attributes = of["attributes"].as_array().unwrap().iter();
    attributes.map(|it| (it["key"].as_str().unwrap().to_owned(), it["value"].clone())).collect()
}

#[test]
fn each_line_is_a_log_record_whatever_the_collector_answers_and_through_its_restarts() {
    let test = "each_line_is_a_log_record";
    let Some(python) = python("otlp", test) else { return };
    let (world, port) = (World::new(), free_port());
    fs::write(world.path("answers"), "503\n429\ncut\n200\n502\n").unwrap();
    let receiver_1 = receiver(&python, port, &world);
    let sinks = world.start(settings(port));
    let count = 3000;
    for part in 0..10 {
        sinks.put("node-1", &lines(part * 100..(part + 1) * 100));
    }
    wait_until("a request fails", || state(&sinks).failures > 0);
    wait_until("the first lines are taken", || state(&sinks).delivered >= 1000);
    drop(receiver_1);
    sinks.put("node-2", &lines(1000..2000));
    wait_until("it is noticed that nobody is there", || !state(&sinks).is_up);
    // The process ends, and another one goes on with what waits.
    assert!(sinks.stop(Duration::from_secs(60)));
    drop(sinks);
    let sinks = world.start(settings(port));
    sinks.put("node-2", &lines(2000..count));
    let _receiver = receiver(&python, port, &world);
    wait_until("all lines are taken", || {
        counts(records(world.path("logs")).iter().map(|(_, it)| number(&body(it)))).len() == 3000
    });
    wait_until("the queue is empty", || state(&sinks).lag_seconds == 0.0);
    assert_eq!(lost(&state(&sinks)), 0);
    // None of the failures came after a request was taken, so nothing is there twice.
    let records = records(world.path("logs"));
    let counts = counts(records.iter().map(|(_, it)| number(&body(it))));
    assert!(counts.values().all(|it| *it == 1), "{counts:?}");
    assert!(world.messages().contains("503") && world.messages().contains("works again"));
    assert!(!world.messages().contains("hunter2"));
    let requests = read(&world.path("logs"));
    assert!(requests.iter().all(|it| it["authorization"] == "Bearer hunter2"));
    for (resource, record) in &records {
        let expected = if number(&body(record)) < 1000 { "node-1" } else { "node-2" };
        assert_eq!(attributes(resource)["host.name"]["string_value"], expected);
    }
}

#[test]
fn attributes_are_those_of_the_conventions() {
    let Some(python) = python("otlp", "attributes_are_those_of_the_conventions") else { return };
    let (world, port) = (World::new(), free_port());
    let _receiver = receiver(&python, port, &world);
    let sinks = world.start(settings(port));
    sinks.put("node-1", &line(7));
    wait_until("it is taken", || records(world.path("logs")).len() == 1);
    let (resource, record) = records(world.path("logs")).remove(0);
    assert_eq!(attributes(&resource)["service.name"]["string_value"], "tlsight");
    assert_eq!(record["event_name"], "tlsight.session");
    assert_eq!(record["severity_text"], "INFO");
    assert_eq!(record["severity_number"], "SEVERITY_NUMBER_INFO");
    assert_eq!(record["time_unix_nano"], "1795267800000000007");
    let attributes = attributes(&record);
    for (name, value) in [
        ("tls.protocol.name", "tls"),
        ("tls.protocol.version", "1.3"),
        ("tls.cipher", "TLS_AES_128_GCM_SHA256"),
        ("server.address", "name-7.example.test"),
        ("client.address", "192.0.2.1"),
        ("network.transport", "tcp"),
        ("process.executable.name", "curl"),
        ("tlsight.key_exchange.class", "hybrid_pq"),
    ] {
        assert_eq!(attributes[name]["string_value"], value, "{name}");
    }
    assert_eq!(attributes["server.port"]["int_value"], "443");
    assert_eq!(attributes["process.real_user.id"]["int_value"], "1000");
    assert_eq!(attributes["tls.established"]["bool_value"], true);
}

#[test]
fn what_a_collector_rejects_is_counted_and_not_sent_again() {
    let test = "what_a_collector_rejects_is_counted_and_not_sent_again";
    let Some(python) = python("otlp", test) else { return };
    let (world, port) = (World::new(), free_port());
    fs::write(world.path("answers"), "partial 3\n400\n").unwrap();
    let _receiver = receiver(&python, port, &world);
    let sinks = world.start(settings(port));
    sinks.put("h", &lines(0..10));
    wait_until("some are rejected", || lost(&state(&sinks)) == 3);
    assert_eq!(state(&sinks).delivered, 7);
    sinks.put("h", &lines(10..14));
    wait_until("a request is refused", || lost(&state(&sinks)) == 7);
    sinks.put("h", &lines(14..15));
    wait_until("it goes on", || state(&sinks).delivered == 8);
    assert_eq!(records(world.path("logs")).len(), 11);
    assert!(world.messages().contains("too old"), "{}", world.messages());
}

#[test]
fn sessions_and_losses_are_cumulative_sums() {
    let Some(python) = python("otlp", "sessions_and_losses_are_cumulative_sums") else { return };
    let (world, port) = (World::new(), free_port());
    let _receiver = receiver(&python, port, &world);
    let sinks = world.start(settings(port));
    sinks.put("h", &lines(0..40));
    sinks.put("h", br#"{"event":{"dataset":"tlsight.loss"},"tlsight":{"loss":{"gaps":5}}}"#);
    let sums = || {
        let mut sums = BTreeMap::new();
        for request in read(&world.path("metrics")) {
            assert_eq!(request["unknown"], false);
            let metrics = &request["resource_metrics"][0]["scope_metrics"][0]["metrics"];
            for metric in metrics.as_array().unwrap() {
                let sum = &metric["sum"];
                assert_eq!(sum["aggregation_temporality"], "AGGREGATION_TEMPORALITY_CUMULATIVE");
                assert_eq!(sum["is_monotonic"], true);
                let point = sum["data_points"][0].clone();
                sums.insert(metric["name"].as_str().unwrap().to_owned(), point);
            }
        }
        sums
    };
    wait_until("sums are told", || sums().len() == 2 && sums()["tlsight.losses"]["as_int"] == "5");
    let point = &sums()["tlsight.sessions"];
    assert_eq!(point["as_int"], "40");
    assert_eq!(attributes(point)["tlsight.outcome"]["string_value"], "success");
    assert_eq!(attributes(point)["tls.protocol.version"]["string_value"], "1.3");
    sinks.put("h", &lines(40..50));
    // The last ones are told at the end.
    assert!(sinks.stop(Duration::from_secs(60)));
    assert_eq!(sums()["tlsight.sessions"]["as_int"], "50");
}

#[test]
fn lines_reach_the_decoder_through_a_collector_that_is_restarted() {
    let test = "lines_reach_the_decoder_through_a_collector_that_is_restarted";
    let (Some(python), Some(rotel)) = (python("otlp", test), python("rotel", test)) else { return };
    let (world, behind, port, grpc) = (World::new(), free_port(), free_port(), free_port());
    let _receiver = receiver(&python, behind, &world);
    let collector = || {
        let collector = rotel_agent(&rotel, port, grpc, behind);
        wait_until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        collector
    };
    let mut first = collector();
    let sinks = world.start(settings(port));
    sinks.put("node-1", &lines(0..1000));
    wait_until("the collector has them", || state(&sinks).delivered == 1000);
    // It tells on what it has taken before it ends.
    Command::new("kill").arg(first.id().to_string()).status().unwrap();
    wait_until("it has ended", || !first.is_running());
    sinks.put("node-1", &lines(1000..2000));
    wait_until("it is noticed", || state(&sinks).failures > 0);
    let _second = collector();
    let seen = || counts(records(world.path("logs")).iter().map(|(_, it)| number(&body(it))));
    wait_until("each line is there", || seen().len() == 2000);
    assert!(seen().values().all(|it| *it == 1));
    assert_eq!(lost(&state(&sinks)), 0);
    wait_until("sums are there", || {
        read(&world.path("metrics")).iter().any(|it| it.to_string().contains("tlsight.sessions"))
    });
}

/// A collector that tells all on to the receiver.
fn rotel_agent(python: &Path, port: u16, grpc: u16, behind: u16) -> Program {
    let ask = "import os, sysconfig, rotel; \
        print(os.path.dirname(rotel.__file__) + '/rotel-agent'); \
        print(sysconfig.get_config_var('LIBDIR'))";
    let output = Command::new(python).args(["-c", ask]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (agent, libraries) = text.trim().split_once('\n').unwrap();
    let (http, grpc) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{grpc}"));
    let next = format!("http://127.0.0.1:{behind}");
    Program::start(
        Command::new(agent)
            .env("LD_LIBRARY_PATH", libraries)
            .args(["start", "--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc])
            .args(["--exporter", "otlp", "--otlp-exporter-endpoint", &next])
            .args(["--otlp-exporter-protocol", "http"])
            .stdout(Stdio::null()),
    )
}
