//! The table of what observers cost.

use anyhow::{Context, Result};

use super::estimate::Estimate;
use super::windows::{Ends, Part, WINDOW_LEN, Window};
use super::{Cost, Kept, Measured, Pair, Turn};

/// Prints what each observer cost, of all its pairs of turns.
pub(super) fn print(kept: &[Kept]) -> Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for kept in kept {
        if !names.contains(&kept.observer.as_str()) {
            names.push(&kept.observer);
        }
    }
    for name in names {
        let (mut pairs, mut windows, mut costs) = (Vec::new(), Vec::new(), Vec::new());
        for kept in kept.iter().filter(|kept| kept.observer == name) {
            match kept.measured {
                Measured::Pair(pair) => pairs.push(pair),
                Measured::Window(window) => windows.push(window),
                Measured::Cost(cost) => costs.push(cost),
            }
        }
        println!("\n{name}: {} pairs of turns, {} of windows", pairs.len(), windows.len());
        print_pairs(&pairs)?;
        print_windows(&windows, Ends::Both, "");
        print_windows(&windows, Ends::Server, ", client elsewhere");
        print_costs(&costs)?;
    }
    println!(
        "\nmedians with the interval of nine in ten (bootstrap); what is lost or added is of each \
         turn that is seen beside one that is not"
    );
    Ok(())
}

fn print_pairs(pairs: &[Pair]) -> Result<()> {
    println!("{:46}{:>28}{:>30}", "", "without", "with: change in %");
    let measures: [Row<Turn>; 7] = [
        ("download, MB/s", |turn| Some(turn.download.bytes_per_s), 1e-6),
        ("CPU of the traffic, ms per GB", |turn| Some(turn.download.cpu_s_per_byte), 1e12),
        ("new connections/s, of 1,000 asked for", |turn| Some(turn.at_rate.per_s), 1.0),
        ("CPU of the traffic, us per connection", |turn| Some(turn.at_rate.cpu_s), 1e6),
        ("handshake, 99th of 100, us", |turn| Some(turn.at_rate.p99_us), 1.0),
        ("new connections/s, as many as possible", |turn| Some(turn.at_most.per_s), 1.0),
        ("CPU of the traffic, us per connection", |turn| Some(turn.at_most.cpu_s), 1e6),
    ];
    for (what, value, unit) in measures {
        let without = estimate(pairs, |pair| value(&pair.without))?.scaled(unit);
        let change =
            estimate(pairs, |pair| Some(value(&pair.with)? / value(&pair.without)? - 1.0))?;
        let (without, change) = (format!("{without:.0}"), format!("{:.2}", change.scaled(100.0)));
        println!("{what:46}{without:>28}{change:>30}");
    }
    Ok(())
}

fn print_windows(windows: &[Window], ends: Ends, whose: &str) {
    let windows: Vec<&Window> = windows.iter().filter(|window| window.ends == ends).collect();
    let print = |what: &str, value: fn(&Part) -> f64| {
        let without: Vec<f64> = windows.iter().map(|window| value(&window.without)).collect();
        let ratio = |window: &&Window| value(&window.with) / value(&window.without);
        let changes: Vec<f64> =
            windows.iter().map(|window| 100.0 * (ratio(window) - 1.0)).collect();
        let (Some(without), Some(changes)) = (Estimate::of(&without), Estimate::of(&changes))
        else {
            return;
        };
        let (without, change) = (format!("{without:.0}"), format!("{changes:.2}"));
        println!("{:46}{without:>28}{change:>30}", format!("{what}{whose}"));
    };
    print("within a download, MB/s", |part| WINDOW_LEN as f64 * 1e-6 / part.seconds);
    print("  CPU, ms per GB", |part| part.cpu_s * 1e12 / WINDOW_LEN as f64);
}

fn print_costs(costs: &[Cost]) -> Result<()> {
    println!("{:46}{:>28}", "", "its own");
    let rows: [Row<Cost>; 4] = [
        ("CPU, us per session", |cost| Some(cost.cpu_s_per_connection), 1e6),
        ("CPU, ms, download of 40 MB", |cost| Some(cost.bulk?.small_cpu_s), 1e3),
        ("CPU, ms, download of 4 GB", |cost| Some(cost.bulk?.large_cpu_s), 1e3),
        ("resident, MiB", |cost| Some(cost.resident_mib), 1.0),
    ];
    for (what, value, unit) in rows {
        // An early end leaves some of them out.
        if let Ok(own) = estimate(costs, value) {
            println!("{what:46}{:>28}", format!("{:.1}", own.scaled(unit)));
        }
    }
    Ok(())
}

/// What is printed, where it is, and what it is multiplied with.
type Row<T> = (&'static str, fn(&T) -> Option<f64>, f64);

fn estimate<T>(measured: &[T], value: impl Fn(&T) -> Option<f64>) -> Result<Estimate> {
    let values: Vec<f64> = measured.iter().filter_map(value).collect();
    Estimate::of(&values).context("there was no turn")
}
