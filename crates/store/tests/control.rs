//! What people decide is kept as they decided it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod samples;

use event::{Timestamp, Transport};
use policy::Severity;
use policy::{Entity, EntityKind};
use samples::Samples;
use store::{
    Accounts, AuditEntry, AuditOutcome, Collection, Control, Documents, EdgeId, Exclusion,
    Expected, Finding, Login, Outbox, Page, Parcel, PostureId, Resolve, Role, SecretDigest,
    SecretText, StoreError, Token, User, VerdictCounts, Violation, ViolationQuery, ViolationState,
    Violations,
};

#[test]
fn a_document_changes_only_from_the_version_that_was_read() {
    let (_folder, control) = open();
    let put = |body: &[u8], expected| {
        control.put_document(Collection::Policies, "p'1", body, expected, at(1))
    };
    assert_eq!(put(b"a", Expected::Absent).unwrap(), 1);
    assert!(matches!(put(b"b", Expected::Absent), Err(StoreError::Conflict { found: 1, .. })));
    assert_eq!(put(b"b", Expected::Version(1)).unwrap(), 2);
    assert!(put(b"c", Expected::Version(1)).is_err());
    let document = control.document(Collection::Policies, "p'1").unwrap().unwrap();
    assert_eq!((document.version, document.body.as_slice()), (2, b"b".as_slice()));
    assert!(control.document(Collection::Packs, "p'1").unwrap().is_none());
    let stale = Expected::Version(1);
    assert!(control.remove_document(Collection::Policies, "p'1", stale).is_err());
    assert!(control.remove_document(Collection::Policies, "p'1", Expected::Any).unwrap());
    assert!(control.documents(Collection::Policies).unwrap().is_empty());
    let large = vec![0; store::Document::MAX_LEN + 1];
    assert!(matches!(put(&large, Expected::Any), Err(StoreError::TooLarge { .. })));
}

#[test]
fn the_set_up_token_makes_one_user_once() {
    let (_folder, control) = open();
    let token = SecretDigest([1; 32]);
    control.set_setup_token(token).unwrap();
    assert!(!control.set_up(SecretDigest([2; 32]), &user("eve", Role::Admin)).unwrap());
    assert!(control.set_up(token, &user("ada", Role::Admin)).unwrap());
    assert!(!control.set_up(token, &user("eve", Role::Admin)).unwrap());
    control.set_setup_token(token).unwrap();
    assert_eq!(control.setup_token().unwrap(), None);
    assert_eq!(control.users().unwrap().len(), 1);
}

#[test]
fn somebody_may_always_do_everything() {
    let (_folder, control) = open();
    control.add_user(&user("ada", Role::Admin)).unwrap();
    control.add_user(&user("bob", Role::Viewer)).unwrap();
    let taken = control.add_user(&user("ada", Role::Viewer));
    assert!(matches!(taken, Err(StoreError::Exists { .. })));
    assert!(matches!(control.remove_user("ada"), Err(StoreError::LastAdmin)));
    let demoted = control.change_user("ada", Some(Role::Operator), None);
    assert!(matches!(demoted, Err(StoreError::LastAdmin)));
    assert_eq!(control.user("ada").unwrap().unwrap().role, Role::Admin);
    control.change_user("bob", Some(Role::Admin), None).unwrap();
    control.remove_user("ada").unwrap();
    assert!(matches!(control.remove_user("ada"), Err(StoreError::Missing { .. })));
}

#[test]
fn a_change_of_a_user_ends_all_log_ins() {
    let (_folder, control) = open();
    control.add_user(&user("ada", Role::Admin)).unwrap();
    for n in 0..40 {
        control.add_login(&login(n, "ada")).unwrap();
    }
    assert!(control.login(SecretDigest([0; 32])).unwrap().is_none(), "the oldest went");
    let (found, user) = control.login(SecretDigest([39; 32])).unwrap().unwrap();
    assert_eq!((found.csrf.dangerous_text(), user.last_login), ("csrf", Some(at(39))));
    assert!(!format!("{found:?}{user:?}").contains("csrf\""));
    control.touch_login(found.cookie, at(1000)).unwrap();
    assert_eq!(control.login(found.cookie).unwrap().unwrap().0.last_used, at(1000));
    assert_eq!(control.remove_old_logins(at(0), at(20)).unwrap(), 12);
    let password = SecretText::new("$argon2id$other".to_owned());
    control.change_user("ada", None, Some(&password)).unwrap();
    assert!(control.login(found.cookie).unwrap().is_none());
    assert!(matches!(control.add_login(&login(1, "eve")), Err(StoreError::Missing { .. })));
}

