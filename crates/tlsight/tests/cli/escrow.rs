//! `tlsight escrow`, from the making of keys to a destroyed epoch.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use escrow::keys::{Trust, VerifyingKey};
use escrow::{Client, ClientSettings, Outcome, Wait};
use event::Timestamp;
use secrets::{
    KeyLogEntry, KeyLogReader, Label, Origin, Secret, SessionSecrets, SessionStage, ShortText,
};
use tempfile::TempDir;
use tunnel::Credentials;

use crate::program::{Run, command, testdata, tlsight};

/// An escrow in a folder, with persons who have keys.
struct Escrow {
    folder: TempDir,
}

/// A service that runs.
struct Serving {
    child: Child,
    port: u16,
}

impl Escrow {
    fn new() -> Self {
        let escrow = Self { folder: TempDir::new().unwrap() };
        escrow.done(&["init", "--service", "localhost", "--agent", "web-1", "--monitor", "soc"]);
        for (name, roles) in [("alice", "requester"), ("bob", "approver"), ("carol", "approver")] {
            let key = escrow.path(name);
            let public = escrow.path(&format!("{name}.pub"));
            done(&tlsight(["escrow", "keys", "identity", key.to_str().unwrap()]));
            escrow.done(&[
                "keys",
                "grant",
                name,
                "--public",
                public.to_str().unwrap(),
                "--role",
                roles,
                "--tier",
                "t4",
            ]);
        }
        escrow
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn dir(&self) -> PathBuf {
        self.path("escrow")
    }

    /// Runs `tlsight escrow ARGS... --dir DIR`.
    fn run(&self, args: &[&str]) -> Run {
        let dir = self.dir();
        let mut all = vec!["escrow"];
        all.extend(args);
        all.extend(["--dir", dir.to_str().unwrap()]);
        tlsight(all)
    }

    #[track_caller]
    fn done(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        done(&run);
        run
    }

    fn serve(&self) -> Serving {
        let dir = self.dir();
        let args = ["escrow", "serve", "--listen", "127.0.0.1:0", "--dir", dir.to_str().unwrap()];
        let mut child = command(args, &[]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said =
            lines.find(|line| line.as_ref().unwrap().contains("listening")).unwrap().unwrap();
        let port = said.rsplit(':').next().unwrap().parse().unwrap();
        // It is to be able to say more.
        thread::spawn(move || lines.for_each(drop));
        Serving { child, port }
    }

    fn client(&self, port: u16, with_master: bool) -> Client {
        let dir = self.dir();
        let key = fs::read_to_string(dir.join("authority.pub")).unwrap();
        let trust = Trust::new(VerifyingKey::parse(&key).unwrap());
        let tls = |name: &str| dir.join("tls").join(name);
        let credentials =
            Credentials::read(&tls("web-1.pem"), &tls("web-1.key"), &tls("ca.pem")).unwrap();
        let settings =
            ClientSettings { with_master, ..ClientSettings::new("localhost", port, trust) };
        let tls = credentials.client(escrow::wire::ALPN).unwrap();
        let client = Client::start(settings, tls, Box::new(|_: &str| {})).unwrap();
        wait_for("the client", || client.is_ready());
        client
    }

    /// Asks as Alice, with approvals of others.
    fn request(&self, name: &str, tier: &str, approvers: &[&str], filter: &[&str]) -> String {
        let (file, key) = (self.path(name), self.path("alice"));
        let args = [
            "escrow",
            "request",
            "--case",
            "INC-7",
            "--reason",
            "a drill",
            "--tier",
            tier,
            "--requester",
            "alice",
            "--key",
            key.to_str().unwrap(),
            "-o",
            file.to_str().unwrap(),
        ];
        done(&tlsight(args.iter().chain(filter).copied().collect::<Vec<_>>()));
        for approver in approvers {
            let key = self.path(approver);
            let shown = tlsight([
                "escrow",
                "approve",
                file.to_str().unwrap(),
                "--key",
                key.to_str().unwrap(),
            ]);
            done(&shown);
            assert!(shown.text().contains("INC-7"), "an approver sees what it is");
        }
        file.to_str().unwrap().to_owned()
    }

    /// The key log of what is released for a request.
    fn released(&self, request: &str) -> PathBuf {
        let answer = format!("{request}.answer");
        self.done(&["release", request, "-o", &answer]);
        let log = PathBuf::from(format!("{request}.keys"));
        let key = self.path("alice");
        let opened = tlsight([
            "escrow",
            "open",
            &answer,
            "--key",
            key.to_str().unwrap(),
            "-w",
            log.to_str().unwrap(),
        ]);
        done(&opened);
        log
    }

    fn audit(&self) -> String {
        self.done(&["audit", "--json"]).text().to_owned()
    }
}

#[track_caller]
fn done(run: &Run) {
    assert_eq!(run.status, 0, "{}", run.stderr);
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn who_has_a_tier_sees_as_much_of_a_capture_and_no_more() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls12");
    let shows = |name: &str, tier: &str, approvers: &[&str], capture: &str| {
        let log = escrow.released(&escrow.request(name, tier, approvers, &[]));
        let capture = testdata().join(capture).join("input.pcap");
        let (capture, log) = (capture.to_str().unwrap(), log.to_str().unwrap());
        let text = tlsight(["decrypt", capture, "--keylog", log]).stdout;
        let read = tlsight(["read", "--json", capture, "--keylog", log]);
        let visible =
            |line: &serde_json::Value| line["tlsight"]["certificate"]["state"] == "visible";
        let certificates = read.sessions().iter().filter(|line| visible(line)).count();
        let has = |what: &[u8]| text.windows(what.len()).any(|window| window == what);
        (certificates, has(b"hello"), has(b"olleh"))
    };
    let both: &[&str] = &["bob", "carol"];
    assert_eq!(shows("a", "t0", &[], "secrets-tls13"), (0, false, false));
    assert_eq!(shows("b", "t1", &[], "secrets-tls13"), (5, false, false));
    assert_eq!(shows("c", "t2c", &[], "secrets-tls13"), (5, true, false));
    assert_eq!(shows("d", "t2s", &[], "secrets-tls13"), (5, false, true));
    assert_eq!(shows("e", "t3", both, "secrets-tls13"), (5, true, true));
    let (_, hello, olleh) = shows("f", "t2c", &[], "secrets-tls12");
    assert!(hello && !olleh);
    let (_, hello, olleh) = shows("g", "t2s", &[], "secrets-tls12");
    assert!(!hello && olleh);
}

#[test]
fn the_higher_tiers_are_refused_without_two_others_and_that_is_written_down() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    for (name, approvers) in [("none", &[][..]), ("one", &["bob"]), ("same", &["bob", "alice"])] {
        let request = escrow.request(name, "t3", approvers, &[]);
        let answer = format!("{request}.answer");
        let run = escrow.run(&["release", &request, "-o", &answer]);
        assert_eq!(run.status, 1);
        assert!(run.stderr.contains("approved by"), "{}", run.stderr);
        assert!(!Path::new(&answer).exists());
    }
    assert_eq!(escrow.audit().matches("\"action\":\"refused\"").count(), 3);

    // A reader without a secret: the broker decrypts.
    let request = escrow.request("right", "t3", &["bob", "carol"], &["--agent", "web-1"]);
    let capture = testdata().join("secrets-tls13/input.pcap");
    let clear = escrow.path("clear.pcapng");
    let (capture, clear) = (capture.to_str().unwrap(), clear.to_str().unwrap());
    escrow.done(&["release", &request, "--capture", capture, "-w", clear]);
    let bytes = fs::read(clear).unwrap();
    assert!(contains(&bytes, b"hello") && contains(&bytes, b"olleh"));
    let audit = escrow.audit();
    assert!(audit.contains("\"action\":\"released\""), "{audit}");
    assert!(audit.contains("\"approvers\":[\"bob\",\"carol\"]"), "{audit}");
    assert!(audit.contains("\"sessions\":5"), "{audit}");
}

#[test]
fn a_revoked_person_gets_nothing() {
    let escrow = Escrow::new();
    let request = escrow.request("before", "t1", &[], &[]);
    escrow.done(&["keys", "revoke", "alice"]);
    let run = escrow.run(&["release", &request, "-o", escrow.path("x").to_str().unwrap()]);
    assert!(run.status == 1 && run.stderr.contains("alice"), "{}", run.stderr);
}

#[test]
fn a_destroyed_epoch_is_unreadable_and_the_log_still_verifies() {
    let escrow = Escrow::new();
    let serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    let before = fs::metadata(escrow.released(&escrow.request("a", "t1", &[], &[]))).unwrap().len();
    assert!(before > 0);
    escrow.done(&["keys", "destroy", "1"]);
    let after = fs::metadata(escrow.released(&escrow.request("b", "t1", &[], &[]))).unwrap().len();
    assert_eq!(after, 0);
    assert!(escrow.done(&["keys", "list"]).text().contains(": destroyed"));
    let audit = escrow.audit();
    assert!(
        audit.contains("\"action\":\"epoch-destroyed\",\"epoch\":1,\"on_demand\":true"),
        "{audit}"
    );
    assert_eq!(escrow.run(&["keys", "destroy", "1"]).status, 1, "it is destroyed already");
}

#[test]
fn a_flipped_bit_in_log_archive_or_index_is_found() {
    let escrow = Escrow::new();
    let mut serving = escrow.serve();
    deliver_capture(&escrow.client(serving.port, false), "secrets-tls13");
    stop(&mut serving);
    let checkpoint = escrow.path("checkpoint");
    let audit = ["audit", "--store", "--checkpoint", checkpoint.to_str().unwrap()];
    let sound = escrow.done(&audit);
    assert!(sound.text().contains("the archive is as the log says"), "{}", sound.text());
    let store = fs::read_dir(escrow.dir().join("store")).unwrap();
    let mut files: Vec<PathBuf> = store.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "a segment and its index");
    files.push(escrow.dir().join("audit.log"));
    for file in &files {
        let whole = fs::read(file).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 9 + 1) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(file, &changed).unwrap();
            assert_eq!(escrow.run(&audit).status, 1, "byte {at} of {}", file.display());
        }
        fs::write(file, &whole).unwrap();
    }
    let log = escrow.dir().join("audit.log");
    let whole = fs::read_to_string(&log).unwrap();
    let shorter: String = whole.split_inclusive('\n').take(2).collect();
    fs::write(&log, shorter).unwrap();
    let cut = escrow.run(&audit);
    assert!(cut.status == 1 && cut.stderr.contains("cut off"), "{}", cut.stderr);
    fs::write(&log, whole).unwrap();
    fs::remove_file(&files[0]).unwrap();
    assert_eq!(escrow.run(&audit).status, 1, "a segment that is missing");
}

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
        assert!(is_in_memory(std::process::id()), "this process has told it");
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

