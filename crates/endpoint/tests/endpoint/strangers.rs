//! Processes that do not keep to the protocol, and an agent's socket.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use endpoint::{Agent, BindError, KeyLogFile};
use handover::{Hold, Label, Message, Reached, Stage, Tallies};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, connect, recv, send, socket,
};

use crate::place::{Place, master, session};

#[test]
fn who_sends_what_is_no_message_is_not_listened_to() {
    let place = Place::new();
    let agent = place.agent();
    let good = message(1, None);
    for (number, bad) in
        [vec![0], vec![0xff; 1024], vec![1; 4096], good.encode().dangerous_bytes()[1..].to_vec()]
            .iter()
            .enumerate()
    {
        let stranger = stranger(&place.socket());
        send(&stranger, bad, SendFlags::NOSIGNAL).unwrap();
        let mut answer = [0; 16];
        assert!(matches!(
            recv(&stranger, &mut answer[..], RecvFlags::empty()),
            Ok((0, _)) | Err(_)
        ));
        assert_eq!(agent.counts().malformed, number as u64 + 1);
    }
    place.courier(Hold::default()).hand_over(session(3), master(3));
    assert_eq!(agent.next().0.client_random, [3; 32]);
}

#[test]
fn who_does_not_read_answers_is_not_waited_for() {
    let place = Place::new();
    let agent = place.agent();
    let deaf = stranger(&place.socket());
    let mut sent = 0_u64;
    while agent.counts().deaf == 0 {
        if send(
            &deaf,
            message(sent, Some(Reached::Received)).encode().dangerous_bytes(),
            SendFlags::NOSIGNAL,
        )
        .is_err()
        {
            break;
        }
        sent += 1;
        agent.next().1.reach(Reached::Received);
        assert!(sent < 1_000_000);
    }
    place.courier(Hold::default()).hand_over(session(3), master(3));
    assert_eq!(agent.next().0.client_random, [3; 32]);
    assert_eq!(agent.counts().deaf, 1);
}

#[test]
fn a_socket_belongs_to_one_agent_and_one_that_was_left_behind_to_the_next() {
    let place = Place::new();
    let path = place.socket();
    let log = place.folder.path().join("keys.log");
    let sink = || KeyLogFile::open(&log, |_, _| {}).unwrap();
    let first = Agent::bind(&path, 0o600, sink()).unwrap();
    assert!(matches!(Agent::bind(&path, 0o600, sink()), Err(BindError::InUse { .. })));
    drop(first);
    assert!(!path.exists());
    // One that was killed leaves its socket.
    let left = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    rustix::net::bind(&left, &SocketAddrUnix::new(&path).unwrap()).unwrap();
    drop(left);
    assert!(path.exists());
    drop(Agent::bind(&path, 0o600, sink()).unwrap());
    std::fs::write(&path, "a file of somebody").unwrap();
    assert!(matches!(Agent::bind(&path, 0o600, sink()), Err(BindError::NoSocket { .. })));
    let mut text = String::new();
    std::fs::File::open(&path).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "a file of somebody");
}

fn stranger(path: &Path) -> OwnedFd {
    let stranger = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    connect(&stranger, &SocketAddrUnix::new(path).unwrap()).unwrap();
    stranger
}

fn message(sequence: u64, wait: Option<Reached>) -> Message {
    let secret = handover::TakenSecret::new(Label::Master, &[1; 48]).unwrap();
    Message {
        sequence,
        wait,
        tallies: Tallies::default(),
        session: session(1),
        stage: Stage::Application,
        secrets: std::iter::once(secret).collect(),
    }
}
