//! Who may do what.

mod password;
mod throttle;
mod token;
