//! Several `tlsight serve` over one database, of which one is killed.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use fleet::JoinToken;
use fleet::agent::{Link, Uplink, UplinkSettings};
use serde_json::{Value, json};

use crate::backend::Place;
use crate::fleet::crowd::Said;
use crate::server::{PROGRAM, Server, wait_until};

#[test]
fn what_one_server_decided_and_took_is_there_when_it_was_killed_and_its_agents_go_on_at_another() {
    let test = "what_one_server_decided_and_took_is_there_when_it_was_killed";
    let Some(Place::Url(store)) = Place::modern(test) else { return };
    if !crate::server::has(test, &["curl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let (at_one, at_two) = (free_address(), free_address());
    let a = serve(&one, &at_one, &store, None);
    // There is a log, and another key: it says what to do.
    let refused = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--agents", "off", "--store", &store, "--data"])
        .arg(&two)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("control.key"), "{said}");
    let key = one.join("control.key");
    let b = serve(&two, &at_two, &store, Some(&key));
    let token = a.make_token();
    let policy = json!({ "id": "mine", "name": "Mine", "severity": "low",
        "policySections": [{ "policyGroups": [
            { "fieldName": "TLS Version", "values": [{ "value": "< 1.1" }] },
        ]}] });
    assert_eq!(a.send(&token, "POST", "policies", &policy).status, 201);
    let join = join_token(&one, &at_one, &store);
    let mut settings = UplinkSettings::new(
        vec![at_one.parse().unwrap(), at_two.parse().unwrap()],
        folder.path().join("agent"),
        |_| 1,
    );
    settings.token = Some(join);
    settings.about.host = "node".to_owned();
    let agent = Uplink::start(settings, Arc::new(Said::default())).unwrap();
    let meter = agent.meter();
    let kept = |count: u64| {
        wait_until("what was handed in is kept", || meter.counters().kept_sessions >= count);
    };
    assert!(agent.push(edge(1).as_bytes()));
    kept(1);
    let id = agents(&a, &token)[0]["id"].clone();
    wait_until("the other one shows it", || {
        agents(&b, &token).iter().any(|it| it["id"] == id && it["member"]["connected"] == true)
    });
    a.kill();
    assert!(agent.push(edge(2).as_bytes()));
    kept(2);
    wait_until("it is connected to the other one", || matches!(meter.link(), Link::Up { .. }));
    let found = agents(&b, &token);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (&found[0]["id"], &found[0]["member"]["connected"], &found[0]["sessions"]),
        (&id, &true.into(), &2.into()),
        "{found:?}"
    );
    assert_eq!(b.get(&token, "overview")["sessions"], 2);
    assert_eq!(b.get(&token, "policies/mine")["name"], "Mine");
    assert_eq!(b.get(&token, "users")["items"].as_array().map_or(1, Vec::len), 1);
    let counters = meter.counters();
    assert_eq!((counters.refused_sessions, counters.evicted_sessions), (0, 0));
    // It comes back, and knows what was decided meanwhile.
    assert_eq!(b.send(&token, "DELETE", "policies/mine", &Value::Null).status, 204);
    let a = serve(&one, &at_one, &store, None);
    assert!(!a.get(&token, "policies").to_string().contains("\"mine\""));
    a.end();
    b.end();
}

fn serve(folder: &Path, agents: &str, store: &str, key: Option<&Path>) -> Server {
    let mut arguments = vec!["serve", "--agents", agents, "--store", store, "--data"];
    arguments.push(folder.to_str().unwrap());
    if let Some(key) = key {
        arguments.extend(["--control-key", key.to_str().unwrap()]);
    }
    // Whichever is the first tells the token for the first user.
    Server::start(&arguments, key.is_some() || !folder.join("control.db").exists())
}

fn join_token(folder: &Path, agents: &str, store: &str) -> JoinToken {
    let made = Command::new(PROGRAM)
        .args(["serve", "token", "--bare", "--agents", agents, "--store", store, "--data"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().parse().unwrap()
}

/// The agents with a certificate that a server shows.
fn agents(server: &Server, token: &str) -> Vec<Value> {
    let all = server.get(token, "agents");
    let items = all["items"].as_array().or(all.as_array()).cloned().unwrap_or_default();
    items.into_iter().filter(|it| it["member"].is_object()).collect()
}

/// A session of a client.
fn edge(client: u8) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = event::Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap());
    let now = now.to_rfc3339();
    let line = json!({
        "@timestamp": now.as_str(),
        "event": { "dataset": "tlsight.edge", "outcome": "success",
            "start": now.as_str(), "end": now.as_str() },
        "client": { "ip": format!("10.0.0.{client}"), "process": { "executable": "/usr/bin/curl" } },
        "server": { "ip": "10.0.1.2", "port": 443 },
        "network": { "transport": "tcp" },
        "tls": { "version": "1.3", "version_protocol": "tls", "curve": "x25519",
            "cipher": "TLS_AES_128_GCM_SHA256", "established": true, "server": {} },
        "tlsight": {
            "key_exchange": { "class": "classical", "forward_secret": true },
            "certificate": { "state": "encrypted" },
            "carrier": "tcp", "evidence": "socket", "edge": { "sessions": 1 } },
    });
    format!("{line}\n")
}

/// Free when it is asked for, and hardly taken by another in between.
fn free_address() -> String {
    let address: SocketAddr = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    address.to_string()
}
