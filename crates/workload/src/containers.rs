//! Names and images of containers, read from the runtimes' files by a thread.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::{io, thread};

use crate::runtime::{Description, Unreadable, describe};

/// The files of container runtimes.
#[derive(Debug)]
pub(crate) struct RuntimeFiles {
    known: HashMap<Arc<str>, Known>,
    wanted: SyncSender<Arc<str>>,
    found: Receiver<(Arc<str>, Option<Description>)>,
    unreadable: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Known {
    /// It is being read.
    Wanted,
    /// What was found; `None` if nothing.
    Read(Option<Description>),
}

/// What is known of a container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Container<'a> {
    /// What its runtime says.
    Described(&'a Description),
    /// It is being read.
    Wanted,
    /// Nothing, and nothing is to be expected.
    Unknown,
}

impl RuntimeFiles {
    /// Files of this host that are below `root`, which is `/` unless the host's files are elsewhere.
    ///
    /// # Errors
    /// No thread can be made.
    pub(crate) fn below(root: PathBuf) -> io::Result<Self> {
        let (wanted, wishes) = sync_channel::<Arc<str>>(MAX_WANTED);
        let (finds, found) = sync_channel(MAX_WANTED);
        let unreadable = Arc::new(AtomicU64::new(0));
        let failures = Arc::clone(&unreadable);
        thread::Builder::new().name("containers".to_owned()).spawn(move || {
            for id in wishes {
                let description = describe(&root, &id);
                if !matches!(description, Ok(_) | Err(Unreadable::Absent)) {
                    failures.fetch_add(1, Ordering::Relaxed);
                }
                if finds.send((id, description.ok())).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { known: HashMap::new(), wanted, found, unreadable })
    }

    /// What is known of a container; it is read if that has not been tried.
    pub(crate) fn get(&mut self, id: &Arc<str>) -> Container<'_> {
        for (id, description) in self.found.try_iter() {
            self.known.insert(id, Known::Read(description));
        }
        if !self.known.contains_key(id) {
            if self.known.len() >= MAX_CONTAINERS {
                self.known.clear();
            }
            match self.wanted.try_send(Arc::clone(id)) {
                Ok(()) => self.known.insert(Arc::clone(id), Known::Wanted),
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    return Container::Unknown;
                }
            };
        }
        match self.known.get(id) {
            Some(Known::Read(Some(description))) => Container::Described(description),
            Some(Known::Wanted) => Container::Wanted,
            Some(Known::Read(None)) | None => Container::Unknown,
        }
    }

    /// Containers whose files could not be read or understood.
    pub(crate) fn unreadable(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.unreadable)
    }
}

/// More than start on a host between two looks of the thread.
const MAX_WANTED: usize = 256;

/// Some hundred bytes each. When there are more, all are read anew as they are asked for.
const MAX_CONTAINERS: usize = 4096;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_container_is_read_once() {
        let folder = format!("tlsight-containers-{}", std::process::id());
        let root = std::env::temp_dir().join(folder);
        let id: Arc<str> = "0f".repeat(32).into();
        let place = root.join(format!("var/lib/docker/containers/{id}"));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("config.v2.json"), r#"{"Name":"/first"}"#).unwrap();
        let mut files = RuntimeFiles::below(root.clone()).unwrap();
        assert_eq!(files.get(&id), Container::Wanted);
        let name = wait_for(&mut files, &id);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(name.as_deref(), Some("first"));
        assert_eq!(wait_for(&mut files, &id), name, "it is not read again");
        let other: Arc<str> = "1f".repeat(32).into();
        assert_eq!(wait_for(&mut files, &other), None);
        assert_eq!(files.unreadable().load(Ordering::Relaxed), 0);
    }

    fn wait_for(files: &mut RuntimeFiles, id: &Arc<str>) -> Option<Arc<str>> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match files.get(id) {
                Container::Described(description) => return description.name.clone(),
                Container::Unknown => return None,
                Container::Wanted => assert!(Instant::now() < deadline),
            }
            thread::yield_now();
        }
    }
}
