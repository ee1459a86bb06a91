//! Who talks to whom, and where.

use std::net::IpAddr;

use super::fact::{Fact, Facts};
use crate::entity::{Entity, EntityKind, is_public};
use crate::observation::Party;
use crate::subject::Subject;

/// One end of an edge, with all that is known of it.
#[derive(Clone, Copy)]
struct End<'a> {
    entity: &'a Entity,
    party: Option<&'a Party>,
}

macro_rules! ends {
    ($($find:ident: $either:ident, $source:ident, $destination:ident;)*) => {$(
        pub(super) fn $either<'a>(subject: &Subject<'a>) -> Facts<'a> {
            Facts::Several(vec![$find(source(subject)), $find(destination(subject))])
        }

        pub(super) fn $source<'a>(subject: &Subject<'a>) -> Facts<'a> {
            $find(source(subject)).into()
        }

        pub(super) fn $destination<'a>(subject: &Subject<'a>) -> Facts<'a> {
            $find(destination(subject)).into()
        }
    )*};
}

ends! {
    process: either_process, source_process, destination_process;
    executable: either_executable, source_executable, destination_executable;
    image: either_image, source_image, destination_image;
    cluster: either_cluster, source_cluster, destination_cluster;
    namespace: either_namespace, source_namespace, destination_namespace;
    workload: either_workload, source_workload, destination_workload;
    labels: either_labels, source_labels, destination_labels;
    entity: either_entity, source_entity, destination_entity;
}

fn process(end: End<'_>) -> Fact<'_> {
    let named = end.party.and_then(|party| party.process.as_deref());
    let program = end.entity.executable.as_deref().and_then(|path| path.rsplit('/').next());
    let is_process = end.entity.kind == EntityKind::Process;
    let entity = is_process.then_some(end.entity.name.as_str());
    Fact::text_or(named.or(program).or(entity), Fact::Unknown(NO_PROCESS))
}

fn executable(end: End<'_>) -> Fact<'_> {
    Fact::text_or(end.entity.executable.as_deref(), Fact::Unknown(NO_PROCESS))
}

fn image(end: End<'_>) -> Fact<'_> {
    let missing = if end.entity.kind == EntityKind::Process {
        Fact::Absent("the process is in no container")
    } else {
        Fact::Unknown("the container is not known")
    };
    Fact::text_or(end.entity.image.as_deref(), missing)
}

fn cluster(end: End<'_>) -> Fact<'_> {
    Fact::text_or(end.entity.cluster.as_deref(), outside(end.entity))
}

fn namespace(end: End<'_>) -> Fact<'_> {
    Fact::text_or(end.entity.namespace.as_deref(), outside(end.entity))
}

fn workload(end: End<'_>) -> Fact<'_> {
    let is_workload = end.entity.kind == EntityKind::Workload;
    let name = is_workload.then_some(end.entity.name.as_str());
    Fact::text_or(name, outside(end.entity))
}

fn labels(end: End<'_>) -> Fact<'_> {
    Fact::Labels(&end.entity.labels)
}

fn entity(end: End<'_>) -> Fact<'_> {
    Fact::text(end.entity.id.as_str())
}

/// Whether it is known that an end is no object of a cluster: what has only an address may be one.
fn outside(entity: &Entity) -> Fact<'static> {
    let is_outside = match entity.kind {
        EntityKind::Process | EntityKind::Network => true,
        EntityKind::Host => entity.ip.is_none_or(is_public),
        EntityKind::Workload | EntityKind::Container => false,
    };
    if is_outside {
        Fact::Absent("it is no object of a cluster")
    } else {
        Fact::Unknown("what the cluster says of it is not known")
    }
}

pub(super) fn port<'a>(subject: &Subject<'a>) -> Facts<'a> {
    Fact::Number(subject.port.into()).into()
}

pub(super) fn direction<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let direction = subject.session.and_then(|session| session.direction.as_deref());
    Fact::text_or(direction, Fact::Unknown("the record does not tell the direction")).into()
}

/// From where to where, by the addresses.
pub(super) fn scope<'a>(subject: &Subject<'a>) -> Facts<'a> {
    let client = address(source(subject));
    let server = address(destination(subject));
    let (Some(client), Some(server)) = (client, server) else {
        return Fact::Unknown("the addresses are not known").into();
    };
    if client.to_canonical().is_loopback() || server.to_canonical().is_loopback() {
        return Fact::text("loopback").into();
    }
    Fact::text(match (is_public(client), is_public(server)) {
        (false, false) => "internal",
        (false, true) => "egress",
        (true, false) => "ingress",
        (true, true) => "external",
    })
    .into()
}

pub(super) const SCOPES: &[&str] = &["loopback", "internal", "egress", "ingress", "external"];

fn address(end: End<'_>) -> Option<IpAddr> {
    end.party.map(|party| party.ip).or(end.entity.ip)
}

fn source<'a>(subject: &Subject<'a>) -> End<'a> {
    End { entity: subject.source, party: subject.session.map(|session| &session.client) }
}

fn destination<'a>(subject: &Subject<'a>) -> End<'a> {
    End { entity: subject.destination, party: subject.session.map(|session| &session.server) }
}

const NO_PROCESS: &str = "the process is not known: it was not seen at its socket";
