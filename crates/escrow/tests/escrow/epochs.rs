//! Epochs: made ahead, used in turn, and destroyed.

use std::fs;

use escrow::Wait;
use escrow::hpke::Kem;
use escrow::keys::{CustodyError, Filter, Schedule, Statement};
use escrow::store::segments;
use escrow::tier::{Part, Tier};

use crate::world::{World, deliver, now_ms, wait_for};

#[test]
fn the_epoch_of_now_and_the_next_are_there_and_their_keys_fit() {
    let world = World::new();
    let custody = world.custody();
    let epochs = custody.epochs().unwrap();
    assert_eq!(epochs.len(), 2);
    let now = now_ms();
    let covering: Vec<_> = epochs
        .iter()
        .filter_map(|signed| match signed.statement() {
            Statement::Epoch(epoch) if epoch.covers(now) => Some(epoch),
            Statement::Epoch(_)
            | Statement::Grant(_)
            | Statement::MonitorKey(_)
            | Statement::Request(_) => None,
        })
        .collect();
    let [epoch] = covering.as_slice() else { panic!("{covering:?}") };
    let private = custody.keys(epoch.number, &Part::ALL).unwrap();
    for (part, key) in Part::ALL.into_iter().zip(&private) {
        assert_eq!(epoch.key(part).as_ref(), Some(key.public()), "{part:?}");
    }
    assert_eq!(custody.keys(epoch.number, &[Part::Client]).unwrap().len(), 1);

    // Nothing is due, and then one is.
    let schedule = Schedule { length_ms: 3_600_000, retention_ms: 3_600_000 };
    let made = |at| custody.create_due(at, schedule, Kem::X25519, &world.authority).unwrap();
    assert!(made(now).is_empty());
    let next = made(epoch.ends_ms + 1);
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].number, 3);
}

#[test]
fn a_destroyed_epoch_is_unreadable_and_the_other_is_not() {
    let world = World::new();
    let service = world.service();
    let client = world.ready_client("web-1", service.address().port());
    (0..10).for_each(|number| deliver(&client, number, Wait::Durable));
    drop((client, service));
    assert_eq!(world.archive(Tier::Both, Filter::default()).counts.sessions, 10);

    let custody = world.custody();
    let key = world.path("private").join("epoch-000001.key");
    let inode = fs::File::open(&key).unwrap();
    custody.destroy(1).unwrap();
    assert!(!key.exists());
    let mut left = String::new();
    std::io::Read::read_to_string(&mut &inode, &mut left).unwrap();
    assert!(left.bytes().all(|byte| byte == 0), "it was overwritten before it was removed");
    assert!(matches!(custody.keys(1, &Part::ALL), Err(CustodyError::Destroyed(1))));
    assert!(matches!(custody.destroy(1), Err(CustodyError::Destroyed(1))));

    let archive = world.archive(Tier::Both, Filter::default());
    assert_eq!((archive.counts.sessions, archive.counts.destroyed), (0, 20));
    assert!(archive.told.is_empty());
    // It is not made anew under the same number.
    world.make_epochs(now_ms());
    assert!(!key.exists());
    world.audit();
}

#[test]
fn keys_that_a_kill_left_without_an_announcement_are_in_nobodys_way() {
    let world = World::new();
    let announced = |number: u32| world.path("epochs").join(format!("epoch-{number:06}.json"));
    let last = (1..).take_while(|number| announced(*number).exists()).last().unwrap();
    let left = world.path("private").join(format!("epoch-{last:06}.key"));
    let keys = fs::read(&left).unwrap();
    fs::remove_file(announced(last)).unwrap();

    let schedule = Schedule { length_ms: 3_600_000, retention_ms: 3_600_000 };
    let custody = world.custody();
    let later = now_ms() + 10 * 3_600_000;
    let made = custody.create_due(later, schedule, Kem::X25519, &world.authority).unwrap();
    assert_eq!(made.first().map(|epoch| epoch.number), Some(u64::from(last) + 1));
    assert!(announced(last + 1).exists() && !announced(last).exists());
    assert_eq!(fs::read(&left).unwrap(), keys);
}

#[test]
fn keys_are_destroyed_when_their_time_is_over_and_not_before() {
    let world = World::new();
    let custody = world.custody();
    let epochs = custody.epochs().unwrap();
    let Statement::Epoch(first) = epochs[0].statement() else { panic!() };
    assert!(custody.destroy_due(first.destroyed_ms - 1).unwrap().is_empty());
    assert_eq!(custody.destroy_due(first.destroyed_ms).unwrap(), [1]);
    assert!(custody.destroy_due(first.destroyed_ms).unwrap().is_empty());
}

#[test]
fn segments_of_a_destroyed_epoch_are_removed_and_that_is_told() {
    let world = World::new();
    for name in ["private", "epochs"] {
        fs::remove_dir_all(world.path(name)).unwrap();
        fs::create_dir(world.path(name)).unwrap();
    }
    // One that was over three hours ago, with the segment that it left.
    let schedule = Schedule { length_ms: 1000, retention_ms: 1000 };
    let old = now_ms() - 3 * 3_600_000;
    world.custody().create_due(old, schedule, Kem::X25519, &world.authority).unwrap();
    let name = escrow::store::SegmentName { epoch: 1, number: 1 };
    drop(escrow::store::SegmentWriter::create(&name.file(&world.path("store"))).unwrap());
    let service = world.service();
    wait_for("the segment to be removed", || segments(&world.path("store")).unwrap().is_empty());
    drop(service);
    assert!(world.has_audited(|event| matches!(event,
        escrow::audit::AuditEvent::SegmentRemoved { segment } if *segment == name.to_string())));
}

#[test]
fn a_new_epoch_is_taken_up_while_the_service_runs() {
    let world = World::new();
    for name in ["private", "epochs"] {
        fs::remove_dir_all(world.path(name)).unwrap();
        fs::create_dir(world.path(name)).unwrap();
    }
    let service = world.service();
    let client = world.client("web-1", service.address().port());
    world.make_epochs(now_ms());
    wait_for("the client to hear of the epoch", || client.is_ready());
    deliver(&client, 1, Wait::Durable);
    drop(service);
}
