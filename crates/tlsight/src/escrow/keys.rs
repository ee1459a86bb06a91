//! `tlsight escrow keys`.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use escrow::audit::AuditEvent;
use escrow::beacon::BeaconKey;
use escrow::hpke::Kem;
use escrow::keys::{
    Custody, CustodyError, Grant, Identity, Schedule, SealingKey, Statement, VerifyingKey,
    read_statements, write_new, write_private,
};
use escrow::tier::Part;
use event::Timestamp;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::now_ms;
use crate::cli::{EscrowKeysCommand, GrantArgs, ScheduleArgs, TokenArgs};
use crate::{Outcome, message, signals};

/// What is public of somebody's keys, as a file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKeys {
    signing: String,
    sealing: SealingKey,
}

/// Does what the command says.
///
/// # Errors
/// What cannot be read or written.
pub(super) fn run(command: EscrowKeysCommand) -> Result<Outcome> {
    match command {
        EscrowKeysCommand::Rotate { folder, schedule, token, every } => {
            let folder = Folder(&folder.dir);
            let Some(every) = every else {
                rotate(&folder, &folder.custody(&token)?, schedule)?;
                return Ok(Outcome::Done);
            };
            keep_rotating(&folder, schedule, &token, every.duration())
        }
        EscrowKeysCommand::Destroy { folder, token, epoch } => {
            let folder = Folder(&folder.dir);
            let custody = folder.custody(&token)?;
            let is_current = custody.epochs()?.iter().any(|signed| {
                matches!(signed.statement(), Statement::Epoch(it)
                    if it.number == epoch && it.covers(now_ms()))
            });
            custody.destroy(epoch)?;
            if is_current {
                message::error(
                    "this epoch is not over: what agents seal until its end is unreadable as well",
                );
            }
            folder.note(&[AuditEvent::EpochDestroyed { epoch, on_demand: true }])?;
            Ok(Outcome::Done)
        }
        EscrowKeysCommand::List { folder, token } => list(&Folder(&folder.dir), &token),
        EscrowKeysCommand::Identity { file } => make_identity(&file),
        EscrowKeysCommand::Beacon { file } => {
            write_private(&file, &BeaconKey::dangerous_new_text()?)?;
            Ok(Outcome::Done)
        }
        EscrowKeysCommand::Grant(args) => grant(&args),
        EscrowKeysCommand::Revoke { folder, name } => revoke(&Folder(&folder.dir), &name),
    }
}

/// Makes the epochs that are due, and destroys the keys of those whose time is over.
///
/// # Errors
/// What cannot be read or written.
pub(super) fn rotate(folder: &Folder<'_>, custody: &Custody, args: ScheduleArgs) -> Result<()> {
    let schedule = Schedule {
        length_ms: args.epoch.seconds().saturating_mul(1000),
        retention_ms: args.retention.seconds().saturating_mul(1000),
    };
    let kem = match (custody.has_token(), args.x25519) {
        (true, _) => Kem::MlKem768P256,
        (false, true) => Kem::X25519,
        (false, false) => Kem::XWing,
    };
    let now = now_ms();
    let made = custody.create_due(now, schedule, kem, &folder.authority()?)?;
    let mut events: Vec<AuditEvent> = made
        .iter()
        .map(|epoch| AuditEvent::EpochCreated {
            epoch: epoch.number,
            begins_ms: epoch.begins_ms,
            ends_ms: epoch.ends_ms,
            destroyed_ms: epoch.destroyed_ms,
        })
        .collect();
    let destroyed = custody.destroy_due(now)?;
    events.extend(
        destroyed
            .iter()
            .map(|epoch| AuditEvent::EpochDestroyed { epoch: *epoch, on_demand: false }),
    );
    folder.note(&events)
}

