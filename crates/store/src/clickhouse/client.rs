//! Requests to the HTTP interface of a server, or of one of its replicas, one after the other or from many threads.

use std::io::{BufReader, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::crypto::aws_lc_rs;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::failure::Failure;
use super::rows::{Reader, Rows};
use super::url::ClickHouseUrl;
use crate::error::StoreError;

/// A client of one server, or of replicas of which it asks one.
pub(super) struct Client {
    agent: Agent,
    url: ClickHouseUrl,
    /// Which of the places of the URL is asked: the same one for as long as it answers, for others may be behind it.
    asked: AtomicUsize,
    /// Whether the server knows what those of the last years do.
    pub(super) is_modern: bool,
}

/// An answer as it comes.
pub(super) type Answer = Reader<BufReader<ureq::BodyReader<'static>>>;

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`StoreError::File`] if the certificates of `ca` cannot be used.
    pub(super) fn new(url: ClickHouseUrl) -> Result<Self, StoreError> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            // What the environment says of proxies is for the internet, not for one's database.
            .proxy(None)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .max_idle_age(MAX_IDLE);
        let config = if url.is_https { config.tls_config(tls(&url)?) } else { config };
        let agent = config.build().new_agent();
        Ok(Self { agent, url, asked: AtomicUsize::new(0), is_modern: false })
    }

    pub(super) const fn url(&self) -> &ClickHouseUrl {
        &self.url
    }

    /// Asks for rows, and reads each.
    ///
    /// # Errors
    /// Whatever the server says, or is not able to.
    pub(super) fn select<T>(
        &self,
        query: &str,
        mut read: impl FnMut(&mut Answer) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let query = format!("{query} FORMAT RowBinary");
        let answer = self.ask(SELECT_SETTINGS, &query, SELECT_TIMEOUT)?;
        let mut answer = Reader::new(BufReader::new(answer.into_body().into_reader()), MAX_ANSWER);
        let mut rows = Vec::new();
        while answer.has_more()? {
            rows.push(read(&mut answer)?);
        }
        Ok(rows)
    }

    /// Has something done that is the same when it is done twice.
    pub(super) fn run(&self, statement: &str) -> Result<(), Failure> {
        drain(self.ask(RUN_SETTINGS, statement, TIMEOUT)?)
    }

    fn ask(
        &self,
        settings: &str,
        statement: &str,
        longest: Duration,
    ) -> Result<Response<Body>, Failure> {
        self.anywhere(|place| self.send(place, settings, statement.as_bytes(), None, longest))
    }

    /// Has something done that is the same when it is done twice: once more if there is no answer, for a
    /// connection that the server closed meanwhile shows that only when it is used; then at each other place.
    fn anywhere<T>(
        &self,
        mut attempt: impl FnMut(usize) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut place = self.asked.load(Ordering::Relaxed);
        let mut outcome = attempt(place);
        if let Err(Failure::Unreachable(_)) = outcome {
            outcome = attempt(place);
        }
        for _ in 1..self.url.places.len() {
            match outcome {
                Err(failure) if failure.is_of_this_replica() => {
                    place = self.leave(place);
                    outcome = attempt(place);
                }
                outcome => return outcome,
            }
        }
        outcome
    }

    /// Goes on to the next place, if nobody else has.
    fn leave(&self, place: usize) -> usize {
        let next = place.wrapping_add(1).checked_rem(self.url.places.len()).unwrap_or(0);
        match self.asked.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => next,
            Err(current) => current,
        }
    }

    /// Inserts rows, all of them or none where they belong into one partition.
    ///
    /// `token` is what tells the block from others, where equal ones may be meant, and the name under which
    /// the server tells of it while it is busy with it.
    pub(super) fn insert(
        &self,
        into: &str,
        rows: &Rows,
        token: Option<&str>,
    ) -> Result<(), Failure> {
        self.insert_at(self.asked.load(Ordering::Relaxed), into, rows, token, token)
    }

    /// Inserts rows unless a block with this token was inserted before. Others may do so at the same time.
    pub(super) fn insert_first(&self, into: &str, rows: &Rows, token: &str) -> Result<(), Failure> {
        self.insert_at(self.asked.load(Ordering::Relaxed), into, rows, Some(token), None)
    }

    /// As [`Self::insert`], anywhere, and again if there is no answer: for rows that replace themselves, and for
    /// blocks that replicas know.
    pub(super) fn insert_again(
        &self,
        into: &str,
        rows: &Rows,
        token: Option<&str>,
    ) -> Result<(), Failure> {
        self.anywhere(|place| self.insert_at(place, into, rows, token, token))
    }

    fn insert_at(
        &self,
        place: usize,
        into: &str,
        rows: &Rows,
        token: Option<&str>,
        name: Option<&str>,
    ) -> Result<(), Failure> {
        let mut settings = format!(
            "{INSERT_SETTINGS}&query={}",
            encoded(&format!("INSERT INTO {into} FORMAT RowBinary"))
        );
        if let Some(quorum) = self.url.quorum {
            settings.push_str(&format!("&insert_quorum={quorum}"));
        }
        if let Some(token) = token.filter(|_| self.is_modern) {
            settings.push_str(&format!("&insert_deduplication_token={}", encoded(token)));
        }
        if let Some(name) = name {
            settings.push_str(&format!("&query_id={}", encoded(name)));
        }
        // A body that is cut ends in the middle of what is packed, so that nothing of it is taken. Of one
        // that is not packed, old servers take the rows up to the cut.
        let cannot = |_error| Failure::Malformed("it cannot be packed");
        let (coding, packed) = if self.is_modern {
            settings.push_str(MODERN_INSERT_SETTINGS);
            ("zstd", zstd::bulk::compress(&rows.bytes, COMPRESSION).map_err(cannot)?)
        } else {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&rows.bytes).map_err(cannot)?;
            ("gzip", packer.finish().map_err(cannot)?)
        };
        let longest = if self.url.places.len() > 1 { REPLICA_TIMEOUT } else { TIMEOUT };
        drain(self.send(place, &settings, &packed, Some(coding), longest)?)
    }

    fn send(
        &self,
        place: usize,
        settings: &str,
        body: &[u8],
        coding: Option<&str>,
        longest: Duration,
    ) -> Result<Response<Body>, Failure> {
        let mut request = self
            .agent
            .post(format!("{}/?{settings}", self.url.origin(place)))
            .config()
            .timeout_global(Some(longest))
            .build()
            .header("X-ClickHouse-User", &self.url.user)
            .header("X-ClickHouse-Key", &self.url.password);
        if let Some(coding) = coding {
            request = request.header("Content-Encoding", coding);
        }
        let answer = request.send(body)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let mut text = Vec::new();
        answer.into_body().into_reader().take(MAX_ERROR_LEN).read_to_end(&mut text)?;
        Err(Failure::refused(&text))
    }
}

