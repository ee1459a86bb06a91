//! Answers of the API, read within bounds.

use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;

use super::connect::chain_of;
use super::object::ApiStatus;

/// Why there is no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The version that was asked for is no longer kept, which is HTTP 410.
    #[error("410 Gone")]
    Gone,
    /// The API refuses.
    #[error("{code} {message}")]
    Refused {
        /// HTTP's code.
        code: u16,
        /// What it says.
        message: String,
    },
    /// The connection failed.
    #[error("{0}")]
    Failed(String),
    /// It is longer than the bound.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It is not of the form that it should be.
    #[error("the answer is not one of Kubernetes")]
    Malformed,
    /// It did not come in time.
    #[error("no answer within {0:?}")]
    Late(std::time::Duration),
}

/// The body of an answer, in pieces as they come.
pub(crate) struct Answer(Body);

impl Answer {
    /// Sends a request.
    ///
    /// # Errors
    /// The API refuses, or there is none.
    pub(crate) async fn to(
        client: &Client,
        request: http::Request<Vec<u8>>,
    ) -> Result<Self, NoAnswer> {
        let response = client
            .send(request.map(Body::from))
            .await
            .map_err(|error| NoAnswer::Failed(chain_of(&error)))?;
        let code = response.status();
        let mut answer = Self(response.into_body());
        if code.is_success() {
            return Ok(answer);
        }
        if code.as_u16() == GONE {
            return Err(NoAnswer::Gone);
        }
        let body = answer.whole(MAX_REFUSAL_LEN).await.unwrap_or_default();
        let status: ApiStatus = serde_json::from_slice(&body).unwrap_or_default();
        let reason = code.canonical_reason().unwrap_or_default().to_owned();
        Err(NoAnswer::refused(code.as_u16(), status.message.unwrap_or(reason)))
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The connection failed.
    pub(crate) async fn piece(&mut self) -> Result<Option<Vec<u8>>, NoAnswer> {
        loop {
            match self.0.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(NoAnswer::Failed(chain_of(&error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data.to_vec()));
                    }
                }
            }
        }
    }

    /// All of it, if that is at most `most` bytes.
    ///
    /// # Errors
    /// It is longer, or the connection failed.
    pub(crate) async fn whole(&mut self, most: usize) -> Result<Vec<u8>, NoAnswer> {
        let mut whole = Vec::new();
        while let Some(piece) = self.piece().await? {
            if whole.len().saturating_add(piece.len()) > most {
                return Err(NoAnswer::TooLong(most));
            }
            whole.extend(piece);
        }
        Ok(whole)
    }
}

impl NoAnswer {
    /// A refusal, as the API or an event of a watch tells it.
    pub(crate) fn refused(code: u16, message: String) -> Self {
        if code == GONE {
            return Self::Gone;
        }
        let message = message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_LEN).collect();
        Self::Refused { code, message }
    }
}

/// Lines in pieces as they come, each within a bound.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    is_skipping: bool,
    too_long: u64,
}

impl Lines {
    /// Takes a piece and gives each line that ends in it to `line`.
    pub(crate) fn take(&mut self, piece: &[u8], mut line: impl FnMut(&[u8])) {
        let mut parts = piece.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let is_end = parts.peek().is_some();
            if self.bytes.len().saturating_add(part.len()) > MAX_LINE_LEN && !self.is_skipping {
                self.is_skipping = true;
                self.too_long += 1;
                self.bytes = Vec::new();
            }
            if !self.is_skipping {
                self.bytes.extend_from_slice(part);
            }
            if is_end {
                if !self.is_skipping && !self.bytes.is_empty() {
                    line(&self.bytes);
                }
                self.is_skipping = false;
                self.bytes.clear();
                if self.bytes.capacity() > USUAL_LINE_LEN {
                    self.bytes = Vec::new();
                }
            }
        }
    }

    /// How many lines were too long, since the last call.
    pub(crate) fn take_too_long(&mut self) -> u64 {
        std::mem::take(&mut self.too_long)
    }
}

const GONE: u16 = 410;

/// A refusal is a few hundred bytes.
const MAX_REFUSAL_LEN: usize = 64 << 10;

const MAX_MESSAGE_LEN: usize = 256;

/// Longest event of a watch in bytes: etcd takes objects of 1.5 MiB, and JSON is somewhat longer.
const MAX_LINE_LEN: usize = 4 << 20;

/// Room for a longer line is given back: objects of the size of nodes are usual.
const USUAL_LINE_LEN: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_counted() {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let long = vec![b'x'; MAX_LINE_LEN / 2 + 1];
        for piece in [&b"a\nb"[..], &long, &long, b"x\nc\n", b"d"] {
            lines.take(piece, |line| found.push(line.to_vec()));
        }
        assert_eq!(found, [&b"a"[..], b"c"]);
        assert_eq!((lines.take_too_long(), lines.take_too_long()), (1, 0));
    }

    proptest! {
        #[test]
        fn lines_are_the_same_whatever_pieces_they_come_in(
            text in "[a-c\n]{0,60}",
            cuts in prop::collection::vec(0_usize..60, 0..6),
        ) {
            let mut lines = Lines::default();
            let (mut found, mut rest) = (Vec::new(), text.as_bytes());
            for cut in cuts {
                let (piece, later) = rest.split_at(cut.min(rest.len()));
                lines.take(piece, |line| found.push(line.to_vec()));
                rest = later;
            }
            lines.take(rest, |line| found.push(line.to_vec()));
            lines.take(b"\n", |line| found.push(line.to_vec()));
            let expected: Vec<_> = text.split('\n').filter(|line| !line.is_empty()).collect();
            let expected: Vec<_> = expected.iter().map(|line| line.as_bytes().to_vec()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
