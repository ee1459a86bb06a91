//! What `/proc` tells where the kernel's side could not read: memory that is swapped out.

use std::fs;
use std::path::Path;

use crate::record::ProcessKey;

/// The arguments of a process, each ended by a NUL; `None` if it has ended.
pub(crate) fn arguments(key: ProcessKey) -> Option<Vec<u8>> {
    let is_same = || start_ticks(&fs::read_to_string(path(key, "stat")).ok()?);
    let before = is_same()?;
    let bytes = fs::read(path(key, "cmdline")).ok()?;
    // Its number may have gone to another process before, or in between.
    let is_it = is_same() == Some(before) && before.abs_diff(key.start / TICK_NS) <= 1;
    is_it.then(|| bytes.into_iter().take(MAX_ARGUMENTS).collect())
}

/// Why the file system of processes at `proc` does not tell of all of them, if it does not.
#[must_use]
pub fn proc_obstacle(proc: &Path) -> Option<&'static str> {
    if fs::read_to_string(proc.join("self/stat")).is_err() {
        return Some("/proc is not mounted, or cannot be read");
    }
    let numbers = fs::read_link(proc.join("self/ns/pid"));
    if numbers.is_ok_and(|numbers| numbers != Path::new(NUMBERS_OF_HOST)) {
        return Some("/proc numbers processes as a container does, not as the host");
    }
    let hides_others = fs::read_to_string(proc.join("1/stat")).is_err();
    hides_others.then_some("/proc hides processes of others (hidepid)")
}

fn path(key: ProcessKey, name: &str) -> String {
    format!("/proc/{}/{name}", key.pid)
}

/// When a process began, of its `/proc/PID/stat` (proc(5)): the 22nd field. The second, its name in
/// parentheses, may hold anything.
fn start_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// A tick of `/proc` in nanoseconds: `USER_HZ` is 100 on all of Linux's architectures but Alpha.
const TICK_NS: u64 = 10_000_000;

/// The first namespace of process numbers has this number on all kernels (`PROC_PID_INIT_INO` of
/// `include/linux/proc_ns.h`).
const NUMBERS_OF_HOST: &str = "pid:[4026531836]";

/// As many as the kernel's side reads.
const MAX_ARGUMENTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_number_and_its_start() {
        let pid = std::process::id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let start = start_ticks(&stat).unwrap() * TICK_NS;
        let own = fs::read("/proc/self/cmdline").unwrap();
        let key = ProcessKey { start, pid, exec: 0 };
        assert_eq!(arguments(key).as_deref(), own.get(..MAX_ARGUMENTS.min(own.len())));
        assert_eq!(arguments(ProcessKey { start: start + 10 * TICK_NS, ..key }), None);
    }

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let fields: Vec<String> = (3..30).map(|number| number.to_string()).collect();
        assert_eq!(start_ticks(&format!("7 (a) b) {}", fields.join(" "))), Some(22));
        assert_eq!(start_ticks("7 (a"), None);
    }
}
