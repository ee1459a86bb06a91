//! The rules as the kernel's side has them.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aya::Ebpf;
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapData, MapError};

use super::rules::{Matches, Rules};
use crate::error::ProbeError;
use crate::load::map;

/// The maps of rules (`bpf/clear_scope.h`).
pub(crate) struct Scope {
    scopes: Array<MapData, [u32; 4]>,
    pids: HashMap<MapData, u32, u8>,
    executables: HashMap<MapData, [u64; 2], u8>,
    cgroups: HashMap<MapData, u64, u8>,
    ports: HashMap<MapData, u16, u8>,
    nets: LpmTrie<MapData, [u8; 16], u8>,
    locals: HashMap<MapData, [u8; 20], u8>,
    epoch: u32,
    rules: Rules,
}

impl Scope {
    pub(crate) fn take(programs: &mut Ebpf) -> Result<Self, ProbeError> {
        let refused = |error: MapError| ProbeError::refused("the rules", &error);
        Ok(Self {
            scopes: Array::try_from(map(programs, "scopes")?).map_err(refused)?,
            pids: HashMap::try_from(map(programs, "rules_pid")?).map_err(refused)?,
            executables: HashMap::try_from(map(programs, "rules_exe")?).map_err(refused)?,
            cgroups: HashMap::try_from(map(programs, "rules_cgroup")?).map_err(refused)?,
            ports: HashMap::try_from(map(programs, "rules_port")?).map_err(refused)?,
            nets: LpmTrie::try_from(map(programs, "rules_net")?).map_err(refused)?,
            locals: HashMap::try_from(map(programs, "rules_local")?).map_err(refused)?,
            epoch: 0,
            rules: Rules::default(),
        })
    }

    /// Has rules take effect. Until all of them do, nothing is copied.
    ///
    /// # Errors
    /// [`ProbeError::NotACgroup`], [`ProbeError::Refused`]. What was in effect is not any longer.
    pub(crate) fn set(&mut self, rules: &Rules) -> Result<(), ProbeError> {
        self.put([0; 4])?;
        self.clear();
        self.rules = rules.clone();
        let allowed = self.add(&rules.allow, ALLOW)?;
        let denied = self.add(&rules.deny, DENY)?;
        // What this process sends itself is never of interest.
        insert(&mut self.pids, std::process::id(), DENY)?;
        if rules.allow_nothing() {
            return Ok(());
        }
        self.epoch = self.epoch.wrapping_add(1).max(1);
        self.put([allowed, allowed | denied | KIND_PID, self.epoch, 0])
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
        let allowed = if allow.contains(&path) { ALLOW } else { 0 };
        let denied = if deny.contains(&path) { DENY } else { 0 };
        let said = allowed | denied;
        let Some(key) = file_key(&link).filter(|_| said > 0) else { return };
        let before = self.executables.get(&key, 0).unwrap_or(0);
        // Where the map is full, what would be allowed is not.
        if before | said != before && self.executables.insert(key, before | said, 0).is_ok() {
            self.begin_anew();
        }
    }

    /// Has all processes judged again.
    fn begin_anew(&mut self) {
        if let Ok([allowing, used, epoch, _]) = self.scopes.get(&0, 0)
            && epoch > 0
        {
            self.epoch = self.epoch.wrapping_add(1).max(1);
            self.put([allowing, used, self.epoch, 0]).ok();
        }
    }

    fn put(&mut self, scope: [u32; 4]) -> Result<(), ProbeError> {
        self.scopes.set(0, scope, 0).map_err(|error| ProbeError::refused("the rules", &error))
    }

    fn clear(&mut self) {
        let keys: Vec<_> = self.pids.keys().flatten().collect();
        keys.iter().for_each(|key| drop(self.pids.remove(key)));
        let keys: Vec<_> = self.executables.keys().flatten().collect();
        keys.iter().for_each(|key| drop(self.executables.remove(key)));
        let keys: Vec<_> = self.cgroups.keys().flatten().collect();
        keys.iter().for_each(|key| drop(self.cgroups.remove(key)));
        let keys: Vec<_> = self.ports.keys().flatten().collect();
        keys.iter().for_each(|key| drop(self.ports.remove(key)));
        let keys: Vec<_> = self.locals.keys().flatten().collect();
        keys.iter().for_each(|key| drop(self.locals.remove(key)));
        let keys: Vec<_> = self.nets.keys().flatten().collect();
        keys.iter().for_each(|key| drop(self.nets.remove(key)));
    }

    /// Adds rules; gives their kinds.
    fn add(&mut self, matches: &Matches, rule: u8) -> Result<u32, ProbeError> {
        for pid in &matches.pids {
            insert(&mut self.pids, *pid, rule)?;
        }
        for path in &matches.executables {
            // One that is not there yet is learnt when a process has it.
            if let Some(key) = file_key(path) {
                insert(&mut self.executables, key, rule)?;
            }
        }
        for path in &matches.cgroups {
            let metadata = fs::metadata(path)
                .map_err(|error| ProbeError::not_a_cgroup(path, error.to_string()))?;
            crate::cgroup::open(path)?;
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
}

fn insert<K: aya::Pod>(
    map: &mut HashMap<MapData, K, u8>,
    key: K,
    rule: u8,
) -> Result<(), ProbeError> {
    let before = map.get(&key, 0).unwrap_or(0);
    map.insert(key, before | rule, 0).map_err(|error| ProbeError::refused("a rule", &error))
}

/// A file as the kernel's side names it (`struct file_key`): inode and device.
fn file_key(path: &Path) -> Option<[u64; 2]> {
    let metadata = fs::metadata(path).ok()?;
    Some([metadata.ino(), kernel_device(metadata.dev())])
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

const ALLOW: u8 = 1;
const DENY: u8 = 2;

const KIND_PID: u32 = 1;
const KIND_EXE: u32 = 2;
const KIND_CGROUP: u32 = 4;
const KIND_PORT: u32 = 8;
const KIND_NET: u32 = 16;
const KIND_LOCAL: u32 = 32;
