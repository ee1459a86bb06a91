//! Secrets that an escrow releases to this process, which holds them in memory only.

use std::path::Path;

use anyhow::{Result, bail};
use escrow::release::{Told, read_answer};
use secrets::{KeyLogEntry, KeyStore};

use super::folder::{Folder, identity};
use super::forbid_core_dumps;
use super::release::{say_collected, with_approved};
use crate::cli::ReleasedArgs;

/// Adds what `args` name to a store: an answer that was released, or what a request asks for that is
/// approved, which the audit log of the escrow has before anybody has a secret.
///
/// # Errors
/// A request that is refused, or an answer that is damaged or for somebody else.
pub(crate) fn load(args: &ReleasedArgs, purpose: &str, store: &KeyStore) -> Result<()> {
    let Some(place) = &args.escrow else { return Ok(()) };
    forbid_core_dumps();
    match (&args.escrow_key, &args.escrow_request) {
        (Some(key), None) => answered(place, key, store),
        (None, Some(request)) => {
            let folder = Folder(place);
            let collected = with_approved(&folder, request, &args.token, |approved| {
                let collected = approved.broker.collect(&approved.asked, &mut |told| {
                    add(store, told);
                })?;
                folder.note(&[approved.released(purpose.to_owned(), collected)])?;
                Ok(collected)
            })?;
            say_collected(collected);
            Ok(())
        }
        _ => bail!("an answer needs --escrow-key, the folder of an escrow --escrow-request"),
    }
}

fn answered(answer: &Path, key: &Path, store: &KeyStore) -> Result<()> {
    let key = identity(key)?;
    read_answer(answer, key.sealing, &mut |told| add(store, told))?;
    Ok(())
}

/// Adds the secrets of a session.
pub(super) fn add(store: &KeyStore, told: Told) {
    for content in told.contents {
        let random = content.facts.client_random;
        for (label, secret) in content.secrets {
            store.add(KeyLogEntry::Random { label, random, secret });
        }
    }
}