/// Reads an answer to its end, so that the connection can be used again.
fn drain(answer: Response<Body>) -> Result<(), Failure> {
    let mut reader = answer.into_body().into_reader().take(MAX_ERROR_LEN);
    std::io::copy(&mut reader, &mut std::io::sink())?;
    Ok(())
}

fn tls(url: &ClickHouseUrl) -> Result<TlsConfig, StoreError> {
    let certificates = match &url.ca {
        None => rustls_native_certs::load_native_certs().certs,
        Some(path) => {
            let failed = |reason: &str| StoreError::File {
                path: path.display().to_string(),
                source: std::io::Error::other(reason.to_owned()),
            };
            let found = rustls_native_certs::load_certs_from_paths(Some(path), None);
            if let Some(error) = found.errors.first() {
                return Err(failed(&error.to_string()));
            }
            if found.certs.is_empty() {
                return Err(failed("there is no certificate in it"));
            }
            found.certs
        }
    };
    let certificates: Vec<_> = certificates
        .iter()
        .map(|certificate| ureq::tls::Certificate::from_der(certificate).to_owned())
        .collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(certificates)))
        .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
        .build())
}

/// A text as a part of a URL.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The server keeps an answer back until it has all of it, so that an error in the middle of it is
/// one. Lists of what is searched for may be long.
const SELECT_SETTINGS: &str = "wait_end_of_query=1&max_query_size=67108864&max_ast_elements=4000000\
    &max_expanded_ast_elements=4000000&max_execution_time=50";

const RUN_SETTINGS: &str = "wait_end_of_query=1&max_query_size=67108864&max_ast_elements=4000000\
    &max_expanded_ast_elements=4000000&max_execution_time=100";

/// What is sent becomes one block, and is written when this is answered.
const INSERT_SETTINGS: &str = "wait_end_of_query=1&max_insert_block_size=1048576";

const MODERN_INSERT_SETTINGS: &str = "&async_insert=0&input_format_parallel_parsing=0\
    &max_insert_block_size_bytes=0";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For all of a request: servers that take longer are as good as gone.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Of questions, which the server gives up earlier.
const SELECT_TIMEOUT: Duration = Duration::from_secs(60);

/// Of rows where another replica can take them: agents wait a minute for their answer.
const REPLICA_TIMEOUT: Duration = Duration::from_secs(40);

/// Less than any server keeps a silent connection for: 3 seconds in 2018, 10 since 2022.
const MAX_IDLE: Duration = Duration::from_secs(2);

/// Most bytes of an answer: counts of a million pairs are 64 MB, all dictionaries that are full some
/// hundreds.
const MAX_ANSWER: usize = 1 << 30;

/// Most bytes of what a server says of an error.
const MAX_ERROR_LEN: u64 = 1 << 16;

/// Level of compression of what is sent.
const COMPRESSION: i32 = 1;
