//! The agent and the courier, over a real socket.

#[cfg(test)]
mod holding;
#[cfg(test)]
mod place;
#[cfg(test)]
mod strangers;
