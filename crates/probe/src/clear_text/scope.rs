//! The rules as the kernel's side has them.

use std::fs::{self, File};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aya::Ebpf;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapData, MapError};
use hashbrown::HashSet;
use rustix::fs::{Mode, OFlags};

use super::rules::{Matches, Pods, Rules};
use crate::error::ProbeError;
use crate::load::map;

/// The maps of rules (`bpf/clear_scope.h`).
pub(crate) struct Scope {
    scopes: Array<MapData, [u32; 4]>,
    generation: Array<MapData, u32>,
    pids: HashMap<MapData, u32, u8>,
    executables: HashMap<MapData, [u64; 2], u8>,
    /// Files that rules on executables name by their numbers. As long as they are held, these are given to
    /// no other file.
    held: hashbrown::HashMap<[u64; 2], OwnedFd>,
    cgroups: HashMap<MapData, u64, u8>,
    pods: HashMap<MapData, u64, u8>,
    ports: HashMap<MapData, u16, u8>,
    nets: LpmTrie<MapData, [u8; 16], u8>,
    locals: HashMap<MapData, [u8; 20], u8>,
    /// Which of the two is in effect.
    current: u32,
    epoch: u32,
    rules: Rules,
}

impl Scope {
    pub(crate) fn take(programs: &mut Ebpf) -> Result<Self, ProbeError> {
        let refused = |error: MapError| ProbeError::refused("the rules", &error);
        Ok(Self {
            scopes: Array::try_from(map(programs, "scopes")?).map_err(refused)?,
            generation: Array::try_from(map(programs, "generation")?).map_err(refused)?,
            pids: HashMap::try_from(map(programs, "rules_pid")?).map_err(refused)?,
            executables: HashMap::try_from(map(programs, "rules_exe")?).map_err(refused)?,
            held: hashbrown::HashMap::new(),
            cgroups: HashMap::try_from(map(programs, "rules_cgroup")?).map_err(refused)?,
            pods: HashMap::try_from(map(programs, "rules_pod")?).map_err(refused)?,
            ports: HashMap::try_from(map(programs, "rules_port")?).map_err(refused)?,
            nets: LpmTrie::try_from(map(programs, "rules_net")?).map_err(refused)?,
            locals: HashMap::try_from(map(programs, "rules_local")?).map_err(refused)?,
            current: 0,
            epoch: 0,
            rules: Rules::default(),
        })
    }

    /// Has rules take effect, all at once.
    ///
    /// # Errors
    /// [`ProbeError::NotACgroup`], [`ProbeError::Refused`]. What was in effect still is.
    pub(crate) fn set(&mut self, rules: &Rules) -> Result<(), ProbeError> {
        let next = (self.current + 1) % GENERATIONS;
        // What an attempt that failed has left.
        self.forget(next)?;
        let allowed = self.add(&rules.allow, ALLOW << shift(next))?;
        let denied = self.add(&rules.deny, DENY << shift(next))?;
        let (pods_allowed, pods) = self.add_pods(rules.pods.as_ref(), ALLOW << shift(next))?;
        let (allowed, denied) = (allowed | pods_allowed, denied | pods);
        // What this process sends itself is never of interest.
        insert(&mut self.pids, std::process::id(), DENY << shift(next))?;
        let scope = if rules.allow_nothing() {
            [0; 4]
        } else {
            self.epoch = self.epoch.wrapping_add(1).max(1);
            [allowed, allowed | denied | KIND_PID, self.epoch, shift(next)]
        };
        let refused = |error: MapError| ProbeError::refused("the rules", &error);
        self.scopes.set(next, scope, 0).map_err(refused)?;
        self.generation.set(0, next, 0).map_err(refused)?;
        let before = std::mem::replace(&mut self.current, next);
        self.rules = rules.clone();
        self.forget(before)
    }

    /// Has rules on pods allow other ones than before; it does nothing if there are none.
    ///
    /// # Errors
    /// [`ProbeError::Refused`]: then some of them may not be allowed.
    pub(crate) fn set_pods(&mut self, cgroups: Vec<PathBuf>) -> Result<(), ProbeError> {
        let Some(pods) = &mut self.rules.pods else { return Ok(()) };
        pods.cgroups = cgroups;
        let rule = ALLOW << shift(self.current);
        let ids: HashSet<u64> = pods.cgroups.iter().filter_map(|path| cgroup_id(path)).collect();
        let said: Vec<_> = self.pods.iter().flatten().collect();
        let refused = |error: MapError| ProbeError::refused("a rule on a pod", &error);
        let mut has_changed = false;
        for (id, _) in said.iter().filter(|(id, said)| said & rule != 0 && !ids.contains(id)) {
            self.pods.remove(id).map_err(refused)?;
            has_changed = true;
        }
        let mut added = Ok(());
        for id in ids {
            if !said.contains(&(id, rule)) {
                added = added.and(insert(&mut self.pods, id, rule));
                has_changed = true;
            }
        }
        if has_changed {
            self.begin_anew();
        }
        added
    }

