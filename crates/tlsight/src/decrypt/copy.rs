//! Captures with their secrets, or without.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use capture::{Block, FileReader, More, PcapngWriter, SecretsRewriter};
use wire::LinkType;

use crate::Outcome;
use crate::cli::DecryptArgs;
use crate::keys::Keys;

/// Copies a capture.
///
/// # Errors
/// It cannot be read, or the copy not written.
pub(super) fn run(args: &DecryptArgs, file: &Path, output: &Path, keys: &Keys) -> Result<Outcome> {
    let lines = keys.store().dangerous_used_lines();
    let inject = args.inject.then_some(&**lines);
    let reader = FileReader::open(file)?;
    let target =
        File::create(output).with_context(|| format!("cannot write {}", output.display()))?;
    let mut target = BufWriter::new(target);
    if reader.is_pcapng() {
        drop(reader);
        let rewriter = SecretsRewriter { strip: args.strip, inject };
        rewriter
            .copy_file(file, &mut target)
            .with_context(|| format!("cannot copy {}", file.display()))?;
    } else {
        converted(reader, target, inject)
            .with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(Outcome::Done)
}

/// Writes a capture that is not pcapng as such.
fn converted(mut reader: FileReader, target: BufWriter<File>, inject: Option<&[u8]>) -> Result<()> {
    let mut block = Block::new();
    let (mut writer, mut target) = (None, Some(target));
    while reader.read_block(&mut block)? == More::Packets {
        for packet in block.packets() {
            let writer = match &mut writer {
                Some(writer) => writer,
                none @ None => none.insert(begun(target.take(), packet.link_type, inject)?),
            };
            writer.write(&packet, None)?;
        }
    }
    match writer {
        Some(writer) => drop(writer.finish()?),
        None => target.map_or(Ok(()), |mut target| target.flush())?,
    }
    Ok(())
}

fn begun(
    target: Option<BufWriter<File>>,
    link_type: LinkType,
    inject: Option<&[u8]>,
) -> Result<PcapngWriter<BufWriter<File>>> {
    let target = target.context("two captures at once")?;
    let mut writer = PcapngWriter::new(target, link_type, "capture")?;
    if let Some(lines) = inject {
        writer.write_secrets(lines)?;
    }
    Ok(writer)
}
