//! What is asked.

use axum::http::{Method, StatusCode};
use serde_json::Value;
use store::Role;

use super::{As, CAPTURES, World};

#[tokio::test]
async fn each_page_tells_what_was_seen() {
    let (world, token) = filled().await;
    let get = async |path: &str| world.get(&token, &format!("/api/v1/{path}")).await;
    let overview = get("overview").await;
    assert_eq!(overview["sessions"], 10);
    assert_eq!(overview["failures"], 1);
    let grade = |name: &str| {
        let grades = overview["by_grade"].as_array().unwrap();
        grades.iter().find(|it| it["name"] == name).map_or(0, |it| it["count"].as_u64().unwrap())
    };
    assert_eq!((grade("pq"), grade("legacy"), grade("tls13")), (1, 2, 2), "{overview}");
    assert_eq!(overview["certificates"]["expired"], 1, "{overview}");
    let edges = get("edges").await;
    let edge = &edges["items"][0];
    assert!(edge["postures"].as_array().unwrap().len() <= 3);
    let detail = get(&format!("edges/{}", edge["id"].as_str().unwrap())).await;
    assert_eq!(detail["sessions"], edge["sessions"]);
    let graph = get("graph").await;
    assert!(!graph["nodes"].as_array().unwrap().is_empty() && graph["truncated"] == false);
    let certificates = get("certificates?state=expired").await;
    let fingerprint = certificates["items"][0]["fingerprint"].as_str().unwrap();
    let certificate = get(&format!("certificates/{fingerprint}")).await;
    assert!(certificate["days_left"].as_i64().unwrap() < 0);
    assert_eq!(certificate["used_by"].as_array().unwrap().len(), 1);
    assert!(get("inventory").await["items"].as_array().unwrap().len() > 4);
    assert_eq!(get("pqc").await["total"]["sessions"], 10);
    assert_eq!(get("agents").await["items"][0]["state"], "ok");
    assert_eq!(get("settings").await["store"]["sessions"], 10);
    assert!(get("fields").await["tls.version"]["description"].is_string());
    let metrics = world.ask(As::Token(&token), Method::GET, "/metrics", Value::Null).await;
    let metrics = str::from_utf8(&metrics.body).unwrap();
    assert!(metrics.contains("tlsight_server_records_total{result=\"accepted\"} 10"), "{metrics}");
    for asked in [
        include_str!("../../../../deploy/helm/tlsight/files/dashboard.json"),
        include_str!("../../../../deploy/helm/tlsight/files/alerts.yaml"),
    ] {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        let words = asked.split(|letter: char| !is_part(letter));
        for name in words.filter(|word| word.starts_with("tlsight_server_")) {
            let name = name.trim_end_matches("_total");
            assert!(metrics.contains(&format!("# TYPE {name} ")), "{name}\n{metrics}");
        }
    }
}

#[tokio::test]
async fn sessions_are_found_by_each_filter_and_read_in_pages() {
    let (world, token) = filled().await;
    let get = async |path: &str| world.get(&token, &format!("/api/v1/sessions{path}")).await;
    for (filter, count) in [
        ("?version=1.0", 1),
        ("?grade=legacy", 2),
        ("?class=hybrid_pq", 1),
        ("?class=none", 1),
        ("?group=X25519MLKEM768", 1),
        ("?outcome=failure", 1),
        ("?port=5432", 1),
        ("?q=example.test", 9),
        ("?version=9.9", 0),
        ("?from=2026-11-21T14:36:00Z&to=2026-11-21T15:00:00Z", 1),
    ] {
        let found = get(filter).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{filter}: {found}");
    }
    let mut seen = Vec::new();
    let mut path = "?limit=3".to_owned();
    loop {
        let page = get(&path).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("?limit=3&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 10);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 10);
    let detail = get(&format!("/{}", seen[0])).await;
    let mut lines = CAPTURES.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(lines.any(|line| line == detail["event"]));
}

#[tokio::test]
async fn each_report_is_a_download_in_each_of_its_formats() {
    let (world, token) = filled().await;
    for (path, kind, holds) in [
        ("cbom", "application/json", "\"specVersion\":\"1.6\""),
        ("cbom?version=1.7", "application/json", "\"specVersion\":\"1.7\""),
        ("cbom?format=csv", "text/csv", "X25519MLKEM768"),
        ("pqc?format=html", "text/html", "<table"),
        ("certificates?format=ics", "text/calendar", "BEGIN:VCALENDAR"),
        ("pci", "application/json", "TLS_"),
    ] {
        let path = format!("/api/v1/reports/{path}");
        let answer = world.ask(As::Token(&token), Method::GET, &path, Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with(kind), "{path}");
        let disposition = answer.headers["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; filename=\"tlsight-"), "{path}");
        let text = str::from_utf8(&answer.body).unwrap().replace(": ", ":");
        assert!(text.contains(holds), "{path}: {text}");
    }
    for (path, status) in [("none", 404), ("pqc?format=ics", 400), ("cbom?version=1.5", 400)] {
        let path = format!("/api/v1/reports/{path}");
        let answer = world.ask(As::Token(&token), Method::GET, &path, Value::Null).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn what_strangers_write_stays_text_in_json() {
    let world = World::new();
    let token = world.token(Role::Operator);
    let attack = "<script>alert(1)</script>'\"--";
    let mut event: Value = serde_json::from_str(CAPTURES.lines().next().unwrap()).unwrap();
    event["tls"]["client"]["server_name"] = attack.into();
    event["client"]["process"] = serde_json::json!({ "name": attack, "executable": attack });
    world.import(&token, "x", event.to_string()).await;
    let request = world.ask(As::Token(&token), Method::GET, "/api/v1/sessions", Value::Null).await;
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(request.json()["items"][0]["server_name"], attack);
    let path = "/api/v1/sessions?q=%3Cscript%3E";
    assert_eq!(world.get(&token, path).await["items"].as_array().unwrap().len(), 1);
    for path in ["edges", "graph", "overview"] {
        let path = format!("/api/v1/{path}?q=%27%3B%20DROP%20TABLE%20sessions%3B--%00");
        let answer = world.ask(As::Token(&token), Method::GET, &path, Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}

async fn filled() -> (World, String) {
    let world = World::new();
    let token = world.token(Role::Operator);
    let answer = world.import(&token, "filled", CAPTURES).await;
    assert_eq!(answer.json()["accepted"], 10, "{answer:?}");
    (world, token)
}
