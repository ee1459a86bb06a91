//! The tables of ratios.

use anyhow::{Context, Result};

use super::captures::Capture;
use super::files::Row;

/// Prints what each program took on `capture` and how that compares with tlsight's one worker.
pub(super) fn print(capture: &Capture, rows: &[Row]) -> Result<()> {
    let one = rows.iter().find(|row| row.is_tlsight).context("tlsight was not measured")?;
    println!();
    println!(
        "{}: {} connections, {} packets, {:.2} GB",
        capture.name,
        capture.truth.connections,
        capture.truth.packets,
        capture.bytes as f64 / 1e9
    );
    println!(
        "{:24} {:>8} {:>8} {:>8} {:>14} {:>8} {:>10} {:>12}",
        "program",
        "records",
        "CPU s",
        "wall s",
        "sessions/CPU s",
        "Gbit/s",
        "peak MiB",
        "CPU / tlsight"
    );
    for row in rows {
        let cost = row.cost;
        println!(
            "{:24} {:>8} {:>8.2} {:>8.2} {:>14.0} {:>8.1} {:>10.0} {:>12.2}",
            row.name,
            row.records.map(|records| records.to_string()).unwrap_or_default(),
            cost.cpu_s,
            cost.wall_s,
            capture.truth.connections as f64 / cost.cpu_s,
            capture.bytes as f64 * 8.0 / cost.cpu_s / 1e9,
            cost.peak_mib,
            cost.cpu_s / one.cost.cpu_s
        );
    }
    ratios(rows, one);
    println!();
    Ok(())
}

/// Prints the ratios that the documentation claims.
fn ratios(rows: &[Row], one: &Row) {
    for row in rows {
        match row.name.as_str() {
            "floor: headers" => println!(
                "one worker runs at {:.0} % of the speed of the floor (elapsed)",
                100.0 * row.cost.wall_s / one.cost.wall_s
            ),
            "tlsight, 2 workers" => println!(
                "two workers are {:.2} times as fast as one (elapsed)",
                one.cost.wall_s / row.cost.wall_s
            ),
            name if name.starts_with("Suricata") => println!(
                "one worker does {:.2} times the sessions per CPU second of {name}",
                row.cost.cpu_s / one.cost.cpu_s
            ),
            _ => {}
        }
    }
}
