//! Captures with their secrets, or without.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use capture::{Block, FileReader, More, PcapngWriter, SecretsRewriter};
use escrow::release::is_answer;
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
    copy(file, output, &SecretsRewriter { strip: args.strip, inject, inject_sealed: None })
}

/// Copies a capture with an answer of an escrow in it.
///
/// # Errors
/// It is none, or cannot be read, or the copy not written.
pub(super) fn with_sealed(file: &Path, output: &Path, answer: &Path) -> Result<Outcome> {
    let sealed = fs::read(answer).with_context(|| format!("cannot read {}", answer.display()))?;
    if !is_answer(&sealed) {
        bail!("{}: no answer of an escrow", answer.display());
    }
    copy(
        file,
        output,
        &SecretsRewriter { strip: false, inject: None, inject_sealed: Some(&sealed) },
    )
}

fn copy(file: &Path, output: &Path, rewriter: &SecretsRewriter<'_>) -> Result<Outcome> {
    let reader = FileReader::open(file)?;
    let target =
        File::create(output).with_context(|| format!("cannot write {}", output.display()))?;
    let mut target = BufWriter::new(target);
    if reader.is_pcapng() {
        drop(reader);
        rewriter
            .copy_file(file, &mut target)
            .with_context(|| format!("cannot copy {}", file.display()))?;
    } else {
        converted(reader, target, rewriter)
            .with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(Outcome::Done)
}

/// Writes a capture that is not pcapng as such.
fn converted(
    mut reader: FileReader,
    target: BufWriter<File>,
    rewriter: &SecretsRewriter<'_>,
) -> Result<()> {
    let mut block = Block::new();
    let (mut writer, mut target) = (None, Some(target));
    while reader.read_block(&mut block)? == More::Packets {
        for packet in block.packets() {
            let writer = match &mut writer {
                Some(writer) => writer,
                none @ None => none.insert(begun(target.take(), packet.link_type, rewriter)?),
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
    rewriter: &SecretsRewriter<'_>,
) -> Result<PcapngWriter<BufWriter<File>>> {
    let target = target.context("two captures at once")?;
    let mut writer = PcapngWriter::new(target, link_type, "capture")?;
    if let Some(lines) = rewriter.inject {
        writer.write_secrets(lines)?;
    }
    if let Some(sealed) = rewriter.inject_sealed {
        writer.write_sealed(sealed)?;
    }
    Ok(writer)
}
