//! Escrow, through its public interface.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod beacon;
#[cfg(test)]
mod epochs;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hpke;
#[cfg(test)]
mod live;
#[cfg(test)]
mod release;
#[cfg(test)]
mod service;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod store;
#[cfg(test)]
mod tiers;
#[cfg(test)]
mod token;
#[cfg(test)]
mod world;
