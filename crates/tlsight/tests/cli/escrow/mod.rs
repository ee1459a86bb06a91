//! `tlsight escrow`, from the making of keys to a destroyed epoch.

mod agent;
mod crash;
mod read;
mod token;
mod world;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use escrow::{Client, Outcome, Wait};
use event::Timestamp;
use secrets::{KeyLogEntry, KeyLogReader, Label, Origin, Secret, SessionSecrets, SessionStage};

use self::world::{Escrow, contains, stop};
use crate::program::{testdata, tlsight};

#[test]
fn who_has_a_tier_sees_as_much_of_a_capture_and_no_more() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls12");
    let shows = |name: &str, tier: &str, approvers: &[&str], capture: &str| {
        let log = escrow.released(&escrow.request(name, tier, approvers, &[]));
        let capture = testdata().join(capture).join("input.pcap");
        let (capture, log) = (capture.to_str().unwrap(), log.to_str().unwrap());
        let text = tlsight(["decrypt", capture, "--keylog", log]).stdout;
        let read = tlsight(["read", "--json", capture, "--keylog", log]);
        let visible =
            |line: &serde_json::Value| line["tlsight"]["certificate"]["state"] == "visible";
        let certificates = read.sessions().iter().filter(|line| visible(line)).count();
        let has = |what: &[u8]| text.windows(what.len()).any(|window| window == what);
        (certificates, has(b"hello"), has(b"olleh"))
    };
    let both: &[&str] = &["bob", "carol"];
    assert_eq!(shows("a", "t0", &[], "secrets-tls13"), (0, false, false));
    assert_eq!(shows("b", "t1", &[], "secrets-tls13"), (5, false, false));
    assert_eq!(shows("c", "t2c", &[], "secrets-tls13"), (5, true, false));
    assert_eq!(shows("d", "t2s", &[], "secrets-tls13"), (5, false, true));
    assert_eq!(shows("e", "t3", both, "secrets-tls13"), (5, true, true));
    let (_, hello, olleh) = shows("f", "t2c", &[], "secrets-tls12");
    assert!(hello && !olleh);
    let (_, hello, olleh) = shows("g", "t2s", &[], "secrets-tls12");
    assert!(!hello && olleh);
}

#[test]
fn the_higher_tiers_are_refused_without_two_others_and_that_is_written_down() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    for (name, approvers) in [("none", &[][..]), ("one", &["bob"]), ("same", &["bob", "alice"])] {
        let request = escrow.request(name, "t3", approvers, &[]);
        let answer = format!("{request}.answer");
        let run = escrow.run(&["release", &request, "-o", &answer]);
        assert_eq!(run.status, 1);
        assert!(run.stderr.contains("approved by"), "{}", run.stderr);
        assert!(!Path::new(&answer).exists());
    }
    assert_eq!(escrow.audit().matches("\"action\":\"refused\"").count(), 3);

    // A reader without a secret: the broker decrypts.
    let request = escrow.request("right", "t3", &["bob", "carol"], &["--agent", "web-1"]);
    let capture = testdata().join("secrets-tls13/input.pcap");
    let clear = escrow.path("clear.pcapng");
    let (capture, clear) = (capture.to_str().unwrap(), clear.to_str().unwrap());
    escrow.done(&["release", &request, "--capture", capture, "-w", clear]);
    let bytes = fs::read(clear).unwrap();
    assert!(contains(&bytes, b"hello") && contains(&bytes, b"olleh"));
    let audit = escrow.audit();
    assert!(audit.contains("\"action\":\"released\""), "{audit}");
    assert!(audit.contains("\"approvers\":[\"bob\",\"carol\"]"), "{audit}");
    assert!(audit.contains("\"sessions\":5"), "{audit}");
}

#[test]
fn the_highest_tier_has_no_more_of_tls13_and_says_so() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, true), "secrets-tls13");
    let said = |name: &str, filter: &[&str]| {
        let request = escrow.request(name, "t4", &["bob", "carol"], filter);
        escrow.done(&["release", &request, "-o", &format!("{request}.answer")]).stderr
    };
    assert!(said("a", &[]).contains("5 of them without a master secret"), "{}", said("b", &[]));
    deliver_capture(&escrow.client(serving.port, true), "secrets-tls12");
    let both = said("c", &[]);
    assert!(both.contains("5 of them without a master secret"), "{both}");
}

