//! `tlsight escrow release`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use escrow::audit::AuditEvent;
use escrow::keys::{Asked, Signed, Statement, read_statements};
use escrow::release::{AnswerWriter, Broker, Collected};
use escrow::store::IndexKey;
use secrets::KeyStore;

use super::folder::Folder;
use super::now_ms;
use super::people::statement;
use super::released::add;
use crate::cli::{ReleaseArgs, TokenArgs};
use crate::keys::Keys;
use crate::{Outcome, decrypt, message};

/// Answers a request. What is done, and what is refused, is in the audit log before it is handed out.
///
/// # Errors
/// A request that is refused; files that cannot be read or written.
pub(super) fn run(args: &ReleaseArgs) -> Result<Outcome> {
    let folder = Folder(&args.folder.dir);
    let (collected, result) =
        with_approved(&folder, &args.request, &args.token, |approved| answer(args, approved))?;
    say_collected(collected);
    Ok(if collected.damaged > 0 { Outcome::Incomplete } else { result })
}

/// A request that may be answered, and who can.
pub(super) struct Approved<'a> {
    pub(super) broker: Broker,
    pub(super) asked: Asked<'a>,
    signed: &'a Signed,
}

/// Judges a request, and has `work` answer it. A refusal is in the audit log.
///
/// # Errors
/// A request that is refused; files that cannot be read; what `work` says.
pub(super) fn with_approved<T>(
    folder: &Folder<'_>,
    request: &Path,
    token: &TokenArgs,
    work: impl FnOnce(&Approved<'_>) -> Result<T>,
) -> Result<T> {
    let signed = statement(request)?;
    let grants = read_statements(&folder.grants())?;
    let trust = folder.trust()?;
    let asked = match trust.request(&signed, &grants, now_ms()) {
        Ok(asked) => asked,
        Err(why) => {
            folder.note(&[refused(&signed, &why.to_string())])?;
            bail!("refused: {why}");
        }
    };
    // Another key would find nothing.
    if !folder.index_key().exists() {
        bail!("{} is missing", folder.index_key().display());
    }
    let index_key = IndexKey::open(&folder.index_key())?;
    let broker = Broker::new(folder.store(), folder.custody(token)?, index_key);
    work(&Approved { broker, asked, signed: &signed })
}

fn answer(args: &ReleaseArgs, approved: &Approved<'_>) -> Result<(Collected, Outcome)> {
    let folder = Folder(&args.folder.dir);
    let Approved { broker, asked, .. } = approved;
    match (&args.output, &args.capture, &args.write) {
        (Some(output), _, _) => {
            if output.exists() {
                bail!("{} is there already", output.display());
            }
            let key = asked.requester.sealing.public().context("the requester has no key")?;
            // Until the audit log has it, it is under another name.
            let hidden = output.with_extension("unreleased");
            let answer = AnswerWriter::create(&hidden, &key)?;
            let name = format!("sealed to {}", asked.requester.name);
            let written = collect_into(answer, approved).and_then(|collected| {
                folder.note(&[approved.released(name, collected)])?;
                Ok(collected)
            });
            // What is not in the log is not to be had.
            let collected = written.inspect_err(|_error| {
                std::fs::remove_file(&hidden).ok();
            })?;
            std::fs::rename(&hidden, output)
                .with_context(|| format!("cannot write {}", output.display()))?;
            Ok((collected, Outcome::Done))
        }
        (None, Some(capture), Some(write)) => {
            let store = Arc::new(KeyStore::default());
            let collected = broker.collect(asked, &mut |told| add(&store, told))?;
            let name = format!("clear text of {}", capture.display());
            folder.note(&[approved.released(name, collected)])?;
            let outcome = decrypt::to_packets(vec![capture.clone()], &Keys::of(store), write)?;
            Ok((collected, outcome))
        }
        (None, _, _) => bail!("where to? -o ANSWER, or --capture FILE -w OUT.pcapng"),
    }
}

/// Writes an answer to its end.
fn collect_into(mut answer: AnswerWriter, approved: &Approved<'_>) -> Result<Collected> {
    let mut failure = None;
    let collected = approved.broker.collect(&approved.asked, &mut |told| {
        if failure.is_none() {
            failure = answer.push(&told).err();
        }
    })?;
    failure.map_or(Ok(()), Err)?;
    answer.finish()?;
    Ok(collected)
}

/// Says what a request came to.
pub(super) fn say_collected(collected: Collected) {
    let Collected { sessions, destroyed, damaged, without_master } = collected;
    message::error(&format!(
        "{sessions} sessions; {destroyed} entries of destroyed epochs, {damaged} damaged"
    ));
    if without_master > 0 {
        message::error(&format!(
            "{without_master} of them without a master secret: it was not told, or they are of TLS 1.3, of \
             which t4 is no more than t3"
        ));
    }
}

impl Approved<'_> {
    /// The line of the audit log that says what was handed out.
    pub(super) fn released(&self, output: String, collected: Collected) -> AuditEvent {
        let Asked { request, tier, requester, approvers } = &self.asked;
        AuditEvent::Released {
            request: request.id.clone(),
            digest: self.signed.digest(),
            case: request.case.clone(),
            reason: request.reason.clone(),
            requester: requester.name.clone(),
            approvers: approvers.iter().map(|it| it.name.clone()).collect(),
            tier: tier.to_string(),
            output,
            sessions: collected.sessions,
            destroyed: collected.destroyed,
            damaged: collected.damaged,
        }
    }
}

fn refused(signed: &Signed, why: &str) -> AuditEvent {
    let (request, requester, tier) = match signed.statement() {
        Statement::Request(request) => {
            (request.id.clone(), request.requester.clone(), request.tier.clone())
        }
        Statement::Epoch(_) | Statement::Grant(_) | Statement::MonitorKey(_) => {
            (String::new(), String::new(), String::new())
        }
    };
    AuditEvent::Refused { request, digest: signed.digest(), requester, tier, why: why.to_owned() }
}
