//! TLS clients of servers on this host: a load for benchmarks.
//!
//! - `load connections PORT PER_SECOND SECONDS [PATH]` opens connections at a fixed rate, whether or not it
//!   keeps up, or, with a rate of 0, as many as it can, and asks each for the path if there is one; prints
//!   what came of them.
//! - `load windows PATH BYTES ADDRESS:PORT` downloads so many bytes of one response for each line that it
//!   reads; prints the seconds that each of these windows took.

mod client;
mod connections;
mod windows;

use std::env;
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args();
    match arguments.nth(1).as_deref() {
        Some("connections") => connections::run(arguments),
        Some("windows") => windows::run(arguments),
        _ => Err("usage: load connections|windows ...".into()),
    }
}
