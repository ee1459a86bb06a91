//! The audit log.

use std::fs;
use std::path::Path;

use escrow::audit::{AuditEvent, AuditLog, Head, NotVerified, verify};
use escrow::keys::{SigningKey, VerifyingKey};
use tempfile::TempDir;

use crate::world::now;

fn started(number: usize) -> AuditEvent {
    AuditEvent::ServiceStarted { address: format!("192.0.2.1:{number}") }
}

fn log(path: &Path, key: &SigningKey) -> AuditLog {
    let key = SigningKey::parse(&key.dangerous_text().unwrap()).unwrap();
    AuditLog::open(path, key).unwrap()
}

fn verified(
    bytes: &[u8],
    key: &VerifyingKey,
    known: Option<Head>,
) -> Result<(Head, usize), NotVerified> {
    let mut lines = 0;
    verify(&mut &bytes[..], key, known, &mut |_| lines += 1).map(|head| (head, lines))
}

#[test]
fn any_bit_that_is_flipped_is_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.log");
    let key = SigningKey::generate().unwrap();
    let mut log = log(&path, &key);
    for number in 0..4 {
        log.append(now(), &[started(number)]).unwrap();
    }
    let bytes = fs::read(&path).unwrap();
    let (head, lines) = verified(&bytes, &key.verifying(), None).unwrap();
    assert_eq!((lines, head.lines), (4, 4));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(verified(&changed, &key.verifying(), Some(head)).is_err(), "bit {bit}");
    }
}

#[test]
fn lines_that_are_missing_moved_or_put_in_are_found() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.log");
    let key = SigningKey::generate().unwrap();
    let mut log = log(&path, &key);
    let head = log.append(now(), &[started(0), started(1), started(2), started(3)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let check = |order: &[usize], known| {
        let text: String = order.iter().map(|at| format!("{}\n", lines[*at])).collect();
        verified(text.as_bytes(), &key.verifying(), known)
    };
    assert!(check(&[0, 1, 2, 3], Some(head)).is_ok());
    assert!(matches!(check(&[1, 2, 3], None), Err(NotVerified::Chain(1))));
    assert!(matches!(check(&[0, 2, 3], None), Err(NotVerified::Chain(2))));
    assert!(matches!(check(&[0, 2, 1, 3], None), Err(NotVerified::Chain(2))));
    assert!(matches!(check(&[0, 1, 1, 2], None), Err(NotVerified::Chain(3))));
    // Only somebody who knew how far it had come sees that its end is missing.
    assert!(check(&[0, 1, 2], None).is_ok());
    assert!(matches!(check(&[0, 1, 2], Some(head)), Err(NotVerified::Cut(4))));
    assert!(matches!(check(&[], Some(head)), Err(NotVerified::Cut(4))));
    assert_eq!(Head::parse(&head.to_string()), Some(head));
    let other = SigningKey::generate().unwrap().verifying();
    assert!(matches!(verified(text.as_bytes(), &other, None), Err(NotVerified::Signature(1))));
}

#[test]
fn several_write_to_one_log_and_it_verifies() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.log");
    let key = SigningKey::generate().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let mut log = log(&path, &key);
            std::thread::spawn(move || {
                for number in 0..20 {
                    log.append(now(), &[started(thread * 100 + number)]).unwrap();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let bytes = fs::read(&path).unwrap();
    assert_eq!(verified(&bytes, &key.verifying(), None).unwrap().1, 80);
}

#[test]
fn a_line_that_a_kill_tore_is_cut_off_and_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("audit.log");
    let key = SigningKey::generate().unwrap();
    log(&path, &key).append(now(), &[started(0), started(1)]).unwrap();
    let whole = fs::read(&path).unwrap();
    let first_len = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for torn in [1, 20, 100] {
        fs::write(&path, &whole[..first_len + torn]).unwrap();
        log(&path, &key).append(now(), &[started(2)]).unwrap();
        let bytes = fs::read(&path).unwrap();
        let mut events = Vec::new();
        verify(&mut &bytes[..], &key.verifying(), None, &mut |line| events.push(line.event))
            .unwrap();
        let torn = AuditEvent::TornLine { bytes: torn as u64 };
        assert_eq!(events, [started(0), torn, started(2)]);
    }
    fs::write(&path, &whole[..first_len / 2]).unwrap();
    log(&path, &key).append(now(), &[started(3)]).unwrap();
    assert_eq!(verified(&fs::read(&path).unwrap(), &key.verifying(), None).unwrap().1, 2);
}
