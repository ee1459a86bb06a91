//! `tlsight policy list`.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Result;
use policy::{Pack, Policy, Severity};
use serde_json::json;

use super::args::ListArgs;
use super::selection;
use crate::Outcome;
use crate::output::{Cell, Grid, Palette, Tone};
use crate::setup::line_columns;

/// Lists policies.
///
/// # Errors
/// A file of policies that makes no sense, or a standard output that cannot be written to.
pub(super) fn run(args: &ListArgs) -> Result<Outcome> {
    let is_choice = !(args.selection.pack.is_empty() && args.selection.policy.is_empty());
    let packs = if is_choice { selection::packs(&args.selection)? } else { Pack::all()? };
    let mut out = Vec::new();
    if args.json {
        let policies: Vec<&Policy> = packs.iter().flat_map(|pack| &pack.policies).collect();
        serde_json::to_writer_pretty(&mut out, &json!({ "policies": policies }))?;
        out.push(b'\n');
    } else {
        let is_terminal = io::stdout().is_terminal();
        let palette = Palette::choose(args.color, is_terminal);
        write(&packs, line_columns(is_terminal), palette, &mut out);
    }
    io::stdout().write_all(&out)?;
    Ok(Outcome::Done)
}

fn write(packs: &[Pack], columns: usize, palette: Palette, out: &mut Vec<u8>) {
    let mut grid = Grid::new(vec!["POLICY", "ON", "SEVERITY", "NAME", "SOURCE"]);
    for policy in packs.iter().flat_map(|pack| pack.policies.iter().map(move |it| (pack, it))) {
        let (pack, policy) = policy;
        let is_on = pack.default && !policy.disabled;
        grid.row(vec![
            Cell::plain(&policy.id),
            if is_on { Cell::new("on", Tone::Good) } else { Cell::new("off", Tone::Dim) },
            severity(policy.severity),
            Cell::plain(&policy.name),
            Cell::new(policy.source.as_deref().unwrap_or_default(), Tone::Dim),
        ]);
    }
    grid.write(columns, palette, out);
}

/// A severity, as tables show it.
pub(super) fn severity(severity: Severity) -> Cell {
    let tone = match severity {
        Severity::Low => Tone::Plain,
        Severity::Medium => Tone::Notice,
        Severity::High | Severity::Critical => Tone::Bad,
    };
    Cell::new(severity.name(), tone)
}
