//! Files with code that processes have mapped.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use rustix::fs::{major, minor};

/// A file that a process can execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) file: FileId,
    /// Its path, as the process sees it; what follows it says whether it was deleted.
    pub(crate) path: String,
    start: u64,
    end: u64,
}

/// A file of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    /// Major and minor number.
    pub(crate) device: (u32, u32),
    pub(crate) inode: u64,
}

impl FileId {
    /// That of a file which is open. File systems with volumes of their own (Btrfs) tell another device
    /// than for a mapping.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let device = metadata.dev();
        Self { device: (major(device), minor(device)), inode: metadata.ino() }
    }
}

impl Mapping {
    /// A path that leads to the file whatever the mount namespace of the process, and if it was deleted.
    pub(crate) fn reach(&self, pid: u32) -> PathBuf {
        format!("/proc/{pid}/map_files/{:x}-{:x}", self.start, self.end).into()
    }
}

/// Numbers of all processes.
pub(crate) fn processes() -> io::Result<impl Iterator<Item = u32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()))
}

/// What a process has mapped, each file once; none if it has ended.
pub(crate) fn mapped(pid: u32) -> Vec<Mapping> {
    let Ok(maps) = fs::read(format!("/proc/{pid}/maps")) else { return Vec::new() };
    parse(&String::from_utf8_lossy(&maps))
}

/// Reads `/proc/PID/maps` (proc(5)).
fn parse(maps: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for mapping in maps.lines().take(MAX_LINES).filter_map(line) {
        if !mappings.iter().any(|known| known.file == mapping.file) {
            mappings.push(mapping);
        }
    }
    mappings
}

fn line(line: &str) -> Option<Mapping> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()?.as_bytes().get(2) == Some(&b'x');
    let (_offset, device, inode) = (fields.next()?, fields.next()?, fields.next()?);
    let path = fields.next()?.trim_start();
    let (major, minor) = device.split_once(':')?;
    let number = |text| u32::from_str_radix(text, 16).ok();
    let device = (number(major)?, number(minor)?);
    let inode = inode.parse().ok().filter(|inode| *inode > 0)?;
    is_code.then_some(Mapping {
        file: FileId { device, inode },
        path: path.to_owned(),
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
    })
}

/// Mappings of one process that are looked at: the kernel's own bound by default
/// (`vm.max_map_count`).
const MAX_LINES: usize = 65_530;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_code_are_found_once_each() {
        let maps = "55d0-55d1 r--p 00000000 08:01 7 /usr/bin/curl\n\
                    55d1-55d2 r-xp 00001000 08:01 7 /usr/bin/curl\n\
                    55d2-55d3 r-xp 00002000 08:01 7 /usr/bin/curl\n\
                    7f00-7f10 r-xp 00000000 00:2a 9 /tmp/with space (deleted)\n\
                    7f20-7f30 r-xp 00000000 00:00 0 [vdso]\n\
                    7f30-7f40 r-xp 00000000 00:00 0 \n\
                    nonsense\n";
        let mappings = parse(maps);
        let files: Vec<_> = mappings.iter().map(|mapping| mapping.path.as_str()).collect();
        assert_eq!(files, ["/usr/bin/curl", "/tmp/with space (deleted)"]);
        assert_eq!(mappings[1].file, FileId { device: (0, 0x2a), inode: 9 });
        let reach = mappings.first().map(|mapping| mapping.reach(5));
        assert_eq!(reach, Some("/proc/5/map_files/55d1-55d2".into()));
    }

    #[test]
    fn this_process_has_itself_mapped() {
        let own = std::process::id();
        assert!(processes().unwrap().any(|pid| pid == own));
        assert!(mapped(own).iter().any(|mapping| mapping.path.contains("probe")));
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_mappings_or_none(maps: String) {
            parse(&maps);
        }
    }
}
