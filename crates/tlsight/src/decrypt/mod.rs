//! `tlsight decrypt`: the clear text of captures, and captures with their secrets or without.

mod copy;
mod packets;
mod text;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use capture::Block;
use event::Timestamp;
use flow::Limits;
use forge::Record;
use session::{Analyzer, Settings};

use self::packets::Packets;
use self::text::{Streams, Text};
use crate::Outcome;
use crate::captures::{Captures, listed};
use crate::cli::DecryptArgs;
use crate::keys::Keys;
use crate::message;

/// Takes the clear text of sessions.
trait Output: Send {
    /// Takes a record. What fails is told at the end.
    fn take(&mut self, record: &Record<'_>);

    /// Ends the output.
    ///
    /// # Errors
    /// It could not be written.
    fn finish(&mut self) -> Result<()>;
}

/// Decrypts captures.
///
/// # Errors
/// Arguments that make no sense together, secrets that cannot be read, or an output that cannot be
/// written.
pub(crate) fn run(args: DecryptArgs) -> Result<Outcome> {
    if let (Some(answer), Some(output)) = (&args.inject_sealed, &args.write) {
        let [file] = args.files.as_slice() else { bail!("one capture, please") };
        return copy::with_sealed(file, output, answer);
    }
    if args.inject && args.keys.released.escrow_request.is_some() {
        bail!(
            "what an escrow decrypts here is put into no file: release an answer (`escrow release`)"
        );
    }
    let keys = Keys::load(&args.keys, &format!("clear text of {}", listed(&args.files)))?;
    if args.strip || args.inject {
        let [file] = args.files.as_slice() else { bail!("one capture, please") };
        let Some(output) = &args.write else { bail!("where to? -w OUT.pcapng") };
        if args.inject {
            // Only secrets of sessions that are in the capture are put into it.
            let seen = analyse(vec![file.clone()], &keys, None)?;
            if seen.opened == 0 {
                bail!("no session of {} is among the secrets", file.display());
            }
        }
        return copy::run(&args, file, output, &keys);
    }
    let output: Box<dyn Output> = match (&args.write, &args.text_dir) {
        (Some(path), None) => Box::new(Packets::create(path)?),
        (None, Some(directory)) => Box::new(Streams::new(directory)?),
        (None, None) => Box::new(Text::default()),
        (Some(_), Some(_)) => bail!("-w and --text-dir at once"),
    };
    decrypt(args.files, &keys, output)
}

/// Writes the clear text of captures as packets, as far as these secrets open them.
///
/// # Errors
/// An output that cannot be written.
pub(crate) fn to_packets(files: Vec<PathBuf>, keys: &Keys, output: &Path) -> Result<Outcome> {
    decrypt(files, keys, Box::new(Packets::create(output)?))
}

fn decrypt(files: Vec<PathBuf>, keys: &Keys, output: Box<dyn Output>) -> Result<Outcome> {
    let output = Arc::new(Mutex::new(output));
    let seen = analyse(files, keys, Some(Arc::clone(&output)))?;
    output.lock().unwrap_or_else(PoisonError::into_inner).finish()?;
    if seen.opened == 0 {
        message::error("no session could be opened: none is among the secrets");
    }
    let is_complete = seen.opened > 0 && seen.is_complete;
    Ok(if is_complete { Outcome::Done } else { Outcome::Incomplete })
}

/// What was found in captures.
struct Seen {
    /// Sessions that secrets opened.
    opened: u64,
    /// Whether all captures could be read to their end.
    is_complete: bool,
}

type Shared = Arc<Mutex<Box<dyn Output>>>;

fn analyse(files: Vec<PathBuf>, keys: &Keys, output: Option<Shared>) -> Result<Seen> {
    let settings = Settings { decryption: Some(keys.decryption(None)), ..Settings::default() };
    let mut analyzer = Analyzer::new(settings, Limits::default());
    if let Some(output) = output {
        analyzer.set_text_sink(Box::new(move |record: &Record<'_>| {
            output.lock().unwrap_or_else(PoisonError::into_inner).take(record);
        }));
    }
    let mut captures = Captures::new(files, None).with_keys(keys.share());
    let mut block = Block::new();
    let mut opened = 0_u64;
    let mut count = |analyzer: &mut Analyzer| {
        while let Some(event) = analyzer.poll_event() {
            let is_opened = event.tlsight.evidence == event::Evidence::Secrets;
            opened = opened.saturating_add(u64::from(is_opened));
        }
    };
    while captures.read_block(&mut block) {
        for packet in block.packets() {
            analyzer.handle_packet(&packet);
        }
        if let Some(last) = block.packets().last() {
            analyzer.handle_timeout(Timestamp::from_nanos(last.timestamp_ns));
        }
        count(&mut analyzer);
    }
    analyzer.finish();
    count(&mut analyzer);
    let failures = captures.failures();
    Ok(Seen { opened, is_complete: failures.unopened == 0 && failures.damaged == 0 })
}
