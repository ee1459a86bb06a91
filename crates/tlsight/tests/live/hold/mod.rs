//! Sessions that wait for a monitor in another network namespace, with programs that people use.

mod arrivals;
mod breaker;
mod faults;
mod load;
mod order;
mod packets;
mod place;
mod queue;
mod records;
mod server;

/// Sessions with each kind of server, where they are counted: a benchmark opens more.
fn sessions() -> usize {
    std::env::var("TLSIGHT_HOLD_SESSIONS").map_or(300, |it| it.parse().unwrap())
}
