//! The server: takes records in, judges them, and serves them by an API and a web UI.

mod auth;
mod clock;
mod http;
mod live;
mod problem;
mod secret;
mod ui;

pub use clock::Clock;
pub use http::certificate::{Certificate, Identity, NoCertificate};
pub use problem::Problem;
pub use secret::Secret;
pub use ui::is_built as has_web_ui;
