//! Who may do what.

pub(crate) mod caller;
pub(crate) mod guard;
pub(crate) mod password;
pub(crate) mod throttle;
pub(crate) mod token;
