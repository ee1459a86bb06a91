//! The server: takes records in, judges them, and serves them by an API and a web UI.

mod app;
mod auth;
mod clock;
mod fields;
mod fleet;
mod http;
mod ingest;
mod judge;
mod live;
mod meter;
mod notify;
mod outgoing;
mod problem;
mod replicas;
mod routes;
mod secret;
mod server;
#[cfg(test)]
mod tests;
mod ui;
mod view;

pub use self::fleet::{
    FleetParts, NoAuthority, TokenAsked, drop_token, join_command, open_authority, share_authority,
};
pub use app::{Control, DataKind, Log, Outlet, Parts};
pub use auth::password::NoHash;
pub use clock::Clock;
pub use http::certificate::{Certificate, Identity, NoCertificate};
pub use ingest::{Ingest, Taken};
pub use secret::Secret;
pub use server::{NoServer, Server};
pub use ui::is_built as has_web_ui;

/// The version of the program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
