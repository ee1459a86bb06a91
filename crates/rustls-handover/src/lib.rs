//! A [`rustls::KeyLog`] that hands the secrets of sessions to the tlsight agent of the host, and waits for it.
//!
//! rustls tells all secrets of a session before it gives out a byte that they protect, on either side and in
//! each version. So a session that waits is held whole: nothing that the agent cannot open leaves before it
//! has the secret, but for early data that a client has sent before.
//!
//! ```
//! use std::sync::Arc;
//!
//! # fn configure(config: &mut rustls::ServerConfig) -> Result<(), rustls_handover::Impossible> {
//! if let Some(key_log) = rustls_handover::Handover::from_environment()? {
//!     config.key_log = Arc::new(key_log);
//! }
//! # Ok(())
//! # }
//! ```

mod gatherings;

use std::env;
use std::sync::{Mutex, PoisonError};

use courier::Courier;
use handover::{
    Hold, Label, Library, NotSettings, OnDeadline, OnTrip, Session, Settings, TakenSecret, VARIABLE,
};

use gatherings::Gatherings;

/// Hands over what rustls tells.
#[derive(Debug)]
pub struct Handover {
    courier: Courier,
    gatherings: Mutex<Gatherings>,
}

/// Why settings cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// They are none.
    #[error("{VARIABLE} is not understood: {0}")]
    NotSettings(#[from] NotSettings),
    /// A key log of rustls has no way to abort a session.
    #[error("a key log of rustls cannot abort a session: on-deadline and on-trip are to be open")]
    Abort,
}

impl Handover {
    /// One with the settings in the environment (`TLSIGHT_HANDOVER`), if there are any.
    ///
    /// A program that runs with the rights of another user is not to call this: its environment is that
    /// user's.
    ///
    /// # Errors
    /// [`Impossible`].
    pub fn from_environment() -> Result<Option<Self>, Impossible> {
        env::var(VARIABLE).ok().map(|text| Self::new(text.parse()?)).transpose()
    }

    /// One with these settings.
    ///
    /// # Errors
    /// [`Impossible::Abort`].
    pub fn new(settings: Settings) -> Result<Self, Impossible> {
        let Hold { on_deadline, on_trip, .. } = settings.hold;
        if on_deadline != OnDeadline::Open || on_trip != OnTrip::Open {
            return Err(Impossible::Abort);
        }
        Ok(Self { courier: Courier::new(settings), gatherings: Mutex::default() })
    }
}

impl rustls::KeyLog for Handover {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let Some(label) = Label::of_name(label.as_bytes()) else { return };
        let (Some(random), Some(secret)) =
            (client_random.as_array::<32>(), TakenSecret::new(label, secret))
        else {
            return;
        };
        let mut gatherings = self.gatherings.lock().unwrap_or_else(PoisonError::into_inner);
        let told = gatherings.add(random, secret);
        drop(gatherings);
        if let Some(told) = told {
            // It waits here. Without a way to abort there is no other verdict than to go on.
            self.courier.hand_over(Session::new(Library::Rustls, *random), told);
        }
    }

    fn will_log(&self, label: &str) -> bool {
        Label::of_name(label.as_bytes()).is_some()
    }
}
