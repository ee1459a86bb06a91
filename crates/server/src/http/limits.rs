//! How long a request may take, and how many there may be at once.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::problem::Problem;

/// Places for requests that are being worked on.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_REQUESTS)))
    }
}

/// Lets a request wait for its turn, and breaks off what takes too long. Bodies of answers that are
/// streams go on for as long as they are read.
pub(crate) async fn bound(State(places): State<Places>, request: Request, next: Next) -> Response {
    // A bulk import takes as long as its client sends, and has bounds of its own.
    if request.uri().path() == "/api/v1/import" {
        return next.run(request).await;
    }
    let run = async {
        let _place = places.0.acquire().await;
        next.run(request).await
    };
    timeout(LONGEST, run).await.unwrap_or_else(|_elapsed| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .because(format!("no answer within {} s: ask for less", LONGEST.as_secs()))
            .into_response()
    })
}

/// Longest body of a request that is no import: a policy with hundreds of values.
pub(crate) const MAX_BODY: usize = 256 << 10;

/// The store works on a few at a time; the rest wait.
const MAX_REQUESTS: usize = 128;

/// Nobody looks at a page for longer.
const LONGEST: Duration = Duration::from_secs(30);
