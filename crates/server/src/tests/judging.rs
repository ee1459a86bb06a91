//! What breaks a policy.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use store::Role;

use super::{A_DAY, As, CAPTURES, World};

#[tokio::test]
async fn what_comes_in_is_judged_at_once_and_each_edge_counts_its_verdicts() {
    let (world, token) = filled().await;
    let violations = list(&world, &token, "?state=active").await;
    let of = |policy: &str| violations.iter().filter(|it| it["policy"] == policy).count();
    assert!(of("stackrox-19001.tls-below-1.3") >= 6, "{violations:#?}");
    assert!(of("stackrox-19001.no-forward-secrecy") >= 1);
    assert!(of("stackrox-19001.no-post-quantum") >= 6);
    assert_eq!(of("stackrox-19001.certificate-expiry"), 1);
    let below =
        violations.iter().find(|it| it["policy"] == "stackrox-19001.tls-below-1.3").unwrap();
    assert!(below["message"].as_str().unwrap().contains("1."), "{below}");
    assert!(below["edge"]["verdicts"]["fail"].as_u64().unwrap() >= 1, "{below}");
    assert!(!below["posture"]["version"].is_null());
    let graph = world.get(&token, "/api/v1/graph").await;
    assert!(graph["edges"].as_array().unwrap().iter().any(|edge| edge["failing"] == true));
    let again = world.sweep();
    assert!(again.new.is_empty() && again.gone.is_empty(), "{again:?}");
}

#[tokio::test]
async fn a_snooze_ends_and_an_exclusion_has_a_reason() {
    let (world, token) = filled().await;
    let id = list(&world, &token, "?state=active").await[0]["id"].as_str().unwrap().to_owned();
    let post = async |what: &str, body: Value| {
        let path = format!("/api/v1/violations/{id}/{what}");
        world.ask(As::Token(&token), Method::POST, &path, body).await
    };
    let until = world.now().plus_nanos(A_DAY);
    let past = world.now().plus_nanos(-1);
    let wrong = post("snooze", json!({ "until": past, "reason": "x" })).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(post("exclude", json!({ "reason": " " })).await.status, StatusCode::BAD_REQUEST);
    let snoozed = post("snooze", json!({ "until": until, "reason": "known" })).await.json();
    assert_eq!((&snoozed["state"], &snoozed["reason"]), (&"snoozed".into(), &"known".into()));
    assert!(world.sweep().new.is_empty());
    world.pass(A_DAY);
    assert_eq!(world.sweep().new.len(), 1, "it is told again when the snooze is over");
    let excluded = post("exclude", json!({ "reason": "a lab" })).await.json();
    assert_eq!(excluded["state"], "excluded");
    world.pass(300 * A_DAY);
    assert_eq!(post("unsnooze", Value::Null).await.json()["state"], "active");
}

#[tokio::test]
async fn what_is_not_seen_for_long_is_gone_and_comes_back() {
    let (world, token) = filled().await;
    let active = list(&world, &token, "?state=active").await.len();
    world.pass(7 * A_DAY);
    assert!(world.sweep().gone.is_empty());
    world.pass(2 * A_DAY);
    assert_eq!(world.sweep().gone.len(), active);
    assert!(list(&world, &token, "?state=active").await.is_empty());
    assert_eq!(list(&world, &token, "?state=resolved").await.len(), active);
    assert!(world.sweep().new.is_empty(), "what is old stays resolved");
    let later = CAPTURES.replace("2026-11-21", "2026-11-30");
    world.import(&token, "later", later).await;
    assert_eq!(list(&world, &token, "?state=active").await.len(), active);
}

#[tokio::test]
async fn switching_a_pack_off_resolves_what_it_found() {
    let (world, token) = filled().await;
    let switch = async |enabled: bool| {
        let body = json!({ "enabled": enabled });
        let path = "/api/v1/packs/stackrox-19001";
        world.ask(As::Token(&token), Method::PUT, path, body).await
    };
    assert_eq!(switch(false).await.json()["enabled"], false);
    world.sweep();
    let of = |it: &Value| it["policy"].as_str().unwrap().starts_with("stackrox-19001");
    assert!(!list(&world, &token, "?state=active").await.iter().any(of));
    switch(true).await;
    assert!(!world.sweep().new.is_empty());
    assert!(list(&world, &token, "?state=active").await.iter().any(of));
}

