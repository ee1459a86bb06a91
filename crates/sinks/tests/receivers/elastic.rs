//! Elasticsearch's bulk interface, recorded: each request is held against the index template that is shipped, and
//! that against the field list of the Elastic Common Schema.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use sinks::{Auth, ElasticSettings, HttpSettings, Kind, Secret};

use crate::world::{World, counts, free_port, line, lines, lost, number, state, wait_until};

fn settings(port: u16) -> Kind {
    let auth = Auth::ApiKey(Secret::new("hunter2".to_owned()));
    let http = HttpSettings { url: format!("http://127.0.0.1:{port}"), auth, ca: None };
    Kind::Elastic(ElasticSettings { http, index: ElasticSettings::USUAL_INDEX.to_owned() })
}

/// What a server does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Each document is stored.
    Take,
    /// Of documents, each tenth is too much and each seventh makes no sense.
    TakeSome,
    /// All are stored, and the connection is cut before the answer.
    TakeAndCut,
    /// The connection is cut at once.
    Cut,
    /// A status for all of it.
    Answer(u16),
}

/// A data stream, and the fates of the requests to come; `Take` when there are none left.
#[derive(Default)]
struct Stream {
    documents: BTreeMap<String, Value>,
    fates: Vec<Fate>,
    conflicts: u64,
    requests: u64,
}

/// Serves connections until the listener's handle is dropped with the test.
fn serve(port: u16, stream: &Arc<Mutex<Stream>>) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let stream = Arc::clone(stream);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let stream = Arc::clone(&stream);
            thread::spawn(move || answer_all(&connection.unwrap(), &stream));
        }
    });
}