/// Delivers what is known of a capture, as an end of its sessions would.
fn deliver_capture(client: &Client, name: &str) {
    let folder = testdata().join(name);
    let mut by_random: HashMap<[u8; 32], Vec<(Label, Secret)>> = HashMap::new();
    let mut reader = KeyLogReader::new();
    let mut add = |entry| {
        if let KeyLogEntry::Random { label, random, secret } = entry {
            by_random.entry(random).or_default().push((label, secret));
        }
    };
    reader.feed(&fs::read(folder.join("keys.log")).unwrap(), &mut add);
    reader.finish(&mut add);
    let capture = fs::read(folder.join("input.pcap")).unwrap();
    let mut client_random = None;
    let mut delivered = 0;
    for at in 0..capture.len().saturating_sub(80) {
        let [22, 3, _, _, _, kind, 0, ..] = capture[at..] else { continue };
        let random: [u8; 32] = *capture[at + 11..].first_chunk().unwrap();
        if kind == 1 && by_random.contains_key(&random) {
            client_random = Some(random);
        }
        let Some(client_random) = client_random.filter(|_| kind == 2) else { continue };
        let Some(secrets) = by_random.remove(&client_random) else { continue };
        let id_len = usize::from(capture[at + 43]);
        let suite = *capture[at + 44 + id_len..].first_chunk().unwrap();
        let is_tls12 = secrets.iter().any(|(label, _)| *label == Label::ClientRandom);
        let told = SessionSecrets {
            stage: SessionStage::Application,
            version: if is_tls12 { 0x0303 } else { 0x0304 },
            cipher_suite: u16::from_be_bytes(suite),
            client_random,
            server_random: Some(random),
            secrets,
            origin: Origin::unknown(Timestamp::default()),
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        let outcome = client.deliver(told, Wait::Durable, deadline);
        assert_eq!(outcome, Outcome::Acknowledged(Wait::Durable), "{name}");
        delivered += 1;
    }
    assert!(delivered >= 5, "{delivered} sessions of {name}");
}

/// Has a service end as an operator does.
fn stop(serving: &mut Serving) {
    let pid = rustix::process::Pid::from_child(&serving.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(serving.child.wait().unwrap().success());
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

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    // A window that begins otherwise is the most of them.
    bytes.iter().enumerate().any(|(at, byte)| *byte == needle[0] && bytes[at..].starts_with(needle))
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
