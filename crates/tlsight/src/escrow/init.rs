//! `tlsight escrow init`.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;

use anyhow::{Context as _, Result, bail};
use escrow::keys::{SigningKey, write_new, write_private};
use escrow::store::IndexKey;
use tunnel::{CertificateRequest, make_certificates};

use super::folder::Folder;
use super::keys::rotate;
use crate::Outcome;
use crate::cli::InitArgs;
use crate::watch::wall_clock;

/// Makes a folder for an escrow, and says what is in it.
///
/// # Errors
/// Something is there already, or cannot be written.
pub(super) fn run(args: &InitArgs) -> Result<Outcome> {
    let folder = Folder(&args.folder.dir);
    if folder.authority_public().exists() {
        bail!("{} is there already", folder.authority_public().display());
    }
    // A token that cannot be used is noticed before anything is made.
    let custody = folder.custody(&args.token)?;
    let folders = [folder.custody_folder(), folder.epochs(), folder.grants(), folder.store()];
    for path in &folders {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.with_context(|| format!("cannot make {}", path.display()))?;
    }
    let request = CertificateRequest {
        sensor_names: args.service.clone(),
        agents: args.agent.iter().chain(&args.monitor).cloned().collect(),
    };
    make_certificates(&folder.tls(), &request, wall_clock())?;
    for (private, public) in [
        (folder.authority_key(), folder.authority_public()),
        (folder.audit_key(), folder.audit_public()),
    ] {
        let key = SigningKey::generate()?;
        write_private(&private, &key.dangerous_text()?)?;
        write_new(&public, &format!("{}\n", key.verifying().text()))?;
    }
    IndexKey::open(&folder.index_key())?;
    rotate(&folder, &custody, args.schedule)?;
    let dir = args.folder.dir.display();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{dir}/authority.key  signs epochs and grants; keep it where the service is not"
    )?;
    let keys = if custody.has_token() {
        "what belongs to keys of epochs in the token; the same"
    } else {
        "keys of epochs, which open the archive; the same"
    };
    writeln!(out, "{dir}/custody        {keys}")?;
    writeln!(
        out,
        "{dir}/authority.pub  for agents, with ca.pem, NAME.pem and NAME.key of {dir}/tls"
    )?;
    Ok(Outcome::Done)
}
