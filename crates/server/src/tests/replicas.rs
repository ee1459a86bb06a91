//! Several servers over one database: what one decides holds at the others.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use fleet::JoinToken;
use fleet::v1::from_server::Message as Told;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use store::{Role, Token};
use tonic::Code;
use tower::ServiceExt as _;

use super::backend;
use super::fleet::member::{enrol, join};
use super::fleet::{Follow, Place, Running, until};
use super::receiver::webhook;
use crate::auth::token;
use crate::clock::Clock;
use crate::fleet::dropped_tokens::{TokenAsked, drop_token};
use crate::http::headers::StrictTransport;
use crate::http::listener::Peer;
use crate::routes::openapi;

/// Some servers over a database, if it can be had.
async fn servers<const N: usize>(test: &str, follow: Follow) -> Option<[(Place, Running); N]> {
    let backend::Place::Url(url) = backend::Place::modern(test)? else { return None };
    let key = std::env::temp_dir().join(format!("tlsight-{test}-{}.key", std::process::id()));
    let mut all = Vec::new();
    for _ in 0..N {
        let place = Place::shared(&url, &key);
        let running = place.start_that(follow).await;
        all.push((place, running));
    }
    std::fs::remove_file(key).unwrap();
    all.try_into().ok()
}

/// A new API token of a server.
fn api_token(server: &Running) -> String {
    let text = token::api_token().unwrap().dangerous_text().to_owned();
    let (id, name, created) = (token::random().unwrap(), "t".to_owned(), Clock::system().now());
    let token = Token { id, name, role: Role::Admin, created, expires: None, last_used: None };
    server.app.parts.control.add_token(&token, token::digest(&text)).unwrap();
    text
}

