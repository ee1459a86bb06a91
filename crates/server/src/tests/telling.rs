//! Who is told.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use data_encoding::BASE64;
use serde_json::{Value, json};
use store::Role;
use tokio::net::UdpSocket;

use super::judging::list;
use super::receiver::{Came, mail, webhook};
use super::{As, CAPTURES, World};
use crate::clock::MINUTE;
use crate::live::{Happening, Told};

/// The four alerts that this exists for.
const FOUR: [&str; 4] = [
    "stackrox-19001.tls-below-1.3",
    "stackrox-19001.no-forward-secrecy",
    "stackrox-19001.no-post-quantum",
    "stackrox-19001.certificate-expiry",
];

#[tokio::test]
async fn the_four_alerts_of_real_captures_reach_a_webhook() {
    let (world, came) = told("webhook", json!({}), Some("/hook"), 0).await;
    wait(&came, all(&world).await).await;
    let came = came.lock().unwrap();
    for policy in FOUR {
        let (path, _, body) = came
            .iter()
            .find(|(.., body)| body["policy"] == policy)
            .unwrap_or_else(|| panic!("{policy}"));
        assert_eq!(path, "/hook");
        assert_eq!((&body["event"], &body["product"]), (&"active".into(), &"tlsight".into()));
        assert!(!body["message"].as_str().unwrap().is_empty() && body["posture"].is_object());
    }
    drop(world);
}

#[tokio::test]
async fn the_same_reach_stackrox_in_its_shape() {
    let (_world, came) = told("webhook", json!({ "format": "stackrox" }), Some("/"), 0).await;
    wait(&came, 20).await;
    for (.., body) in came.lock().unwrap().iter() {
        let alert = &body["alert"];
        assert!(alert["policy"]["severity"].as_str().unwrap().ends_with("_SEVERITY"), "{alert}");
        assert_eq!(alert["violations"][0]["type"], "NETWORK_FLOW");
        assert_eq!(alert["state"], "ACTIVE");
        assert!(!alert["violations"][0]["keyValueAttrs"]["attrs"].as_array().unwrap().is_empty());
    }
}

#[tokio::test]
async fn alertmanager_is_told_by_its_api_and_that_something_is_over() {
    let (world, came) = told("alertmanager", json!({}), None, 0).await;
    wait(&came, all(&world).await).await;
    {
        let came = came.lock().unwrap();
        let names: Vec<_> = came.iter().flat_map(|(.., body)| body.as_array().unwrap()).collect();
        for policy in FOUR {
            assert!(names.iter().any(|alert| alert["labels"]["policy"] == policy), "{policy}");
        }
        for (path, headers, body) in came.iter() {
            assert_eq!(path, "/api/v2/alerts");
            assert_eq!(headers["authorization"], "Bearer s3cret-token");
            let alert = &body[0];
            let ends: event::Timestamp = alert["endsAt"].as_str().unwrap().parse().unwrap();
            assert!(ends > world.now() && alert["labels"]["alertname"].is_string());
        }
    }
    came.lock().unwrap().clear();
    world.pass(9 * super::A_DAY);
    let gone = world.sweep().gone;
    assert!(!gone.is_empty());
    let app = world.app.clone();
    tokio::task::spawn_blocking(move || {
        crate::notify::tell(&app, gone, crate::notify::notice::Event::Resolved);
    })
    .await
    .unwrap();
    wait(&came, 1).await;
    let came = came.lock().unwrap();
    let ends: event::Timestamp = came[0].2[0]["endsAt"].as_str().unwrap().parse().unwrap();
    assert!(ends <= world.now());
}

