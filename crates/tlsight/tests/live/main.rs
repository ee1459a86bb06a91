//! `tlsight watch` on virtual networks, with the programs that people use.
#![cfg(target_os = "linux")]

#[cfg(test)]
mod agent;
#[cfg(test)]
mod bulk;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod escrow;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod hold;
#[cfg(test)]
mod ids;
#[cfg(test)]
mod image;
#[cfg(test)]
mod mirror;
#[cfg(test)]
mod network;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod tunnel;
#[cfg(test)]
mod watcher;
