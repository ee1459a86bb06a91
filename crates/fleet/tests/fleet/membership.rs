//! Who is let in, and whom an agent lets tell it something.

use std::sync::Arc;

use fleet::agent::Link;

use crate::world::{World, expected, is_up, keep, kept, push, settings, start, wait};

#[test]
fn a_revoked_agent_says_so_and_keeps_what_it_sees() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let token = world.token();
    let (uplink, program) = start(settings(folder.path(), &[server.port], Some(token.clone())));
    push(&uplink, 0..10);
    wait("it is kept", || kept(&uplink) == 10);
    world.book().revoked.push("node-1".to_owned());
    let meter = uplink.meter();
    wait("it is refused", || meter.link() == Link::Refused("this agent was revoked".to_owned()));
    push(&uplink, 10..20);
    assert!(program.was_told("does not let this agent in: this agent was revoked"));
    drop(uplink);
    // The same token does not make it somebody else.
    let (uplink, _) = start(settings(folder.path(), &[server.port], Some(token)));
    let meter = uplink.meter();
    wait("it is refused", || matches!(meter.link(), Link::Refused(_)));
    assert!(meter.backlog().batches > 0);
    assert_eq!(world.book().issued, 1);
    drop(uplink);
    // Another one does, and nothing is lost.
    let (uplink, _) = start(settings(folder.path(), &[server.port], Some(world.token())));
    wait("the rest is kept", || kept(&uplink) == 10);
    assert_eq!(world.lines(), expected(0..20));
    assert_eq!(
        uplink.meter().link(),
        Link::Up {
            server: format!("127.0.0.1:{}", server.port),
            agent: "node-2".to_owned(),
            clock_ahead: match uplink.meter().link() {
                Link::Up { clock_ahead, .. } => clock_ahead,
                Link::Down(_) | Link::Refused(_) => 0,
            },
        }
    );
}

#[test]
fn a_certificate_is_renewed_by_itself() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    world.book().renew_in = Some(-1);
    let server = world.serve();
    let (uplink, program) = start(settings(folder.path(), &[server.port], Some(world.token())));
    push(&uplink, 0..10);
    wait("it is kept", || kept(&uplink) == 10);
    assert_eq!(world.book().issued, 1);
    assert_eq!(world.book().renewed, 1);
    assert_eq!(uplink.meter().counters().certificates, 2);
    assert!(program.was_told("the certificate was renewed"));
    drop(uplink);
    // A server that always says that it is time is asked no more than once a minute.
    let (uplink, _) = start(settings(folder.path(), &[server.port], None));
    wait("it is up", || is_up(&uplink));
    assert_eq!(world.book().renewed, 2);
}

#[test]
fn an_agent_without_certificate_and_token_says_what_it_needs() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let (uplink, _) = start(settings(folder.path(), &[server.port], None));
    let meter = uplink.meter();
    wait(
        "it says so",
        || matches!(meter.link(), Link::Refused(why) if why.contains("join with a token")),
    );
    push(&uplink, 0..1);
    wait("it is spooled", || meter.backlog().batches == 1);
}

#[test]
fn a_token_that_is_not_known_is_refused_and_an_agent_that_was_in_stays_in() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let unknown = world.token();
    world.book().tokens.clear();
    let (uplink, _) = start(settings(folder.path(), &[server.port], Some(unknown.clone())));
    let meter = uplink.meter();
    wait("it is refused", || meter.link() == Link::Refused("the token is not known".to_owned()));
    drop(uplink);
    let (uplink, _) = start(settings(folder.path(), &[server.port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    drop(uplink);
    let (uplink, program) = start(settings(folder.path(), &[server.port], Some(unknown)));
    wait("it goes on", || is_up(&uplink));
    assert!(program.was_told("goes on as node-1"));
}

#[test]
fn neither_joins_nor_reports_an_agent_to_a_server_of_another_authority() {
    let (world, other) = (World::new(), World::new());
    let folder = tempfile::tempdir().unwrap();
    let server = world.serve();
    let port = server.port;
    let (uplink, _) = start(settings(folder.path(), &[port], Some(other.token())));
    let meter = uplink.meter();
    let is_unknown = |link| matches!(link, Link::Down(Some(why)) if why.contains("UnknownIssuer"));
    wait("it is not joined", || is_unknown(meter.link()));
    assert_eq!(world.book().issued, 0);
    drop(uplink);
    let (uplink, _) = start(settings(folder.path(), &[port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    server.kill();
    let impostor = other.serve_with(port, Arc::new(keep));
    let meter = uplink.meter();
    wait("it is not told", || is_unknown(meter.link()));
    push(&uplink, 0..5);
    impostor.kill();
    let _server = world.serve_with(port, Arc::new(keep));
    wait("the true one is", || kept(&uplink) == 5);
    assert!(other.book().kept.is_empty() && other.book().hellos.is_empty());
}

#[test]
fn who_reads_the_folder_is_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let server = world.serve();
    let (uplink, _) = start(settings(folder.path(), &[server.port], Some(world.token())));
    wait("it has joined", || is_up(&uplink));
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let agent = folder.path().join("agent");
    assert_eq!((mode(&agent), mode(&agent.join("identity.pem"))), (0o700, 0o600));
}