#[tokio::test]
async fn what_fails_is_tried_again_later_and_the_reason_is_shown_without_the_secret() {
    let (world, came) = told("webhook", json!({}), Some("/s3cret-path"), 1).await;
    let admin = world.token(Role::Admin);
    let notifier = async || world.get(&admin, "/api/v1/notifiers").await[0].clone();
    for _ in 0..200 {
        if !notifier().await["last_error"].is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let failed = notifier().await;
    assert!(failed["last_error"].as_str().unwrap().contains("503"), "{failed}");
    assert!(failed["queued"].as_u64().unwrap() > 0 && failed["has_secret"] == true);
    assert!(!failed.to_string().contains("s3cret"), "{failed}");
    assert!(came.lock().unwrap().is_empty());
    world.pass(MINUTE);
    world.app.courier.wake();
    wait(&came, 20).await;
}

#[tokio::test]
async fn a_notifier_is_only_told_what_is_bad_enough_for_it() {
    let world = World::new();
    let (address, came) = webhook(0).await;
    add(&world, "webhook", json!({}), Some(&format!("http://{address}/")), "critical").await;
    courier(&world);
    let token = world.token(Role::Operator);
    world.import(&token, "x", CAPTURES).await;
    let critical = list(&world, &token, "?severity=critical").await.len();
    let all = list(&world, &token, "").await.len();
    assert!(critical < all);
    wait(&came, critical).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(came.lock().unwrap().len(), critical);
}

#[tokio::test]
async fn a_test_says_whether_it_arrives() {
    let world = World::new();
    let admin = world.token(Role::Admin);
    let (address, came) = webhook(1).await;
    let id = add(&world, "slack", json!({}), Some(&format!("http://{address}/x")), "low").await;
    let path = format!("/api/v1/notifiers/{id}/test");
    let test = async || world.ask(As::Token(&admin), Method::POST, &path, Value::Null).await;
    let failed = test().await;
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY);
    assert!(failed.json()["detail"].as_str().unwrap().contains("503"));
    assert_eq!(test().await.status, StatusCode::NO_CONTENT);
    let text = came.lock().unwrap()[0].2["text"].as_str().unwrap().to_owned();
    assert!(text.contains("[test]"), "{text}");
}

#[tokio::test]
async fn syslog_is_rfc_5424_over_udp_and_its_message_cef() {
    let world = World::new();
    let admin = world.token(Role::Admin);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let settings = json!({ "address": address, "format": "cef" });
    let id = add(&world, "syslog", settings, None, "low").await;
    let path = format!("/api/v1/notifiers/{id}/test");
    world.ask(As::Token(&admin), Method::POST, &path, Value::Null).await;
    let mut message = vec![0; 65_536];
    let len = socket.recv(&mut message).await.unwrap();
    let message = str::from_utf8(&message[..len]).unwrap();
    assert!(message.starts_with("<134>1 2026-11-21T15:00:00.000000Z "), "{message}");
    assert!(message.contains(" tlsight - violation - \u{feff}CEF:0|tlsight|tlsight|"), "{message}");
    assert!(message.contains("|test|Test of the notifier|0|"), "{message}");
}

