//! Somebody who is told: a server for one webhook, or one for mail.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// What came: path, headers, body.
pub(super) type Came = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

/// A server that takes whatever comes, but for the first `refusals`.
pub(super) async fn webhook(refusals: usize) -> (String, Came) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let came = Came::default();
    let left = Arc::new(Mutex::new(refusals));
    let router = Router::new().fallback(take).with_state((Arc::clone(&came), left));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, came)
}

async fn take(
    State((came, left)): State<(Came, Arc<Mutex<usize>>)>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let mut left = left.lock().unwrap();
    if *left > 0 {
        *left -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body = serde_json::from_str(&body).unwrap();
    came.lock().unwrap().push((uri.path().to_owned(), headers, body));
    StatusCode::OK
}

/// A server for mail that takes one.
pub(super) async fn mail() -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 mail\r\n").await.unwrap();
        let (mut all, mut in_data) = (String::new(), false);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap() == 0 {
                return all;
            }
            all.push_str(&line);
            let answer: &[u8] = match line.trim_end() {
                "." if in_data => {
                    in_data = false;
                    b"250 taken\r\n"
                }
                _ if in_data => continue,
                "DATA" => {
                    in_data = true;
                    b"354 go\r\n"
                }
                "QUIT" => b"221 bye\r\n",
                "EHLO tlsight" => b"250-mail\r\n250 SIZE\r\n",
                _ => b"250 ok\r\n",
            };
            stream.write_all(answer).await.unwrap();
        }
    });
    (address, task)
}
