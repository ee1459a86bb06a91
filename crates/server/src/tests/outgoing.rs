//! What came in, on its way to an outlet.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::DescriptorEncoder;
use store::Source;

use super::{CAPTURES, World};
use crate::app::Outlet;
use crate::ingest::{Ingest, Taken};

/// Remembers the lines of [`HOST`].
#[derive(Default)]
struct Remembering(Mutex<Vec<u8>>);

impl Remembering {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Outlet for Remembering {
    fn keep(&self, host: &str, lines: &[u8]) {
        if host == HOST {
            self.0.lock().unwrap().extend_from_slice(lines);
        }
    }

    fn encode(&self, _encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Ends the call in which it is given something.
struct Killing;

impl Outlet for Killing {
    fn keep(&self, _host: &str, _lines: &[u8]) {
        panic!("killed");
    }

    fn encode(&self, _encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        Ok(())
    }
}

fn take(world: &World, id: &str) -> Taken {
    let source = Source { id: "agent".to_owned(), host: HOST.to_owned(), version: "1".to_owned() };
    Ingest(world.app.clone()).take(source, id.to_owned(), CAPTURES.as_bytes()).unwrap()
}

#[test]
fn what_a_killed_server_stored_goes_to_the_outlet_when_it_comes_again() {
    let killed = World::with_outlet(Some(Arc::new(Killing)));
    // It is stored, and nobody is told.
    assert!(catch_unwind(AssertUnwindSafe(|| take(&killed, "1"))).is_err());
    let outlet = Arc::new(Remembering::default());
    let world = killed.started_again(Arc::clone(&outlet) as Arc<dyn Outlet>);
    assert_eq!(take(&world, "1").accepted, 10, "the answer of the first time");
    let sent: Vec<String> = CAPTURES.lines().map(str::to_owned).collect();
    assert_eq!(outlet.lines(), sent, "each line once");
    take(&world, "1");
    assert_eq!(outlet.lines().len(), sent.len(), "this process has given it already");
}

#[test]
fn what_comes_again_goes_to_the_outlet_once() {
    let outlet = Arc::new(Remembering::default());
    let world = World::with_outlet(Some(Arc::clone(&outlet) as Arc<dyn Outlet>));
    take(&world, "1");
    take(&world, "1");
    assert_eq!(take(&world, "2").duplicates, 10, "another batch of known sessions");
    assert_eq!(outlet.lines().len(), 10);
}

const HOST: &str = "host-of-the-agent";
