//! The program as its users run it.

#[cfg(test)]
mod alerting;
#[cfg(test)]
#[path = "../../../store/tests/backend/mod.rs"]
mod backend;
#[cfg(test)]
mod database;
#[cfg(test)]
mod decrypt;
#[cfg(test)]
mod decrypt_quic;
#[cfg(test)]
mod enduring;
#[cfg(test)]
mod escrow;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod package;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod program;
#[cfg(test)]
mod read;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod report;
#[cfg(test)]
mod server;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod sinks;
#[cfg(test)]
mod testdata;
