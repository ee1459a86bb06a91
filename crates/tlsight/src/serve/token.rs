//! `tlsight serve token`: a line by which machines join.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, bail};
use fleet::JoinToken;
use server::{TokenAsked, drop_token, open_authority};
use store::EnrolmentToken;

use super::running::addresses;
use crate::Outcome;
use crate::cli::ServeTokenArgs;
use crate::config::{Config, Layer};
use crate::watch::wall_clock;

/// Leaves a new token for the server and prints the line by which machines join.
///
/// # Errors
/// Settings that make no sense, a server that takes no agents, a folder that cannot be written to.
pub(super) fn run(args: &ServeTokenArgs) -> Result<Outcome> {
    let flags = Layer { serve: args.server.layer(), ..Layer::default() };
    let settings = Config::resolve(flags, args.config.as_deref())?.serve.with_defaults()?;
    let Some(listen) = settings.agents_or_usual() else {
        bail!("the server takes no agents: its setting `agents` is off");
    };
    let address = match &args.address {
        Some(address) => address.clone(),
        None if listen.port() == 0 => {
            bail!("say how machines reach the server: --address HOST:PORT")
        }
        None => addresses(&settings, listen).into_iter().next().context("no address")?,
    };
    if args.labels.len() > EnrolmentToken::MAX_LABELS {
        bail!("--labels: at most {}", EnrolmentToken::MAX_LABELS);
    }
    let (now, folder) = (wall_clock(), settings.fleet_folder()?);
    let authority = open_authority(&folder, now)?;
    let token = JoinToken::generate(authority.fingerprint())?;
    let nanos = i64::try_from(args.expires.duration().as_nanos()).unwrap_or(i64::MAX);
    let asked = TokenAsked {
        labels: args.labels.iter().cloned().collect(),
        uses: args.uses,
        expires: now.plus_nanos(nanos),
        by: format!("uid {}", rustix::process::getuid().as_raw()),
    };
    drop_token(&folder, &token, asked, now)
        .with_context(|| format!("cannot leave the token in {}", folder.display()))?;
    let mut out = io::stdout().lock();
    if args.bare {
        writeln!(out, "{}", token.reveal())?;
    } else {
        writeln!(out, "{}", server::join_command(&address, &token.reveal()))?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}
