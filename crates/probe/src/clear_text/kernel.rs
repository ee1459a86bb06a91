//! Kernels on which clear text can be copied.

use rustix::system::uname;

/// Why clear text cannot be copied on Linux of a version, if it cannot: its first two numbers.
#[must_use]
pub fn mirror_obstacle(version: (u32, u32)) -> Option<&'static str> {
    match version {
        (..=5, _) | (6, ..=2) => {
            Some("Linux before 6.3 does not tell on which socket a thread sends")
        }
        // The trampoline of a return probe is a system call there, which filters (seccomp) may answer
        // by ending the program; they are passed by since 6.14.
        (6, 11..=13) => Some("Linux 6.11 to 6.13 may end programs under seccomp at a return probe"),
        _ => None,
    }
}

/// The same of the kernel that runs.
pub(crate) fn obstacle() -> Option<&'static str> {
    let name = uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => mirror_obstacle((major, minor)),
        // What it is, its answers will tell.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_lack_something_or_harm_programs_are_told_apart() {
        for version in [(4, 18), (5, 19), (6, 2), (6, 11), (6, 13)] {
            assert!(mirror_obstacle(version).is_some(), "{version:?}");
        }
        for version in [(6, 3), (6, 10), (6, 14), (7, 0)] {
            assert_eq!(mirror_obstacle(version), None, "{version:?}");
        }
    }
}
