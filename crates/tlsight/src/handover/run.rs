//! `tlsight run`: a program that hands over its secrets.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, bail};
use handover::Settings;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::built_in::BuiltIn;
use super::preload;
use crate::cli::RunArgs;
use crate::{Outcome, message, signals};

/// Runs a program.
///
/// # Errors
/// If it cannot be run, or there is nobody to hand its secrets to.
pub(crate) fn run(args: &RunArgs) -> Result<Outcome> {
    let shim = preload::library(args.shim.as_deref())?;
    let settings = |socket: &Path| Settings {
        hold: args.hold.hold(),
        policy: args.policy.policy(),
        ..Settings::new(socket.to_owned())
    };
    let Some(keylog) = &args.keylog else {
        let socket = std::path::absolute(&args.socket)?;
        if !is_answered(&socket) {
            bail!(
                "no agent listens on {}: start one (`tlsight escrow agent`), or write a key log (--keylog)",
                socket.display()
            );
        }
        let mut command = preload::command(&args.command, &shim, &settings(&socket))?;
        let error = command.exec();
        return Err(error).with_context(|| cannot_run(&command));
    };
    let agent = BuiltIn::start(keylog)?;
    let ended = preload::command(&args.command, &shim, &settings(&agent.socket()))
        .and_then(|mut command| wait_for(&mut command));
    let counts = agent.finish();
    let status = ended?;
    if counts.messages == 0 && counts.denied == 0 {
        message::error("no secrets were taken: the program has used no shared OpenSSL");
    }
    let number = status.code().or_else(|| Some(128_i32.saturating_add(status.signal()?)));
    Ok(Outcome::Ended(number.and_then(|it| u8::try_from(it).ok()).unwrap_or(u8::MAX)))
}

/// Runs a command to its end, and passes on what this process is asked meanwhile.
fn wait_for(command: &mut Command) -> Result<ExitStatus> {
    let passed_on = signals::pass_on()?;
    let mut child = command.spawn().with_context(|| cannot_run(command))?;
    let end = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
    let end = end.context("cannot watch a process")?;
    loop {
        // A signal ends the wait.
        poll(&mut [PollFd::new(&end, PollFlags::IN)], None).ok();
        for (number, flag) in &passed_on {
            if flag.swap(false, Ordering::Relaxed) {
                pass_on(&child, *number);
            }
        }
        if let Some(status) = child.try_wait().context("cannot wait for a process")? {
            return Ok(status);
        }
    }
}

fn pass_on(child: &Child, number: i32) {
    if let Some(signal) = Signal::from_named_raw(number) {
        // It may have ended.
        kill_process(Pid::from_child(child), signal).ok();
    }
}

fn is_answered(path: &Path) -> bool {
    let trial = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None);
    let address = SocketAddrUnix::new(path);
    matches!((trial, address), (Ok(trial), Ok(address)) if connect(&trial, &address).is_ok())
}

fn cannot_run(command: &Command) -> String {
    format!("cannot run {}", command.get_program().display())
}
