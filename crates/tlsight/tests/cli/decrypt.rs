//! Clear text of the captures with secrets, beside what tshark makes of them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{capture, testdata, tlsight};

/// What both sides of a session said, by the client's port; tshark may not know which side is which.
type Texts = BTreeMap<u16, [Vec<u8>; 2]>;

/// Early data that the server refused: tshark takes them for text.
const REFUSED: &[u8] = b"early";

#[test]
fn the_clear_text_is_what_tshark_decrypts() {
    if !has_tshark() {
        return;
    }
    let mut sessions = 0;
    for folder in cases() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        if name.contains("quic") {
            continue;
        }
        let (mut theirs, ours) = (tshark_text(&folder, &input(&folder)), text(&folder));
        if name == "secrets-tls13-resumption" {
            let refused = theirs.values_mut().last().unwrap();
            for side in refused {
                *side = side.strip_prefix(REFUSED).unwrap_or(side).to_vec();
            }
        }
        sessions += ours.len();
        if name.contains("dtls") {
            // Of DTLS, tshark 4.0 leaves ChaCha20-Poly1305 and some others closed.
            assert!(theirs.len() >= 4 && ours.len() == 8, "{} of {}", theirs.len(), ours.len());
            assert!(ours.values().all(|[client, _]| client == b"hello\n"));
            assert!(theirs.values().all(|[text, _]| text == b"hello\n"));
            continue;
        }
        assert_eq!(sorted(ours), sorted(theirs), "{name}");
    }
    assert!(sessions > 80, "{sessions} sessions");
}

