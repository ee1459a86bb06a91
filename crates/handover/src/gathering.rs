//! The secrets of one session, gathered until they are worth a message.

use arrayvec::ArrayVec;

use crate::label::Label;
use crate::session::Stage;
use crate::taken::TakenSecret;

/// Gathers the secrets of a session as its library tells them. In TLS 1.3 both secrets of the handshake are
/// told together, and so are both of the application data: in which order a library derives them, and what
/// it has sent in between, differs by library and by end.
#[derive(Default)]
pub struct Gathering {
    random: [u8; 32],
    waiting: ArrayVec<TakenSecret, { Label::ALL.len() }>,
    known: u8,
}

/// Secrets that are to be told together.
pub struct Told {
    /// When they are told.
    pub stage: Stage,
    /// The secrets.
    pub secrets: ArrayVec<TakenSecret, { Label::ALL.len() }>,
}

impl Gathering {
    /// Adds a secret; gives those to be told, if this one makes them complete.
    ///
    /// What is left of an earlier handshake of the same connection is forgotten. A secret that was told
    /// before is not told again.
    pub fn add(&mut self, random: &[u8; 32], secret: TakenSecret) -> Option<Told> {
        if self.random != *random {
            *self = Self { random: *random, ..Self::default() };
        }
        let label = secret.label();
        if self.knows(label) {
            return None;
        }
        self.known |= bit(label);
        self.waiting.try_push(secret).ok()?;
        let stage = match label {
            Label::Master => Stage::Application,
            Label::ClientEarly => Stage::Hello,
            Label::ClientHandshake | Label::ServerHandshake => self
                .has([Label::ClientHandshake, Label::ServerHandshake])
                .then_some(Stage::Hello)?,
            Label::ClientApplication | Label::ServerApplication => self
                .has([Label::ClientApplication, Label::ServerApplication])
                .then_some(Stage::Application)?,
        };
        Some(Told { stage, secrets: std::mem::take(&mut self.waiting) })
    }

    fn has(&self, labels: [Label; 2]) -> bool {
        labels.into_iter().all(|label| self.knows(label))
    }

    const fn knows(&self, label: Label) -> bool {
        self.known & bit(label) != 0
    }
}

const fn bit(label: Label) -> u8 {
    1 << label.code()
}
