//! Who waits, and for how long.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use courier::Verdict;
use endpoint::{Agent, KeyLogError, KeyLogFile};
use handover::{Fact, Hold, Label, OnDeadline, OnTrip, Reached, Role, Settings, Tallies, Text};

use crate::place::{Came, PATIENCE, Place, lines, master, session};

#[test]
fn what_a_process_hands_over_comes_with_who_it_is() {
    let place = Place::new();
    let agent = place.agent();
    let mut told = session(7);
    told.role = Some(Role::Server);
    told.version = 0x0303;
    told.server_name = Fact::Known(Text::from("server.test").unwrap());
    assert_eq!(place.courier(Hold::default()).hand_over(told, master(3)), Verdict::GoOn);
    let (came, receipt) = agent.next();
    assert_eq!((came.client_random, came.version, came.secrets.len()), ([7; 32], 0x0303, 1));
    assert_eq!(came.secrets[0].1.dangerous_bytes(), [3; 48]);
    assert_eq!(receipt.wait(), None);
    let origin = came.origin;
    assert_eq!(origin.pid, Some(std::process::id()));
    assert_eq!(origin.uid, Some(rustix::process::geteuid().as_raw()));
    let own = std::env::current_exe().unwrap();
    assert!(own.to_str().unwrap().starts_with(origin.executable.as_str()));
    assert_eq!(origin.server_name.unwrap().as_str(), "server.test");
}

#[test]
fn a_session_waits_until_its_secrets_are_where_they_are_to_be() {
    let place = Place::new();
    let agent = place.agent();
    let hold = Hold { wait: Some(Reached::Live), deadline: PATIENCE, ..Hold::default() };
    let courier = Arc::new(place.courier(hold));
    let waiting = {
        let courier = Arc::clone(&courier);
        std::thread::spawn(move || courier.hand_over(session(1), master(1)))
    };
    let (_, receipt) = agent.next();
    receipt.reach(Reached::Received);
    // The answer to a second message does not release the first.
    let second = std::thread::spawn(move || courier.hand_over(session(2), master(2)));
    let (_, of_second) = agent.next();
    of_second.reach(Reached::Durable);
    assert_eq!(second.join().unwrap(), Verdict::GoOn);
    assert!(!waiting.is_finished(), "received is not live");
    receipt.reach(Reached::Live);
    receipt.reach(Reached::Durable);
    assert_eq!(waiting.join().unwrap(), Verdict::GoOn);
}

#[test]
fn a_deadline_opens_or_aborts_and_the_agent_is_told_at_once_whose() {
    let place = Place::new();
    let agent = place.agent();
    let deadline = Duration::from_millis(30);
    for (on_deadline, verdict) in
        [(OnDeadline::Open, Verdict::GoOn), (OnDeadline::Abort, Verdict::Abort)]
    {
        let wait = Some(Reached::Received);
        let courier = place.courier(Hold { wait, deadline, on_deadline, ..Hold::default() });
        let began = Instant::now();
        assert_eq!(courier.hand_over(session(1), master(1)), verdict);
        assert!(began.elapsed() >= deadline);
        let (_, late) = agent.next();
        late.reach(Reached::Received);
        let Came::Miss(peer, random, tallies) = agent.came.recv_timeout(PATIENCE).unwrap() else {
            panic!("nothing else is told");
        };
        assert_eq!((peer.pid, random), (Some(std::process::id()), Some([1; 32])));
        let opened = u32::from(on_deadline == OnDeadline::Open);
        assert_eq!(tallies, Tallies { opened, aborted: 1 - opened, ..Tallies::default() });
        // The answer that came too late is not taken for that to the next message.
        let waiting = std::thread::spawn(move || courier.hand_over(session(2), master(2)));
        agent.next().1.reach(Reached::Live);
        assert_eq!(waiting.join().unwrap(), Verdict::GoOn);
    }
    let counts = agent.counts();
    assert_eq!((counts.opened, counts.aborted, counts.messages), (1, 1, 4));
}

#[test]
fn without_an_agent_nobody_waits_and_what_was_lost_is_told_later() {
    let place = Place::new();
    let hold = Hold {
        wait: Some(Reached::Received),
        deadline: PATIENCE,
        breaker: 3,
        pause: PATIENCE,
        on_deadline: OnDeadline::Abort,
        ..Hold::default()
    };
    let courier = place.courier(hold);
    let began = Instant::now();
    let verdicts: Vec<_> = (0..5).map(|at| courier.hand_over(session(at), master(at))).collect();
    assert!(began.elapsed() < PATIENCE);
    use Verdict::{Abort, GoOn};
    assert_eq!(verdicts, [Abort, Abort, Abort, GoOn, GoOn], "after three the breaker opens");
    let agent = place.agent();
    assert_eq!(courier.hand_over(session(9), master(9)), GoOn, "nobody waits yet");
    let Came::Miss(_, None, tallies) = agent.came.recv_timeout(PATIENCE).unwrap() else { panic!() };
    let own = 1;
    assert_eq!(tallies, Tallies { lost: 5, opened: 2 + own, aborted: 3, ..Tallies::default() });
    assert_eq!(agent.next().0.client_random, [9; 32]);
}

