//! What is to be sent, until it is.

use event::Timestamp;

use crate::error::StoreError;

/// Something to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Its number.
    pub id: i64,
    /// Who is to get it.
    pub notifier: String,
    /// How often that was tried.
    pub attempts: u32,
    /// When it was put in.
    pub created: Timestamp,
    /// What it says.
    pub body: Vec<u8>,
}

/// How the queue of a notifier does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// What waits.
    pub queued: u64,
    /// What was dropped because the queue was full, the oldest first.
    pub dropped: u64,
    /// Why the last try failed; absent after one that did not.
    pub last_error: Option<String>,
    /// When something was sent last.
    pub last_sent: Option<Timestamp>,
}

/// A queue for each notifier, that outlives the process. All calls block.
///
/// # Errors
/// All calls: [`StoreError::Full`], [`StoreError::Damaged`].
pub trait Outbox: Send + Sync {
    /// Puts something in. If the queue has [`Parcel::MAX_QUEUED`], the oldest is dropped and counted.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] beyond [`Parcel::MAX_LEN`].
    fn push_parcel(&self, notifier: &str, body: &[u8], now: Timestamp) -> Result<(), StoreError>;

    /// What is to be sent now, the oldest first.
    fn due_parcels(&self, now: Timestamp, limit: usize) -> Result<Vec<Parcel>, StoreError>;

    /// Takes out what was sent.
    fn parcel_sent(&self, id: i64, now: Timestamp) -> Result<(), StoreError>;

    /// Has something sent again later, and says why.
    fn parcel_failed(&self, id: i64, again: Timestamp, error: &str) -> Result<(), StoreError>;

    /// Takes out what is not worth another try, counted as dropped.
    fn drop_parcel(&self, id: i64, error: &str) -> Result<(), StoreError>;

    /// How the queue of a notifier does.
    fn queue(&self, notifier: &str) -> Result<Queue, StoreError>;

    /// Forgets the queue of a notifier.
    fn remove_queue(&self, notifier: &str) -> Result<(), StoreError>;
}

impl Parcel {
    /// Longest body in bytes.
    pub const MAX_LEN: usize = 1 << 20;
    /// Most that waits for one notifier: a day of an alert each minute and a half.
    pub const MAX_QUEUED: usize = 1000;
    /// Longest reason that is kept, in bytes.
    pub const MAX_ERROR_LEN: usize = 1024;
}