fn keep_rotating(
    folder: &Folder<'_>,
    schedule: ScheduleArgs,
    token: &TokenArgs,
    every: Duration,
) -> Result<Outcome> {
    let stop = Arc::new(AtomicBool::new(false));
    signals::stop_on_request(&stop)?;
    while !stop.load(Ordering::Relaxed) {
        // The next time it may work.
        let custody = folder.custody(token);
        if let Err(error) = custody.and_then(|custody| rotate(folder, &custody, schedule)) {
            message::error(&format!("{error:#}"));
        }
        let begun = Instant::now();
        while begun.elapsed() < every && !stop.load(Ordering::Relaxed) {
            thread::sleep(LONGEST_WAIT);
        }
    }
    Ok(Outcome::Done)
}

fn list(folder: &Folder<'_>, token: &TokenArgs) -> Result<Outcome> {
    let trust = folder.trust()?;
    let custody = folder.custody(token)?;
    let mut out = io::stdout().lock();
    for signed in custody.epochs()? {
        let epoch = trust.epoch(&signed)?;
        let state = match custody.keys(epoch.number, &[Part::Metadata]) {
            Ok(_) => "readable",
            Err(CustodyError::Destroyed(_)) => "destroyed",
            Err(CustodyError::InToken(_)) => "in a token",
            Err(error) => return Err(error.into()),
        };
        let [begins, ends, destroyed] =
            [epoch.begins_ms, epoch.ends_ms, epoch.destroyed_ms].map(time);
        writeln!(out, "{} {begins} to {ends}, keys until {destroyed}: {state}", epoch.number)?;
    }
    Ok(Outcome::Done)
}

fn make_identity(file: &Path) -> Result<Outcome> {
    let identity = Identity::generate(Kem::XWing)?;
    let public = identity.public();
    let keys =
        PublicKeys { signing: public.signing.text(), sealing: SealingKey::new(&public.sealing) };
    write_private(file, &identity.dangerous_text()?)?;
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    write_new(Path::new(&name), &format!("{}\n", serde_json::to_string(&keys)?))?;
    Ok(Outcome::Done)
}

fn grant(args: &GrantArgs) -> Result<Outcome> {
    let folder = Folder(&args.folder.dir);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if args.name.is_empty() || args.name.starts_with('.') || !args.name.bytes().all(is_plain) {
        bail!("`{}` is no name: letters, digits, `-`, `_`, `.` and `@`", args.name);
    }
    let text = fs::read_to_string(&args.public);
    let text = text.with_context(|| format!("cannot read {}", args.public.display()))?;
    let public: PublicKeys =
        serde_json::from_str(&text).with_context(|| args.public.display().to_string())?;
    VerifyingKey::parse(&public.signing).with_context(|| args.public.display().to_string())?;
    let lifetime_ms = args.lifetime.seconds().saturating_mul(1000);
    let grant = Grant {
        name: args.name.clone(),
        roles: args.role.iter().map(|role| role.0).collect(),
        tier: args.tier.to_string(),
        signing: public.signing,
        sealing: public.sealing,
        not_after_ms: now_ms().saturating_add(lifetime_ms),
    };
    let signed = Statement::Grant(grant).sign(&folder.authority()?)?;
    let file = folder.grants().join(format!("{}.json", args.name));
    write_new(&file, &signed.to_text())?;
    writeln!(io::stdout(), "{}", file.display())?;
    Ok(Outcome::Done)
}

fn revoke(folder: &Folder<'_>, name: &str) -> Result<Outcome> {
    let is_of =
        |statement: &Statement| matches!(statement, Statement::Grant(it) if it.name == name);
    if !read_statements(&folder.grants())?.iter().any(|signed| is_of(signed.statement())) {
        bail!("{name} has no grant");
    }
    let file = folder.grants().join(format!("{name}.json"));
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    Ok(Outcome::Done)
}

fn time(ms: u64) -> String {
    let nanos = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    Timestamp::from_nanos(nanos).to_rfc3339().to_string()
}

/// How long a request to end may be unheard.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
