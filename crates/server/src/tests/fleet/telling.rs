//! Batches: kept once, refused, or asked for again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fleet::limits::{MOST_LINES_LEN, WINDOW};
use fleet::v1;
use fleet::v1::from_agent::Message as Say;
use fleet::v1::from_server::Message as Told;
use tonic::Code;

use super::member::{enrol, hello, join};
use super::{Place, batch, lines, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_counts_once_however_often_it_comes() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let mut call = member.call(&server).await.unwrap();
    for _ in 0..3 {
        call.batch(batch(1, 7, &lines(4, 25))).await;
        let kept = call.answer().await.unwrap();
        assert_eq!(kept, Told::Kept(v1::Kept { number: 7, rejected: 0 }));
    }
    assert_eq!(server.counted(), 100);
    drop(call);
    server.stop().await;
    let server = place.start().await;
    let mut call = member.call(&server).await.unwrap();
    call.batch(batch(1, 7, &lines(4, 25))).await;
    call.answer().await.unwrap();
    assert_eq!(server.counted(), 100, "also after a restart");
    // The same number of another agent, and of another segment, is another batch.
    let other = join(&server).await;
    let mut of_other = other.call(&server).await.unwrap();
    of_other.batch(batch(1, 7, &lines(4, 25))).await;
    of_other.answer().await.unwrap();
    call.batch(batch(2, 7, &lines(4, 25))).await;
    call.answer().await.unwrap();
    assert_eq!(server.counted(), 300);
    let agent = server.agent(&member.id).await;
    assert_eq!((&agent["sessions"], &agent["state"]), (&200.into(), &"ok".into()), "{agent}");
    drop((call, of_other));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_the_token_are_those_of_what_its_agents_see() {
    let place = Place::new();
    let server = place.start().await;
    let token = server.token(1, &[("cluster", "prod"), ("tenant", "blue")]).reveal();
    let member = enrol(&server, &token).await.unwrap();
    let mut call = member.call(&server).await.unwrap();
    call.batch(batch(1, 1, &lines(1, 1))).await;
    call.answer().await.unwrap();
    let page = store::Page::first(10);
    let pairs = server.app.parts.sessions.pairs(page).unwrap().items;
    assert_eq!(pairs[0].source.cluster.as_deref(), Some("prod"), "{:?}", pairs[0].source);
    assert_eq!(pairs[0].source.labels["tenant"], "blue");
    assert!(pairs[0].destination.cluster.is_none(), "an address may be of anybody");
    drop(call);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_the_reason_and_costs_only_itself() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let mut call = member.call(&server).await.unwrap();
    let good = batch(1, 0, &lines(1, 1));
    let bomb = vec![0; 300 << 20];
    let bomb = zstd::bulk::compress(&bomb, 1).unwrap();
    let wrong = [
        v1::Batch { segment: vec![1; 3], ..good.clone() },
        v1::Batch { lines_len: MOST_LINES_LEN + 1, ..good.clone() },
        v1::Batch { lines_len: 5, ..good.clone() },
        v1::Batch { lines: bomb.clone(), ..good.clone() },
        v1::Batch { lines: bomb, lines_len: MOST_LINES_LEN, ..good.clone() },
        v1::Batch { lines: b"no zstd".to_vec(), ..good.clone() },
        batch(1, 0, "no line at all\n"),
        batch(1, 0, "torn"),
    ];
    for (number, wrong) in (1..).zip(wrong) {
        call.batch(v1::Batch { number, ..wrong }).await;
        let answer = call.answer().await.unwrap();
        let Told::Refused(refused) = answer else { panic!("{number}: {answer:?}") };
        assert_eq!(refused.number, number);
        assert!(!refused.reason.is_empty());
    }
    call.batch(batch(1, 100, &format!("nonsense\n{}", lines(1, 1)))).await;
    let kept = call.answer().await.unwrap();
    assert_eq!(kept, Told::Kept(v1::Kept { number: 100, rejected: 1 }));
    let agent = server.agent(&member.id).await;
    assert_eq!(agent["state"], "malformed", "{agent}");
    assert_eq!(agent["member"]["malformed_batches"], 8);
    assert_eq!(agent["member"]["rejected_lines"], 1);
    drop(call);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_on_with_nonsense_is_kept_out_for_a_while_and_nobody_else_is() {
    let place = Place::new();
    let server = place.start().await;
    let (member, other) = (join(&server).await, join(&server).await);
    let mut of_other = other.call(&server).await.unwrap();
    let call = member.call(&server).await.unwrap();
    for number in 0..20 {
        call.batch(batch(1, number, "nonsense\n")).await;
    }
    assert_eq!(call.end().await.code(), Code::ResourceExhausted);
    let again = member.call(&server).await.err().unwrap();
    assert_eq!(again.code(), Code::ResourceExhausted, "{again}");
    assert_eq!(server.agent(&member.id).await["state"], "cut_off");
    of_other.batch(batch(1, 1, &lines(1, 1))).await;
    assert!(matches!(of_other.answer().await.unwrap(), Told::Kept(_)));
    drop(of_other);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_and_a_wrong_order_end_the_call() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let call = member.call(&server).await.unwrap();
    call.batch(v1::Batch { lines: vec![1; 8 << 20], ..batch(1, 1, "") }).await;
    assert_ne!(call.end().await.code(), Code::Cancelled);
    let call = member.call(&server).await.unwrap();
    call.say(hello()).await;
    assert_eq!(call.end().await.code(), Code::InvalidArgument);
    let first = Say::Batch(batch(1, 1, &lines(1, 1)));
    let error = member.call_with(&server, first).await.err().unwrap();
    assert_eq!(error.code(), Code::InvalidArgument);
    let agent = server.agent(&member.id).await;
    assert_eq!(agent["member"]["malformed_batches"], 3, "{agent}");
    assert_eq!(server.counted(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_agent_does_not_keep_the_others_out() {
    let place = Place::new();
    let server = place.start().await;
    let (noisy, quiet) = (join(&server).await, join(&server).await);
    let mut flood = noisy.call(&server).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let text = lines(1000, 1);
    let flooding = tokio::spawn(async move {
        let (mut sent, mut kept) = (0, 0);
        while !over.load(Ordering::Relaxed) {
            while sent - kept < u64::from(WINDOW) {
                sent += 1;
                flood.batch(batch(1, sent, &text)).await;
            }
            flood.answer().await.unwrap();
            kept += 1;
        }
        while kept < sent {
            flood.answer().await.unwrap();
            kept += 1;
        }
        kept
    });
    let mut call = quiet.call(&server).await.unwrap();
    for number in 0..5 {
        call.batch(batch(9, number, &lines(1, 1))).await;
        assert!(matches!(call.answer().await.unwrap(), Told::Kept(_)));
    }
    is_over.store(true, Ordering::Relaxed);
    let kept = flooding.await.unwrap();
    assert!(kept > 0);
    assert_eq!(server.counted(), kept * 1000 + 5);
    drop(call);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_cannot_take_is_asked_for_again_and_not_lost() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let mut call = member.call(&server).await.unwrap();
    let busy = rusqlite::Connection::open(place.folder.join("sessions.db")).unwrap();
    busy.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for number in 1..4 {
        call.batch(batch(1, number, &lines(1, 10))).await;
    }
    for number in 1..4 {
        let answer = call.answer().await.unwrap();
        let Told::Later(later) = answer else { panic!("{answer:?}") };
        assert_eq!(later.number, number);
        assert!(later.milliseconds > 0 && !later.reason.is_empty());
    }
    busy.execute_batch("ROLLBACK").unwrap();
    for number in 1..4 {
        call.batch(batch(1, number, &lines(1, 10))).await;
    }
    for _ in 1..4 {
        assert!(matches!(call.answer().await.unwrap(), Told::Kept(_)));
    }
    assert_eq!(server.counted(), 30);
    drop(call);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_an_agent_does_is_told_with_the_reason() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let call = member.call(&server).await.unwrap();
    let now = server.app.parts.clock.now().as_nanos();
    let second = 1_000_000_000;
    let hour = 3600 * second;
    call.say(Say::Status(v1::Status {
        clock: now + hour,
        started: now - hour,
        spooled_batches: 3,
        spooled_bytes: 700,
        spooled_since: now + hour - 600 * second,
        losses: BTreeMap::from([("spool_full".to_owned(), 2)]),
        settings_error: "unknown key".to_owned(),
        ..v1::Status::default()
    }))
    .await;
    until("its status is known", async || {
        server.agent(&member.id).await["member"]["spooled_batches"] == 3
    })
    .await;
    let agent = server.agent(&member.id).await;
    let troubles: Vec<_> = agent["troubles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["state"].as_str().unwrap())
        .collect();
    assert_eq!(troubles, ["losing", "clock_off", "late", "settings_refused"], "{agent}");
    assert_eq!(agent["losses"][0]["name"], "spool_full");
    assert!(agent["troubles"][1]["reason"].as_str().unwrap().contains("ahead"), "{agent}");
    drop(call);
    until("its connection is over", async || server.agent(&member.id).await["state"] == "silent")
        .await;
    server.stop().await;
    let server = place.start().await;
    let agent = server.agent(&member.id).await;
    assert_eq!(agent["member"]["spooled_batches"], 3, "what it said last is kept: {agent}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_older_or_sees_less_than_it_could_says_so() {
    let place = Place::new();
    let server = place.start().await;
    let member = join(&server).await;
    let Say::Hello(usual) = hello() else { unreachable!() };
    let older = v1::Hello {
        version: "0.0.9".to_owned(),
        capability: "packets_without_processes".to_owned(),
        missing: vec!["CAP_BPF is missing".to_owned()],
        ..usual
    };
    let call = member.call_with(&server, Say::Hello(older)).await.unwrap();
    let agent = server.agent(&member.id).await;
    let troubles: Vec<_> = agent["troubles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["state"].as_str().unwrap(), it["reason"].as_str().unwrap()))
        .collect();
    let own = env!("CARGO_PKG_VERSION");
    let outdated = format!("it runs 0.0.9, this server {own}");
    assert_eq!(
        troubles,
        [
            ("reduced", "it sees less than it could: CAP_BPF is missing"),
            ("outdated", outdated.as_str())
        ]
    );
    drop(call);
    until("it is not connected", async || server.agent(&member.id).await["state"] == "silent")
        .await;
    let agent = server.agent(&member.id).await;
    let reason = agent["troubles"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("not connected since 20"), "{agent}");
    server.stop().await;
}