async fn ask(
    server: &Running,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: Value,
) -> (u16, HeaderMap, Value) {
    let peer: std::net::SocketAddr = "192.0.2.1:50000".parse().unwrap();
    let mut request = Request::builder().method(method).uri(path).extension(Peer(peer));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let router = openapi::router(&server.app, StrictTransport::DoNotInsist);
    let (head, body) = router.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_to_one_server_is_known_to_another_at_once_and_sees_what_they_changed() {
    let test = "who_is_known_to_one_server_is_known_to_another";
    let Some([(_p, a), (_q, b)]) = servers(test, Follow::WhenAsked).await else { return };
    let bearer = format!("Bearer {}", api_token(&a));
    let own = ("authorization", bearer.as_str());
    let agents = (Method::GET, "/api/v1/agents");
    assert_eq!(ask(&b, agents.clone(), &[own], Value::Null).await.0, 200);
    let stranger = ("authorization", "Bearer tlsight_abcdefgh");
    assert_eq!(ask(&b, agents.clone(), &[stranger], Value::Null).await.0, 401);
    let expires = Clock::system().now().plus_nanos(60_000_000_000).to_rfc3339().to_string();
    let asked = json!({ "labels": {}, "expires": expires, "most_uses": 5 });
    let tokens = "/api/v1/enrolment-tokens";
    let (status, told, made) = ask(&a, (Method::POST, tokens), &[own], asked).await;
    assert_eq!(status, 201, "{made}");
    let list = (Method::GET, tokens);
    let before = ask(&b, list.clone(), &[own], Value::Null).await.2;
    assert!(!before.to_string().contains(made["id"].as_str().unwrap()), "nobody told it");
    // What makes no sense is only a look at the log.
    for hostile in ["18446744073709551615", "-1", "x", ""] {
        let hints = [own, ("x-tlsight-position", hostile), ("cookie", "tlsight_position=x")];
        assert_eq!(ask(&b, agents.clone(), &hints, Value::Null).await.0, 200, "{hostile}");
    }
    let cookie = told["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    assert_eq!(
        cookie,
        format!("tlsight_position={}", told["x-tlsight-position"].to_str().unwrap())
    );
    let (status, told, second) = ask(
        &a,
        (Method::POST, tokens),
        &[own],
        json!({ "labels": {}, "expires": expires, "most_uses": 5 }),
    )
    .await;
    assert_eq!(status, 201, "{second}");
    let cookie = told["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let after = ask(&b, list, &[own, ("cookie", cookie)], Value::Null).await.2;
    assert!(after.to_string().contains(second["id"].as_str().unwrap()), "{after}");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_comes_in_at_any_server_and_is_thrown_out_at_any() {
    let test = "an_agent_comes_in_at_any_server";
    let Some([(_p, a), (_q, b)]) = servers(test, Follow::All).await else { return };
    let text = a.token(1, &[]).reveal();
    let member = enrol(&b, &text).await.unwrap();
    assert!(enrol(&a, &text).await.err().unwrap().message().contains("used up"));
    let mut call = member.call(&a).await.unwrap();
    let first = call.next().await.unwrap();
    assert!(matches!(first, Told::Policies(_)), "{first:?}");
    // What is known of it there is told to the others.
    a.app.fleet.register.save(&*a.app.parts.control).unwrap();
    let said = b.app.parts.control.agents_elsewhere().unwrap();
    b.app.fleet.register.hear(&said, b.app.parts.clock.now());
    let shown = b.agent(&member.id).await;
    assert_eq!((&shown["member"]["connected"], &shown["state"]), (&true.into(), &"ok".into()));
    assert_eq!(shown["version"], "1.2.3", "{shown}");
    let settings =
        json!({ "settings": "group = \"5s\"", "note": "", "stages": [{ "per_mille": 1000 }] });
    let (status, made) = b.api(Method::POST, "/api/v1/rollouts", settings).await;
    assert_eq!(status, 201, "{made}");
    let Told::Settings(settings) = call.next().await.unwrap() else { panic!("no settings") };
    assert_eq!(settings.revision, 1);
    let path = format!("/api/v1/agents/{}/revoke", member.id);
    assert_eq!(b.api(Method::POST, &path, Value::Null).await.0, 204);
    assert_eq!(call.end().await.code(), Code::PermissionDenied);
    assert_eq!(member.renew(&b).await.err().unwrap().code(), Code::PermissionDenied);
    until("the other one says so as well", async || {
        a.agent(&member.id).await["state"] == "revoked"
    })
    .await;
    // One of the other server comes in where nobody has heard of it yet.
    let other = join(&a).await;
    assert_eq!(other.call(&b).await.unwrap().welcome.agent, other.id);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_once_by_whoever_has_the_duties() {
    let test = "a_message_is_sent_once";
    let Some([(_p, a), (_q, b)]) = servers(test, Follow::All).await else { return };
    let (address, came) = webhook(0).await;
    let notifier = json!({
        "name": "hook", "kind": "webhook", "min_severity": "low",
        "settings": {}, "secret": format!("http://{address}/"),
    });
    let (status, made) = a.api(Method::POST, "/api/v1/notifiers", notifier).await;
    assert_eq!(status, 201, "{made}");
    a.app.duties.look_after(&a.app).await;
    b.app.parts.control.follow().unwrap();
    b.app.duties.look_after(&b.app).await;
    assert!(a.app.duties.are_here(&a.app) && !b.app.duties.are_here(&b.app));
    let couriers = [&a, &b].map(|server| {
        let app = server.app.clone();
        tokio::spawn(async move { app.courier.run(&app).await })
    });
    let lines = super::CAPTURES.to_owned();
    let source =
        || store::Source { id: "import".to_owned(), host: String::new(), version: String::new() };
    for server in [&b, &a] {
        let (app, lines, source) = (server.app.clone(), lines.clone(), source());
        let taken = tokio::task::spawn_blocking(move || {
            crate::ingest::Ingest(app).take(source, "captures".to_owned(), lines.as_bytes())
        });
        taken.await.unwrap().unwrap();
    }
    let id = made["id"].as_str().unwrap().to_owned();
    until("all is sent", async || {
        let queue = b.app.parts.control.queue(&id).unwrap();
        queue.queued == 0 && queue.last_sent.is_some()
    })
    .await;
    // It is another one's turn.
    a.app.duties.give_up(&a.app).await;
    until("the other one has heard of it", async || {
        b.app.duties.look_after(&b.app).await;
        b.app.duties.are_here(&b.app)
    })
    .await;
    assert!(!a.app.duties.are_here(&a.app));
    let told: Vec<String> = came
        .lock()
        .unwrap()
        .iter()
        .map(|(.., body)| format!("{} {}", body["event"], body["id"]))
        .collect();
    let different: std::collections::BTreeSet<_> = told.iter().collect();
    assert!(told.len() > 4 && different.len() == told.len(), "{told:?}");
    couriers.iter().for_each(tokio::task::JoinHandle::abort);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_left_in_the_folder_of_one_server_is_good_at_all() {
    let test = "a_token_that_was_left_in_the_folder_of_one_server";
    let Some([(of_a, a), (_q, b)]) = servers(test, Follow::All).await else { return };
    let authority = b.app.fleet.entrance.as_ref().unwrap().authority.fingerprint();
    let token = JoinToken::generate(authority).unwrap();
    let now = Clock::system().now();
    let expires = now.plus_nanos(60_000_000_000_000);
    let labels = [("tenant".to_owned(), "blue".to_owned())].into();
    let asked = TokenAsked { labels, uses: 1, expires, by: "root".to_owned() };
    drop_token(&of_a.folder.join("fleet"), &token, asked, now).unwrap();
    until("it is known to the other one", async || enrol(&b, &token.reveal()).await.is_ok()).await;
    assert!(enrol(&a, &token.reveal()).await.err().unwrap().message().contains("used up"));
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_of_one_server_judge_at_all() {
    let test = "policies_of_one_server_judge_at_all";
    let Some([(_p, a), (_q, b)]) = servers(test, Follow::All).await else { return };
    let pack = a.app.judge.rules().packs[0].0.id.clone();
    let is_on = |server: &Running| server.app.judge.rules().pack(&pack).unwrap().1.enabled;
    let before = is_on(&b);
    let change = json!({ "enabled": !before });
    let (status, told) = a.api(Method::PUT, &format!("/api/v1/packs/{pack}"), change).await;
    assert_eq!(status, 200, "{told}");
    until("the other one judges so", async || is_on(&b) != before).await;
    a.stop().await;
    b.stop().await;
}