#[test]
fn tokens_are_found_by_digest_only() {
    let (_folder, control) = open();
    let token = Token {
        id: "t1".to_owned(),
        name: "ci".to_owned(),
        role: Role::Operator,
        created: at(1),
        expires: Some(at(100)),
        last_used: None,
    };
    control.add_token(&token, SecretDigest([7; 32])).unwrap();
    assert!(control.add_token(&token, SecretDigest([8; 32])).is_err());
    assert_eq!(control.token(SecretDigest([7; 32])).unwrap(), Some(token));
    assert_eq!(control.token(SecretDigest([8; 32])).unwrap(), None);
    control.touch_token("t1", at(50)).unwrap();
    assert_eq!(control.tokens().unwrap()[0].last_used, Some(at(50)));
    assert!(control.remove_token("t1").unwrap() && !control.remove_token("t1").unwrap());
}

#[test]
fn the_audit_log_comes_newest_first_and_long_texts_are_cut() {
    let (_folder, control) = open();
    for n in 0..25 {
        let entry = AuditEntry {
            time: at(n),
            actor: "é".repeat(2000),
            action: "login".to_owned(),
            target: String::new(),
            address: "192.0.2.1".to_owned(),
            outcome: if n % 2 == 0 { AuditOutcome::Ok } else { AuditOutcome::Denied },
        };
        control.append_audit(&entry).unwrap();
    }
    let first = control.audit(Page::first(10)).unwrap();
    assert_eq!(first.items[0].time, at(24));
    assert!(first.items[0].actor.len() <= AuditEntry::MAX_TEXT_LEN);
    let second = control.audit(Page { after: first.next, limit: 100 }).unwrap();
    assert_eq!((second.items.len(), second.items[0].time, second.next), (15, at(14), None));
    assert_eq!(second.items[1].outcome, AuditOutcome::Denied);
}

#[test]
fn a_violation_is_one_for_policy_edge_and_posture() {
    let (_folder, control) = open();
    let found = finding(1, Severity::High);
    let opened = control.report(std::slice::from_ref(&found), at(10)).unwrap();
    let opened = opened.opened;
    assert_eq!((opened.len(), opened[0].state), (1, ViolationState::Active));
    let later = Finding { sessions: 99, last_seen: at(50), first_seen: at(2), ..found.clone() };
    assert!(control.report(std::slice::from_ref(&later), at(60)).unwrap().opened.is_empty());
    let known = control.violation(opened[0].id).unwrap().unwrap();
    assert_eq!((known.finding.sessions, known.finding.last_seen), (99, at(50)));
    assert_eq!(known.finding.first_seen, at(1));
    let gone = control.resolve(&Resolve::NotSeenSince(at(51)), at(70)).unwrap();
    assert_eq!(gone.len(), 1);
    assert!(control.resolve(&Resolve::NotSeenSince(at(51)), at(71)).unwrap().is_empty());
    assert_eq!(control.violation_counts().unwrap(), [0, 0, 0, 0]);
    let reopened = control.report(&[later], at(80)).unwrap().opened;
    assert_eq!((reopened.len(), reopened[0].resolved_at), (1, None));
    assert_eq!(control.violation_counts().unwrap(), [0, 0, 1, 0]);
    assert_eq!(control.failing(&[found.edge, edge(2)]).unwrap(), [found.edge]);
}

