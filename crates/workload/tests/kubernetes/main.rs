//! Events completed from the API of a made-up cluster.

#[cfg(test)]
mod chains;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod session;
#[cfg(test)]
mod watching;
