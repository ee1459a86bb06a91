//! Sessions that wait for a monitor in another network namespace, with programs that people use.

mod breaker;
mod faults;
mod load;
mod order;
mod place;
mod records;
