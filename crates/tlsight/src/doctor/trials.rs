//! What was really tried.

use capture::{Interface, LiveCapture, LiveOptions, Reception};
use nfqueue::{Overflow, Queue, QueueError, Resetter};
use probe::{Options, SocketCapture};
use workload::Right;

use crate::kubernetes::KubernetesSettings;

/// What came out of the trials: nothing, or why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trials {
    /// Loading the programs and attaching them to the root of the cgroups.
    pub(super) programs: Result<(), String>,
    /// Capturing from all interfaces.
    pub(super) packets: Result<(), String>,
    /// Answering for a queue of packets.
    pub(super) queue: QueueTrial,
    /// Asking the API of Kubernetes.
    pub(super) kubernetes: KubernetesTrial,
}

/// What came out of answering for a queue of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum QueueTrial {
    /// Packets can be held, and connections be reset.
    Whole,
    /// Packets can be held; why connections cannot be reset.
    NoResets(String),
    /// Nothing can be held, and why.
    Refused(String),
}

/// What came out of asking the API of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KubernetesTrial {
    /// There is no reason to.
    NotWanted,
    /// It does not answer, or it is not known how to ask it.
    Silent(String),
    /// It answers; these rights are not given.
    Answers(Vec<Right>),
}

impl Trials {
    /// Tries, and takes back at once what was begun.
    pub(super) fn make(kubernetes: &KubernetesSettings) -> Self {
        let options = Options { ring_len: Some(LEAST_RING_LEN), ..Options::default() };
        let mut live = LiveOptions::new(Interface::Any);
        live.block_len = LEAST_RING_LEN;
        live.blocks = 1;
        live.reception = Reception::Own;
        Self {
            programs: SocketCapture::open(&options).map(drop).map_err(|error| error.to_string()),
            packets: LiveCapture::open(&live).map(drop).map_err(|error| error.to_string()),
            queue: QueueTrial::make(),
            kubernetes: KubernetesTrial::make(kubernetes),
        }
    }
}

impl QueueTrial {
    fn make() -> Self {
        match Queue::bind(TRIAL_QUEUE, Overflow::Pass).map(drop) {
            // It can be had, and somebody has it.
            Ok(()) | Err(QueueError::InUse(_)) => {}
            Err(error) => return Self::Refused(error.to_string()),
        }
        match Resetter::open() {
            Ok(_) => Self::Whole,
            Err(error) => Self::NoResets(error.to_string()),
        }
    }
}

impl KubernetesTrial {
    fn make(settings: &KubernetesSettings) -> Self {
        let Some(connection) = settings.connection() else { return Self::NotWanted };
        match workload::rights(&connection) {
            Ok(access) => Self::Answers(access.lacking),
            Err(error) => Self::Silent(error.to_string()),
        }
    }
}

/// No rule puts packets there, as far as can be guessed: people count from 0.
const TRIAL_QUEUE: u16 = 65_531;

/// Nothing is to be captured; a power of two of pages, whatever their size.
const LEAST_RING_LEN: u32 = 1 << 16;
