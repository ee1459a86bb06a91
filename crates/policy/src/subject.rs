//! What is judged.

use event::{Timestamp, Transport};

use crate::baseline::Baseline;
use crate::entity::Entity;
use crate::observation::Observation;
use crate::posture::Posture;

/// What a rule is asked about: one posture of one edge, at some time.
///
/// What only single sessions have (alerts, fingerprints, anomalies, addresses) is known as far as
/// [`Self::session`] is there; rules that ask for it are unknown without.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// How the connection is protected.
    pub posture: &'a Posture,
    /// The client.
    pub source: &'a Entity,
    /// The server.
    pub destination: &'a Entity,
    /// The server's port.
    pub port: u16,
    /// What is under TLS.
    pub transport: Transport,
    /// Name that the client asked for.
    pub server_name: Option<&'a str>,
    /// A session with this posture.
    pub session: Option<&'a Observation>,
    /// What this edge was locked to, if it was.
    pub baseline: Option<&'a Baseline>,
    /// When it is judged: days to the end of a certificate's validity count from here.
    pub now: Timestamp,
}

impl<'a> Subject<'a> {
    /// What an observation is about, with all of its evidence.
    #[must_use]
    pub fn of(
        observation: &'a Observation,
        source: &'a Entity,
        destination: &'a Entity,
        now: Timestamp,
    ) -> Self {
        Self {
            posture: &observation.posture,
            source,
            destination,
            port: observation.server.port,
            transport: observation.transport,
            server_name: observation.server_name.as_deref(),
            session: Some(observation),
            baseline: None,
            now,
        }
    }

    /// The same, held against what the edge was locked to.
    #[must_use]
    pub const fn against(self, baseline: &'a Baseline) -> Self {
        Self { baseline: Some(baseline), ..self }
    }

    /// Whole days from now to the end of the certificate's validity; negative if it is over.
    #[must_use]
    pub fn days_left(&self) -> Option<i64> {
        self.posture.certificate.days_left(self.now)
    }
}
