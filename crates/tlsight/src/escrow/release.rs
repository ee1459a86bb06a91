//! `tlsight escrow release`.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use escrow::audit::AuditEvent;
use escrow::keys::{Asked, Signed, Statement, read_statements};
use escrow::release::{AnswerWriter, Broker, Collected, Told};
use escrow::store::IndexKey;
use secrets::{KeyLogEntry, KeyStore};

use super::folder::Folder;
use super::now_ms;
use super::people::statement;
use crate::cli::ReleaseArgs;
use crate::keys::Keys;
use crate::{Outcome, decrypt, message};

/// Answers a request. What is done, and what is refused, is in the audit log before it is handed out.
///
/// # Errors
/// A request that is refused; files that cannot be read or written.
pub(super) fn run(args: &ReleaseArgs) -> Result<Outcome> {
    let folder = Folder(&args.folder.dir);
    let signed = statement(&args.request)?;
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
    let broker = Broker::new(folder.store(), folder.custody(), index_key);
    let (collected, result) = match (&args.output, &args.capture, &args.write) {
        (Some(output), _, _) => {
            let key = asked.requester.sealing.public().context("the requester has no key")?;
            // Until the audit log has it, it is under another name.
            let hidden = output.with_extension("unreleased");
            let mut answer = AnswerWriter::create(&hidden, &key)?;
            let mut failure = None;
            let collected = broker.collect(&asked, &mut |told| {
                if failure.is_none() {
                    failure = answer.push(&told).err();
                }
            })?;
            failure.map_or(Ok(()), Err)?;
            answer.finish()?;
            let name = format!("sealed to {}", asked.requester.name);
            folder.note(&[released(&signed, &asked, name, collected)])?;
            if output.exists() {
                bail!("{} is there already", output.display());
            }
            std::fs::rename(&hidden, output)
                .with_context(|| format!("cannot write {}", output.display()))?;
            (collected, Outcome::Done)
        }
        (None, Some(capture), Some(write)) => {
            let store = Arc::new(KeyStore::default());
            let collected = broker.collect(&asked, &mut |told| add(&store, told))?;
            let name = format!("clear text of {}", capture.display());
            folder.note(&[released(&signed, &asked, name, collected)])?;
            let outcome = decrypt::to_packets(vec![capture.clone()], &Keys::of(store), write)?;
            (collected, outcome)
        }
        (None, _, _) => bail!("where to? -o ANSWER, or --capture FILE -w OUT.pcapng"),
    };
    let Collected { sessions, destroyed, damaged } = collected;
    message::error(&format!(
        "{sessions} sessions; {destroyed} entries of destroyed epochs, {damaged} damaged"
    ));
    Ok(if damaged > 0 { Outcome::Incomplete } else { result })
}

fn add(store: &KeyStore, told: Told) {
    for content in told.contents {
        let random = content.facts.client_random;
        for (label, secret) in content.secrets {
            store.add(KeyLogEntry::Random { label, random, secret });
        }
    }
}

fn released(
    signed: &Signed,
    asked: &Asked<'_>,
    output: String,
    collected: Collected,
) -> AuditEvent {
    AuditEvent::Released {
        request: asked.request.id.clone(),
        digest: signed.digest(),
        case: asked.request.case.clone(),
        reason: asked.request.reason.clone(),
        requester: asked.requester.name.clone(),
        approvers: asked.approvers.iter().map(|it| it.name.clone()).collect(),
        tier: asked.tier.to_string(),
        output,
        sessions: collected.sessions,
        destroyed: collected.destroyed,
        damaged: collected.damaged,
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