    /// Adds the file of a process to the rules on executables, if one names its path.
    pub(crate) fn learn(&mut self, pid: u32) {
        let Matches { executables: allow, .. } = &self.rules.allow;
        let Matches { executables: deny, .. } = &self.rules.deny;
        if allow.is_empty() && deny.is_empty() {
            return;
        }
        let link = PathBuf::from(format!("/proc/{pid}/exe"));
        let Ok(path) = fs::read_link(&link) else { return };
        self.admit(&link, allow.contains(&path), deny.contains(&path));
    }

    /// Goes by what rules' paths lead to at this moment, and by what processes have, of those that there
    /// are; forgets other executables.
    pub(crate) fn renew_executables(&mut self, pids: &[u32]) {
        let Matches { executables: allow, .. } = self.rules.allow.clone();
        let Matches { executables: deny, .. } = self.rules.deny.clone();
        allow.iter().for_each(|path| self.admit(path, true, deny.contains(path)));
        deny.iter().for_each(|path| self.admit(path, false, true));
        if self.held.is_empty() {
            return;
        }
        let links = pids.iter().map(|pid| PathBuf::from(format!("/proc/{pid}/exe")));
        let paths = links.chain(allow).chain(deny);
        let used: HashSet<_> =
            paths.filter_map(|path| file_key(&fs::metadata(path).ok()?)).collect();
        let executables = &mut self.executables;
        self.held.retain(|key, _| used.contains(key) || executables.remove(key).is_err());
    }

    /// Adds a file to the rules on executables.
    fn admit(&mut self, path: &Path, is_allowed: bool, is_denied: bool) {
        let allowed = if is_allowed { ALLOW } else { 0 };
        let denied = if is_denied { DENY } else { 0 };
        let said = (allowed | denied) << shift(self.current);
        if said == 0 {
            return;
        }
        let Some((key, file)) = hold(path) else { return };
        let before = self.executables.get(&key, 0).unwrap_or(0);
        // Where the map is full, what would be allowed is not.
        if before | said != before && self.executables.insert(key, before | said, 0).is_ok() {
            self.held.insert(key, file);
            self.begin_anew();
        }
    }

    /// Has all processes judged again.
    pub(crate) fn begin_anew(&mut self) {
        if let Ok([allowing, used, epoch, shift]) = self.scopes.get(&self.current, 0)
            && epoch > 0
        {
            self.epoch = self.epoch.wrapping_add(1).max(1);
            self.scopes.set(self.current, [allowing, used, self.epoch, shift], 0).ok();
        }
    }

    /// Forgets what the rules of one generation say.
    fn forget(&mut self, generation: u32) -> Result<(), ProbeError> {
        let kept = !((ALLOW | DENY) << shift(generation));
        forget(&mut self.pids, kept)?;
        forget(&mut self.executables, kept)?;
        forget(&mut self.cgroups, kept)?;
        forget(&mut self.pods, kept)?;
        forget(&mut self.ports, kept)?;
        forget(&mut self.locals, kept)?;
        let refused = |error: MapError| ProbeError::refused("a rule on a network", &error);
        let nets: Vec<_> = self.nets.iter().flatten().collect();
        for (key, said) in nets {
            match said & kept {
                0 => self.nets.remove(&key).map_err(refused)?,
                left => self.nets.insert(&key, left, 0).map_err(refused)?,
            }
        }
        Ok(())
    }