fn answer_all(connection: &TcpStream, stream: &Mutex<Stream>) {
    let mut reader = BufReader::new(connection);
    while let Some((head, body)) = request(&mut reader) {
        assert!(head.starts_with(
            "POST /logs-tlsight.sessions-default/_bulk?filter_path=errors,items.*.status,"
        ));
        let head = head.to_lowercase();
        assert!(head.contains("\r\nauthorization: apikey hunter2\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-encoding: gzip\r\n"));
        assert!(head.contains("\r\ncontent-type: application/x-ndjson\r\n"));
        let mut text = String::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text).unwrap();
        let Some((status, answer)) = take(&mut stream.lock().unwrap(), &text) else { return };
        let len = answer.len();
        let head =
            format!("HTTP/1.1 {status} x\r\nRetry-After: 1\r\nContent-Length: {len}\r\n\r\n");
        let mut connection = connection;
        if connection.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let len = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    let mut body = vec![0; len.unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn take(stream: &mut Stream, text: &str) -> Option<(u16, String)> {
    let fate = if stream.fates.is_empty() { Fate::Take } else { stream.fates.remove(0) };
    stream.requests += 1;
    match fate {
        Fate::Cut => return None,
        Fate::Answer(status) => return Some((status, "no".to_owned())),
        Fate::Take | Fate::TakeSome | Fate::TakeAndCut => {}
    }
    let parts: Vec<_> = text.strip_suffix('\n').unwrap().split('\n').collect();
    let items: Vec<_> = parts
        .chunks(2)
        .enumerate()
        .map(|(place, pair)| {
            let action: Value = serde_json::from_str(pair[0]).unwrap();
            let id = action["create"]["_id"].as_str().unwrap().to_owned();
            let document: Value = serde_json::from_str(pair[1]).unwrap();
            let status = match fate {
                Fate::TakeSome if place % 10 == 3 => 429,
                Fate::TakeSome if place % 7 == 5 => 400,
                _ if stream.documents.contains_key(&id) => {
                    stream.conflicts += 1;
                    409
                }
                Fate::Take | Fate::TakeSome | Fate::TakeAndCut | Fate::Cut | Fate::Answer(_) => {
                    stream.documents.insert(id, document);
                    201
                }
            };
            json!({"create": {"status": status, "error": {"type": "some_exception", "reason": "so"}}})
        })
        .collect();
    let answer = json!({"errors": true, "items": items}).to_string();
    (fate != Fate::TakeAndCut).then_some((200, answer))
}

fn numbers(stream: &Mutex<Stream>) -> BTreeMap<u64, u64> {
    counts(stream.lock().unwrap().documents.values().map(number))
}

#[test]
fn each_line_is_stored_once_whatever_the_server_does() {
    let (world, port, stream) =
        (World::new(), free_port(), Arc::new(Mutex::new(Stream::default())));
    stream.lock().unwrap().fates = vec![
        Fate::Answer(503),
        Fate::TakeAndCut,
        Fate::Cut,
        Fate::Answer(429),
        Fate::Take,
        Fate::Answer(401),
    ];
    let sinks = world.start(settings(port));
    sinks.put("node-1", &lines(0..2000));
    wait_until("nobody is there", || state(&sinks).failures > 0);
    assert!(sinks.stop(Duration::from_secs(60)));
    drop(sinks);
    serve(port, &stream);
    let sinks = world.start(settings(port));
    sinks.put("node-1", &lines(2000..3000));
    wait_until("all are stored", || numbers(&stream).len() == 3000);
    wait_until("the queue is empty", || state(&sinks).lag_seconds == 0.0);
    assert_eq!((state(&sinks).delivered, lost(&state(&sinks))), (3000, 0));
    assert!(numbers(&stream).values().all(|it| *it == 1));
    assert!(stream.lock().unwrap().conflicts > 0, "what was taken before the cut came again");
    assert!(!world.messages().contains("hunter2"));
}

#[test]
fn documents_that_are_refused_are_counted_and_those_that_are_too_much_come_again() {
    let (world, port, stream) =
        (World::new(), free_port(), Arc::new(Mutex::new(Stream::default())));
    stream.lock().unwrap().fates = vec![Fate::TakeSome];
    serve(port, &stream);
    let sinks = world.start(settings(port));
    sinks.put("h", &lines(0..70));
    wait_until("all have their fate", || {
        state(&sinks).lag_seconds == 0.0 && state(&sinks).queued == 70
    });
    let refused = (0..70).filter(|it| it % 10 != 3 && it % 7 == 5).count() as u64;
    assert_eq!((state(&sinks).delivered, lost(&state(&sinks))), (70 - refused, refused));
    assert_eq!(numbers(&stream).len() as u64, 70 - refused);
}

#[test]
fn a_request_that_is_too_large_is_sent_in_parts() {
    let (world, port, stream) =
        (World::new(), free_port(), Arc::new(Mutex::new(Stream::default())));
    stream.lock().unwrap().fates = vec![Fate::Answer(413), Fate::Answer(413), Fate::Take];
    serve(port, &stream);
    let sinks = world.start(settings(port));
    sinks.put("h", &lines(0..100));
    wait_until("all are stored", || numbers(&stream).len() == 100);
    wait_until("it is noted", || state(&sinks).delivered == 100);
    assert_eq!(stream.lock().unwrap().requests, 5);
    assert_eq!(lost(&state(&sinks)), 0);
}

#[test]
fn each_field_of_real_lines_is_in_the_template_with_its_type() {
    let (world, port, stream) =
        (World::new(), free_port(), Arc::new(Mutex::new(Stream::default())));
    serve(port, &stream);
    let sinks = world.start(settings(port));
    let samples = fs::read(root().join("crates/store/tests/samples/templates.ndjson")).unwrap();
    let count = samples.split(|it| *it == b'\n').filter(|it| !it.is_empty()).count();
    sinks.put("node-1", &[samples.as_slice(), &line(1)].concat());
    wait_until("all are stored", || stream.lock().unwrap().documents.len() == count + 1);
    let template = template();
    for document in stream.lock().unwrap().documents.values() {
        assert_eq!(document["ecs"]["version"], "8.17.0");
        assert_eq!(document["host"]["name"], "node-1");
        let names = json!({"type": "logs", "dataset": "tlsight.sessions", "namespace": "default"});
        assert_eq!(document["data_stream"], names);
        fits(document, &template["template"]["mappings"], "");
    }
}

/// Whether a value is what its mapping says.
fn fits(value: &Value, mapping: &Value, name: &str) {
    let kind = mapping["type"].as_str();
    match (value, kind) {
        (Value::Null, _) | (Value::Object(_), Some("flattened")) => {}
        (Value::Object(fields), None | Some("object")) => {
            if mapping["dynamic"] == true && !name.is_empty() {
                return;
            }
            for (key, value) in fields {
                let below = &mapping["properties"][key];
                assert!(!below.is_null(), "{name}.{key} is not in the template");
                fits(value, below, &format!("{name}.{key}"));
            }
        }
        (Value::Array(items), _) => items.iter().for_each(|it| fits(it, mapping, name)),
        (Value::String(text), Some("date" | "date_nanos")) => {
            assert!(text.parse::<event::Timestamp>().is_ok(), "{name}: {text}");
        }
        (Value::String(text), Some("ip")) => {
            assert!(text.parse::<std::net::IpAddr>().is_ok(), "{name}: {text}");
        }
        (
            Value::String(_),
            Some("keyword" | "constant_keyword" | "wildcard" | "match_only_text"),
        )
        | (Value::Bool(_), Some("boolean")) => {}
        // Elasticsearch takes a number as a word.
        (Value::Number(_), Some("keyword")) => {
            assert!(name == ".network.vlan.id" || name.ends_with(".version_number"), "{name}");
        }
        (Value::Number(number), Some("long")) => assert!(number.as_i64().is_some(), "{name}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn fields_of_the_common_schema_have_its_types() {
    let mut ours = BTreeMap::new();
    leaves(&template()["template"]["mappings"], "", &mut ours);
    let list =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ecs-fields.tsv"));
    let list = list.unwrap();
    let ecs: BTreeMap<_, _> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').unwrap())
        .collect();
    let mut found = 0;
    for (name, kind) in &ours {
        let Some(expected) = ecs.get(name.as_str()) else {
            // Names of Packetbeat and of Elastic's agents, and what only we tell.
            let known = ["tlsight.", "tls.detailed", "kubernetes.", "status", "type"];
            let is_end = name.starts_with("client.") || name.starts_with("server.");
            let ours = [".x509.is_ca", ".x509.key_usage", ".x509.extended_key_usage"];
            let is_ours = ours.iter().any(|it| name.ends_with(it));
            let is_known = known.iter().any(|it| name.starts_with(it)) || is_end || is_ours;
            assert!(is_known, "{name} is no field of the common schema");
            continue;
        };
        found += 1;
        // More exact than the schema's, and of the same family.
        let same = *expected == kind || (*expected == "date" && kind == "date_nanos");
        assert!(same, "{name} is {kind}, and {expected} in the common schema");
    }
    assert!(found > 100, "{found}");
}

fn leaves(mapping: &Value, name: &str, out: &mut BTreeMap<String, String>) {
    for (key, below) in mapping["properties"].as_object().unwrap() {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        if below["properties"].is_object() {
            leaves(below, &name, out);
        } else {
            out.insert(name, below["type"].as_str().unwrap().to_owned());
        }
    }
}

fn template() -> Value {
    let path = root().join("deploy/elasticsearch/tlsight-template.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap()
}
