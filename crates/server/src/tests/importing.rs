//! What comes in.

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use futures_util::stream;
use serde_json::Value;
use store::{Record, Role};

use super::{As, CAPTURES, World};
use crate::clock::SECOND;

#[tokio::test]
async fn the_same_lines_count_once() {
    let world = World::new();
    let token = world.token(Role::Operator);
    let first = world.import(&token, "a", CAPTURES).await.json();
    assert_eq!((&first["accepted"], &first["duplicates"]), (&10.into(), &0.into()), "{first}");
    world.import(&token, "a", CAPTURES).await;
    let other = world.import(&token, "b", CAPTURES).await.json();
    assert_eq!((&other["accepted"], &other["duplicates"]), (&0.into(), &10.into()), "{other}");
    let overview = world.get(&token, "/api/v1/overview").await;
    assert_eq!(overview["sessions"], 10, "{overview}");
}

#[tokio::test]
async fn hostile_lines_are_named_and_cost_only_themselves() {
    let world = World::new();
    let token = world.token(Role::Operator);
    let good = CAPTURES.lines().next().unwrap();
    let deep = "[".repeat(100_000);
    let long = format!("{{\"x\":\"{}\"}}", "y".repeat(Record::MAX_LINE_LEN));
    let lines = [
        "not json",
        "{}",
        "",
        &deep,
        &long,
        good,
        r#"{"event":{"dataset":"tlsight.other"}}"#,
        r#"{"event":{"dataset":"tlsight.loss"},"tlsight":{"loss":{"gaps":-1}}}"#,
        r#"{"event":{"dataset":"tlsight.loss"},"tlsight":{"loss":{"gaps":7}}}"#,
        "\u{0}\u{1}",
    ];
    let answer = world.import(&token, "hostile", lines.join("\n")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json();
    assert_eq!(answer["accepted"], 1, "{answer}");
    let rejected: Vec<_> = answer["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["line"].as_u64().unwrap())
        .collect();
    assert_eq!(rejected, [1, 2, 4, 5, 7, 8, 10], "{answer}");
    world.pass(SECOND);
    let losses = world.get(&token, "/api/v1/overview").await["losses"].clone();
    assert_eq!(losses[0]["name"], "gaps", "{losses}");
    assert_eq!(losses[0]["count"], 7);
}

#[tokio::test]
async fn any_cut_of_the_stream_gives_the_same() {
    for size in [1, 7, 1000, 100_000] {
        let world = World::new();
        let token = world.token(Role::Operator);
        let text =
            CAPTURES.lines().take(if size == 1 { 1 } else { 10 }).collect::<Vec<_>>().join("\n");
        let expected = text.lines().count();
        let pieces: Vec<_> = text
            .into_bytes()
            .chunks(size)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let answer = world.import(&token, "cut", Body::from_stream(stream::iter(pieces))).await;
        assert_eq!(answer.json()["accepted"], expected, "pieces of {size}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_off_leaves_nothing_half_done() {
    let world = World::new();
    let token = world.token(Role::Operator);
    let half = CAPTURES[..CAPTURES.len() / 2].to_owned();
    let pieces = [Ok(Bytes::from(half)), Err(std::io::Error::other("gone"))];
    let broken = world.import(&token, "k", Body::from_stream(stream::iter(pieces))).await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.get(&token, "/api/v1/overview").await["sessions"], 0);
    let whole = world.import(&token, "k", CAPTURES).await.json();
    assert_eq!(whole["accepted"], 10, "{whole}");
    assert_eq!(world.get(&token, "/api/v1/overview").await["sessions"], 10);
}

#[tokio::test]
async fn a_key_that_makes_no_sense_is_refused() {
    let world = World::new();
    let token = world.token(Role::Operator);
    let answer = world.import(&token, &"k".repeat(129), CAPTURES).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_goes_out_comes_in_again() {
    let world = World::new();
    let token = world.token(Role::Operator);
    world.import(&token, "a", CAPTURES).await;
    let request =
        async |path: &str| world.ask(As::Token(&token), Method::GET, path, Value::Null).await;
    let answer = request("/api/v1/export?dataset=sessions").await;
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let mut lines: Vec<_> = str::from_utf8(&answer.body).unwrap().lines().collect();
    let mut known: Vec<_> = CAPTURES.lines().collect();
    lines.sort_unstable();
    known.sort_unstable();
    assert_eq!(lines, known);
    for (dataset, field) in [("edges", "postures"), ("certificates", "fingerprint")] {
        let answer = request(&format!("/api/v1/export?dataset={dataset}")).await;
        let text = str::from_utf8(&answer.body).unwrap();
        assert!(text.lines().count() > 1, "{dataset}");
        let each = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert!(each.into_iter().all(|value| !value[field].is_null()), "{dataset}");
    }
}
