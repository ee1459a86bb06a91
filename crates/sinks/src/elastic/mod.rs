//! Elasticsearch, and what takes its bulk requests.

mod bulk;

use crate::http::Http;
use crate::line::Line;
use crate::receiver::{Failure, Outcome, Receiver};
use crate::settings::{HttpSettings, WrongSetting};

/// Which server, and where lines go there.
#[derive(Clone)]
pub struct ElasticSettings {
    /// The server.
    pub http: HttpSettings,
    /// The data stream or index.
    pub index: String,
}

impl ElasticSettings {
    /// The data stream for lines, unless another is named.
    pub const USUAL_INDEX: &str = "logs-tlsight.sessions-default";
}

/// A server.
pub(crate) struct Elastic {
    http: Http,
    index: String,
    path: String,
}

impl Elastic {
    pub(crate) fn new(settings: ElasticSettings) -> Result<Self, WrongSetting> {
        let ElasticSettings { http, index } = settings;
        let is_name =
            |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-._".contains(&it);
        if index.is_empty() || index.len() > MAX_INDEX_LEN || !index.bytes().all(is_name) {
            return Err(WrongSetting(format!(
                "index: {index:?} is not a name of lower-case letters, digits, '-', '.' and '_'"
            )));
        }
        let path = format!("/{index}/_bulk?filter_path={ANSWERED}");
        Ok(Self { http: Http::new(&http)?, index, path })
    }
}

impl Receiver for Elastic {
    fn take(&mut self, lines: &[Line]) -> Result<Outcome, Failure> {
        let body = bulk::request(lines, &self.index);
        let answer = self.http.post(&self.path, "application/x-ndjson", &body)?;
        match answer.status {
            200 => {
                let outcome = bulk::outcome(&answer.body, lines.len()).ok_or_else(|| {
                    Failure::later(format!("an answer makes no sense: {}", self.http.said(&answer)))
                })?;
                Ok(Outcome { wait: answer.retry_after, ..outcome })
            }
            413 => Err(Failure::TooLarge),
            400 => Err(Failure::Refused { why: self.http.said(&answer) }),
            // Also rights and data streams that are missing: somebody can give them.
            _ => Err(Failure::Later { why: self.http.said(&answer), wait: answer.retry_after }),
        }
    }
}

/// Of an answer, what is read of it.
const ANSWERED: &str = "errors,items.*.status,items.*.error.type,items.*.error.reason";

/// Elasticsearch's own bound.
const MAX_INDEX_LEN: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Auth;

    #[test]
    fn an_index_has_a_name_that_elasticsearch_takes() {
        let new = |index: &str| {
            let http = HttpSettings { url: "http://h".to_owned(), auth: Auth::None, ca: None };
            Elastic::new(ElasticSettings { http, index: index.to_owned() }).is_ok()
        };
        assert!(new(ElasticSettings::USUAL_INDEX));
        for wrong in ["", "Logs", "a/b", "a?b", "a b", "a*", &"x".repeat(256)] {
            assert!(!new(wrong), "{wrong}");
        }
    }
}