#[test]
fn a_snooze_ends_and_an_exclusion_may_not() {
    let (_folder, control) = open();
    let opened = control.report(&[finding(1, Severity::Low), finding(2, Severity::Low)], at(10));
    let ids: Vec<_> = opened.unwrap().opened.iter().map(|it| it.id).collect();
    let snoozed = control.snooze(ids[0], at(100), "later").unwrap();
    assert_eq!((snoozed.state, snoozed.snoozed_until), (ViolationState::Snoozed, Some(at(100))));
    let exclusion = Exclusion { reason: "a printer".to_owned(), until: None };
    assert_eq!(control.exclude(ids[1], &exclusion).unwrap().state, ViolationState::Excluded);
    assert!(control.report(&[finding(1, Severity::Low)], at(20)).unwrap().opened.is_empty());
    assert!(control.wake(at(99)).unwrap().is_empty());
    assert_eq!(control.wake(at(100)).unwrap()[0].id, ids[0]);
    assert!(control.wake(at(i64::from(u32::MAX))).unwrap().is_empty());
    assert_eq!(control.unsnooze(ids[1]).unwrap().state, ViolationState::Active);
    control.resolve(&Resolve::Policy("policy-1".to_owned()), at(200)).unwrap();
    let open: Vec<_> = control.open_violations().unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(open, [ids[1]]);
    assert!(matches!(control.snooze(ids[0], at(300), ""), Err(StoreError::Missing { .. })));
}

#[test]
fn where_there_is_no_more_room_the_more_severe_stay() {
    let (_folder, control) = open();
    let most = i64::try_from(Violation::MAX_COUNT).unwrap();
    let low = finding(0, Severity::Low);
    let of = |n: i64| Finding { policy: format!("policy-{n}"), ..low.clone() };
    let many: Vec<_> = (0..most).map(of).collect();
    assert_eq!(control.report(&many, at(10)).unwrap().left_out, 0);
    let more = [of(most), Finding { severity: Severity::Critical, ..of(most + 1) }];
    let reported = control.report(&more, at(20)).unwrap();
    assert_eq!(reported.left_out, 2, "the other of low severity, and one that made room");
    assert_eq!(reported.opened.len(), 1);
    assert_eq!(reported.opened[0].finding.severity, Severity::Critical);
    assert_eq!(control.violation_counts().unwrap(), [most.cast_unsigned() - 1, 0, 0, 1]);
    let again = control.report(&more, at(30)).unwrap();
    assert_eq!((again.opened.len(), again.left_out), (0, 1), "the known one is brought up to date");
    control.resolve(&Resolve::Policy("policy-1".to_owned()), at(40)).unwrap();
    let reported = control.report(&more[..1], at(50)).unwrap();
    assert_eq!((reported.opened.len(), reported.left_out), (1, 0), "what is resolved goes first");
}

