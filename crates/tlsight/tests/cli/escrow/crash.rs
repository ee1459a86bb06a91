//! A service that is killed, or hangs.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use escrow::{Outcome, Wait};
use event::Timestamp;
use secrets::{Label, Origin, Secret, SessionSecrets, SessionStage, ShortText};

use super::world::{Escrow, contains, hex, stop, wait_for};

#[test]
fn a_service_that_is_killed_under_load_has_all_that_it_acknowledged() {
    let escrow = Escrow::new();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let next = Arc::new(AtomicU32::new(0));
    for round in 0..3 {
        let mut serving = escrow.serve();
        let client = Arc::new(escrow.client(serving.port, false));
        let is_over = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (client, is_over) = (Arc::clone(&client), Arc::clone(&is_over));
                let (acknowledged, next) = (Arc::clone(&acknowledged), Arc::clone(&next));
                thread::spawn(move || {
                    while !is_over.load(Ordering::SeqCst) {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        let deadline = Instant::now() + Duration::from_secs(10);
                        let outcome = client.deliver(told(number), Wait::Durable, deadline);
                        if outcome == Outcome::Acknowledged(Wait::Durable) {
                            acknowledged.lock().unwrap().insert(hex(&random(number)));
                        }
                    }
                })
            })
            .collect();
        let least = 100 * (round + 1);
        wait_for("a load", || acknowledged.lock().unwrap().len() >= least);
        assert!(!is_in_memory(serving.child.id()), "round {round}");
        let held = std::hint::black_box(MARK.to_vec());
        assert!(is_in_memory(std::process::id()), "what is there is found");
        drop(held);
        // This is SIGKILL.
        serving.child.kill().unwrap();
        serving.child.wait().unwrap();
        is_over.store(true, Ordering::SeqCst);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
    // The next one closes what the killed ones left.
    stop(&mut escrow.serve());
    let audit = escrow.done(&["audit", "--store"]);
    assert!(audit.text().contains("the archive is as the log says"), "{}", audit.text());
    let log = fs::read_to_string(escrow.released(&escrow.request("all", "t1", &[], &[]))).unwrap();
    let released: BTreeSet<&str> =
        log.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    let acknowledged = acknowledged.lock().unwrap();
    for random in &*acknowledged {
        assert!(released.contains(random.as_str()), "{random} was acknowledged");
    }
    for path in files(&escrow.dir()) {
        let bytes = fs::read(&path).unwrap();
        assert!(!contains(&bytes, MARK), "{}", path.display());
        assert!(!contains(&bytes, hex(MARK).as_bytes()), "{}", path.display());
    }
}

const PIECE_LEN: usize = 1 << 20;

#[test]
fn a_service_that_hangs_is_noticed_and_nothing_is_lost() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    let client = escrow.client(serving.port, false);
    let pid = rustix::process::Pid::from_child(&serving.child);
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    let deadline = Instant::now() + Duration::from_millis(50);
    let outcome = client.deliver(told(1), Wait::Received, deadline);
    assert_eq!(outcome, Outcome::Deadline);
    wait_for("the client to give up", || !client.is_ready());
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    wait_for("the client to come back", || client.is_ready());
    assert!(client.drain(Instant::now() + Duration::from_secs(30)));
    let log = fs::read_to_string(escrow.released(&escrow.request("a", "t1", &[], &[]))).unwrap();
    assert!(log.contains(&hex(&random(1))));
}

/// What is in each secret of [`told`].
const MARK: &[u8; 24] = b"KNOWN SECRET OF ESCROW!!";

fn told(number: u32) -> SessionSecrets {
    let secret = |label: u8| {
        let secret = [&MARK[..], &number.to_be_bytes(), &[label; 4]].concat();
        Secret::new(&secret)
    };
    SessionSecrets {
        stage: SessionStage::Application,
        version: 0x0304,
        cipher_suite: 0x1301,
        client_random: random(number),
        server_random: None,
        secrets: vec![
            (Label::ServerHandshakeTraffic, secret(1)),
            (Label::ServerTraffic(0), secret(2)),
        ],
        origin: Origin {
            server_name: Some(ShortText::new("shop.example")),
            ..Origin::unknown(Timestamp::default())
        },
    }
}

fn random(number: u32) -> [u8; 32] {
    let mut random = [0x5a; 32];
    random[..4].copy_from_slice(&number.to_be_bytes());
    random
}

/// Whether a known secret is anywhere in the memory of a process, which is what a core dump has.
fn is_in_memory(pid: u32) -> bool {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let (mut bytes, zeros) = (vec![0; PIECE_LEN], vec![0; PIECE_LEN]);
    let mut read = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|it| u64::from_str_radix(it, 16).unwrap());
        // A secret that is cut by two pieces is there as well in one of the many others.
        for at in (from..to).step_by(PIECE_LEN) {
            let len = usize::try_from(to - at).unwrap().min(PIECE_LEN);
            // It may be gone, or not be there for others.
            let len = memory.read_at(&mut bytes[..len], at).unwrap_or(0);
            read += len;
            if bytes[..len] != zeros[..len] && contains(&bytes[..len], MARK) {
                return true;
            }
        }
    }
    assert!(read > 100_000, "{read} bytes of memory could be read");
    false
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