#[tokio::test]
async fn mail_arrives_and_its_text_is_no_command() {
    let world = World::new();
    let admin = world.token(Role::Admin);
    let (address, taken) = mail().await;
    let settings = json!({ "server": address, "from": "t@example.org", "to": "a@example.org, b@example.org", "tls": "none" });
    let id = add(&world, "email", settings, None, "low").await;
    let path = format!("/api/v1/notifiers/{id}/test");
    let answer = world.ask(As::Token(&admin), Method::POST, &path, Value::Null).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    let mail = taken.await.unwrap();
    for line in [
        "MAIL FROM:<t@example.org>",
        "RCPT TO:<b@example.org>",
        "Content-Transfer-Encoding: base64",
    ] {
        assert!(mail.lines().any(|it| it == line), "{line} in {mail}");
    }
    let (_, body) = mail.split_once("\r\n\r\n").unwrap();
    let body: String = body.lines().take_while(|line| *line != ".").collect();
    let text = String::from_utf8(BASE64.decode(body.as_bytes()).unwrap()).unwrap();
    assert!(text.contains("this is a test"), "{text}");
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_and_secrets_stay_where_they_belong() {
    let world = World::new();
    let admin = world.token(Role::Admin);
    for (kind, settings, secret) in [
        ("webhook", json!({}), None),
        ("webhook", json!({}), Some("ftp://example.org")),
        ("webhook", json!({}), Some("https://user:hunter2@example.org/")),
        ("webhook", json!({ "colour": "red" }), Some("https://example.org/")),
        ("syslog", json!({ "address": "nohost" }), None),
        ("email", json!({ "server": "m:25", "from": "a@b\r\nRCPT TO:<x@y>", "to": "c@d" }), None),
        (
            "email",
            json!({ "server": "m:25", "from": "a@b", "to": "c@d", "user": "u", "tls": "none" }),
            Some("p"),
        ),
    ] {
        let body = json!({ "name": "n", "kind": kind, "settings": settings, "secret": secret, "min_severity": "low" });
        let answer = world.ask(As::Token(&admin), Method::POST, "/api/v1/notifiers", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{kind} {settings}");
        assert!(!answer.json().to_string().contains("hunter2"), "{answer:?}");
    }
    let settings = json!({ "url": "http://one.example" });
    let id = add(&world, "alertmanager", settings, Some("s3cret"), "low").await;
    let put = async |url: &str| {
        let body = json!({ "name": "n", "kind": "alertmanager", "settings": { "url": url }, "min_severity": "low" });
        let path = format!("/api/v1/notifiers/{id}");
        world.ask(As::Token(&admin), Method::PUT, &path, body).await.json()["has_secret"].clone()
    };
    assert_eq!(put("http://one.example").await, true, "the old one stays");
    assert_eq!(put("http://other.example").await, false, "another address does not get it");
}

#[tokio::test]
async fn addresses_of_the_link_are_not_asked() {
    let world = World::new();
    let admin = world.token(Role::Admin);
    let id = add(&world, "webhook", json!({}), Some("http://169.254.169.254/latest"), "low").await;
    let path = format!("/api/v1/notifiers/{id}/test");
    let answer = world.ask(As::Token(&admin), Method::POST, &path, Value::Null).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.json()["detail"].as_str().unwrap().contains("of the link"), "{answer:?}");
}

#[tokio::test]
async fn who_looks_on_is_told_sessions_and_violations() {
    let world = World::new();
    let token = world.token(Role::Operator);
    let mut watching = world.app.live.watch().unwrap();
    world.import(&token, "x", CAPTURES).await;
    let (mut sessions, mut violations) = (0, 0);
    while let Ok(Some(Told::This(happening))) =
        tokio::time::timeout(Duration::from_millis(200), watching.next()).await
    {
        match happening {
            Happening::Session(json) => {
                let row: Value = serde_json::from_str(&json).unwrap();
                let detail = world
                    .get(&token, &format!("/api/v1/sessions/{}", row["id"].as_str().unwrap()))
                    .await;
                assert_eq!(detail["row"], row);
                sessions += 1;
            }
            Happening::Violation(json) => {
                let violation: Value = serde_json::from_str(&json).unwrap();
                assert_eq!(violation["state"], "active");
                violations += 1;
            }
        }
    }
    assert_eq!(sessions, 10);
    assert_eq!(violations, list(&world, &token, "").await.len());
}

/// A server with a notifier, told what real captures show.
async fn told(
    kind: &str,
    mut settings: Value,
    path: Option<&str>,
    refusals: usize,
) -> (World, Came) {
    let world = World::new();
    let (address, came) = webhook(refusals).await;
    let secret = match path {
        Some(path) => format!("http://{address}{path}"),
        None => {
            settings["url"] = format!("http://{address}").into();
            "s3cret-token".to_owned()
        }
    };
    add(&world, kind, settings, Some(&secret), "low").await;
    courier(&world);
    let token = world.token(Role::Operator);
    world.import(&token, "told", CAPTURES).await;
    (world, came)
}

async fn add(
    world: &World,
    kind: &str,
    settings: Value,
    secret: Option<&str>,
    severity: &str,
) -> String {
    let admin = world.token(Role::Admin);
    let body = json!({ "name": kind, "kind": kind, "settings": settings, "secret": secret, "min_severity": severity });
    let answer = world.ask(As::Token(&admin), Method::POST, "/api/v1/notifiers", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    if let Some(secret) = secret {
        assert!(!str::from_utf8(&answer.body).unwrap().contains(secret));
    }
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Has the queues emptied.
fn courier(world: &World) {
    let app = world.app.clone();
    tokio::spawn(async move { app.courier.run(&app).await });
}

/// How many violations there are.
async fn all(world: &World) -> usize {
    let token = world.token(Role::Viewer);
    list(world, &token, "").await.len()
}

async fn wait(came: &Came, count: usize) {
    for _ in 0..500 {
        if came.lock().unwrap().len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("only {} came", came.lock().unwrap().len());
}
