//! Sends JSON to an address. Redirections are not followed: an administrator said where to.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::connect::{Failure, PATIENCE, tcp, tls};
use super::notifier::Url;

/// Sends `body` by POST.
pub(crate) async fn post(
    url: &Url,
    token: Option<&str>,
    ca: Option<&str>,
    body: Vec<u8>,
) -> Result<(), Failure> {
    let stream = tcp(&url.address).await?;
    let sent = async {
        if url.is_tls {
            let stream = tls(stream, &url.address, ca).await?;
            exchange(stream, url, token, body).await
        } else {
            exchange(stream, url, token, body).await
        }
    };
    timeout(PATIENCE, sent)
        .await
        .unwrap_or_else(|_elapsed| Err(Failure::TooLate(url.address.clone())))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    url: &Url,
    token: Option<&str>,
    body: Vec<u8>,
) -> Result<(), Failure> {
    let broken = |_error| Failure::Nonsense(url.address.clone(), "this is not HTTP");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // It ends with the answer, or when it is dropped.
    let driving = tokio::spawn(connection);
    let answer = match request(url, token, body) {
        Some(request) => sender.send_request(request).await.map_err(broken),
        None => {
            Err(Failure::Nonsense(url.address.clone(), "no request can be made of this address"))
        }
    };
    driving.abort();
    let status = answer?.status();
    if status.is_success() {
        return Ok(());
    }
    Err(Failure::Refused(url.address.clone(), status.to_string()))
}

fn request(url: &Url, token: Option<&str>, body: Vec<u8>) -> Option<Request<Body>> {
    let host = match url.address.host.contains(':') {
        true => format!("[{}]:{}", url.address.host, url.address.port),
        false => url.address.to_string(),
    };
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(&url.path)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("tlsight/", env!("CARGO_PKG_VERSION")));
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    request.body(Body::from(Bytes::from(body))).ok()
}