    /// Adds rules; gives their kinds.
    fn add(&mut self, matches: &Matches, rule: u8) -> Result<u32, ProbeError> {
        for pid in &matches.pids {
            insert(&mut self.pids, *pid, rule)?;
        }
        for path in &matches.executables {
            // One that is not there yet is learnt when a process has it.
            if let Some((key, file)) = hold(path) {
                insert(&mut self.executables, key, rule)?;
                self.held.insert(key, file);
            }
        }
        for path in &matches.cgroups {
            let metadata = crate::cgroup::open(path)?.metadata();
            let metadata =
                metadata.map_err(|error| ProbeError::not_a_cgroup(path, error.to_string()))?;
            insert(&mut self.cgroups, metadata.ino(), rule)?;
        }
        for port in &matches.ports {
            insert(&mut self.ports, *port, rule)?;
        }
        for net in &matches.nets {
            let (address, bits) = net.prefix();
            let key = Key::new(bits, address);
            let before = self.nets.get(&key, 0).unwrap_or(0);
            self.nets
                .insert(&key, before | rule, 0)
                .map_err(|error| ProbeError::refused("a rule on a network", &error))?;
        }
        if let Some(local) = &matches.local {
            for address in &local.addresses {
                insert(&mut self.locals, local_key(local.netns, *address), rule)?;
            }
        }
        let kinds = [
            (KIND_PID, matches.pids.is_empty()),
            (KIND_EXE, matches.executables.is_empty()),
            (KIND_CGROUP, matches.cgroups.is_empty()),
            (KIND_PORT, matches.ports.is_empty()),
            (KIND_NET, matches.nets.is_empty()),
            (KIND_LOCAL, matches.local.is_none()),
        ];
        Ok(kinds.iter().filter(|(_, none)| !none).map(|(kind, _)| kind).sum())
    }

    /// Adds rules on pods; gives their kind twice, if it must allow and if there are any.
    fn add_pods(&mut self, pods: Option<&Pods>, rule: u8) -> Result<(u32, u32), ProbeError> {
        let Some(pods) = pods else { return Ok((0, 0)) };
        for id in pods.cgroups.iter().filter_map(|path| cgroup_id(path)) {
            insert(&mut self.pods, id, rule)?;
        }
        Ok((if pods.others { 0 } else { KIND_POD }, KIND_POD))
    }
}

/// How the kernel's side names a cgroup, if it is there.
fn cgroup_id(path: &Path) -> Option<u64> {
    Some(crate::cgroup::open(path).ok()?.metadata().ok()?.ino())
}

fn insert<K: aya::Pod>(
    map: &mut HashMap<MapData, K, u8>,
    key: K,
    rule: u8,
) -> Result<(), ProbeError> {
    let before = map.get(&key, 0).unwrap_or(0);
    map.insert(key, before | rule, 0).map_err(|error| ProbeError::refused("a rule", &error))
}

/// Leaves only some bits of what rules say.
fn forget<K: aya::Pod>(map: &mut HashMap<MapData, K, u8>, kept: u8) -> Result<(), ProbeError> {
    let refused = |error: MapError| ProbeError::refused("a rule", &error);
    let all: Vec<_> = map.iter().flatten().collect();
    for (key, said) in all {
        match said & kept {
            0 => map.remove(&key).map_err(refused)?,
            left => map.insert(key, left, 0).map_err(refused)?,
        }
    }
    Ok(())
}

/// How far what the rules of a generation say is shifted.
const fn shift(generation: u32) -> u32 {
    generation * 2
}

/// A file, and how the kernel's side names it.
fn hold(path: &Path) -> Option<([u64; 2], OwnedFd)> {
    let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let file = File::from(file);
    Some((file_key(&file.metadata().ok()?)?, file.into()))
}

/// A file as the kernel's side names it (`struct file_key`): inode and device.
fn file_key(metadata: &fs::Metadata) -> Option<[u64; 2]> {
    metadata.is_file().then(|| [metadata.ino(), kernel_device(metadata.dev())])
}

/// A device as the kernel numbers it itself (`MKDEV` of its include/linux/kdev_t.h).
pub(crate) fn kernel_device(device: u64) -> u64 {
    u64::from(rustix::fs::major(device) << 20 | rustix::fs::minor(device))
}

/// An address of a network namespace (`struct local_key`).
fn local_key(netns: u32, address: IpAddr) -> [u8; 20] {
    let octets = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let mut key = [0; 20];
    for (place, byte) in key.iter_mut().zip(octets.into_iter().chain(netns.to_le_bytes())) {
        *place = byte;
    }
    key
}

/// Rules in effect, and those that are to be.
const GENERATIONS: u32 = 2;

const ALLOW: u8 = 1;
const DENY: u8 = 2;

const KIND_PID: u32 = 1;
const KIND_EXE: u32 = 2;
const KIND_CGROUP: u32 = 4;
const KIND_PORT: u32 = 8;
const KIND_NET: u32 = 16;
const KIND_LOCAL: u32 = 32;
const KIND_POD: u32 = 64;
