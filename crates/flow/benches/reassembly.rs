//! Speed of the engine, by kind of traffic.

fn main() {}
