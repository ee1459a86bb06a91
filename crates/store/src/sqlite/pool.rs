//! Connections for reading.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::schema::StoreFile;
use crate::error::StoreError;

/// A few connections, of which each reader has one to itself. Whoever finds none waits.
pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Pool {
    pub(crate) fn open(file: &StoreFile) -> Result<Self, StoreError> {
        let idle = (0..READERS).map(|_| file.reader()).collect::<Result<_, _>>()?;
        Ok(Self { idle: Mutex::new(idle), returned: Condvar::new() })
    }

    /// Reads by a connection.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> T) -> T {
        let connection = self.take();
        let answer = read(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        self.returned.notify_one();
        answer
    }

    fn take(&self) -> Connection {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = idle.pop() {
                return connection;
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Connections for reading: queries are bound by the processor, and there are few of these.
const READERS: usize = 4;
