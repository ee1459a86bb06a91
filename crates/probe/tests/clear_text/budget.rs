//! A process that probes cost more than they may.

use std::process::{Command, Stdio};
use std::time::Duration;

use forge::Ending;
use probe::{Budget, ClearTextOptions, Matches, Reason, Rules};

use crate::mirror::Mirror;
use crate::place::{Nginx, Place, Running};

#[test]
fn a_process_that_exceeds_its_budget_is_left_alone_for_a_while() {
    let Some(place) = Place::new("mirror-budget", &["nginx", "openssl", "python3"]) else {
        return;
    };
    let nginx = Nginx::start(&place);
    place.body("body", 100);
    let mut python = Running::start(
        Command::new("/usr/bin/python3")
            .args(["-c", SCRIPT, &nginx.port.to_string()])
            .stdin(Stdio::piped()),
    );
    let pid = python.child().id();
    let allow = Matches { pids: vec![pid], ports: vec![nginx.port], ..Matches::default() };
    let options = ClearTextOptions {
        rules: Rules { allow, ..Rules::default() },
        budget: Some(Budget { share: 0.0005, pause: Duration::from_secs(2) }),
        ..ClearTextOptions::default()
    };
    let Some(mut mirror) = Mirror::open_with(&options) else { return };
    let mut changes = Vec::new();
    for is_covered in [false, true, false] {
        mirror.poll_until("the budget is looked at", |mirror| {
            let is_paused =
                mirror.capture.uncovered().iter().any(|uncovered| {
                    (uncovered.pid, uncovered.reason) == (pid, Reason::OverBudget)
                });
            is_paused != is_covered
        });
        // The server costs something as well, though it is not allowed.
        let news = mirror.capture.take_budget_changes().into_iter();
        changes.extend(news.filter(|change| change.pid == pid));
        let last = changes.last().unwrap();
        assert_eq!((last.pid, last.is_covered), (pid, is_covered));
        let before = mirror.capture.account();
        if is_covered {
            mirror.poll_until("more is told", |mirror| {
                mirror.capture.account().delivered > before.delivered
            });
        }
    }
    assert!(changes.len() >= 3 && changes.iter().all(|change| change.share > 0.0), "{changes:?}");
    assert!(mirror.capture.counts().pauses >= 2);
    // It goes on, and nothing of it is seen.
    for _ in 0..20 {
        mirror.capture.poll(Duration::from_millis(10), &mut |record| {
            let is_end = matches!(record.kind, forge::RecordKind::Closed(_));
            assert!(is_end || mirror.told.0.contains_key(&record.connection), "{record:?}");
        });
    }
    drop(python.child().stdin.take());
    python.finish();
    let account = mirror.capture.account();
    assert!(account.is_balanced(), "{account:?}");
    let first = mirror.told.0.values().next().unwrap();
    assert_eq!(first.ending, Some(Ending::Abandoned));
}

const SCRIPT: &str = "
import http.client, ssl, sys, threading
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
ends = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ends.set())).start()
connection = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[1]), context=context)
while not ends.is_set():
    connection.request('GET', '/body')
    connection.getresponse().read()
";
