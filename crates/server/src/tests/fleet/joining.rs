//! Who comes in, and who does not any more.

use axum::http::Method;
use fleet::JoinToken;
use serde_json::{Value, json};
use tonic::Code;

use super::member::{enrol, join};
use super::{Place, until};
use crate::clock::{Clock, DAY};
use crate::fleet::dropped_tokens::{TokenAsked, drop_token};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lets_in_as_many_agents_as_it_was_made_for() {
    let place = Place::new();
    let server = place.start().await;
    let token = server.token(1, &[("cluster", "prod")]).reveal();
    let member = enrol(&server, &token).await.unwrap();
    assert!(member.id.starts_with("node-7_"), "{}", member.id);
    let second = enrol(&server, &token).await.err().unwrap();
    assert_eq!(second.code(), Code::PermissionDenied);
    assert!(second.message().contains("used up"), "{second}");
    let unknown = JoinToken::generate(place.authority().fingerprint()).unwrap().reveal();
    let other = JoinToken::generate(fleet::Fingerprint([1; 32])).unwrap().reveal();
    for wrong in [unknown.as_str(), &other, "tlj1-x", "", &"x".repeat(100_000)] {
        let error = enrol(&server, wrong).await.err().unwrap();
        assert_eq!(error.code(), Code::PermissionDenied, "{error}");
    }
    let agent = server.agent(&member.id).await;
    assert_eq!(agent["member"]["labels"]["cluster"], "prod", "{agent}");
    assert_eq!(agent["certificates"].as_array().unwrap().len(), 1);
    let (_, audit) = server.api(Method::GET, "/api/v1/audit", Value::Null).await;
    assert_eq!(audit["items"][0]["action"], "enrol", "{audit}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_ended_or_was_deleted_lets_nobody_in() {
    let place = Place::new();
    let server = place.start().await;
    let expires = Clock::system().now().plus_nanos(2_000_000_000).to_rfc3339().to_string();
    let asked = json!({ "labels": {}, "expires": expires, "most_uses": 5 });
    let (status, made) = server.api(Method::POST, "/api/v1/enrolment-tokens", asked).await;
    assert_eq!(status, 201, "{made}");
    let token = made["token"].as_str().unwrap();
    until("the token has ended", async || {
        enrol(&server, token).await.err().is_some_and(|it| it.message().contains("expired"))
    })
    .await;
    let path = format!("/api/v1/enrolment-tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(server.api(Method::DELETE, &path, Value::Null).await.0, 204);
    assert!(enrol(&server, token).await.err().unwrap().message().contains("not known"));
    let (_, listed) = server.api(Method::GET, "/api/v1/enrolment-tokens", Value::Null).await;
    assert!(!listed.to_string().contains("tlj1-"), "no token is told twice");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_left_in_the_servers_folder_is_taken_up() {
    let place = Place::new();
    let server = place.start().await;
    let now = Clock::system().now();
    let token = JoinToken::generate(place.authority().fingerprint()).unwrap();
    let labels = [("tenant".to_owned(), "blue".to_owned())].into();
    let asked = TokenAsked { labels, uses: 1, expires: now.plus_nanos(DAY), by: "root".to_owned() };
    let folder = place.folder.join("fleet");
    drop_token(&folder, &token, asked, now).unwrap();
    std::fs::write(folder.join("tokens/other.json"), b"{").unwrap();
    let member = enrol(&server, &token.reveal()).await.unwrap();
    assert_eq!(server.agent(&member.id).await["member"]["labels"]["tenant"], "blue");
    assert_eq!(std::fs::read_dir(folder.join("tokens")).unwrap().count(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_certificate_of_this_fleet_does_not_report() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let (server, other) = (place.start().await, elsewhere.start().await);
    let stranger = join(&other).await;
    let error = stranger.call(&server).await.err().unwrap();
    assert!(matches!(error.code(), Code::Unavailable | Code::Unknown), "{error:?}");
    // Its own authority, but nobody that this server knows: the file was lost.
    let member = join(&server).await;
    server.stop().await;
    std::fs::remove_file(place.folder.join("control.db")).unwrap();
    let server = place.start().await;
    let error = member.call(&server).await.err().unwrap();
    assert_eq!(error.code(), Code::PermissionDenied, "{error:?}");
    other.stop().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agent_is_cut_off_at_once_and_for_good() {
    let place = Place::new();
    let server = place.start().await;
    let (member, other) = (join(&server).await, join(&server).await);
    let (call, mut of_other) =
        (member.call(&server).await.unwrap(), other.call(&server).await.unwrap());
    let path = format!("/api/v1/agents/{}/revoke", member.id);
    assert_eq!(server.api(Method::POST, &path, Value::Null).await.0, 204);
    assert_eq!(call.end().await.code(), Code::PermissionDenied);
    assert_eq!(server.api(Method::POST, &path, Value::Null).await.0, 409);
    assert_eq!(member.call(&server).await.err().unwrap().code(), Code::PermissionDenied);
    assert_eq!(member.renew(&server).await.err().unwrap().code(), Code::PermissionDenied);
    let agent = server.agent(&member.id).await;
    assert_eq!(agent["state"], "revoked", "{agent}");
    assert!(agent["troubles"][0]["reason"].as_str().unwrap().contains("token:tester"), "{agent}");
    of_other.batch(super::batch(1, 1, &super::lines(1, 1))).await;
    of_other.answer().await.unwrap();
    drop(of_other);
    server.stop().await;
    let server = place.start().await;
    assert_eq!(member.call(&server).await.err().unwrap().code(), Code::PermissionDenied);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_of_the_same_agent() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let renewed = member.renew(&server).await.unwrap();
    assert_eq!(renewed.id, member.id);
    let call = renewed.call(&server).await.unwrap();
    assert_eq!(call.welcome.agent, member.id);
    assert_eq!(server.agent(&member.id).await["certificates"].as_array().unwrap().len(), 2);
    drop(call);
    server.stop().await;
}
