//! Who may what: each route of the router against each role.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use store::Role;

use super::{As, World};
use crate::routes::openapi;

/// What each route needs, as people decided it: a route that is not here fails the test.
const NEEDED: &[(&str, &str, Option<Role>)] = &[
    ("GET", "/api/v1/session", None),
    ("POST", "/api/v1/setup", None),
    ("POST", "/api/v1/login", None),
    ("GET", "/healthz", None),
    ("POST", "/api/v1/logout", Some(Role::Viewer)),
    ("GET", "/metrics", Some(Role::Viewer)),
    ("GET", "/api/v1/overview", Some(Role::Viewer)),
    ("GET", "/api/v1/edges", Some(Role::Viewer)),
    ("GET", "/api/v1/edges/{id}", Some(Role::Viewer)),
    ("GET", "/api/v1/graph", Some(Role::Viewer)),
    ("GET", "/api/v1/sessions", Some(Role::Viewer)),
    ("GET", "/api/v1/sessions/{id}", Some(Role::Viewer)),
    ("GET", "/api/v1/fields", Some(Role::Viewer)),
    ("GET", "/api/v1/certificates", Some(Role::Viewer)),
    ("GET", "/api/v1/certificates/{fingerprint}", Some(Role::Viewer)),
    ("GET", "/api/v1/inventory", Some(Role::Viewer)),
    ("GET", "/api/v1/pqc", Some(Role::Viewer)),
    ("GET", "/api/v1/policies", Some(Role::Viewer)),
    ("GET", "/api/v1/policies/{id}", Some(Role::Viewer)),
    ("GET", "/api/v1/criteria", Some(Role::Viewer)),
    ("GET", "/api/v1/packs", Some(Role::Viewer)),
    ("GET", "/api/v1/violations", Some(Role::Viewer)),
    ("GET", "/api/v1/violations/{id}", Some(Role::Viewer)),
    ("GET", "/api/v1/notifiers", Some(Role::Viewer)),
    ("GET", "/api/v1/agents", Some(Role::Viewer)),
    ("GET", "/api/v1/agents/{id}", Some(Role::Viewer)),
    ("GET", "/api/v1/rollouts", Some(Role::Viewer)),
    ("GET", "/api/v1/settings", Some(Role::Viewer)),
    ("GET", "/api/v1/live", Some(Role::Viewer)),
    ("GET", "/api/v1/export", Some(Role::Viewer)),
    ("GET", "/api/v1/reports/{kind}", Some(Role::Viewer)),
    ("POST", "/api/v1/policies", Some(Role::Operator)),
    ("PUT", "/api/v1/policies/{id}", Some(Role::Operator)),
    ("DELETE", "/api/v1/policies/{id}", Some(Role::Operator)),
    ("POST", "/api/v1/policies/dry-run", Some(Role::Operator)),
    ("PUT", "/api/v1/packs/{id}", Some(Role::Operator)),
    ("POST", "/api/v1/violations/{id}/snooze", Some(Role::Operator)),
    ("POST", "/api/v1/violations/{id}/unsnooze", Some(Role::Operator)),
    ("POST", "/api/v1/violations/{id}/exclude", Some(Role::Operator)),
    ("POST", "/api/v1/import", Some(Role::Operator)),
    ("POST", "/api/v1/agents/{id}/revoke", Some(Role::Operator)),
    ("POST", "/api/v1/rollouts", Some(Role::Operator)),
    ("POST", "/api/v1/rollouts/{revision}/step", Some(Role::Operator)),
    ("GET", "/api/v1/users", Some(Role::Admin)),
    ("POST", "/api/v1/users", Some(Role::Admin)),
    ("PUT", "/api/v1/users/{name}", Some(Role::Admin)),
    ("DELETE", "/api/v1/users/{name}", Some(Role::Admin)),
    ("GET", "/api/v1/tokens", Some(Role::Admin)),
    ("POST", "/api/v1/tokens", Some(Role::Admin)),
    ("DELETE", "/api/v1/tokens/{id}", Some(Role::Admin)),
    ("GET", "/api/v1/audit", Some(Role::Admin)),
    ("GET", "/api/v1/enrolment-tokens", Some(Role::Admin)),
    ("POST", "/api/v1/enrolment-tokens", Some(Role::Admin)),
    ("DELETE", "/api/v1/enrolment-tokens/{id}", Some(Role::Admin)),
    ("POST", "/api/v1/notifiers", Some(Role::Admin)),
    ("PUT", "/api/v1/notifiers/{id}", Some(Role::Admin)),
    ("DELETE", "/api/v1/notifiers/{id}", Some(Role::Admin)),
    ("POST", "/api/v1/notifiers/{id}/test", Some(Role::Admin)),
    ("PUT", "/api/v1/settings", Some(Role::Admin)),
];

