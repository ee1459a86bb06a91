//! The table of what observers cost.

use anyhow::{Context, Result};

use super::estimate::Estimate;
use super::{Cost, Pair, Turn};

/// Prints what each observer cost, of all its pairs of turns.
pub(super) fn print(pairs: &[Pair]) -> Result<()> {
    let mut names: Vec<&str> = Vec::new();
    for pair in pairs {
        if !names.contains(&pair.observer.as_str()) {
            names.push(&pair.observer);
        }
    }
    for name in names {
        let pairs: Vec<&Pair> = pairs.iter().filter(|pair| pair.observer == name).collect();
        print_observer(name, &pairs)?;
    }
    println!(
        "\nmedians with the interval of nine in ten (bootstrap); what is lost or added is of each \
         turn beside the one without the observer"
    );
    Ok(())
}

fn print_observer(name: &str, pairs: &[&Pair]) -> Result<()> {
    println!("\n{name}: {} pairs of turns", pairs.len());
    println!("{:46}{:>28}{:>30}", "", "without", "with: change in %");
    let measures: [Row<Turn>; 6] = [
        ("download, MB/s", |turn| Some(turn.download), 1e-6),
        ("CPU of the traffic, ms per GB", |turn| Some(turn.cpu_s_per_byte), 1e12),
        ("new connections/s, of 1,000 asked for", |turn| Some(turn.connections), 1.0),
        ("CPU of the traffic, us per connection", |turn| Some(turn.cpu_s_per_connection), 1e6),
        ("handshake, 99th of 100, us", |turn| Some(turn.p99_us), 1.0),
        ("new connections/s, as many as possible", |turn| Some(turn.most_connections), 1.0),
    ];
    for (what, value, unit) in measures {
        let without = estimate(pairs, |pair| value(&pair.without))?.scaled(unit);
        let change =
            estimate(pairs, |pair| Some(value(&pair.with)? / value(&pair.without)? - 1.0))?;
        let (without, change) = (format!("{without:.0}"), format!("{:.2}", change.scaled(100.0)));
        println!("{what:46}{without:>28}{change:>30}");
    }
    println!("{:46}{:>28}", "", "its own");
    let costs: [Row<Cost>; 4] = [
        ("CPU, us per session", |cost| Some(cost.cpu_s_per_connection), 1e6),
        ("CPU, ms, download of 40 MB", |cost| Some(cost.bulk?.small_cpu_s), 1e3),
        ("CPU, ms, download of 4 GB", |cost| Some(cost.bulk?.large_cpu_s), 1e3),
        ("resident, MiB", |cost| Some(cost.resident_mib), 1.0),
    ];
    for (what, value, unit) in costs {
        let own = format!("{:.1}", estimate(pairs, |pair| value(&pair.cost))?.scaled(unit));
        println!("{what:46}{own:>28}");
    }
    Ok(())
}

/// What is printed, where it is, and what it is multiplied with.
type Row<T> = (&'static str, fn(&T) -> Option<f64>, f64);

fn estimate(pairs: &[&Pair], value: impl Fn(&Pair) -> Option<f64>) -> Result<Estimate> {
    let values: Vec<f64> = pairs.iter().filter_map(|pair| value(pair)).collect();
    Estimate::of(&values).context("there was no turn")
}
