//! Violations end in the programs that people are woken by: Debian's Alertmanager, and its webhook.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use serde_json::{Value, json};

use crate::program::{capture, tlsight};
use crate::server::{Server, answer, folder, has, wait_until};

/// The four alerts that tlsight exists for.
const FOUR: [&str; 4] = [
    "stackrox-19001.tls-below-1.3",
    "stackrox-19001.no-forward-secrecy",
    "stackrox-19001.no-post-quantum",
    "stackrox-19001.certificate-expiry",
];

/// Captures that break these.
const CAPTURES: [&str; 3] = ["tls12-static-rsa", "tls12-expired", "tls13"];

#[test]
fn the_four_alerts_go_through_alertmanager_to_its_webhook_and_are_resolved() {
    let test = "the_four_alerts_go_through_alertmanager_to_its_webhook_and_are_resolved";
    if !has(test, &["curl", "prometheus-alertmanager"]) {
        return;
    }
    let folder = folder("alerting");
    let (direct, behind) = (Receiver::start(), Receiver::start());
    let alertmanager = Alertmanager::start(&folder, &behind.url);
    let data = folder.join("data");
    let server = Server::start(&["serve", "--data", data.to_str().unwrap()], true);
    let token = server.make_token();
    for (kind, settings, secret) in [
        ("webhook", json!({ "format": "json" }), Some(&direct.url)),
        ("alertmanager", json!({ "url": alertmanager.url }), None),
    ] {
        let body = json!({
            "name": kind, "kind": kind, "settings": settings, "secret": secret, "min_severity": "low",
        });
        assert_eq!(server.send(&token, "POST", "notifiers", &body).status, 201);
    }
    let lines = folder.join("lines.ndjson");
    fs::write(&lines, recent(&CAPTURES)).unwrap();
    let imported = answer(&mut server.import(&token, "alerts", &lines));
    assert_eq!(imported.body["rejected_total"], 0, "{imported:?}");

    let is_told = |came: &Came, is: &dyn Fn(&Value) -> bool| came.lock().unwrap().iter().any(is);
    for policy in FOUR {
        wait_until(policy, || {
            is_told(&direct.came, &|body| body["policy"] == policy && body["event"] == "active")
                && is_told(&behind.came, &|body| is_alert(body, policy, "firing"))
        });
        assert!(alertmanager.alerts().iter().any(|alert| {
            alert["labels"]["policy"] == policy && alert["status"]["state"] == "active"
        }));
    }
    let off = json!({ "enabled": false });
    assert_eq!(server.send(&token, "PUT", "packs/stackrox-19001", &off).status, 200);
    for policy in FOUR {
        wait_until(policy, || is_told(&behind.came, &|body| is_alert(body, policy, "resolved")));
    }
    assert!(!alertmanager.alerts().iter().any(|it| FOUR.map(Value::from).contains(policy_of(it))));
    server.end();
    drop(alertmanager);
    fs::remove_dir_all(folder).unwrap();
}

/// Whether Alertmanager's webhook tells this of an alert of the policy.
fn is_alert(body: &Value, policy: &str, status: &str) -> bool {
    let alerts = body["alerts"].as_array().expect("alerts");
    alerts.iter().any(|alert| *policy_of(alert) == policy && alert["status"] == status)
}

fn policy_of(alert: &Value) -> &Value {
    &alert["labels"]["policy"]
}

/// Sessions of captures, as if they had just happened.
fn recent(captures: &[&str]) -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.000Z"]).output().unwrap();
    let now = String::from_utf8(date.stdout).unwrap().trim().to_owned();
    let mut lines = String::new();
    for name in captures {
        let run = tlsight(["read".into(), "--json".into(), capture(name).into_os_string()]);
        for mut event in run.sessions() {
            event["@timestamp"] = now.as_str().into();
            event["event"]["start"] = now.as_str().into();
            event["event"]["end"] = now.as_str().into();
            lines.push_str(&event.to_string());
            lines.push('\n');
        }
    }
    lines
}

/// A `prometheus-alertmanager` with one receiver, until it is dropped.
struct Alertmanager {
    child: Child,
    url: String,
}

impl Alertmanager {
    fn start(folder: &std::path::Path, webhook: &str) -> Self {
        let config = format!(
            "route: {{ receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s }}\n\
             receivers: [{{ name: hook, webhook_configs: [{{ url: '{webhook}' }}] }}]\n"
        );
        let file = folder.join("alertmanager.yml");
        fs::write(&file, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let alertmanager = Self { child, url: format!("http://127.0.0.1:{port}") };
        wait_until("alertmanager is ready", || {
            let mut curl = Command::new("curl");
            let curl = curl.args(["--silent", "--fail", &format!("{}/-/ready", alertmanager.url)]);
            curl.stdout(Stdio::null()).status().unwrap().success()
        });
        alertmanager
    }

    fn alerts(&self) -> Vec<Value> {
        let mut curl = Command::new("curl");
        let curl = curl.args(["--silent", &format!("{}/api/v2/alerts", self.url)]);
        serde_json::from_slice(&curl.output().unwrap().stdout).unwrap()
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The bodies that came.
type Came = Arc<Mutex<Vec<Value>>>;

/// A server that takes any JSON.
struct Receiver {
    url: String,
    came: Came,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let came = Came::default();
        let own = Arc::clone(&came);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = Arc::clone(&own);
                thread::spawn(move || take(stream, &own));
            }
        });
        Self { url, came }
    }
}

/// Takes requests of a connection for as long as there are any.
fn take(stream: TcpStream, came: &Came) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        came.lock().unwrap().push(serde_json::from_slice(&body).ok()?);
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}
