//! What agents are told: policies and settings.

use axum::http::Method;
use fleet::v1;
use fleet::v1::from_agent::Message as Say;
use fleet::v1::from_server::Message as Told;
use serde_json::{Value, json};

use super::member::{Call, hello, join};
use super::{Place, Running, until};

#[tokio::test(flavor = "multi_thread")]
async fn policies_come_when_an_agent_connects_and_when_they_change() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let mut call = member.call(&server).await.unwrap();
    let Told::Policies(first) = call.next().await.unwrap() else { panic!() };
    assert_eq!(first.digest, fleet::policies_digest(&first.documents));
    let policies: Vec<_> = first
        .documents
        .iter()
        .flat_map(|document| policy::read_policies(document.as_bytes()).unwrap())
        .collect();
    assert!(policies.len() > 3);
    let policy = json!({ "id": "mine", "name": "Mine", "severity": "low",
        "policySections": [{ "policyGroups": [
            { "fieldName": "TLS Version", "values": [{ "value": "< 1.1" }] },
        ]}] });
    let (status, answer) = server.api(Method::POST, "/api/v1/policies", policy).await;
    assert_eq!(status, 201, "{answer}");
    let Told::Policies(second) = call.next().await.unwrap() else { panic!() };
    assert!(second.documents.iter().any(|document| document.contains("\"mine\"")));
    assert_ne!(second.digest, first.digest);
    drop(call);
    // Who has them is not sent them again.
    let Say::Hello(hello) = hello() else { panic!() };
    let hello = Say::Hello(v1::Hello { policies_digest: second.digest, ..hello });
    let mut call = member.call_with(&server, hello).await.unwrap();
    call.batch(super::batch(1, 1, &super::lines(1, 1))).await;
    call.answer().await.unwrap();
    assert!(call.policies.is_empty() && call.settings.is_empty());
    drop(call);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_come_stage_by_stage_and_are_taken_back() {
    let place = Place::new();
    let server = place.start().await;
    let token = server.token(1, &[("ring", "canary")]).reveal();
    let canary = super::member::enrol(&server, &token).await.unwrap();
    let other = join(&server).await;
    let mut of_canary = canary.call(&server).await.unwrap();
    let mut of_other = other.call(&server).await.unwrap();
    let asked = json!({ "settings": "group = \"30s\"\n", "note": "quieter",
        "stages": [{ "labels": { "ring": "canary" } }, { "per_mille": 1000 }] });
    let (status, made) = server.api(Method::POST, "/api/v1/rollouts", asked).await;
    assert_eq!((status, &made["begun"]), (201, &1.into()), "{made}");
    let first = settings(&mut of_canary).await;
    assert_eq!((first.revision, first.toml.as_str()), (1, "group = \"30s\"\n"));
    report(&of_canary, 1, "").await;
    until("the canary has them", async || rollout(&server).await["agents"]["have"] == 1).await;
    assert_eq!(step(&server, "advance", 7).await, 409, "from what was seen only");
    assert_eq!(step(&server, "advance", 1).await, 200);
    assert_eq!(settings(&mut of_other).await.revision, 1);
    report(&of_other, 0, "unknown key").await;
    until("the other refuses", async || rollout(&server).await["agents"]["refuse"] == 1).await;
    assert_eq!(step(&server, "advance", 2).await, 409, "there is no further stage");
    assert_eq!(step(&server, "pause", 2).await, 200);
    assert_eq!(step(&server, "roll_back", 2).await, 200);
    let back = settings(&mut of_canary).await;
    assert_eq!((back.revision, back.toml.as_str()), (0, ""));
    assert_eq!(step(&server, "resume", 2).await, 409);
    drop((of_canary, of_other));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_are_none_are_not_rolled_out() {
    let place = Place::new();
    let server = place.start().await;
    let whole = json!([{ "per_mille": 1000 }]);
    for wrong in [
        json!({ "settings": "a = ", "stages": whole }),
        json!({ "settings": "", "stages": whole }),
        json!({ "settings": "a = 1", "stages": [] }),
        json!({ "settings": "a = 1", "stages": [{ "per_mille": 0 }] }),
        json!({ "settings": "a = 1", "stages": [{ "labels": {} }] }),
        json!({ "settings": "a = 1", "stages": [{ "share": 3 }] }),
    ] {
        let (status, answer) = server.api(Method::POST, "/api/v1/rollouts", wrong.clone()).await;
        assert_eq!(status, 400, "{wrong}: {answer}");
    }
    server.stop().await;
}

/// The next settings that come, whatever comes before.
async fn settings(call: &mut Call) -> v1::Settings {
    loop {
        if let Told::Settings(settings) = call.next().await.unwrap() {
            return settings;
        }
    }
}

async fn report(call: &Call, settings_revision: u64, error: &str) {
    let status = v1::Status {
        clock: crate::clock::Clock::system().now().as_nanos(),
        settings_revision,
        settings_error: error.to_owned(),
        ..v1::Status::default()
    };
    call.say(Say::Status(status)).await;
}

async fn rollout(server: &Running) -> Value {
    let (_, all) = server.api(Method::GET, "/api/v1/rollouts", Value::Null).await;
    all["items"][0].clone()
}

async fn step(server: &Running, step: &str, begun: usize) -> u16 {
    let asked = json!({ "step": step, "begun": begun });
    server.api(Method::POST, "/api/v1/rollouts/1/step", asked).await.0
}