#[test]
fn a_tripped_breaker_refuses_if_it_is_to_and_recovers_after_a_pause() {
    let place = Place::new();
    let pause = Duration::from_millis(50);
    let hold = Hold {
        wait: Some(Reached::Received),
        deadline: PATIENCE,
        breaker: 1,
        pause,
        on_trip: OnTrip::Refuse,
        ..Hold::default()
    };
    let courier = Arc::new(place.courier(hold));
    assert_eq!(courier.hand_over(session(1), master(1)), Verdict::GoOn);
    assert_eq!(courier.hand_over(session(2), master(2)), Verdict::Abort);
    let agent = place.agent();
    let began = Instant::now();
    let mut number = 3;
    let trial = loop {
        let courier = Arc::clone(&courier);
        let trial = std::thread::spawn(move || courier.hand_over(session(number), master(number)));
        let (_, receipt) = loop {
            if let Came::Secrets(came, receipt) = agent.came.recv_timeout(PATIENCE).unwrap() {
                break (came, receipt);
            }
        };
        if receipt.wait().is_some() {
            receipt.reach(Reached::Received);
            break trial;
        }
        assert_eq!(trial.join().unwrap(), Verdict::Abort, "before the pause is over");
        assert!(began.elapsed() < PATIENCE);
        number = number.wrapping_add(1);
    };
    assert_eq!(trial.join().unwrap(), Verdict::GoOn);
    let next = std::thread::spawn(move || courier.hand_over(session(0), master(0)));
    let (_, receipt) = loop {
        if let Came::Secrets(came, receipt) = agent.came.recv_timeout(PATIENCE).unwrap() {
            break (came, receipt);
        }
    };
    assert_eq!(receipt.wait(), Some(Reached::Received), "all wait again");
    receipt.reach(Reached::Received);
    assert_eq!(next.join().unwrap(), Verdict::GoOn);
}

#[test]
fn what_the_policy_denies_does_not_leave_the_process() {
    let place = Place::new();
    let agent = place.agent();
    let text = format!("socket={} deny-sni=*.bank.test wait=live", place.socket().display());
    let courier = courier::Courier::new(text.parse::<Settings>().unwrap());
    let mut denied = session(1);
    denied.server_name = Fact::Known(Text::from("www.bank.test").unwrap());
    assert_eq!(courier.hand_over(denied, master(1)), Verdict::GoOn, "and nobody waits for it");
    let mut allowed = session(2);
    allowed.server_name = Fact::Absent;
    courier.hand_over(allowed, master(2));
    let Came::Miss(_, None, tallies) = agent.came.recv_timeout(PATIENCE).unwrap() else { panic!() };
    assert_eq!(tallies.denied, 1);
    assert_eq!(agent.next().0.client_random, [2; 32]);
}

#[test]
fn a_key_log_is_written_that_only_its_owner_reads() {
    let place = Place::new();
    let path = place.folder.path().join("keys.log");
    let sink = KeyLogFile::open(&path, |_, _| {}).unwrap();
    let mut agent = Agent::bind(&place.socket(), 0o600, sink).unwrap();
    let remote = agent.remote();
    let thread = std::thread::spawn(move || agent.run().unwrap());
    for wait in [Reached::Received, Reached::Live, Reached::Durable] {
        let hold = Hold { wait: Some(wait), deadline: PATIENCE, ..Hold::default() };
        let hold = Hold { on_deadline: OnDeadline::Abort, ..hold };
        assert_eq!(place.courier(hold).hand_over(session(5), master(5)), Verdict::GoOn);
    }
    // What was sent before it is asked to end is taken.
    place.courier(Hold::default()).hand_over(session(6), master(6));
    remote.stop();
    thread.join().unwrap();
    let mut expected = vec![(Label::Master, [5; 32]); 3];
    expected.push((Label::Master, [6; 32]));
    assert_eq!(lines(&path), expected);
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(!place.socket().exists());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(KeyLogFile::open(&path, |_, _| {}), Err(KeyLogError::Readable { .. })));
}
