//! Servers of a test, and what they decide.

use std::path::{Path, PathBuf};

use event::Timestamp;
use rusqlite::types::Value;
use store::{
    Accounts as _, AgentCertificate, AuditEntry, AuditOutcome, Control, EnrolmentToken, Fleet as _,
    Labels, NewAgent, NotEnrolled, Replication as _, Role, SecretDigest, SecretText, StoreError,
    User,
};

use crate::backend::Place;
use crate::proxy::ask;

/// A database and a key that servers share.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) folder: tempfile::TempDir,
}

/// One of them, with the path of its file.
pub(crate) struct Server {
    pub(crate) control: Control,
    pub(crate) path: PathBuf,
}

impl World {
    pub(crate) fn new(test: &str) -> Option<Self> {
        let Place::Url(url) = Place::modern(test)? else { return None };
        Some(Self { url, folder: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.db"))
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("control.key")
    }

    pub(crate) fn open(&self, name: &str) -> Server {
        self.open_by(name, &self.url).unwrap()
    }

    pub(crate) fn open_by(&self, name: &str, url: &str) -> Result<Server, StoreError> {
        let path = self.path(name);
        let control = Control::open_shared(&path, url.parse().unwrap(), &self.key())?;
        Ok(Server { control, path })
    }

    /// Has the database do something.
    pub(crate) fn ask(&self, query: &str) {
        let (origin, database) = self.url.rsplit_once('/').unwrap();
        ask(origin, &query.replace("{db}", database));
    }
}

/// All rows of all tables but those that each server has for itself.
pub(crate) fn dump(path: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let file = rusqlite::Connection::open(path).unwrap();
    let mut names = file
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'
             AND name <> 'agent_reports' ORDER BY name",
        )
        .unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let rows = |name: String| {
        let mut read = file.prepare(&format!("SELECT * FROM {name} ORDER BY 1, 2")).unwrap();
        let count = read.column_count();
        let rows = read.query_map([], |row| (0..count).map(|at| row.get(at)).collect()).unwrap();
        let rows = rows.collect::<rusqlite::Result<_>>().unwrap();
        (name, rows)
    };
    names.into_iter().map(rows).collect()
}

pub(crate) fn assert_same(servers: &[Server]) {
    for server in servers {
        server.control.follow().unwrap();
    }
    let first = dump(&servers[0].path);
    for server in &servers[1..] {
        assert!(dump(&server.path) == first, "{} differs", server.path.display());
    }
}

pub(crate) fn user(name: &str, role: Role) -> User {
    let password = SecretText::new(format!("hash of {name}"));
    User { name: name.to_owned(), role, password, created: at(1), last_login: None }
}

pub(crate) fn token(id: &str, most_uses: u32) -> EnrolmentToken {
    EnrolmentToken {
        id: id.to_owned(),
        labels: Labels::new(),
        created: at(0),
        created_by: "ann".to_owned(),
        expires: at(1_000_000),
        most_uses,
        uses: 0,
        last_used: None,
    }
}

pub(crate) fn certificate(agent: &str) -> AgentCertificate {
    let (serial, agent) = (format!("serial of {agent}"), agent.to_owned());
    AgentCertificate { serial, agent, issued: at(5), not_after: at(1_000_000) }
}

pub(crate) fn enrol(control: &Control, agent: &str) -> Result<(), NotEnrolled> {
    let new = NewAgent { id: agent.to_owned(), host: "host".to_owned() };
    control.enrol(DIGEST, &new, &certificate(agent)).unwrap().map(drop)
}

pub(crate) fn audit(control: &Control, action: &str) -> Result<(), StoreError> {
    control.append_audit(&AuditEntry {
        time: at(1),
        actor: "ann".to_owned(),
        action: action.to_owned(),
        target: String::new(),
        address: String::new(),
        outcome: AuditOutcome::Ok,
    })
}

pub(crate) const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

pub(crate) const DIGEST: SecretDigest = SecretDigest([7; 32]);
