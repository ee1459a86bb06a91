//! Answers to requests.

use std::collections::BTreeMap;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::discovery;
use crate::server::{Piece, Pieces};
use crate::state::{Inner, State, status};

/// What clients have to show.
pub(crate) const TOKEN: &str = "let-me-in";

/// Answers one request.
pub(crate) async fn answer(state: Arc<State>, request: Request<Incoming>) -> Response<Pieces> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if authorization != Some(&format!("Bearer {TOKEN}")) {
        return refusal(401, "Unauthorized");
    }
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if request.method() == Method::POST {
        return review(&state, request).await;
    }
    if let Some(document) = discovery::document(&path) {
        return whole(StatusCode::OK, document.to_string());
    }
    let parameters = parameters(&query);
    let is_collection = ["pods", "services", "nodes"].iter().any(|it| path.ends_with(it));
    let verb = match (is_collection, parameters.get("watch").map(String::as_str)) {
        (false, _) => "get",
        (true, Some("true" | "1")) => "watch",
        (true, _) => "list",
    };
    let mut parts = path.rsplit('/');
    let name = if is_collection { "" } else { parts.next().unwrap_or_default() };
    let right = format!("{verb} {}", parts.next().unwrap_or_default());
    let mut inner = state.inner();
    inner.requests.push((right.clone(), query));
    if inner.denied.contains(&right) {
        return refusal(403, &format!("{right} is forbidden"));
    }
    match verb {
        "watch" => {
            let from = parameters.get("resourceVersion").and_then(|text| text.parse().ok());
            let from: u64 = from.unwrap_or(0);
            if from < inner.oldest {
                return refusal(410, "too old resource version");
            }
            drop(inner);
            watch(&state, path, selected_node(&parameters), from)
        }
        "list" => list(&inner, &path, &parameters),
        _ => {
            let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
            let is_partial = accept.is_some_and(|accept| accept.contains("PartialObjectMetadata"));
            get(&inner, &path, name, is_partial)
        }
    }
}

fn list(inner: &Inner, path: &str, parameters: &BTreeMap<String, String>) -> Response<Pieces> {
    if let Some(text) = inner.lists.get(path) {
        return whole(StatusCode::OK, text.clone());
    }
    let node = selected_node(parameters);
    let empty = BTreeMap::new();
    let all = inner.objects.get(path).unwrap_or(&empty);
    let mut items = all.iter().filter(|(_, object)| is_selected(object, node.as_deref()));
    let after = parameters.get("continue");
    let mut page = Vec::new();
    let mut last = None;
    let limit = parameters.get("limit").and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
    for (name, object) in items.by_ref() {
        if after.is_some_and(|after| name <= after) {
            continue;
        }
        if page.len() >= limit {
            let version = inner.version.to_string();
            let list = json!({
                "kind": "List",
                "metadata": { "resourceVersion": version, "continue": last },
                "items": page,
            });
            return whole(StatusCode::OK, list.to_string());
        }
        page.push(object);
        last = Some(name.clone());
    }
    let version = inner.version.to_string();
    let list = json!({ "kind": "List", "metadata": { "resourceVersion": version }, "items": page });
    whole(StatusCode::OK, list.to_string())
}

fn get(inner: &Inner, path: &str, name: &str, is_partial: bool) -> Response<Pieces> {
    let collection = path.strip_suffix(name).and_then(|path| path.strip_suffix('/'));
    let found = collection
        .and_then(|collection| inner.objects.get(collection))
        .and_then(|all| all.get(name));
    let Some(object) = found else { return refusal(404, "not found") };
    let mut object = object.clone();
    if is_partial {
        object = json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"],
        });
    }
    whole(StatusCode::OK, object.to_string())
}

async fn review(state: &State, request: Request<Incoming>) -> Response<Pieces> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut review: Value = serde_json::from_slice(&body).unwrap();
    let attributes = &review["spec"]["resourceAttributes"];
    let right = format!(
        "{} {}",
        attributes["verb"].as_str().unwrap_or_default(),
        attributes["resource"].as_str().unwrap_or_default()
    );
    let is_denied = state.inner().denied.contains(&right);
    review["status"] = json!({ "allowed": !is_denied });
    whole(StatusCode::CREATED, review.to_string())
}

fn watch(state: &Arc<State>, path: String, node: Option<String>, from: u64) -> Response<Pieces> {
    let (sender, receiver) = mpsc::channel(16);
    let state = Arc::clone(state);
    tokio::spawn(async move {
        let (mut changes, mut seen) = (state.changes(), from);
        let begun = state.inner().broken_off;
        loop {
            let (lines, is_over) = {
                let inner = state.inner();
                let news = inner.events.iter().filter(|event| {
                    let is_seen = event.version <= seen || event.path != path;
                    let object = event.object.as_ref();
                    !is_seen && object.is_none_or(|object| is_selected(object, node.as_deref()))
                });
                let lines: Vec<String> = news.map(|event| format!("{}\n", event.line)).collect();
                seen = seen.max(inner.version);
                (lines, inner.is_over || inner.broken_off != begun)
            };
            for line in lines {
                if sender.send(Piece::Text(line)).await.is_err() {
                    return;
                }
            }
            if is_over {
                sender.send(Piece::Break).await.ok();
                return;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    });
    answer_with(StatusCode::OK, Pieces(receiver))
}

fn selected_node(parameters: &BTreeMap<String, String>) -> Option<String> {
    let selector = parameters.get("fieldSelector")?;
    Some(selector.strip_prefix("spec.nodeName=").expect("a selector that is known").to_owned())
}

fn is_selected(object: &Value, node: Option<&str>) -> bool {
    node.is_none_or(|node| object["spec"]["nodeName"] == node)
}

fn refusal(code: u16, message: &str) -> Response<Pieces> {
    whole(StatusCode::from_u16(code).unwrap(), status(code, message).to_string())
}

fn whole(code: StatusCode, text: String) -> Response<Pieces> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(Piece::Text(text)).unwrap();
    answer_with(code, Pieces(receiver))
}

fn answer_with(code: StatusCode, pieces: Pieces) -> Response<Pieces> {
    let response = Response::builder().status(code).header(CONTENT_TYPE, "application/json");
    response.body(pieces).unwrap()
}

/// The parameters of a query, with `%XX` undone.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), plain(value))).collect()
}

fn plain(value: &str) -> String {
    let mut parts = value.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        text.push(char::from(u8::from_str_radix(code, 16).unwrap()));
        text.push_str(rest);
    }
    text
}