#[test]
fn violations_come_worst_first_in_pages_once_each() {
    let (_folder, control) = open();
    let findings: Vec<_> = (0..103_i64)
        .map(|n| {
            let number = usize::try_from(n).unwrap();
            let severity = Severity::ALL[number % 4];
            // Many in the same microsecond, some in the same nanosecond.
            let last_seen = Timestamp::from_nanos(SECOND * 10 + n / 3);
            Finding { last_seen, ..finding(n, severity) }
        })
        .collect();
    assert_eq!(control.report(&findings, at(10)).unwrap().opened.len(), 103);
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let page = Page { after, limit: 10 };
        let page = control.violations(&ViolationQuery::default(), page).unwrap();
        assert_eq!(page.total, Some(103));
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(all.is_sorted_by_key(|it| std::cmp::Reverse(it.finding.severity)));
    let mut ids: Vec<_> = all.iter().map(|it| it.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((all.len(), ids.len()), (103, 103));
    let query = ViolationQuery {
        severity: Some(Severity::Critical),
        q: Some("SVC-7'".to_owned()),
        namespace: Some("ns-7".to_owned()),
        policy: Some("policy-7".to_owned()),
        edge: Some(edge(7)),
        state: Some(ViolationState::Active),
    };
    assert_eq!(control.violations(&query, Page::first(10)).unwrap().items.len(), 1);
    let query = ViolationQuery { q: Some("%".to_owned()), ..ViolationQuery::default() };
    assert_eq!(control.violations(&query, Page::first(10)).unwrap().items.len(), 0);
}

#[test]
fn verdicts_of_an_edge_are_the_sum_over_its_postures() {
    let (_folder, control) = open();
    let seen = Samples::new(1, 4).session(at(1)).seen;
    let (one, other) = (PostureId::of(&seen.posture), {
        let mut posture = seen.posture.clone();
        posture.alpn = Some("other".to_owned());
        PostureId::of(&posture)
    });
    let counts = |pass, fail, unknown| VerdictCounts { pass, fail, unknown };
    control
        .set_verdicts(&[(edge(1), one, counts(9, 9, 9)), (edge(1), other, counts(1, 0, 2))])
        .unwrap();
    control.set_verdicts(&[(edge(1), one, counts(1, 2, 3))]).unwrap();
    let verdicts = control.verdicts(&[edge(2), edge(1)]).unwrap();
    assert_eq!(verdicts, [counts(0, 0, 0), counts(2, 2, 5)]);
}

#[test]
fn what_is_to_be_sent_waits_until_it_is() {
    let (folder, control) = open();
    control.push_parcel("hook", b"one", at(1)).unwrap();
    control.push_parcel("hook", b"two", at(2)).unwrap();
    let due = control.due_parcels(at(2), 10).unwrap();
    assert_eq!(due.iter().map(|it| it.body.as_slice()).collect::<Vec<_>>(), [b"one", b"two"]);
    control.parcel_failed(due[0].id, at(60), "connection refused").unwrap();
    control.parcel_sent(due[1].id, at(3)).unwrap();
    drop(control);
    let control = Control::open(&folder.path().join("control.db")).unwrap();
    assert!(control.due_parcels(at(59), 10).unwrap().is_empty());
    let again = control.due_parcels(at(60), 10).unwrap();
    assert_eq!((again.len(), again[0].attempts), (1, 1));
    let queue = control.queue("hook").unwrap();
    assert_eq!((queue.queued, queue.last_sent), (1, Some(at(3))));
    control.drop_parcel(again[0].id, "gone for good").unwrap();
    let queue = control.queue("hook").unwrap();
    assert_eq!((queue.queued, queue.dropped), (0, 1));
    assert_eq!(queue.last_error.as_deref(), Some("gone for good"));
}

#[test]
fn a_full_queue_drops_its_oldest_and_counts_them() {
    let (_folder, control) = open();
    for n in 0..Parcel::MAX_QUEUED + 3 {
        control.push_parcel("hook", n.to_string().as_bytes(), at(1)).unwrap();
    }
    let queue = control.queue("hook").unwrap();
    assert_eq!((queue.queued, queue.dropped), (Parcel::MAX_QUEUED as u64, 3));
    assert_eq!(control.due_parcels(at(1), 1).unwrap()[0].body, b"3");
    control.remove_queue("hook").unwrap();
    assert_eq!(control.queue("hook").unwrap(), store::Queue::default());
}

fn open() -> (tempfile::TempDir, Control) {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.db")).unwrap();
    (folder, control)
}

fn user(name: &str, role: Role) -> User {
    User {
        name: name.to_owned(),
        role,
        password: SecretText::new("$argon2id$".to_owned()),
        created: at(0),
        last_login: None,
    }
}

fn login(n: u8, user: &str) -> Login {
    Login {
        cookie: SecretDigest([n; 32]),
        user: user.to_owned(),
        csrf: SecretText::new("csrf".to_owned()),
        created: at(n.into()),
        last_used: at(n.into()),
    }
}

fn finding(n: i64, severity: Severity) -> Finding {
    let posture = PostureId::of(&Samples::new(1, 4).session(at(1)).seen.posture);
    Finding {
        policy: format!("policy-{n}"),
        policy_name: "No old TLS".to_owned(),
        severity,
        edge: edge(n),
        posture,
        message: "TLS 1.0 is below 1.2".to_owned(),
        namespaces: vec![format!("ns-{n}")],
        text: format!("svc-{n}' svc-db"),
        sessions: 3,
        first_seen: at(1),
        last_seen: at(9),
    }
}

fn edge(n: i64) -> EdgeId {
    let entity = |id: String| Entity {
        id,
        kind: EntityKind::Host,
        name: String::new(),
        cluster: None,
        namespace: None,
        workload_kind: None,
        executable: None,
        image: None,
        ip: None,
        labels: std::collections::BTreeMap::new(),
    };
    EdgeId::of(&entity(format!("host:{n}")), &entity("host:b".to_owned()), 443, Transport::Tcp)
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * SECOND)
}

const SECOND: i64 = 1_000_000_000;