#[test]
fn certificates_are_those_that_tshark_shows() {
    if !has_tshark() {
        return;
    }
    for folder in cases() {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let run = tlsight([OsString::from("read")].into_iter().chain(arguments(&folder)));
        let mut ours: Vec<String> = run
            .sessions()
            .iter()
            .flat_map(|session| ["server", "client"].map(|side| session["tls"][side].clone()))
            .filter_map(|side| Some(side["x509"]["serial_number"].as_str()?.to_owned()))
            .collect();
        let mut theirs = tshark_serials(&folder);
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn forged_packets_hold_the_clear_text() {
    if !has_tshark() {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let packets = work.path().join("clear.pcapng");
    for name in ["secrets-tls13", "secrets-tls12", "secrets-legacy"] {
        let folder = testdata().join(name);
        let run = tlsight(decrypt(&folder, ["-w".into(), packets.clone().into()]));
        assert_eq!((run.status, &*run.stderr), (0, ""), "{name}");
        let shown = follow(&packets, "tcp", &[]);
        assert_eq!(sorted(shown), sorted(text(&folder)), "{name}");
    }
}

#[test]
fn secrets_are_put_into_a_capture_and_taken_out() {
    let work = tempfile::tempdir().unwrap();
    let (with, without) = (work.path().join("with.pcapng"), work.path().join("without.pcapng"));
    let folder = testdata().join("secrets-tls13");
    // The secrets of other sessions stay out of it.
    let log = work.path().join("log");
    let other =
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET ".to_owned() + &"5e".repeat(32) + " " + &"77".repeat(32);
    fs::write(&log, fs::read_to_string(folder.join("keys.log")).unwrap() + &other + "\n").unwrap();
    let evidence = |path: &Path| -> Vec<String> {
        let run = tlsight([Path::new("read"), path]);
        let shown = run.sessions();
        shown.iter().map(|it| it["tlsight"]["evidence"].as_str().unwrap().to_owned()).collect()
    };
    let run = tlsight([
        Path::new("decrypt"),
        &capture("secrets-tls13"),
        Path::new("--keylog"),
        &log,
        Path::new("--inject"),
        Path::new("-w"),
        &with,
    ]);
    assert_eq!((run.status, &*run.stderr), (0, ""));
    assert_eq!(evidence(&with), ["secrets"; 5]);
    let bytes = fs::read(&with).unwrap();
    let holds =
        |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
    assert!(holds(&bytes, "SERVER_TRAFFIC_SECRET_0 ") && !holds(&bytes, &"77".repeat(32)));
    assert!(!holds(&bytes, "EXPORTER_SECRET"));
    if has_tshark() {
        assert_eq!(sorted(follow(&with, "tls", &[])), sorted(text(&folder)));
    }

    let run =
        tlsight([Path::new("decrypt"), &with, Path::new("--strip"), Path::new("-w"), &without]);
    assert_eq!((run.status, &*run.stderr), (0, ""));
    assert_eq!(evidence(&without), ["wire"; 5]);
    assert!(!holds(&fs::read(&without).unwrap(), "SERVER_TRAFFIC_SECRET_0"));
}

#[test]
fn secrets_of_other_sessions_open_nothing_and_that_is_said() {
    let log = testdata().join("secrets-tls12/keys.log");
    let run =
        tlsight([Path::new("decrypt"), &capture("secrets-tls13"), Path::new("--keylog"), &log]);
    assert_eq!(run.status, 1);
    assert_eq!(run.stdout, b"");
    assert!(run.stderr.contains("no session could be opened"), "{}", run.stderr);
}

#[test]
fn a_pre_shared_key_opens_what_the_key_log_opens_but_sessions_with_another_key_exchange() {
    let folder = testdata().join("secrets-tls13-psk");
    let of_log = text(&folder);
    let arguments = ["decrypt", "--psk", "00112233445566778899aabbccddeeff"].map(OsString::from);
    let of_key = texts([&arguments[..], &[input(&folder).into()]].concat());
    assert_eq!((of_log.len(), of_key.len()), (3, 2));
    for (port, said) in &of_key {
        assert_eq!(Some(said), of_log.get(port));
    }
}

#[test]
fn text_goes_to_standard_output_with_its_direction() {
    let folder = testdata().join("secrets-tls13-key-update");
    let run = tlsight(decrypt(&folder, []));
    let text = run.text();
    assert!(text.contains(" > 192.0.2.2:443\nhello\n"), "{text}");
    assert!(text.contains("== 192.0.2.2:443 > 192.0.2.1:"), "{text}");
}

#[test]
fn a_key_log_that_is_none_is_said_to_be_so() {
    let work = tempfile::tempdir().unwrap();
    let log = work.path().join("log");
    fs::write(&log, "hello\n").unwrap();
    let run = tlsight([Path::new("read"), &capture("tls13"), Path::new("--keylog"), &log]);
    assert!(run.stderr.contains("1 lines are none of a key log"), "{}", run.stderr);
    let missing = work.path().join("none");
    let run = tlsight([Path::new("read"), &capture("tls13"), Path::new("--keylog"), &missing]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("cannot read"), "{}", run.stderr);
}

/// The captures with secrets.
fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> =
        fs::read_dir(testdata()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|folder| folder.join("keys.log").exists() || folder.join("rsa.key").exists());
    cases.sort();
    assert!(cases.len() >= 16, "{} captures with secrets", cases.len());
    cases
}

fn input(folder: &Path) -> PathBuf {
    folder.join("input.pcap")
}

/// A capture, and where its secrets are.
fn arguments(folder: &Path) -> Vec<OsString> {
    let mut arguments = vec![input(folder).into()];
    for (option, file) in [("--keylog", "keys.log"), ("--rsa-key", "rsa.key")] {
        if folder.join(file).exists() {
            arguments.extend([option.into(), folder.join(file).into()]);
        }
    }
    arguments
}

fn decrypt<const N: usize>(folder: &Path, more: [OsString; N]) -> Vec<OsString> {
    [vec!["decrypt".into()], arguments(folder), more.into()].concat()
}

/// What tlsight decrypts.
fn text(folder: &Path) -> Texts {
    texts(decrypt(folder, []))
}

/// The same of a command.
fn texts(mut arguments: Vec<OsString>) -> Texts {
    let work = tempfile::tempdir().unwrap();
    arguments.extend(["--text-dir".into(), work.path().into()]);
    let run = tlsight(&arguments);
    assert_eq!((run.status, &*run.stderr), (0, ""), "{arguments:?}");
    let mut texts = Texts::new();
    for entry in fs::read_dir(work.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (ends, side) = name.rsplit_once('.').unwrap();
        let port = ends.split('-').nth(1).unwrap().rsplit_once('_').unwrap().1;
        let sides = texts.entry(port.parse().unwrap()).or_default();
        sides[usize::from(side == "server")] = fs::read(&path).unwrap();
    }
    texts
}

/// What tshark decrypts.
fn tshark_text(folder: &Path, capture: &Path) -> Texts {
    let secrets = tshark_secrets(folder);
    let is_dtls = folder.file_name().unwrap().to_str().unwrap().contains("dtls");
    if is_dtls { datagrams(capture, &secrets) } else { follow(capture, "tls", &secrets) }
}

/// The application data of DTLS, which tshark shows but does not follow.
fn datagrams(capture: &Path, options: &[String]) -> Texts {
    let mut arguments: Vec<&str> = options.iter().map(String::as_str).collect();
    arguments.extend(["-Y", "dtls.app_data", "-x"]);
    let mut texts = Texts::new();
    let shown = tshark(capture, &arguments);
    for (number, section) in shown.split("Decrypted DTLS (").skip(1).enumerate() {
        let lines = section.lines().skip(1).take_while(|line| line.len() > 53);
        let bytes = lines.flat_map(|line| line[6..53].split_whitespace());
        let bytes = bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        texts.insert(u16::try_from(number).unwrap(), [bytes, Vec::new()]);
    }
    texts
}

fn tshark_secrets(folder: &Path) -> Vec<String> {
    let (log, key) = (folder.join("keys.log"), folder.join("rsa.key"));
    let mut arguments = Vec::new();
    for options in ["tcp.port==443,tls", "tcp.port==444,tls", "udp.port==4433,dtls"] {
        arguments.extend(["-d".to_owned(), options.to_owned()]);
    }
    if log.exists() {
        arguments.extend(["-o".to_owned(), format!("tls.keylog_file:{}", log.display())]);
    }
    if key.exists() {
        let keys = format!("uat:rsa_keys:\"{}\",\"\"", key.display());
        arguments.extend(["-o".to_owned(), keys]);
    }
    arguments
}

/// The streams of a capture, as tshark follows them.
fn follow(capture: &Path, kind: &str, options: &[String]) -> Texts {
    let streams = tshark(capture, &["-T", "fields", "-e", "tcp.stream"]);
    let count = streams.lines().filter_map(|line| line.parse::<u32>().ok()).max().unwrap() + 1;
    let mut arguments: Vec<String> = vec!["-q".to_owned()];
    arguments.extend_from_slice(options);
    for stream in 0..count {
        arguments.extend(["-z".to_owned(), format!("follow,{kind},raw,{stream}")]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut texts = Texts::new();
    for section in tshark(capture, &arguments).split("Follow: ").skip(1) {
        let mut port = 0;
        let mut sides = [Vec::new(), Vec::new()];
        for line in section.lines() {
            if let Some((_, end)) = line.split_once("Node ") {
                let number = end.rsplit_once(':').unwrap().1.parse().unwrap();
                // The other end is that of the server; of some, tshark only shows one.
                port = if number > 4433 { number } else { port };
                continue;
            }
            let Ok(bytes) = data_encoding::HEXLOWER.decode(line.trim().as_bytes()) else {
                continue;
            };
            sides[usize::from(line.starts_with('\t'))].extend(bytes);
        }
        if sides.iter().any(|side| !side.is_empty()) {
            let place = texts.len();
            let key = if port == 0 { u16::try_from(place).unwrap() } else { port };
            texts.insert(key, sides);
        }
    }
    texts
}

/// Serial numbers of the first certificates of each message that has some.
fn tshark_serials(folder: &Path) -> Vec<String> {
    let kind =
        if folder.file_name().unwrap().to_str().unwrap().contains("dtls") { "dtls" } else { "tls" };
    let filter = format!("{kind}.handshake.type==11");
    let mut arguments: Vec<String> = tshark_secrets(folder);
    let fields = ["tcp.stream", "udp.stream", "tcp.srcport", "udp.srcport", "x509af.serialNumber"];
    let shown = ["-2", "-Y", &filter, "-T", "fields", "-E", "aggregator=;"].map(str::to_owned);
    arguments.extend(shown);
    for field in fields {
        arguments.extend(["-e".to_owned(), field.to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut found = BTreeMap::new();
    for line in tshark(&input(folder), &arguments).lines() {
        let (who, serials) = line.rsplit_once('\t').unwrap();
        let serial = serials.split(';').next().unwrap_or_default();
        if !serial.is_empty() {
            let number = u64::from_str_radix(serial, 16).unwrap();
            found.entry(who.to_owned()).or_insert_with(|| number.to_string());
        }
    }
    found.into_values().collect()
}

/// All that was said, whoever said it.
fn sorted(texts: Texts) -> Vec<[Vec<u8>; 2]> {
    let mut texts: Vec<_> = texts.into_values().collect();
    texts.iter_mut().for_each(|sides| sides.sort());
    texts.sort();
    texts
}

pub(crate) fn tshark(capture: &Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark").arg("-r").arg(capture).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether tshark is installed: it has to be where all tests have to run.
pub(crate) fn has_tshark() -> bool {
    let has = Command::new("tshark").arg("--version").output().is_ok();
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(has || !in_ci, "tshark is not installed");
    if !has {
        eprintln!("skipped: tshark is not installed");
    }
    has
}