#[tokio::test]
async fn policies_are_written_tried_out_changed_and_removed() {
    let (world, token) = filled().await;
    let ask = async |method: Method, path: &str, body: Value| {
        world.ask(As::Token(&token), method, &format!("/api/v1/policies{path}"), body).await
    };
    let mut policy = json!({
        "name": "No TLS 1.0",
        "severity": "critical",
        "policySections": [{ "policyGroups": [
            { "fieldName": "TLS Version", "values": [{ "value": "< 1.1" }] },
        ]}],
    });
    let run = ask(Method::POST, "/dry-run", json!({ "policy": policy, "last": "24h" })).await;
    let run = run.json();
    assert_eq!(run["fail"], 1, "{run}");
    assert!(run["pass"].as_u64().unwrap() >= 8 && run["examples"][0]["verdict"] == "fail", "{run}");
    let added = ask(Method::POST, "", policy.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    let id = added.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(world.sweep().new.len(), 1);
    policy["policySections"][0]["policyGroups"][0]["values"][0]["value"] = "< 1.0".into();
    let changed = ask(Method::PUT, &format!("/{id}"), policy.clone()).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    world.sweep();
    let found = list(&world, &token, &format!("?policy={id}")).await;
    assert_eq!(found[0]["state"], "resolved", "{found:?}");
    policy["policySections"][0]["policyGroups"][0]["fieldName"] = "TLS Colour".into();
    let wrong = ask(Method::PUT, &format!("/{id}"), policy).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.json()["detail"].as_str().unwrap().contains("TLS Colour"), "{wrong:?}");
    assert_eq!(
        ask(Method::DELETE, &format!("/{id}"), Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        ask(Method::GET, &format!("/{id}"), Value::Null).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_policy_of_a_pack_is_only_switched() {
    let (world, token) = filled().await;
    let path = "/api/v1/policies/stackrox-19001.tls-below-1.3";
    let mut policy = world.get(&token, path).await;
    policy["disabled"] = true.into();
    let put = async |policy: Value| world.ask(As::Token(&token), Method::PUT, path, policy).await;
    assert_eq!(put(policy.clone()).await.json()["disabled"], true);
    assert_eq!(world.get(&token, path).await["disabled"], true);
    policy["severity"] = "low".into();
    assert_eq!(put(policy).await.status, StatusCode::CONFLICT);
    let gone = world.ask(As::Token(&token), Method::DELETE, path, Value::Null).await;
    assert_eq!(gone.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_exclusion_of_a_policy_is_never_told() {
    let world = World::new();
    let token = world.token(Role::Operator);
    let policy = json!({
        "id": "mine", "name": "Nothing below 1.3", "severity": "high",
        "policySections": [{ "policyGroups": [
            { "fieldName": "TLS Version", "values": [{ "value": "< 1.3" }] },
        ]}],
        "exclusions": [{ "name": "all", "entity": "*", "reason": "a migration" }],
    });
    let added = world.ask(As::Token(&token), Method::POST, "/api/v1/policies", policy).await;
    assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    world.import(&token, "x", CAPTURES).await;
    let found = list(&world, &token, "?policy=mine").await;
    assert!(!found.is_empty());
    for violation in found {
        assert_eq!(
            (&violation["state"], &violation["reason"]),
            (&"excluded".into(), &"a migration".into())
        );
    }
}

pub(super) async fn list(world: &World, token: &str, query: &str) -> Vec<Value> {
    let page = world.get(token, &format!("/api/v1/violations{query}")).await;
    page["items"].as_array().unwrap().clone()
}

async fn filled() -> (World, String) {
    let world = World::new();
    let token = world.token(Role::Operator);
    world.import(&token, "filled", CAPTURES).await;
    (world, token)
}
