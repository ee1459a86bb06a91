//! What persons do: ask, approve, and open what they get.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use escrow::keys::{Filter, Request, Signed, Statement, write_new};
use escrow::release::read_answer;
use zeroize::Zeroizing;

use super::folder::identity;
use super::now_ms;
use crate::cli::{ApproveArgs, OpenArgs, RequestArgs};
use crate::{Outcome, message};

/// Writes a request.
///
/// # Errors
/// A file that cannot be read or written.
pub(super) fn request(args: RequestArgs) -> Result<Outcome> {
    let key = identity(&args.key)?;
    let now = now_ms();
    let sessions = args.sessions;
    let request = Request {
        // Two requests of one person in one millisecond are one.
        id: format!("{}-{now}", args.requester),
        case: bounded("--case", args.case)?,
        reason: bounded("--reason", args.reason)?,
        requester: args.requester,
        tier: args.tier.to_string(),
        expires_ms: now.saturating_add(args.expires.seconds().saturating_mul(1000)),
        filter: Filter {
            since_ms: sessions.last.map(|it| now.saturating_sub(it.seconds().saturating_mul(1000))),
            until_ms: sessions.last.map(|_| now),
            client_randoms: sessions.client_random,
            server_name: sessions.server_name,
            address: sessions.address,
            port: sessions.port,
            agent: sessions.agent,
        },
    };
    let signed = Statement::Request(request).sign(&key.signing)?;
    write_new(&args.output, &signed.to_text())?;
    Ok(Outcome::Done)
}

fn bounded(name: &str, text: String) -> Result<String> {
    if text.len() > MAX_TEXT_LEN {
        bail!("{name} has at most {MAX_TEXT_LEN} bytes");
    }
    Ok(text)
}

/// Shows a request, and signs it.
///
/// # Errors
/// It is none, or a file that cannot be read or written.
pub(super) fn approve(args: &ApproveArgs) -> Result<Outcome> {
    let key = identity(&args.key)?;
    let mut signed = statement(&args.request)?;
    let Statement::Request(request) = signed.statement() else {
        bail!("{}: no request", args.request.display());
    };
    writeln!(io::stdout(), "{}", serde_json::to_string_pretty(request)?)?;
    signed.add(&key.signing);
    let new = args.request.with_extension("approved");
    write_new(&new, &signed.to_text())?;
    fs::rename(&new, &args.request)
        .with_context(|| format!("cannot write {}", args.request.display()))?;
    Ok(Outcome::Done)
}

/// The statement in a file.
pub(crate) fn statement(path: &Path) -> Result<Signed> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    Signed::parse(&text).with_context(|| path.display().to_string())
}

/// Writes the secrets of an answer as a key log.
///
/// # Errors
/// The answer is damaged or for somebody else, or a file that cannot be written.
pub(super) fn open(args: &OpenArgs) -> Result<Outcome> {
    let key = identity(&args.key)?;
    // The length is bounded by that of the answer, so that nothing is left where it grew.
    let len = fs::metadata(&args.answer).map_or(0, |it| it.len()).saturating_mul(3);
    let mut lines = Zeroizing::new(Vec::with_capacity(usize::try_from(len)?));
    let mut sessions = 0_u64;
    read_answer(&args.answer, key.sealing, &mut |told| {
        sessions = sessions.saturating_add(1);
        for content in &told.contents {
            for (label, secret) in &content.secrets {
                label.dangerous_write_line(&content.facts.client_random, secret, &mut lines);
            }
        }
    })?;
    match &args.write {
        None => io::stdout().write_all(&lines)?,
        Some(path) => OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(&lines))
            .with_context(|| format!("cannot write {}", path.display()))?,
    }
    message::notice(&format!("{sessions} entries"));
    Ok(Outcome::Done)
}

/// The audit log has them whole.
const MAX_TEXT_LEN: usize = 4096;
