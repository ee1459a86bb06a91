//! A network namespace with a pair of virtual interfaces, for one test.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::{env, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Runs `test` in a network namespace with the connected interfaces `left` and `right`; or skips
/// it, aloud, where that is not possible and `CI` is not set.
pub(crate) fn with_pair(name: &str, test: impl FnOnce() + Send) {
    if !rustix::process::geteuid().is_root() {
        assert!(env::var_os("CI").is_none(), "{name} needs root, which CI must give");
        println!("skipped: {name}: not root, so no network namespace can be made");
        return;
    }
    let namespace = Namespace::new(name);
    let outcome = thread::scope(|scope| scope.spawn(|| namespace.enter_and(test)).join());
    drop(namespace);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` with these arguments in the namespace of this thread.
pub(crate) fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "ip {arguments}: {status:?}");
}

struct Namespace(String);

impl Namespace {
    fn new(test: &str) -> Self {
        let name = format!("tlsight-{test}-{}", std::process::id());
        ip(&format!("netns add {name}"));
        Self(name)
    }

    fn enter_and(&self, test: impl FnOnce()) {
        let file = File::open(format!("/run/netns/{}", self.0)).unwrap();
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        // Without IPv6 the interfaces send nothing by themselves.
        for scope in ["all", "default"] {
            let setting = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
            std::fs::write(setting, "1").unwrap();
        }
        ip("link set lo up");
        ip("link add left type veth peer name right");
        ip("link set left up");
        ip("link set right up");
        test();
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip").args(["netns", "del", &self.0]).status().ok();
    }
}
