//! `tlsight run` and `tlsight escrow agent`: the secrets that programs hand over.

mod agent;
mod attached;
mod built_in;
mod escrow_sink;
mod hellos;
mod judge;
mod missed;
mod packets;
mod preload;
mod run;

pub(crate) use agent::run as agent;
pub(crate) use run::run;
