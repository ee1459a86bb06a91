//! Files that processes map to execute, told by the kernel as they do (perf_event_open(2)).
#![expect(unsafe_code, reason = "the rings of perf events are memory mapped from the kernel")]

use std::io;
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aya::util::online_cpus;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::maps::FileId;
use crate::error::ProbeError;
use crate::record::Cursor;

/// The rings of all processors.
pub(crate) struct Mapped {
    rings: Vec<Ring>,
    /// What was read of a ring and is not parsed yet.
    records: Vec<u8>,
}

/// What a ring tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A process has mapped a file to execute it: by exec, by its dynamic linker or by `dlopen`.
    Mapped { pid: u32, file: FileId },
    /// The ring had no room for so many.
    Lost(u64),
}

impl Mapped {
    /// Begins to listen on all processors that there are.
    ///
    /// # Errors
    /// [`ProbeError::Refused`], [`ProbeError::System`].
    pub(crate) fn listen() -> Result<Self, ProbeError> {
        let processors = online_cpus().map_err(|(_, source)| ProbeError::System {
            action: "listing the processors",
            source,
        })?;
        let rings = processors.into_iter().map(Ring::open).collect::<io::Result<_>>();
        let rings = rings.map_err(|error| ProbeError::refused("to tell what is mapped", &error))?;
        Ok(Self { rings, records: Vec::new() })
    }

    /// Waits until there is something to read, or for `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) {
        let mut fds: Vec<PollFd<'_>> = self
            .rings
            .iter()
            .map(|ring| PollFd::from_borrowed_fd(ring.event.as_fd(), PollFlags::IN))
            .collect();
        // Whether there is any is seen by a look at the rings.
        poll(&mut fds, Timespec::try_from(timeout).ok().as_ref()).ok();
    }

    /// Takes what there is.
    pub(crate) fn take(&mut self, mut tell: impl FnMut(Notice)) {
        for ring in &mut self.rings {
            self.records.clear();
            ring.read(&mut self.records);
            notices(&self.records, &mut tell);
        }
    }
}

/// The ring of one processor: a page of positions, then that of the records.
struct Ring {
    event: OwnedFd,
    base: NonNull<u8>,
    page_len: usize,
}

// SAFETY: the mapping belongs to this value alone.
unsafe impl Send for Ring {}

impl Ring {
    fn open(processor: u32) -> io::Result<Self> {
        let event = open_event(processor)?;
        let page_len = rustix::param::page_size();
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let base = unsafe {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            let len = ring_len(page_len);
            mmap(ptr::null_mut(), len, access, MapFlags::SHARED, event.as_fd(), 0)?
        };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { event, base, page_len })
    }

    /// Copies all records to the end of `to`, and gives their room back.
    fn read(&mut self, to: &mut Vec<u8>) {
        let len = self.page_len * PAGES;
        // The kernel has written all that is before its position.
        let head = self.position(HEAD).load(Ordering::Acquire);
        let tail = self.position(TAIL).load(Ordering::Relaxed);
        let count = usize::try_from(head.wrapping_sub(tail)).unwrap_or(0).min(len);
        let from = usize::try_from(tail % len as u64).unwrap_or(0);
        // SAFETY: the records' pages are mapped behind the first one, and the kernel leaves alone what
        // lies between both positions until the reader's goes on.
        let records = unsafe { slice::from_raw_parts(self.base.as_ptr().add(self.page_len), len) };
        let (wrapped, straight) = records.split_at_checked(from).unwrap_or_default();
        to.extend(straight.iter().chain(wrapped).take(count));
        self.position(TAIL).store(head, Ordering::Release);
    }

    fn position(&self, at: usize) -> &AtomicU64 {
        // SAFETY: the first page is mapped and writable as long as this value lives, and both
        // positions are aligned words of 64 bits in it that are only accessed whole.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(at).cast()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and no borrow outlives it.
        let result = unsafe { munmap(self.base.as_ptr().cast(), ring_len(self.page_len)) };
        debug_assert!(result.is_ok(), "address and length are those of the mapping");
    }
}

const fn ring_len(page_len: usize) -> usize {
    page_len * (1 + PAGES)
}

/// `struct perf_event_attr` in its first version, of 64 bytes.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    len: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_watermark: u32,
    breakpoint_type: u32,
    config1: u64,
}

