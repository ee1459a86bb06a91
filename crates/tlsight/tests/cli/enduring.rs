//! What the server has answered for outlasts a kill and a full disk.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use serde_json::Value;

use crate::program::{capture, tlsight};
use crate::server::{Answer, Server, answer, folder, has, skip, wait_until};

#[test]
fn what_was_acknowledged_survives_a_kill_and_nothing_counts_twice() {
    if !has("what_was_acknowledged_survives_a_kill_and_nothing_counts_twice", &["curl"]) {
        return;
    }
    let folder = folder("kill");
    let data = folder.join("data");
    let arguments = ["serve", "--data", data.to_str().unwrap()];
    let mut server = Server::start(&arguments, true);
    let token = server.make_token();
    let (sessions, lines) = (sessions(), folder.join("lines.ndjson"));
    let part = sessions / PARTS;
    let (mut acknowledged, mut kills) = (0, 0);
    for number in 0..PARTS {
        Lines::new().write(&lines, number * part, part);
        loop {
            let upload = Upload::start(&server, &token, &format!("part-{number}"), &lines);
            if kills < KILLS && is_half_done(&server, &token, acknowledged, &upload) {
                server.kill();
                kills += 1;
                let was_acknowledged = upload.end().status == 200;
                server = Server::start(&arguments, false);
                let kept = count(&server, &token);
                assert!(kept >= acknowledged, "{kept} of {acknowledged} that were acknowledged");
                assert!(kept <= acknowledged + part, "{kept} of {}", acknowledged + part);
                if !was_acknowledged {
                    continue;
                }
            } else {
                let Answer { status, body } = upload.end();
                assert_eq!(status, 200, "{body}");
                let known = body["duplicates"].as_u64().unwrap();
                assert_eq!(body["accepted"].as_u64().unwrap() + known, part, "{body}");
            }
            acknowledged += part;
            assert!(count(&server, &token) >= acknowledged);
            break;
        }
    }
    assert_eq!(kills, KILLS);
    assert_eq!(count(&server, &token), sessions);
    assert_eq!(server.get(&token, "settings")["store"]["sessions"], sessions);
    server.end();
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost_once_there_is_space() {
    let test = "a_full_disk_is_told_and_nothing_is_lost_once_there_is_space";
    if !has(test, &["curl", "mount"]) {
        return;
    }
    let folder = folder("full");
    let Some(disk) = Disk::mount(&folder, "5m") else {
        skip(test, "not root, so no small disk can be mounted");
        return;
    };
    let server = Server::start(&["serve", "--data", folder.to_str().unwrap()], true);
    let token = server.make_token();
    let lines = Scratch(env::temp_dir().join(format!("tlsight-full-{}", server.id())));
    let (mut number, mut acknowledged) = (0, 0);
    let refused = loop {
        Lines::new().write(&lines.0, number * PART_OF_DISK, PART_OF_DISK);
        let Answer { status, body } = import(&server, &token, number, &lines.0);
        if status != 200 {
            assert_eq!(status, 507, "{body}");
            break body;
        }
        (number, acknowledged) = (number + 1, acknowledged + PART_OF_DISK);
        assert!(number < 100, "the disk is never full");
    };
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("no space left"), "{detail}");
    let kept = count(&server, &token);
    assert!((acknowledged..acknowledged + PART_OF_DISK).contains(&kept), "{kept}");
    assert_eq!(import(&server, &token, number, &lines.0).status, 507);
    disk.grow("64m");
    let Answer { status, body } = import(&server, &token, number, &lines.0);
    assert_eq!(status, 200, "{body}");
    assert_eq!(count(&server, &token), acknowledged + PART_OF_DISK);
    server.end();
    drop(disk);
    fs::remove_dir_all(folder).unwrap();
}

/// An import on its way.
struct Upload(thread::JoinHandle<Answer>);

impl Upload {
    fn start(server: &Server, token: &str, key: &str, lines: &Path) -> Self {
        let mut curl = server.import(token, key, lines);
        Self(thread::spawn(move || answer(&mut curl)))
    }

    fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    fn end(self) -> Answer {
        self.0.join().unwrap()
    }
}

/// Waits until some of an import is kept; false if it is over before.
fn is_half_done(server: &Server, token: &str, acknowledged: u64, upload: &Upload) -> bool {
    let mut is_over = false;
    wait_until("some of it is kept", || {
        is_over = upload.is_over();
        is_over || count(server, token) > acknowledged
    });
    !is_over
}

fn import(server: &Server, token: &str, number: u64, lines: &Path) -> Answer {
    answer(&mut server.import(token, &format!("part-{number}"), lines))
}

fn count(server: &Server, token: &str) -> u64 {
    server.get(token, "overview?last=24h")["sessions"].as_u64().unwrap()
}

/// Lines of sessions of a real capture, as if they had happened in the last hour.
struct Lines {
    line: String,
    second: String,
}

impl Lines {
    fn new() -> Self {
        let read = ["read", "--json", "--no-detailed-fields"].map(Path::new);
        let run = tlsight(read.into_iter().chain([capture("tls12-rsa").as_path()]));
        let mut event: Value = run.sessions().remove(0);
        event["@timestamp"] = TIME.into();
        event["event"]["start"] = TIME.into();
        event["event"]["end"] = TIME.into();
        let date = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S"]).output().unwrap();
        let second = String::from_utf8(date.stdout).unwrap().trim().to_owned();
        Self { line: event.to_string(), second }
    }

    /// Writes `count` lines, each a microsecond after the one before.
    fn write(&self, path: &Path, first: u64, count: u64) {
        let mut text = String::new();
        for number in first..first + count {
            let time = format!("{}.{number:06}Z", self.second);
            writeln!(text, "{}", self.line.replace(TIME, &time)).unwrap();
        }
        fs::write(path, text).unwrap();
    }
}

/// A file system of its own, until it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: &Path, size: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder);
        let status = mount.stderr(Stdio::null()).status().unwrap();
        status.success().then(|| Self(folder.to_owned()))
    }

    fn grow(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]).arg(&self.0);
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

/// A file that is removed with the value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// How many sessions there are to be: at most a million, which is what a second has room for.
fn sessions() -> u64 {
    env::var("TLSIGHT_TEST_SESSIONS").map_or(SESSIONS, |text| text.parse().unwrap())
}

/// Each part of these is several batches of the server.
const SESSIONS: u64 = 20_000;

const PARTS: u64 = 4;

const KILLS: u32 = 2;

/// A few of these fill the small disk.
const PART_OF_DISK: u64 = 4_000;

/// Stands for the time of a session in its line, and for nothing else there.
const TIME: &str = "2001-02-03T04:05:06.000000Z";
