//! Requests of HTTP, one after the other.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode};
use zeroize::Zeroizing;

use crate::receiver::{Failure, told};
use crate::settings::{HttpSettings, WrongSetting};
use crate::tls;

/// A client of one server.
pub(crate) struct Http {
    agent: Agent,
    base: String,
    authorization: Option<Zeroizing<String>>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How long it asked to be left alone (RFC 9110 section 10.2.3).
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Makes a client; nothing is sent yet.
    pub(crate) fn new(settings: &HttpSettings) -> Result<Self, WrongSetting> {
        settings.verify()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // What the environment says of proxies is for the internet.
            .proxy(None)
            .user_agent(USER_AGENT)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(TIMEOUT))
            .max_idle_age(MAX_IDLE);
        let config = if settings.url.starts_with("https://") {
            config.tls_config(tls::for_http(settings.ca.as_deref())?)
        } else {
            config
        };
        Ok(Self {
            agent: config.build().new_agent(),
            base: settings.url.trim_end_matches('/').to_owned(),
            authorization: settings.auth.header(),
        })
    }

    /// Sends a body, packed by gzip, to a path below the URL.
    pub(crate) fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<Answer, Failure> {
        let packed = packed(body).map_err(Failure::later)?;
        let mut request = self
            .agent
            .post(format!("{}{path}", self.base))
            .header("Content-Type", kind)
            .header("Content-Encoding", "gzip");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization.as_str());
        }
        let answer = request.send(packed.as_slice()).map_err(|error| self.failed(&error))?;
        let status = answer.status().as_u16();
        let retry_after = retry_after(answer.headers());
        let mut body = Vec::new();
        let mut reader = answer.into_body().into_reader().take(MAX_ANSWER);
        reader
            .read_to_end(&mut body)
            .map_err(|error| Failure::later(format!("{}: {error}", self.base)))?;
        Ok(Answer { status, retry_after, body })
    }

    fn failed(&self, error: &ureq::Error) -> Failure {
        Failure::later(format!("{}: {error}", self.base))
    }

    /// Who answered what.
    pub(crate) fn said(&self, answer: &Answer) -> String {
        let name = StatusCode::from_u16(answer.status).ok().and_then(|it| it.canonical_reason());
        let (status, name) = (answer.status, name.unwrap_or_default());
        format!("{}: answered {status} {name}: {}", self.base, told(&answer.body))
    }
}

fn packed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(body)?;
    packer.finish()
}

/// In seconds; dates are not understood, and then the usual wait applies.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

const USER_AGENT: &str = concat!("tlsight/", env!("CARGO_PKG_VERSION"));

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// For all of a request.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Less than servers and balancers keep a silent connection for.
const MAX_IDLE: Duration = Duration::from_secs(15);

/// An answer names each of a thousand lines, with why it was refused.
const MAX_ANSWER: u64 = 8 << 20;
