//! What was really tried.

use capture::{Interface, LiveCapture, LiveOptions, Reception};
use probe::{Options, SocketCapture};

/// What came out of the trials: nothing, or why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trials {
    /// Loading the programs and attaching them to the root of the cgroups.
    pub(super) programs: Result<(), String>,
    /// Capturing from all interfaces.
    pub(super) packets: Result<(), String>,
}

impl Trials {
    /// Tries, and takes back at once what was begun.
    pub(super) fn make() -> Self {
        let options = Options { ring_len: Some(LEAST_RING_LEN), ..Options::default() };
        let mut live = LiveOptions::new(Interface::Any);
        live.block_len = LEAST_RING_LEN;
        live.blocks = 1;
        live.reception = Reception::Own;
        Self {
            programs: SocketCapture::open(&options).map(drop).map_err(|error| error.to_string()),
            packets: LiveCapture::open(&live).map(drop).map_err(|error| error.to_string()),
        }
    }
}

/// Nothing is to be captured; a power of two of pages, whatever their size.
const LEAST_RING_LEN: u32 = 1 << 16;
