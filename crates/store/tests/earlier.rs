//! Stores that the last minor version has left, in `testdata/stores`, are read and written to.
//!
//! Those of this version are made by
//! `cargo test -p store --test earlier -- --ignored`, once, when it is released; they never change after that.
#![expect(clippy::unwrap_used, reason = "tests")]

mod samples;

use std::fs;
use std::path::{Path, PathBuf};

use event::Timestamp;
use samples::{Samples, batch};
use store::{
    Accounts, Collection, Control, Documents, Expected, Outbox, Page, Role, SecretText,
    SessionQuery, Sessions, Settings, SqliteSessions, User, Window,
};

#[test]
fn sessions_of_the_last_minor_version_are_read_and_added_to() {
    let (_folder, path) = copy("sessions.db");
    let store = SqliteSessions::open(&path, Settings::default()).unwrap();
    let count = || store.overview(EVER, NOW).unwrap().sessions;
    let records = Samples::new(1, 5).sessions(START, SECOND, SESSIONS);
    assert_eq!(count(), SESSIONS as u64);
    let query = SessionQuery::all(EVER);
    let mut found = store.lines(&query, Page::first(SESSIONS)).unwrap().items;
    found.reverse();
    let lines: Vec<_> = found.iter().map(|session| session.line.to_vec()).collect();
    let told: Vec<_> = records.iter().map(|record| record.line.to_vec()).collect();
    assert_eq!(lines, told);
    let again = store.ingest(batch("first", NOW, records.clone())).unwrap();
    assert!(again.is_repeat, "batches are known by their names");
    let again = store.ingest(batch("other", NOW, records)).unwrap();
    assert_eq!(again.duplicates, SESSIONS as u64, "and sessions by what they are");
    let later = Samples::new(2, 5).sessions(START.plus_nanos(3600 * SECOND), SECOND, 10);
    assert_eq!(store.ingest(batch("later", NOW, later)).unwrap().accepted, 10);
    assert_eq!(count(), SESSIONS as u64 + 10);
}

#[test]
fn what_people_decided_in_the_last_minor_version_is_read_and_changed() {
    let (_folder, path) = copy("control.db");
    let control = Control::open(&path).unwrap();
    let users = control.users().unwrap();
    assert_eq!(users, [user()]);
    let policy = control.document(Collection::Policies, "old").unwrap().unwrap();
    assert_eq!((policy.version, policy.body.as_slice()), (1, POLICY));
    let parcels = control.due_parcels(NOW, 10).unwrap();
    assert_eq!(parcels.iter().map(|it| it.body.as_slice()).collect::<Vec<_>>(), [NOTICE]);
    let expected = Expected::Version(policy.version);
    control.put_document(Collection::Policies, "old", b"{}", expected, NOW).unwrap();
    control.add_user(&User { name: "bob".to_owned(), ..user() }).unwrap();
    assert_eq!(control.users().unwrap().len(), 2);
}

#[test]
#[ignore = "it makes the files that the others read"]
fn write() {
    let to = testdata(env!("CARGO_PKG_VERSION"));
    fs::create_dir_all(&to).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let store = SqliteSessions::open(&path("sessions.db"), Settings::default()).unwrap();
    let records = Samples::new(1, 5).sessions(START, SECOND, SESSIONS);
    store.ingest(batch("first", NOW, records)).unwrap();
    let control = Control::open(&path("control.db")).unwrap();
    control.add_user(&user()).unwrap();
    let (policies, new) = (Collection::Policies, Expected::Absent);
    control.put_document(policies, "old", POLICY, new, NOW).unwrap();
    control.push_parcel("hook", NOTICE, NOW).unwrap();
    drop((store, control));
    for name in ["sessions.db", "control.db"] {
        let packed = zstd::encode_all(fs::File::open(path(name)).unwrap(), 19).unwrap();
        fs::write(to.join(format!("{name}.zst")), packed).unwrap();
    }
}

fn user() -> User {
    User {
        name: "ann".to_owned(),
        role: Role::Admin,
        password: SecretText::new("$argon2id$".to_owned()),
        created: NOW,
        last_login: None,
    }
}

/// A file of the last minor version, where it may be changed.
fn copy(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    let packed = fs::File::open(testdata(EARLIER).join(format!("{name}.zst"))).unwrap();
    fs::write(&path, zstd::decode_all(packed).unwrap()).unwrap();
    (folder, path)
}

/// Folders have the names of minor versions.
fn testdata(version: &str) -> PathBuf {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/stores").join(minor.join("."))
}

/// The oldest version whose stores are read.
const EARLIER: &str = "0.1";

const SESSIONS: usize = 60;

const SECOND: i64 = 1_000_000_000;

/// 2026-11-20T12:00:00Z.
const START: Timestamp = Timestamp::from_nanos(1_795_176_000 * SECOND);

const NOW: Timestamp = Timestamp::from_nanos(1_795_262_400 * SECOND);

const EVER: Window = Window {
    from: Timestamp::from_nanos((1_795_176_000 - 40 * 86_400) * SECOND),
    to: Timestamp::from_nanos((1_795_176_000 + 10 * 86_400) * SECOND),
};

const POLICY: &[u8] = br#"{"id":"old","name":"Old versions"}"#;

const NOTICE: &[u8] = br#"[{"event":"active"}]"#;
