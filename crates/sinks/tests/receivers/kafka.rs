//! Kafka, to brokers of librdkafka; its consumer counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use sinks::{KafkaSettings, Kind};

use crate::world::{
    Program, World, counts, free_port, lines, lost, number, python, read, run_script, state,
    wait_until,
};

fn settings(brokers: &str) -> Kind {
    let brokers = brokers.split(',').map(str::to_owned).collect();
    let topic = "tlsight".to_owned();
    Kind::Kafka(KafkaSettings { brokers, topic, tls: false, ca: None, login: None })
}

/// A cluster, and where it is.
fn cluster(python: &Path, world: &World) -> (Program, String) {
    let folder = world.folder.path().to_str().unwrap();
    let program = run_script(python, "kafka_broker.py", &[folder, "tlsight"]);
    wait_until("the cluster is there", || world.path("brokers").exists());
    (program, fs::read_to_string(world.path("brokers")).unwrap())
}

fn signal(program: &Program, signal: &str) {
    let id = program.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

#[test]
fn each_line_is_a_record_with_its_key_in_one_partition() {
    let test = "each_line_is_a_record_with_its_key_in_one_partition";
    let Some(python) = python("kafka", test) else { return };
    let world = World::new();
    let (_cluster, brokers) = cluster(&python, &world);
    let sinks = world.start(settings(&brokers));
    for part in 0..10 {
        sinks.put("node-1", &lines(part * 100..(part + 1) * 100));
    }
    wait_until("all are consumed", || read(&world.path("records")).len() == 1000);
    assert_eq!(state(&sinks).delivered, 1000);
    let records = read(&world.path("records"));
    let mut partitions = BTreeMap::new();
    for record in &records {
        let (value, key) = (&record["value"], record["key"].as_str().unwrap().to_owned());
        assert_eq!(key, format!("192.0.2.1 {} 443", value["server"]["ip"].as_str().unwrap()));
        let partition = partitions.entry(key).or_insert_with(|| record["partition"].clone());
        assert_eq!(*partition, record["partition"]);
        let headers = json!([
            ["content-type", "application/json"],
            ["dataset", "sessions"],
            ["host", "node-1"]
        ]);
        assert_eq!(record["headers"], headers);
        assert_eq!(record["timestamp"], 1_795_267_800_000_i64);
    }
    let used = counts(partitions.values().map(|it| it.as_u64().unwrap()));
    assert_eq!(used.len(), 4, "all partitions are used");
    assert_eq!(counts(records.iter().map(|it| number(&it["value"]))).len(), 1000);
}

#[test]
fn no_line_is_lost_without_brokers_and_when_they_stand_still() {
    let test = "no_line_is_lost_without_brokers_and_when_they_stand_still";
    let Some(python) = python("kafka", test) else { return };
    let world = World::new();
    let sinks = world.start(settings(&format!("127.0.0.1:{}", free_port())));
    sinks.put("h", &lines(0..500));
    wait_until("nobody is there", || state(&sinks).failures > 0);
    drop(sinks);
    let (cluster, brokers) = cluster(&python, &world);
    wait_until("the queue is free", || {
        fs::File::open(world.path("queues/sink/lock")).unwrap().try_lock().is_ok()
    });
    let sinks = world.start(settings(&brokers));
    wait_until("what waited is taken", || state(&sinks).delivered == 500);
    signal(&cluster, "-STOP");
    sinks.put("h", &lines(500..1000));
    wait_until("brokers stand still", || state(&sinks).failures > 0);
    signal(&cluster, "-CONT");
    let seen = || counts(read(&world.path("records")).iter().map(|it| number(&it["value"])));
    wait_until("each line is consumed", || seen().len() == 1000);
    wait_until("the queue is empty", || state(&sinks).lag_seconds == 0.0);
    assert_eq!(lost(&state(&sinks)), 0);
    // What brokers had taken and not acknowledged came again.
    let seen = seen();
    assert!((0..500).all(|it| seen[&it] == 1), "only requests without an answer are repeated");
    println!("{} records of 1000 lines", seen.values().sum::<u64>());
    assert!(sinks.stop(Duration::from_secs(60)));
}
