//! Secrets that an escrow releases to this process, which holds them in memory only.

use anyhow::{Result, bail};
use escrow::release::{Told, read_answer};
use escrow::seal::Opener;
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
        (Some(key), None) => {
            read_answer(place, identity(key)?.sealing, &mut |told| add(store, told))?;
            Ok(())
        }
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

/// What opens answers that captures carry, if there are keys for that.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn opener(args: &ReleasedArgs) -> Result<Option<Opener>> {
    let Some(key) = &args.escrow_key else { return Ok(None) };
    forbid_core_dumps();
    let mut opener = Opener::default();
    opener.add_key(identity(key)?.sealing);
    Ok(Some(opener))
}

/// Adds the secrets of a session.
pub(crate) fn add(store: &KeyStore, told: Told) {
    for content in told.contents {
        let random = content.facts.client_random;
        for (label, secret) in content.secrets {
            store.add(KeyLogEntry::Random { label, random, secret });
        }
    }
}
