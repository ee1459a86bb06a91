//! The web UI: files that were built before the program was.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};

use crate::problem::Problem;

/// A file of the web UI.
#[derive(Debug)]
struct File {
    path: &'static str,
    bytes: &'static [u8],
    tag: &'static str,
}

/// Whether the web UI is in this program.
#[must_use]
pub fn is_built() -> bool {
    !FILES.is_empty()
}

/// Answers what is no path of the API: with a file, or with the page that shows the path.
pub(crate) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path.starts_with("/api/") {
        return Problem::not_found("path").into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::new(StatusCode::METHOD_NOT_ALLOWED).into_response();
    }
    let is_page = !path.rsplit('/').next().unwrap_or_default().contains('.');
    let name = if is_page { PAGE } else { path };
    match FILES.iter().find(|file| file.path == name) {
        Some(file) => answer(file, &headers),
        None if is_page => not_built(),
        None => Problem::not_found("file").into_response(),
    }
}

fn answer(file: &File, headers: &HeaderMap) -> Response {
    // Vite gives files of this folder names that change with their content.
    let caching = if file.path.starts_with("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let own = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type(file.path))),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::ETAG, HeaderValue::from_static(file.tag)),
    ];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == file.tag)) {
        return (StatusCode::NOT_MODIFIED, own).into_response();
    }
    (own, file.bytes).into_response()
}

fn not_built() -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    (StatusCode::NOT_FOUND, kind, NOT_BUILT).into_response()
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

const PAGE: &str = "/index.html";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>tlsight</title>\
    <h1>The web UI is not in this program</h1>\
    <p>It was compiled without <code>ui/dist</code>. Build that first: \
    <code>cd ui &amp;&amp; npm ci &amp;&amp; npm run build</code>, then build the program again. \
    The API works: <a href=\"/openapi.json\">/openapi.json</a>.</p></html>\n";

static FILES: &[File] = &include!(concat!(env!("OUT_DIR"), "/ui.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    static SCRIPT: File = File { path: "/assets/a-1.js", bytes: b"1", tag: "\"1\"" };

    #[test]
    fn a_file_has_its_type_and_is_kept_by_its_digest() {
        let answer = answer(&SCRIPT, &HeaderMap::new());
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(answer.headers()["cache-control"], "public, max-age=31536000, immutable");
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, answer.headers()["etag"].clone());
        assert_eq!(super::answer(&SCRIPT, &headers).status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn only_paths_without_an_extension_are_pages() {
        let get = |path: &'static str| serve(Method::GET, Uri::from_static(path), HeaderMap::new());
        for missing in ["/assets/none.js", "/../../etc/passwd.x", "/api/v1/none", "/a.b"] {
            let answer = get(missing).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{missing}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json", "{missing}");
        }
        let page = get("/sessions").await;
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.status() == StatusCode::OK, is_built());
        let post = serve(Method::POST, Uri::from_static("/sessions"), HeaderMap::new()).await;
        assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
