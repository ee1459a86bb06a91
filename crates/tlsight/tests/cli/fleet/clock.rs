//! A clock that is an hour off: that of agents, and that of their server.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

use event::Timestamp;

use super::Place;
use super::crowd::Crowd;
use crate::server::{has, skip, wait_until};

#[test]
fn agents_with_a_clock_an_hour_off_join_and_are_told_apart_and_lose_nothing() {
    let test = "agents_with_a_clock_an_hour_off_join_and_are_told_apart_and_lose_nothing";
    if !has(test, &["curl"]) || !has_faketime(test) {
        return;
    }
    for (offset, seconds, told) in [("+1h", HOUR, "ahead of"), ("-1h", -HOUR, "behind")] {
        let place = Place::start(&format!("clock{offset}"), "127.0.0.1", &[]);
        let mut child = Command::new(env::current_exe().unwrap());
        child
            .args([
                "--exact",
                "fleet::clock::a_child_that_is_some_agents",
                "--nocapture",
                "--ignored",
            ])
            .envs([("LD_PRELOAD", FAKETIME), ("FAKETIME", offset), ("DONT_FAKE_MONOTONIC", "1")])
            .env(CHILD_SERVER, &place.address)
            .env(CHILD_TOKEN, place.join_token(AGENTS))
            .env(CHILD_FOLDER, place.folder())
            .stdin(Stdio::piped());
        let mut child = child.spawn().unwrap();
        wait_until("all that they saw is kept", || {
            let agents = place.agents();
            let has_all = |agent: &serde_json::Value| agent["sessions"] == 7 * ROUNDS;
            agents.len() == AGENTS && agents.iter().all(has_all)
        });
        for agent in place.agents() {
            let (state, reason) = (&agent["state"], agent["troubles"][0]["reason"].as_str());
            assert_eq!(state, "clock_off", "{agent}");
            let told = format!("{told} this server's: times of what it tells are by its clock");
            assert!(reason.unwrap().contains(&told), "{agent}");
            let ahead = agent["member"]["clock_ahead_ms"].as_i64().unwrap();
            assert!((3_500_000..3_700_000).contains(&ahead.abs()), "{agent}");
            assert_eq!(agent["member"]["lag_ms"].as_i64().unwrap_or(0), 0, "{agent}");
        }
        // They are where the clocks of the agents say, and nowhere else.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let sessions = |around: i64| {
            let at = |seconds| Timestamp::from_nanos((around + seconds) * 1_000_000_000);
            let (from, to) = (at(-HOUR / 3), at(HOUR / 3));
            let window = format!("overview?from={from}&to={to}");
            place.server.get(&place.token, &window)["sessions"].clone()
        };
        let now = i64::try_from(now).unwrap();
        assert_eq!(sessions(now + seconds), 7 * ROUNDS * AGENTS as u64);
        assert_eq!(sessions(now), 0);
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        place.end();
    }
}

/// What the test above runs with another clock.
#[test]
#[ignore = "is run by the test above"]
fn a_child_that_is_some_agents() {
    let server = env::var(CHILD_SERVER).unwrap();
    let folder = env::var(CHILD_FOLDER).unwrap();
    let token = env::var(CHILD_TOKEN).unwrap();
    let mut crowd = Crowd::join(AGENTS, &server, &token, Path::new(&folder));
    crowd.wait_for_connections();
    for _ in 0..ROUNDS {
        crowd.see();
        thread::sleep(Duration::from_millis(5));
    }
    crowd.wait_until_all_is_kept();
    assert!(crowd.said().iter().any(|said| said.contains("that of the server")));
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_server_whose_clock_jumps_an_hour_says_so_and_declares_nobody_lost() {
    let test = "a_server_whose_clock_jumps_an_hour_says_so_and_declares_nobody_lost";
    if !has(test, &["curl"]) || !has_faketime(test) {
        return;
    }
    let folder = crate::server::folder("clock-file");
    let file = folder.join("offset");
    let set = |offset: &str| {
        fs::write(folder.join("new"), offset).unwrap();
        fs::rename(folder.join("new"), &file).unwrap();
    };
    set("+0");
    let place = Place::start_in(
        "clock-server",
        "127.0.0.1",
        &[],
        &[
            ("LD_PRELOAD", FAKETIME.as_ref()),
            ("FAKETIME_TIMESTAMP_FILE", file.as_os_str()),
            ("FAKETIME_NO_CACHE", "1".as_ref()),
            ("DONT_FAKE_MONOTONIC", "1".as_ref()),
        ],
    );
    let token = place.join_token(AGENTS);
    let mut crowd = Crowd::join(AGENTS, &place.address, &token, place.folder());
    crowd.wait_for_connections();
    wait_until("all is well", || place.states() == ["ok"]);
    for (offset, told) in [("+1h", "behind"), ("-1h", "ahead")] {
        set(offset);
        crowd.see();
        wait_until("the server says that clocks differ", || {
            let agents = place.agents();
            agents.iter().all(|agent| {
                let state = agent["state"].as_str().unwrap();
                assert!(["ok", "clock_off"].contains(&state), "{agent}");
                assert_eq!(agent["member"]["connected"], true);
                let reason = agent["troubles"][0]["reason"].as_str().unwrap_or_default();
                reason.contains(told)
            })
        });
        crowd.wait_until_all_is_kept();
    }
    set("+0");
    wait_until("all is well again", || place.states() == ["ok"]);
    assert_eq!(place.agents().len(), AGENTS);
    for counters in crowd.counters() {
        assert_eq!((counters.connections, counters.postponed), (1, 0), "{:?}", crowd.said());
    }
    drop(crowd);
    place.end();
    fs::remove_dir_all(folder).unwrap();
}

fn has_faketime(test: &str) -> bool {
    Path::new(FAKETIME).exists() || skip(test, "libfaketime is not installed")
}

/// Of Debian's package `libfaketime`.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

const CHILD_SERVER: &str = "TLSIGHT_TEST_FLEET_SERVER";
const CHILD_TOKEN: &str = "TLSIGHT_TEST_FLEET_TOKEN";
const CHILD_FOLDER: &str = "TLSIGHT_TEST_FLEET_FOLDER";

const AGENTS: usize = 3;

const ROUNDS: u64 = 4;

/// In seconds.
const HOUR: i64 = 3600;
