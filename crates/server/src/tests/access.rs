//! Logging in.

use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use store::Role;

use super::{A_DAY, Answer, As, HOUR, PASSWORD, World};
use crate::auth::token;
use crate::clock::{MINUTE, SECOND};
use crate::http::listener::Peer;

#[tokio::test]
async fn the_first_user_is_made_once_and_only_with_the_token() {
    let world = World::new();
    let secret = token::random().unwrap();
    world.app.parts.control.set_setup_token(token::digest(&secret)).unwrap();
    let info = world.ask(As::Nobody, Method::GET, "/api/v1/session", Value::Null).await.json();
    assert_eq!(info["setup_needed"], true);
    let ask = async |token: &str, user: &str, password: &str| {
        let body = json!({ "token": token, "user": user, "password": password });
        world.ask(As::Nobody, Method::POST, "/api/v1/setup", body).await.status
    };
    assert_eq!(ask("wrong", "ann", PASSWORD).await, StatusCode::FORBIDDEN);
    assert_eq!(ask(&secret, "ann", "short").await, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&secret, "<b>", PASSWORD).await, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&secret, "ann", PASSWORD).await, StatusCode::OK);
    assert_eq!(ask(&secret, "bob", PASSWORD).await, StatusCode::CONFLICT);
    assert_eq!(login(&world, "ann", PASSWORD, 1).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_cookie_is_for_this_site_only_and_changes_need_the_header() {
    let world = World::new();
    world.set_up().await;
    let answer = login(&world, "ann", PASSWORD, 1).await;
    let set = answer.headers["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(set.split("; ").any(|part| part == attribute), "{attribute} in {set}");
    }
    let (cookie, info) = (answer.cookie(), answer.json());
    let csrf = info["csrf_token"].as_str().unwrap();
    let change = async |csrf| {
        let body = json!({ "enabled": false });
        let who = As::Cookie(&cookie, csrf);
        world.ask(who, Method::PUT, "/api/v1/packs/core", body).await.status
    };
    assert_eq!(change(None).await, StatusCode::FORBIDDEN);
    assert_eq!(change(Some("other")).await, StatusCode::FORBIDDEN);
    assert_eq!(change(Some(csrf)).await, StatusCode::OK);
    let who = As::Cookie(&cookie, Some(csrf));
    let out = world.ask(who, Method::POST, "/api/v1/logout", Value::Null).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(look(&world, &cookie).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_log_in_ends_when_it_is_idle_or_old() {
    let world = World::new();
    let (cookie, _) = world.set_up().await;
    world.pass(7 * HOUR);
    assert_eq!(look(&world, &cookie).await, StatusCode::OK);
    world.pass(7 * HOUR);
    assert_eq!(look(&world, &cookie).await, StatusCode::OK);
    world.pass(9 * HOUR);
    assert_eq!(look(&world, &cookie).await, StatusCode::UNAUTHORIZED, "idle");
    let cookie = login(&world, "ann", PASSWORD, 1).await.cookie();
    for _ in 0..28 {
        assert_eq!(look(&world, &cookie).await, StatusCode::OK);
        world.pass(6 * HOUR);
    }
    world.pass(MINUTE);
    assert_eq!(look(&world, &cookie).await, StatusCode::UNAUTHORIZED, "old");
}

#[tokio::test]
async fn who_guesses_passwords_waits_longer_each_time() {
    let world = World::new();
    world.set_up().await;
    let mut waits = Vec::new();
    for number in 0..12 {
        let answer = login(&world, "ann", "wrong password", 7).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            let wait: i64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            waits.push(wait);
            // The right one is not tried either.
            assert_eq!(login(&world, "ann", PASSWORD, 8).await.status, answer.status, "{number}");
            world.pass(wait * SECOND);
        } else {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        }
    }
    assert!(waits.len() >= 3 && waits.is_sorted() && waits[0] < waits[2], "{waits:?}");
    world.pass(HOUR);
    assert_eq!(login(&world, "ann", PASSWORD, 8).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_user_and_a_wrong_password_look_alike() {
    let world = World::new();
    world.set_up().await;
    let wrong = [login(&world, "ann", "x", 1).await, login(&world, "nobody", PASSWORD, 1).await];
    assert_eq!(wrong[0].status, StatusCode::UNAUTHORIZED);
    assert_eq!(wrong[0].body, wrong[1].body);
}

#[tokio::test]
async fn a_token_is_told_once_and_ends_when_it_is_revoked_or_expires() {
    let world = World::new();
    let admin = world.token(Role::Admin);
    let expires = world.now().plus_nanos(A_DAY);
    let body = json!({ "name": "ci", "role": "viewer", "expires": expires });
    let made = world.ask(As::Token(&admin), Method::POST, "/api/v1/tokens", body).await.json();
    let secret = made["token"].as_str().unwrap();
    assert!(secret.starts_with("tlsight_"));
    let listed = world.get(&admin, "/api/v1/tokens").await.to_string();
    assert!(listed.contains("\"ci\"") && !listed.contains(secret));
    let status = async || {
        let who = As::Token(secret);
        world.ask(who, Method::GET, "/api/v1/packs", Value::Null).await.status
    };
    assert_eq!(status().await, StatusCode::OK);
    world.pass(A_DAY);
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
    world.pass(-HOUR);
    assert_eq!(status().await, StatusCode::OK);
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    let gone = world.ask(As::Token(&admin), Method::DELETE, &path, Value::Null).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(status().await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn changes_and_what_was_denied_are_in_the_audit_log_without_secrets() {
    let world = World::new();
    let (cookie, csrf) = world.set_up().await;
    let who = As::Cookie(&cookie, Some(&csrf));
    let body = json!({ "name": "bob", "role": "viewer", "password": PASSWORD });
    let added = world.ask(who, Method::POST, "/api/v1/users", body).await;
    assert_eq!(added.status, StatusCode::CREATED);
    login(&world, "bob", "wrong wrong wrong", 9).await;
    let bob = login(&world, "bob", PASSWORD, 9).await;
    let csrf = bob.json()["csrf_token"].as_str().unwrap().to_owned();
    let bobs = bob.cookie();
    let tried = As::Cookie(&bobs, Some(&csrf));
    let denied = world.ask(tried, Method::DELETE, "/api/v1/users/ann", Value::Null).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    let log = world.ask(who, Method::GET, "/api/v1/audit", Value::Null).await.json();
    let entries: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            [text("actor"), text("action"), text("target"), text("outcome")]
        })
        .collect();
    let expected = [
        ["bob", "DELETE /api/v1/users/{name}", "users/ann", "denied"],
        ["bob", "login", "", "ok"],
        ["bob", "login", "", "denied"],
        ["ann", "POST /api/v1/users", "users", "ok"],
        ["ann", "setup", "", "ok"],
    ];
    assert_eq!(entries, expected.map(|entry| entry.map(ToOwned::to_owned)));
    assert!(!log.to_string().contains("wrong wrong") && !log.to_string().contains(PASSWORD));
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let world = World::new();
    let (cookie, csrf) = world.set_up().await;
    let who = As::Cookie(&cookie, Some(&csrf));
    let gone = world.ask(who, Method::DELETE, "/api/v1/users/ann", Value::Null).await;
    assert_eq!(gone.status, StatusCode::CONFLICT, "{gone:?}");
}

async fn login(world: &World, user: &str, password: &str, host: u8) -> Answer {
    let body = json!({ "user": user, "password": password }).to_string();
    let peer = Peer(([192, 0, 2, host], 5000).into());
    let request = Request::post("/api/v1/login")
        .header("content-type", "application/json")
        .extension(peer)
        .body(body.into());
    world.send(request.unwrap()).await
}

async fn look(world: &World, cookie: &str) -> StatusCode {
    world.ask(As::Cookie(cookie, None), Method::GET, "/api/v1/packs", Value::Null).await.status
}
