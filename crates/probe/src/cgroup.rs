//! Where the cgroups of version 2 are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::ProbeError;

/// The root of the hierarchy of version 2, which on hosts with both versions is one of many.
///
/// # Errors
/// [`ProbeError::NoCgroups`] if there is none.
pub fn root() -> Result<PathBuf, ProbeError> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // Without `/proc`: where distributions mount it alone, and beside version 1.
    let usual = || {
        let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(Path::new);
        places.into_iter().find(|place| is_cgroup(place)).map(Path::to_owned)
    };
    mount_point(&mounts).or_else(usual).ok_or(ProbeError::NoCgroups)
}

/// Opens the directory of a cgroup.
#[cfg(target_os = "linux")]
pub(crate) fn open(path: &Path) -> Result<fs::File, ProbeError> {
    let directory =
        fs::File::open(path).map_err(|error| ProbeError::not_a_cgroup(path, error.to_string()))?;
    if is_cgroup(path) {
        Ok(directory)
    } else {
        Err(ProbeError::not_a_cgroup(path, "not a cgroup of version 2"))
    }
}

fn is_cgroup(path: &Path) -> bool {
    fs::exists(path.join("cgroup.controllers")).unwrap_or(false)
}

/// The mount point of the root of version 2, of the mounts in the form of `/proc/PID/mountinfo`
/// (proc(5)).
#[must_use]
pub fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        (after.starts_with("cgroup2 ") && root == "/").then(|| Path::new(&plain(point)).to_owned())
    })
}

/// A path with its escapes undone: `\040` is a space.
fn plain(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut parts = path.split('\\');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (code, part.get(3..)) {
            (Some(code), Some(rest)) => {
                plain.push(char::from(code));
                plain.push_str(rest);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_on_hosts_with_one_version_and_with_both() {
        let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        let hybrid = "31 23 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
                      32 31 0:28 / /sys/fs/cgroup/my\\040own rw shared:5 - cgroup2 cgroup2 rw\n\
                      33 31 0:29 / /sys/fs/cgroup/systemd rw shared:6 - cgroup cgroup rw\n";
        let part = "30 23 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup ro\n";
        assert_eq!(mount_point(unified), Some("/sys/fs/cgroup".into()));
        assert_eq!(mount_point(hybrid), Some("/sys/fs/cgroup/my own".into()));
        assert_eq!(mount_point(part), None);
    }
}
