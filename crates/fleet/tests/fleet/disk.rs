//! Disks that are full, and files that are damaged.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fleet::agent::{Uplink, UplinkSettings};

use crate::world::{World, is_up, keep, kept, push, settings, start, wait};

/// Lines that compression makes hardly shorter, 256 KiB of them.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut lines = Vec::with_capacity(256 << 10);
    while lines.len() < 256 << 10 {
        for _ in 0..1023 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            lines.push(b' ' + state.to_le_bytes()[4] % 94);
        }
        lines.push(b'\n');
    }
    lines
}

/// Hands in so many times 256 lines, no faster than the disk takes them.
fn fill(uplink: &Uplink, times: u64) {
    for seed in 0..times {
        let done = |uplink: &Uplink| {
            let counters = uplink.meter().counters();
            counters.evicted_batches
                + counters.unspooled_sessions
                + uplink.meter().backlog().batches
        };
        let before = done(uplink);
        assert!(uplink.push(&noise(seed)));
        wait("the spool has it", || done(uplink) > before || uplink.meter().backlog().batches == 0);
    }
}

#[test]
fn a_full_spool_evicts_the_oldest_and_counts_them() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let port = server.port;
    let (uplink, _) = start(UplinkSettings {
        spool_bytes: 0,
        ..settings(folder.path(), &[port], Some(world.token()))
    });
    wait("it has joined", || is_up(&uplink));
    server.kill();
    wait("that is noticed", || !is_up(&uplink));
    fill(&uplink, 200);
    let backlog = uplink.meter().backlog();
    assert!(backlog.bytes <= UplinkSettings::LEAST_SPOOL && backlog.batches > 0);
    let evicted = uplink.meter().counters().evicted_sessions;
    assert!(evicted > 0);
    let _server = world.serve_with(port, Arc::new(keep));
    let meter = uplink.meter();
    wait("the rest is kept", || meter.backlog().batches == 0);
    let counters = meter.counters();
    assert_eq!(counters.taken_sessions, 200 * 256);
    assert_eq!(counters.kept_sessions + counters.evicted_sessions, counters.taken_sessions);
    assert_eq!(world.lines().len() as u64, counters.kept_sessions);
}

#[test]
fn a_damaged_spool_gives_what_is_left_and_counts_the_rest() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let port = server.port;
    let (uplink, _) = start(settings(folder.path(), &[port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    server.kill();
    for number in 0..5_u64 {
        push(&uplink, 0..1);
        wait("it is spooled", || uplink.meter().backlog().batches == number + 1);
    }
    uplink.finish(Duration::ZERO);
    let file = fs::read_dir(folder.path().join("agent/spool"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "spool"))
        .unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&file, bytes).unwrap();
    let _server = world.serve_with(port, Arc::new(keep));
    let (uplink, program) = start(settings(folder.path(), &[port], None));
    wait("the rest is kept", || kept(&uplink) == 4);
    assert_eq!(uplink.meter().counters().damaged_batches, 1);
    assert!(program.was_told("1 batches of the spool are damaged"));
}

#[test]
fn a_full_disk_costs_the_oldest_and_nothing_else() {
    let Some(disk) = SmallDisk::mount() else { return };
    let world = World::new();
    let server = world.serve();
    let port = server.port;
    let (uplink, _) = start(settings(disk.0.path(), &[port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    server.kill();
    wait("that is noticed", || !is_up(&uplink));
    fill(&uplink, 64);
    assert!(uplink.meter().counters().evicted_sessions > 0);
    let _server = world.serve_with(port, Arc::new(keep));
    let meter = uplink.meter();
    wait("the rest is kept", || meter.backlog().batches == 0);
    let counters = meter.counters();
    let lost = counters.evicted_sessions + counters.unspooled_sessions;
    assert_eq!(counters.kept_sessions + lost, counters.taken_sessions);
}

/// A file system of 8 MiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let is_mounted = mount(&["-t", "tmpfs", "-o", "size=8m", "tmpfs"], folder.path());
        if !is_mounted {
            assert!(std::env::var_os("CI").is_none(), "a disk cannot be mounted");
            eprintln!("skipped: a small disk needs root and mount(8)");
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let status = Command::new("mount").args(arguments).arg(at).status();
    status.is_ok_and(|status| status.success())
}