#[test]
fn a_revoked_person_gets_nothing() {
    let escrow = Escrow::new();
    let request = escrow.request("before", "t1", &[], &[]);
    escrow.done(&["keys", "revoke", "alice"]);
    let run = escrow.run(&["release", &request, "-o", escrow.path("x").to_str().unwrap()]);
    assert!(run.status == 1 && run.stderr.contains("alice"), "{}", run.stderr);
}

#[test]
fn a_destroyed_epoch_is_unreadable_and_the_log_still_verifies() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    let before = fs::metadata(escrow.released(&escrow.request("a", "t1", &[], &[]))).unwrap().len();
    assert!(before > 0);
    escrow.done(&["keys", "destroy", "1"]);
    let after = fs::metadata(escrow.released(&escrow.request("b", "t1", &[], &[]))).unwrap().len();
    assert_eq!(after, 0);
    assert!(escrow.done(&["keys", "list"]).text().contains(": destroyed"));
    let audit = escrow.audit();
    assert!(
        audit.contains("\"action\":\"epoch-destroyed\",\"epoch\":1,\"on_demand\":true"),
        "{audit}"
    );
    assert_eq!(escrow.run(&["keys", "destroy", "1"]).status, 1, "it is destroyed already");
}

#[test]
fn a_flipped_bit_in_log_archive_or_index_is_found() {
    let escrow = Escrow::new();
    let mut serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    stop(&mut serving);
    let checkpoint = escrow.path("checkpoint");
    let audit = ["audit", "--store", "--checkpoint", checkpoint.to_str().unwrap()];
    let sound = escrow.done(&audit);
    assert!(sound.text().contains("the archive is as the log says"), "{}", sound.text());
    let store = fs::read_dir(escrow.dir().join("store")).unwrap();
    let mut files: Vec<PathBuf> = store.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "a segment and its index");
    files.push(escrow.dir().join("audit.log"));
    for file in &files {
        let whole = fs::read(file).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 9 + 1) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(file, &changed).unwrap();
            assert_eq!(escrow.run(&audit).status, 1, "byte {at} of {}", file.display());
        }
        fs::write(file, &whole).unwrap();
    }
    let log = escrow.dir().join("audit.log");
    let whole = fs::read_to_string(&log).unwrap();
    let shorter: String = whole.split_inclusive('\n').take(2).collect();
    fs::write(&log, shorter).unwrap();
    let cut = escrow.run(&audit);
    assert!(cut.status == 1 && cut.stderr.contains("cut off"), "{}", cut.stderr);
    fs::write(&log, whole).unwrap();
    fs::remove_file(&files[0]).unwrap();
    assert_eq!(escrow.run(&audit).status, 1, "a segment that is missing");
}

/// Delivers what is known of a capture, as an end of its sessions would.
fn deliver_capture(client: &Client, name: &str) {
    let folder = testdata().join(name);
    let mut by_random: HashMap<[u8; 32], Vec<(Label, Secret)>> = HashMap::new();
    let mut reader = KeyLogReader::new();
    let mut add = |entry| {
        if let KeyLogEntry::Random { label, random, secret } = entry {
            by_random.entry(random).or_default().push((label, secret));
        }
    };
    reader.feed(&fs::read(folder.join("keys.log")).unwrap(), &mut add);
    reader.finish(&mut add);
    let capture = fs::read(folder.join("input.pcap")).unwrap();
    let mut client_random = None;
    let mut delivered = 0;
    for at in 0..capture.len().saturating_sub(80) {
        let [22, 3, _, _, _, kind, 0, ..] = capture[at..] else { continue };
        let random: [u8; 32] = *capture[at + 11..].first_chunk().unwrap();
        if kind == 1 && by_random.contains_key(&random) {
            client_random = Some(random);
        }
        let Some(client_random) = client_random.filter(|_| kind == 2) else { continue };
        let Some(secrets) = by_random.remove(&client_random) else { continue };
        let id_len = usize::from(capture[at + 43]);
        let suite = *capture[at + 44 + id_len..].first_chunk().unwrap();
        let is_tls12 = secrets.iter().any(|(label, _)| *label == Label::ClientRandom);
        let told = SessionSecrets {
            stage: SessionStage::Application,
            version: if is_tls12 { 0x0303 } else { 0x0304 },
            cipher_suite: u16::from_be_bytes(suite),
            client_random,
            server_random: Some(random),
            secrets,
            origin: Origin::unknown(Timestamp::default()),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        let outcome = client.deliver(told, Wait::Durable, deadline);
        assert_eq!(outcome, Outcome::Acknowledged(Wait::Durable), "{name}");
        delivered += 1;
    }
    assert!(delivered >= 5, "{delivered} sessions of {name}");
}
