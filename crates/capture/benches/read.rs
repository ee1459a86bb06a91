//! What reading a capture costs, from memory.
fn main() {}
