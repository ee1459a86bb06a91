//! What the API knows, and how it is to misbehave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};
use tokio::sync::watch;

/// What the API knows; changed by tests, looked at by connections.
#[derive(Debug)]
pub(crate) struct State {
    inner: Mutex<Inner>,
    /// Counts changes.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) version: u64,
    /// By path of the collection, then by name.
    pub(crate) objects: BTreeMap<String, BTreeMap<String, Value>>,
    pub(crate) events: Vec<Event>,
    /// Who wants to go on from an older version gets 410.
    pub(crate) oldest: u64,
    pub(crate) lists: BTreeMap<String, String>,
    pub(crate) denied: BTreeSet<String>,
    pub(crate) requests: Vec<(String, String)>,
    /// Connections begun before that number of changes are broken off.
    pub(crate) broken_off: u64,
    pub(crate) is_unreachable: bool,
    pub(crate) is_over: bool,
}

/// What watches of a collection are told.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) path: String,
    /// The object, for the selector; `None` if all are told.
    pub(crate) object: Option<Value>,
    pub(crate) line: String,
}

impl Default for State {
    fn default() -> Self {
        let (changes, _) = watch::channel(0);
        Self { inner: Mutex::default(), changes }
    }
}

impl State {
    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn apply(&self, mut object: Value) {
        self.change(|inner| {
            let path = collection(&object);
            inner.version += 1;
            object["metadata"]["resourceVersion"] = json!(inner.version.to_string());
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let all = inner.objects.entry(path.clone()).or_default();
            let is_new = all.insert(name, object.clone()).is_none();
            inner.tell(path, if is_new { "ADDED" } else { "MODIFIED" }, object);
        });
    }

    pub(crate) fn delete(&self, path: &str, name: &str) {
        self.change(|inner| {
            let all = inner.objects.get_mut(path).expect("a collection");
            let mut object = all.remove(name).expect("an object");
            inner.version += 1;
            object["metadata"]["resourceVersion"] = json!(inner.version.to_string());
            inner.tell(path.to_owned(), "DELETED", object);
        });
    }

    pub(crate) fn bookmark(&self, path: &str) {
        self.change(|inner| {
            inner.version += 1;
            let version = inner.version.to_string();
            let line = json!({
                "type": "BOOKMARK",
                "object": { "kind": "Any", "metadata": { "resourceVersion": version } },
            });
            inner.write(path, &line.to_string());
        });
    }

    pub(crate) fn raw(&self, path: &str, line: &str) {
        self.change(|inner| {
            inner.version += 1;
            inner.write(path, line);
        });
    }

    pub(crate) fn expire_watches(&self) {
        self.change(|inner| {
            let line = json!({ "type": "ERROR", "object": status(410, "too old") }).to_string();
            inner.version += 1;
            let paths: Vec<_> = WATCHED.iter().map(|path| (*path).to_owned()).collect();
            for path in paths {
                inner.write(&path, &line);
            }
            inner.oldest = inner.version + 1;
            inner.version += 1;
        });
    }

    pub(crate) fn forget_history(&self) {
        self.change(|inner| {
            inner.version += 1;
            inner.oldest = inner.version;
        });
    }

    pub(crate) fn answer_lists_with(&self, path: &str, text: Option<String>) {
        self.change(|inner| {
            match text {
                Some(text) => inner.lists.insert(path.to_owned(), text),
                None => inner.lists.remove(path),
            };
        });
    }

    pub(crate) fn drop_connections(&self) {
        self.change(|inner| inner.broken_off += 1);
    }

    pub(crate) fn set_reachable(&self, is_reachable: bool) {
        self.change(|inner| {
            inner.is_unreachable = !is_reachable;
            inner.broken_off += 1;
        });
    }

    pub(crate) fn deny(&self, right: &str) {
        self.change(|inner| inner.denied.insert(right.to_owned()));
    }

    pub(crate) fn end(&self) {
        self.change(|inner| inner.is_over = true);
    }

    pub(crate) fn requests(&self, what: &str) -> u64 {
        self.queries(what).len() as u64
    }

    pub(crate) fn queries(&self, what: &str) -> Vec<String> {
        let inner = self.inner();
        let requests = inner.requests.iter().filter(|(asked, _)| asked == what);
        requests.map(|(_, query)| query.clone()).collect()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) {
        change(&mut self.inner());
        self.changes.send_modify(|number| *number += 1);
    }
}

impl Inner {
    fn tell(&mut self, path: String, kind: &str, object: Value) {
        let line = json!({ "type": kind, "object": object }).to_string();
        let version = self.version;
        self.events.push(Event { version, path, object: Some(object), line });
    }

    fn write(&mut self, path: &str, line: &str) {
        let (path, line) = (path.to_owned(), line.to_owned());
        self.events.push(Event { version: self.version, path, object: None, line });
    }
}

/// A `Status` of the API.
pub(crate) fn status(code: u16, message: &str) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "code": code,
    })
}

/// The path of the collection that an object is in.
fn collection(object: &Value) -> String {
    let kind = object["kind"].as_str().expect("a kind").to_ascii_lowercase();
    let plural = format!("{kind}s");
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
    match object["apiVersion"].as_str().expect("a version") {
        "v1" => format!("/api/v1/{plural}"),
        grouped => format!("/apis/{grouped}/namespaces/{namespace}/{plural}"),
    }
}

const WATCHED: [&str; 3] = ["/api/v1/pods", "/api/v1/services", "/api/v1/nodes"];