#[tokio::test]
async fn each_route_lets_in_its_role_and_better_ones_and_nobody_else() {
    let world = World::new();
    let roles = [Role::Viewer, Role::Operator, Role::Admin];
    let tokens = roles.map(|role| (role, world.token(role)));
    for (method, path, role) in openapi::needs() {
        let known = NEEDED.iter().find(|(m, p, _)| (*m, *p) == (&method, &path));
        let (.., needed) = known.unwrap_or_else(|| panic!("{method} {path} is not in the list"));
        assert_eq!(&role, needed, "{method} {path}");
        // The stream does not end by itself.
        if path == "/api/v1/live" {
            continue;
        }
        let method: Method = method.parse().unwrap();
        let path = path
            .replace("{id}", "x")
            .replace("{revision}", "x")
            .replace("{name}", "x")
            .replace("{kind}", "x")
            .replace("{fingerprint}", "x");
        let status = async |who: As<'_>| {
            let body = if method == Method::GET { Value::Null } else { json!({}) };
            world.ask(who, method.clone(), &path, body).await.status
        };
        let nobody = status(As::Nobody).await;
        assert_eq!(nobody == StatusCode::UNAUTHORIZED, role.is_some(), "{method} {path}: {nobody}");
        for (own, token) in &tokens {
            let status = status(As::Token(token)).await;
            let is_in = role.is_none_or(|needed| *own >= needed);
            let is_out = status == StatusCode::FORBIDDEN || status == StatusCode::UNAUTHORIZED;
            assert_eq!(is_out, !is_in, "{method} {path} as {}: {status}", own.name());
            assert!(!status.is_server_error(), "{method} {path} as {}: {status}", own.name());
        }
    }
    assert_eq!(openapi::needs().len(), NEEDED.len());
}

#[tokio::test]
async fn the_stream_is_for_users() {
    let world = World::new();
    let answer = world.ask(As::Nobody, Method::GET, "/api/v1/live", Value::Null).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn all_errors_are_problems_and_all_answers_have_the_headers() {
    let world = World::new();
    let token = world.token(Role::Admin);
    for (method, path, status) in [
        (Method::GET, "/api/v1/nothing", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/edges/x", StatusCode::NOT_FOUND),
        (Method::DELETE, "/api/v1/edges", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/api/v1/edges?limit=x", StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/edges?last=x", StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/sessions?ip=x", StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/sessions?cursor=x", StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/users", StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let answer = world.ask(As::Token(&token), method, path, Value::Null).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        assert_eq!(answer.json()["status"], status.as_u16(), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'")
        );
        assert!(
            !policy.contains("unsafe") && !answer.headers.contains_key("strict-transport-security")
        );
    }
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let world = World::new();
    let token = world.token(Role::Admin);
    let long = json!({ "user": "x".repeat(1 << 20), "password": "y" });
    let answer = world.ask(As::Token(&token), Method::POST, "/api/v1/login", long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn the_description_says_who_may_and_names_no_body_twice() {
    let text = openapi::description().to_json().unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let overview = &description["paths"]["/api/v1/overview"]["get"];
    assert!(overview["security"][0]["token"].is_array());
    assert!(overview["description"].as_str().unwrap().contains("`viewer`"));
    let missing = &description["paths"]["/api/v1/edges/{id}"]["get"]["responses"]["404"]["content"];
    assert!(
        missing["application/problem+json"].is_object() && missing["application/json"].is_null()
    );
}
