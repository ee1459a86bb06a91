//! Files with code that processes have mapped, or had a while ago.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::hints::Reason;
use super::maps::FileId;

/// What is known of files, each looked into once as long as it stays the same.
#[derive(Debug, Default)]
pub(crate) struct Files {
    known: HashMap<FileId, Known>,
    libraries: usize,
    /// Number of the sweep under way.
    sweep: u64,
    refused: u64,
}

#[derive(Debug)]
struct Known {
    reason: Option<Reason>,
    /// Where it is, if it has a library.
    library: Option<Place>,
    version: Version,
    /// The last sweep in which a process had it mapped, and when that was.
    sweep: u64,
    at: Instant,
}

/// Where a file with a library was first seen.
#[derive(Debug)]
struct Place {
    path: String,
    device: u64,
    inode: u64,
}

/// What differs if a number is given to another file, or its content is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    len: u64,
    changed: (i64, i64),
}

/// What is to be done about a file that a process has mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing: it is mapped for a while.
    Current,
    /// Nobody had it mapped for a while: it may be another one.
    Returning,
    /// It has to be looked into.
    New,
    /// There is no room for it.
    Refused,
}

/// What a look into a file found.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// Why there is TLS in it that cannot be copied.
    pub(crate) reason: Option<Reason>,
    pub(crate) has_library: bool,
}

impl Version {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), changed: (metadata.ctime(), metadata.ctime_nsec()) }
    }
}

impl Files {
    /// Takes note that a process has a file mapped.
    pub(crate) fn meet(&mut self, file: &FileId) -> Standing {
        let Some(known) = self.known.get_mut(file) else {
            if self.known.len() < MAX_FILES || self.make_room() {
                return Standing::New;
            }
            self.refused += 1;
            return Standing::Refused;
        };
        if known.sweep + 1 < self.sweep {
            return Standing::Returning;
        }
        known.sweep = self.sweep;
        known.at = Instant::now();
        Standing::Current
    }

    /// Whether a file is mapped for a while, so that nothing is to be done about it.
    pub(crate) fn is_current(&self, file: &FileId) -> bool {
        self.known.get(file).is_some_and(|known| known.sweep + 1 >= self.sweep)
    }

    /// Takes note of a file that is mapped again: whether it is the same as before.
    pub(crate) fn is_same(&mut self, file: &FileId, version: Version) -> bool {
        let Some(known) = self.known.get_mut(file).filter(|known| known.version == version) else {
            return false;
        };
        known.sweep = self.sweep;
        known.at = Instant::now();
        true
    }

    /// Whether a file is one of those with a library, perhaps by another number.
    pub(crate) fn has_library(&self, metadata: &Metadata) -> bool {
        let key = (metadata.dev(), metadata.ino());
        let mut places = self.known.values().filter_map(|known| known.library.as_ref());
        places.any(|place| (place.device, place.inode) == key)
    }

    /// Adds a file that was looked into.
    pub(crate) fn add(&mut self, file: FileId, path: &str, metadata: &Metadata, content: Content) {
        let place = content.has_library.then(|| Place {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
        });
        self.libraries += usize::from(place.is_some());
        let known = Known {
            reason: content.reason,
            library: place,
            version: Version::of(metadata),
            sweep: self.sweep,
            at: Instant::now(),
        };
        self.known.insert(file, known);
    }

    /// Forgets a file; whether it had a library.
    pub(crate) fn forget(&mut self, file: &FileId) -> bool {
        let known = self.known.remove(file);
        let had_library = known.is_some_and(|known| known.library.is_some());
        self.libraries -= usize::from(had_library);
        had_library
    }

    /// Why there is TLS in a file that cannot be copied.
    pub(crate) fn reason(&self, file: &FileId) -> Option<Reason> {
        self.known.get(file)?.reason
    }

    /// Whether there may be one more file with a library. If not, the one that nobody has had mapped
    /// for longest makes room, and is given.
    pub(crate) fn library_room(&mut self) -> (bool, Option<FileId>) {
        if self.libraries < MAX_LIBRARIES {
            return (true, None);
        }
        let idle = self
            .known
            .iter()
            .filter(|(_, known)| known.library.is_some() && known.sweep + 1 < self.sweep);
        let oldest = idle.min_by_key(|(_, known)| known.at).map(|(file, _)| *file);
        let has_room = oldest.is_some_and(|file| self.forget(&file));
        (has_room, oldest)
    }