/// An event that counts nothing and tells what all processes map, on one processor.
fn open_event(processor: u32) -> io::Result<OwnedFd> {
    let attributes = Attributes {
        kind: PERF_TYPE_SOFTWARE,
        len: size_of::<Attributes>().try_into().unwrap_or(0),
        config: PERF_COUNT_SW_DUMMY,
        flags: FLAG_MMAP | FLAG_WATERMARK | FLAG_MMAP2,
        // Any record wakes.
        wakeup_watermark: 1,
        ..Attributes::default()
    };
    let processor = i32::try_from(processor).unwrap_or(-1);
    // SAFETY: the kernel reads the attributes, whose length is in them, and keeps no pointer.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            -1,
            processor,
            -1,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just given this descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Reads the records of a ring (`enum perf_event_type` of include/uapi/linux/perf_event.h).
fn notices(mut records: &[u8], tell: &mut impl FnMut(Notice)) {
    while let Some((kind, body, rest)) = record(records) {
        records = rest;
        let notice = match kind {
            PERF_RECORD_MMAP2 => mapped(Cursor(body)),
            PERF_RECORD_LOST => lost(Cursor(body)),
            // Processes that begin and end are told as well.
            _ => None,
        };
        if let Some(notice) = notice {
            tell(notice);
        }
    }
}

fn record(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let mut at = Cursor(bytes);
    let kind = at.u32()?;
    let [_, _, len_low, len_high] = at.array()?;
    let len = usize::from(u16::from_le_bytes([len_low, len_high]));
    let body = at.take(len.checked_sub(HEADER_LEN)?)?;
    Some((kind, body, at.0))
}

fn mapped(mut at: Cursor<'_>) -> Option<Notice> {
    let (pid, _thread) = (at.u32()?, at.u32()?);
    let (_start, _len, _offset) = (at.u64()?, at.u64()?, at.u64()?);
    let device = (at.u32()?, at.u32()?);
    let inode = at.u64()?;
    (inode > 0).then_some(Notice::Mapped { pid, file: FileId { device, inode } })
}

fn lost(mut at: Cursor<'_>) -> Option<Notice> {
    let _event = at.u64()?;
    at.u64().map(Notice::Lost)
}

/// Pages of records on each processor: some thousand files.
const PAGES: usize = 32;

/// Places of the positions in `struct perf_event_mmap_page`.
const HEAD: usize = 1024;
const TAIL: usize = 1032;

const HEADER_LEN: usize = 8;

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_DUMMY: u64 = 9;
const PERF_FLAG_FD_CLOEXEC: u64 = 8;
const PERF_RECORD_LOST: u32 = 2;
const PERF_RECORD_MMAP2: u32 = 10;
const FLAG_MMAP: u64 = 1 << 8;
const FLAG_WATERMARK: u64 = 1 << 14;
const FLAG_MMAP2: u64 = 1 << 23;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_a_ring_are_told_apart() {
        let mut records = bytes(4, &[1, 2, 3]);
        records.extend(bytes(PERF_RECORD_MMAP2, &mapping(7, 260, 9)));
        records.extend(bytes(PERF_RECORD_MMAP2, &mapping(7, 0, 0)));
        records.extend(bytes(PERF_RECORD_LOST, &[5, 6]));
        let told = |records: &[u8]| {
            let mut told = Vec::new();
            notices(records, &mut |notice| told.push(notice));
            told
        };
        let file = FileId { device: (260, 1), inode: 9 };
        let all = [Notice::Mapped { pid: 7, file }, Notice::Lost(6)];
        assert_eq!(told(&records), all);
        for len in 0..records.len() {
            assert!(told(&records[..len]).len() < 2, "{len} bytes");
        }
    }

    #[test]
    fn a_program_that_starts_is_told() {
        let Ok(mut mapped) = Mapped::listen() else {
            return println!("skipped: not permitted");
        };
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let mut files = 0;
        while files < 2 {
            mapped.wait(Duration::from_secs(60));
            mapped.take(|notice| {
                files +=
                    u32::from(matches!(notice, Notice::Mapped { pid, .. } if pid == child.id()));
            });
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_records_or_none(bytes: Vec<u8>) {
            notices(&bytes, &mut |_| ());
        }
    }

    fn mapping(pid: u64, major: u64, inode: u64) -> [u64; 9] {
        [pid, 0, 0, 0, 1 << 32 | major, inode, 0, 0, 0]
    }

    fn bytes(kind: u32, words: &[u64]) -> Vec<u8> {
        let len = u64::try_from(words.len() * 8 + HEADER_LEN).unwrap();
        let head = len << 48 | u64::from(kind);
        [head].iter().chain(words).flat_map(|word| word.to_le_bytes()).collect()
    }
}