    /// Begins a sweep over all processes.
    pub(crate) const fn begin_sweep(&mut self) {
        self.sweep += 1;
    }

    /// Ends it: forgets what nobody has mapped and is of no more use, and gives the libraries among that.
    pub(crate) fn end_sweep(&mut self) -> Vec<FileId> {
        let sweep = self.sweep;
        let mut gone = Vec::new();
        self.known.retain(|file, known| {
            if known.sweep + 1 >= sweep {
                return true;
            }
            let stays = match &known.library {
                None if known.reason == Some(Reason::NoRoom) => known.at.elapsed() < RETRY_AFTER,
                None => known.at.elapsed() < FORGET_AFTER,
                // What runs now and then finds its library ready.
                Some(place) => place.is_on_this_host(),
            };
            if !stays && known.library.is_some() {
                gone.push(*file);
            }
            stays
        });
        self.libraries -= gone.len();
        gone
    }

    /// Times that there was no room for a file.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets files without a library that nobody has mapped.
    fn make_room(&mut self) -> bool {
        let sweep = self.sweep;
        self.known.retain(|_, known| known.library.is_some() || known.sweep + 1 >= sweep);
        self.known.len() < MAX_FILES
    }
}

impl Place {
    /// Whether it is where this process sees it as well. Probes hold on to the mount of their file:
    /// what is deleted, or on a mount of a container, must not be kept longer than it is used.
    fn is_on_this_host(&self) -> bool {
        fs::metadata(Path::new(&self.path))
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode))
    }
}

/// Files with code: some hundred on a host, more with containers.
const MAX_FILES: usize = 65_536;

/// Files with probes, of which each is some thirty open files.
const MAX_LIBRARIES: usize = 1024;

/// How long a file without a library is remembered that nobody has mapped.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// How long a file that there was no room for waits.
const RETRY_AFTER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_into_once_as_long_as_it_is_the_same() {
        let path = std::env::temp_dir().join(format!("tlsight-files-{}", std::process::id()));
        fs::write(&path, "one").unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let file = FileId::of(&metadata);
        let mut files = Files::default();
        files.begin_sweep();
        assert_eq!(files.meet(&file), Standing::New);
        let content = Content { reason: None, has_library: true };
        files.add(file, path.to_str().unwrap(), &metadata, content);
        assert_eq!(files.meet(&file), Standing::Current);
        for _ in 0..2 {
            assert!(files.is_current(&file));
            assert!(files.end_sweep().is_empty(), "it is there and may be used again");
            files.begin_sweep();
        }
        assert_eq!(files.meet(&file), Standing::Returning);
        assert!(files.is_same(&file, Version::of(&metadata)));
        assert_eq!(files.meet(&file), Standing::Current);
        fs::write(&path, "other").unwrap();
        assert!(!files.is_same(&file, Version::of(&fs::metadata(&path).unwrap())));
        assert!(files.has_library(&metadata));
        fs::remove_file(&path).unwrap();
        assert!(files.end_sweep().is_empty(), "somebody has it mapped");
        files.begin_sweep();
        files.begin_sweep();
        assert_eq!(files.end_sweep(), [file]);
        assert_eq!(files.meet(&file), Standing::New);
    }

    #[test]
    fn the_library_that_nobody_has_mapped_for_longest_makes_room() {
        let metadata = fs::metadata("/").unwrap();
        let mut files = Files::default();
        files.begin_sweep();
        for inode in 0..MAX_LIBRARIES as u64 {
            assert_eq!(files.library_room(), (true, None));
            let content = Content { reason: None, has_library: true };
            files.add(FileId { device: (0, 0), inode }, "/", &metadata, content);
        }
        assert_eq!(files.library_room(), (false, None), "all are in use");
        files.begin_sweep();
        files.begin_sweep();
        let oldest = FileId { device: (0, 0), inode: 0 };
        assert_eq!(files.library_room(), (true, Some(oldest)));
    }
}
